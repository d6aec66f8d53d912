// What goroutines do in a node: wait for the host, for each other, and for the garbage collector.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"math/rand/v2"
	"runtime"
	"sync"
	"time"

	"glomers"
)

func main() {
	n := glomers.NewNode()
	kv := glomers.NewLinKV(n)
	answer := func(msg glomers.Message, value any) error {
		return n.Reply(msg, map[string]any{"type": msg.Type() + "_ok", "value": value})
	}
	ask := map[string]any{"type": "ask"}

	n.Handle("length", func(msg glomers.Message) error {
		return answer(msg, len(msg.Body))
	})

	// A lock that is held while its holder waits for the host.
	var lock sync.Mutex
	n.Handle("next", func(msg glomers.Message) error {
		lock.Lock()
		defer lock.Unlock()
		value, err := kv.ReadInt(context.Background(), "next")
		if err != nil {
			return err
		}
		return answer(msg, value)
	})

	// Goroutines that wait for each other, and make so much garbage that it is collected meanwhile.
	n.Handle("sum", func(msg glomers.Message) error {
		parts, done := make(chan int), new(sync.WaitGroup)
		for i := range 100 {
			done.Go(func() {
				garbage := make([]*int, 10_000)
				for j := range garbage {
					garbage[j] = new(int)
				}
				runtime.Gosched()
				runtime.KeepAlive(garbage)
				parts <- i
			})
		}
		go func() { done.Wait(); close(parts) }()
		sum := 0
		for part := range parts {
			sum += part
		}
		return answer(msg, sum)
	})

	n.Handle("collect", func(msg glomers.Message) error {
		runtime.GC()
		return answer(msg, nil)
	})

	n.Handle("deadline", func(msg glomers.Message) error {
		ctx, cancel := context.WithTimeout(context.Background(), 70*time.Millisecond)
		defer cancel()
		_, err := n.SyncRPC(ctx, "n2", ask)
		if !errors.Is(err, context.DeadlineExceeded) {
			return answer(msg, fmt.Sprint(err))
		}
		return err
	})

	n.Handle("cancel", func(msg glomers.Message) error {
		ctx, cancel := context.WithCancel(context.Background())
		n.AfterFunc(50*time.Millisecond, cancel)
		_, err := n.SyncRPC(ctx, "n2", ask)
		return answer(msg, fmt.Sprint(err))
	})

	n.Handle("callback", func(msg glomers.Message) error {
		return n.RPC("n2", ask, func(reply glomers.Message) error {
			if err := reply.RPCError(); err != nil {
				return answer(msg, err.Error())
			}
			return answer(msg, reply.Body)
		})
	})

	n.Handle("sleep", func(msg glomers.Message) error {
		start := time.Now()
		n.Sleep(30 * time.Millisecond)
		never := n.AfterFunc(time.Millisecond, func() { panic("it was stopped") })
		never.Stop()
		select {
		case <-n.After(20 * time.Millisecond):
		case <-n.After(time.Second):
		}
		return answer(msg, time.Since(start).Milliseconds())
	})

	// Go's own timers, which the host does not know of.
	n.Handle("nap", func(msg glomers.Message) error {
		time.Sleep(15 * time.Millisecond)
		return answer(msg, nil)
	})

	n.Handle("fail", func(msg glomers.Message) error {
		return errors.New("no luck")
	})

	// What is no UTF-8, wherever a text can be.
	n.Handle("bytes", func(msg glomers.Message) error {
		bytes := string([]byte{0xff, 'e'})
		log.Print(bytes)
		if err := n.Send(bytes, map[string]any{"type": bytes}); err != nil {
			return err
		}
		return errors.New(bytes)
	})
	n.Handle("raw-bytes", func(msg glomers.Message) error {
		return answer(msg, json.RawMessage("\"\xffe\""))
	})

	// Different in every run, unless chance is the host's.
	n.Handle("generate", func(msg glomers.Message) error {
		ids := make(chan string)
		for range 3 {
			go func() {
				n.Sleep(rand.N(10 * time.Millisecond))
				ids <- fmt.Sprintf("%s-%x", n.ID(), rand.Uint64())
			}()
		}
		id := <-ids + <-ids + <-ids
		return n.Reply(msg, map[string]any{"type": "generate_ok", "id": id})
	})

	if err := n.Run(); err != nil {
		log.Fatal(err)
	}
}
