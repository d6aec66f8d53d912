// A node that dies as its requests say.
package main

import (
	"log"
	"os"

	"glomers"
)

type table struct{ rows []int }

//go:noinline
func (t *table) lookUp(key int) int { return t.rows[key] }

//go:noinline
func dig(depth int) int {
	var here [64]int
	here[depth%64] = depth
	return dig(depth+1) + here[depth%64]
}

var hoard [][]byte

func main() {
	n := glomers.NewNode()
	rows := &table{}
	handle := func(name string, die func()) {
		n.Handle(name, func(glomers.Message) error {
			die()
			return nil
		})
	}
	n.Handle("init", func(glomers.Message) error {
		if _, ok := n.Setting("die"); ok {
			panic("no settings here")
		}
		return nil
	})
	handle("panic", func() { rows.lookUp(7) })
	handle("goroutine", func() {
		go func() { panic("alone") }()
		n.Sleep(0)
	})
	handle("nil", func() {
		var none *table
		none.lookUp(0)
	})
	handle("overflow", func() { dig(0) })
	handle("exit", func() { os.Exit(0) })
	handle("fail", func() { log.Fatal("no such table") })
	handle("loop", func() {
		for {
		}
	})
	handle("memory", func() {
		for {
			hoard = append(hoard, make([]byte, 1<<20))
		}
	})
	if err := n.Run(); err != nil {
		log.Fatal(err)
	}
}
