// {{name}}: what it promises, how, and what it costs.
package main

import (
	"encoding/json"
	"log"
	"sync/atomic"

	"glomers"
)

// What a node remembers. Handlers run as goroutines, so what they share is atomic, or locked.
var heard atomic.Int64

func main() {
	n := glomers.NewNode()

	n.Handle("init", func(msg glomers.Message) error {
		log.Printf("%s is one of %d nodes", n.ID(), len(n.NodeIDs()))
		return nil
	})

	// Fill in: one handler for each type of message. Calls, the key-value services and n.Sleep simply wait.
	n.Handle("echo", func(msg glomers.Message) error {
		var body struct{ Echo json.RawMessage }
		if err := msg.Decode(&body); err != nil {
			return err
		}
		if body.Echo == nil {
			return glomers.NewRPCError(glomers.MalformedRequest, "missing field `echo`")
		}
		heard.Add(1)
		return n.Reply(msg, map[string]any{"type": "echo_ok", "echo": body.Echo})
	})

	if err := n.Run(); err != nil {
		log.Fatal(err)
	}
}
