// g-counter in Go: the counter is one key of seq-kv, which every node changes by compare-and-set.
//
// A cas that finds another value than expected reads and tries again. One that times out may have happened, so it is not
// tried again: its client gets the timeout, and knows as little. A read of seq-kv may be stale; writing a value that is
// new to the store brings this node up to date first.
package main

import (
	"context"
	"log"
	"math/rand/v2"
	"sync/atomic"

	"glomers"
)

const counter = "counter"

type server struct {
	*glomers.Node
	kv *glomers.KV

	// What the counter was when this node last heard of it.
	lastKnown atomic.Int64
}

func main() {
	n := glomers.NewNode()
	s := &server{Node: n, kv: glomers.NewSeqKV(n)}
	s.Handle("add", s.add)
	s.Handle("read", s.read)
	if err := s.Run(); err != nil {
		log.Fatal(err)
	}
}

func (s *server) add(msg glomers.Message) error {
	var body struct{ Delta *int64 }
	if err := msg.Decode(&body); err != nil {
		return err
	}
	if body.Delta == nil || *body.Delta < 0 {
		return glomers.NewRPCError(glomers.MalformedRequest, "`delta` must be a number that is not negative")
	}
	for {
		err := s.tryToAdd(*body.Delta)
		if err == nil {
			return s.Reply(msg, glomers.MessageBody{Type: "add_ok"})
		}
		if glomers.ErrorCode(err) != glomers.PreconditionFailed {
			return err
		}
		value, err := s.kv.ReadInt(context.Background(), counter)
		if err != nil {
			return err
		}
		s.lastKnown.Store(int64(value))
	}
}

func (s *server) tryToAdd(delta int64) error {
	from := s.lastKnown.Load()
	err := s.kv.CompareAndSwap(context.Background(), counter, from, from+delta, true)
	if err == nil {
		s.lastKnown.Store(from + delta)
	}
	return err
}

func (s *server) read(msg glomers.Message) error {
	ctx := context.Background()
	if err := s.kv.Write(ctx, "barrier", rand.Int64()); err != nil {
		return err
	}
	value, err := s.kv.ReadInt(ctx, counter)
	if err != nil && glomers.ErrorCode(err) != glomers.KeyDoesNotExist {
		return err
	}
	return s.Reply(msg, map[string]any{"type": "read_ok", "value": value})
}
