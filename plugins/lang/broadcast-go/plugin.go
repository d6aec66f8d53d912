// broadcast in Go: who hears a value for the first time tells all its neighbours, and each of them again and again until
// it acknowledges. So an acknowledged value reaches every node that stays alive, through partitions and loss.
//
// The same algorithm as plugins/broadcast-flood, which says what it costs.
package main

import (
	"context"
	"log"
	"maps"
	"slices"
	"sync"

	"glomers"
)

type server struct {
	*glomers.Node

	mu         sync.Mutex
	values     map[int]struct{}
	neighbours []string // all other nodes until the topology comes
}

func main() {
	s := &server{Node: glomers.NewNode(), values: make(map[int]struct{})}
	s.Handle("init", s.start)
	s.Handle("topology", s.topology)
	s.Handle("broadcast", s.broadcast)
	s.Handle("read", s.read)
	if err := s.Run(); err != nil {
		log.Fatal(err)
	}
}

func (s *server) start(glomers.Message) error {
	s.neighbours = s.Peers()
	return nil
}

func (s *server) topology(msg glomers.Message) error {
	var body struct{ Topology map[string][]string }
	if err := msg.Decode(&body); err != nil {
		return err
	}
	s.mu.Lock()
	s.neighbours = body.Topology[s.ID()]
	s.mu.Unlock()
	return s.Reply(msg, glomers.MessageBody{Type: "topology_ok"})
}

type broadcastBody struct {
	Type    string `json:"type"`
	Message *int   `json:"message"`
}

func (s *server) broadcast(msg glomers.Message) error {
	var body broadcastBody
	if err := msg.Decode(&body); err != nil {
		return err
	}
	if body.Message == nil {
		return glomers.NewRPCError(glomers.MalformedRequest, "missing field `message`")
	}
	for _, neighbour := range s.learn(*body.Message) {
		if neighbour != msg.Src {
			go s.tell(neighbour, broadcastBody{"broadcast", body.Message})
		}
	}
	return s.Reply(msg, glomers.MessageBody{Type: "broadcast_ok"})
}

// learn keeps a value and returns whom to tell: nobody, if it was known.
func (s *server) learn(value int) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.values[value]; known {
		return nil
	}
	s.values[value] = struct{}{}
	return s.neighbours
}

// tell sends a value until it is acknowledged: a second is enough for an answer on the way.
func (s *server) tell(neighbour string, body broadcastBody) {
	for {
		if _, err := s.SyncRPC(context.Background(), neighbour, body); err == nil {
			return
		}
	}
}

func (s *server) read(msg glomers.Message) error {
	s.mu.Lock()
	values := slices.Sorted(maps.Keys(s.values))
	s.mu.Unlock()
	return s.Reply(msg, map[string]any{"type": "read_ok", "messages": values})
}
