// Speaks in init, keeps a request, and tells whether anybody waits for it.
package main

import (
	"log"
	"time"

	"glomers"
)

var kept glomers.Message

func main() {
	n := glomers.NewNode()
	n.Handle("init", func(msg glomers.Message) error {
		n.AfterFunc(50*time.Millisecond, func() {
			_ = n.Send("n2", map[string]any{"type": "tick"})
		})
		return n.Send("n2", map[string]any{"type": "hello"})
	})
	n.Handle("keep", func(msg glomers.Message) error {
		kept = msg
		return nil
	})
	n.Handle("ask", func(msg glomers.Message) error {
		return n.Send(msg.Src, map[string]any{"type": "kept", "expired": kept.Expired()})
	})
	n.Handle("answer", func(msg glomers.Message) error {
		return n.Reply(kept, map[string]any{"type": "late"})
	})
	if err := n.Run(); err != nil {
		log.Fatal(err)
	}
}
