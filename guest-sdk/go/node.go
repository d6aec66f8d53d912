// Package glomers lets you write a node of a distributed system the way Maelstrom's own Go library does: handlers by type
// of message, each call of one in a goroutine of its own, and calls that block.
//
//	func main() {
//		n := glomers.NewNode()
//		kv := glomers.NewSeqKV(n)
//		n.Handle("read", func(msg glomers.Message) error {
//			value, err := kv.ReadInt(context.Background(), "counter")
//			if err != nil {
//				return err
//			}
//			return n.Reply(msg, map[string]any{"type": "read_ok", "value": value})
//		})
//		if err := n.Run(); err != nil {
//			log.Fatal(err)
//		}
//	}
//
// The names are those of that library, so a program written for it usually needs another import and nothing else.
// Goroutines, channels, mutexes and contexts work as ever; whatever takes shared state has to lock it, since another
// goroutine runs whenever one waits. log and log/slog write to the node's log, time.Now and math/rand are the host's
// clock and chance.
//
// What is different:
//   - [Node.Sleep], [Node.After] and [Node.AfterFunc] are exact, and so is the deadline of a context for a call, which is
//     the host's to watch. Go's own timers are looked at with each event, and every 10 ms while a goroutine waits for
//     something else than the host. So time.Sleep and tickers work, up to 10 ms late; [time.AfterFunc] may be later.
//   - A call whose context has no deadline waits for one second.
//   - A message of a type without handler is answered with error 10 and does not end the node. A panic does.
//   - One event may not take longer than 5 s (host --event-timeout): a loop that waits for others by runtime.Gosched does.
//   - 64 MiB of a node's memory are set aside for what comes in, and taken from the system only as far as they are used.
package glomers

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
)

// Node is this node. A program has one.
type Node struct {
	id       string
	nodeIDs  []string
	settings []setting
	handlers map[string]HandlerFunc
}

// HandlerFunc handles one message. An *[RPCError] becomes the answer, and so does a context's deadline (error 0); any
// other error becomes error 13, which leaves open what has happened.
type HandlerFunc func(msg Message) error

type setting struct{ key, value string }

// running is the node that Run was called for.
var running *Node

// NewNode returns a node without handlers.
func NewNode() *Node {
	return &Node{handlers: make(map[string]HandlerFunc)}
}

// Handle sets the handler for a type of message. A handler for "init" is called once, when the node has learnt who it
// is; its error ends the node. Panics if the type has a handler.
func (n *Node) Handle(typ string, fn HandlerFunc) {
	if _, taken := n.handlers[typ]; taken {
		panic(fmt.Sprintf("duplicate message handler for %q message type", typ))
	}
	n.handlers[typ] = fn
}

// Run lets the node handle messages. It does not return, unless a node runs already.
func (n *Node) Run() error {
	if running != nil {
		return errors.New("a node is running already")
	}
	running = n
	newWait[struct{}]().begin()
	return nil
}

// ID returns this node's name. Known once the node is initialised, as all that follows.
func (n *Node) ID() string { return n.id }

// NodeIDs returns the names of all nodes, this one included, in the same order on every node.
func (n *Node) NodeIDs() []string { return n.nodeIDs }

// Peers returns the names of all other nodes, in the same order.
func (n *Node) Peers() []string {
	return slices.DeleteFunc(slices.Clone(n.nodeIDs), func(id string) bool { return id == n.id })
}

// Setting returns what was set for the plugin by --set key=value, the last if there are many.
func (n *Node) Setting(key string) (value string, ok bool) {
	for _, setting := range n.settings {
		if setting.key == key {
			value, ok = setting.value, true
		}
	}
	return value, ok
}

// Send sends a message that expects no answer. It may be lost; nobody is told. The error is about the body, which must
// be a JSON object.
func (n *Node) Send(dest string, body any) error {
	text, err := encode(body)
	if err != nil {
		return err
	}
	contractSend(valid(dest), text)
	return nil
}

// Reply answers a request, now or later. The first answer counts. Whoever wants no answer gets none.
func (n *Node) Reply(req Message, body any) error {
	if failure, ok := body.(*RPCError); ok {
		n.fail(req, failure)
		return nil
	}
	text, err := encode(body)
	if err != nil {
		return err
	}
	if req.wantsAnswer {
		contractReply(req.request, text)
	}
	return nil
}

func (n *Node) fail(req Message, failure *RPCError) {
	if req.wantsAnswer {
		contractFail(req.request, uint32(failure.Code), valid(failure.Text))
	}
}

// dispatch starts the handler of a message.
func (n *Node) dispatch(msg Message) {
	typ, ok := typeOf(msg.Body)
	if !ok {
		n.fail(msg, NewRPCError(MalformedRequest, "the body has no type"))
		return
	}
	handler, ok := n.handlers[typ]
	if !ok {
		n.fail(msg, NewRPCError(NotSupported, fmt.Sprintf("no handler for messages of type %q", typ)))
		return
	}
	spawn(func() {
		if err := handler(msg); err != nil {
			failure := failureOf(err)
			if failure.Code == Crash {
				slog.Error("handler failed", "type", typ, "error", err)
			}
			n.fail(msg, failure)
		}
	})
}
