// echo in Go: answers each echo with what it carried, as the sender wrote it, but for space between tokens.
package main

import (
	"encoding/json"
	"log"

	"glomers"
)

func main() {
	n := glomers.NewNode()

	n.Handle("echo", func(msg glomers.Message) error {
		var body struct {
			Type string          `json:"type"`
			Echo json.RawMessage `json:"echo"`
		}
		if err := msg.Decode(&body); err != nil {
			return err
		}
		if body.Echo == nil {
			return glomers.NewRPCError(glomers.MalformedRequest, "missing field `echo`")
		}
		body.Type = "echo_ok"
		return n.Reply(msg, body)
	})

	if err := n.Run(); err != nil {
		log.Fatal(err)
	}
}
