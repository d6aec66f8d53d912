package glomers

import (
	"context"
	"encoding/json"
	"log/slog"
	"math"
	"sync"
	"time"
)

// DefaultTimeout is how long a call waits for its answer if its context has no deadline.
const DefaultTimeout = time.Second

// rpcPatience is how long RPC listens for an answer. A bound, because the host keeps a record of each open call.
const rpcPatience = 5 * time.Minute

// SyncRPC sends a request and waits for its answer, until the context's deadline or for [DefaultTimeout]. An error that
// the other side answers is an *[RPCError]; so is no answer in time, with the code [Timeout].
func (n *Node) SyncRPC(ctx context.Context, dest string, body any) (Message, error) {
	text, err := encode(body)
	if err != nil {
		return Message{}, err
	}
	reply, err := await(ctx, func(timeoutMs uint32) uint64 { return contractCall(valid(dest), text, timeoutMs) })
	if err != nil {
		return Message{}, err
	}
	return n.answerFrom(dest, reply), nil
}

// RPC sends a request and goes on. The handler is called, in a goroutine of its own, when an answer has come, which may
// be an error: see [Message.RPCError]. If none comes within five minutes, it is not called.
func (n *Node) RPC(dest string, body any, handler HandlerFunc) error {
	text, err := encode(body)
	if err != nil {
		return err
	}
	calls.expect(contractCall(valid(dest), text, milliseconds(rpcPatience)), func(result outcome) {
		if ErrorCode(result.err) == Timeout {
			return
		}
		go func() {
			if err := handler(n.answerFrom(dest, result.body())); err != nil {
				slog.Error("callback failed", "dest", dest, "error", err)
			}
		}()
	})
	return nil
}

func (n *Node) answerFrom(dest, body string) Message {
	return Message{Src: dest, Dest: n.id, Body: json.RawMessage(body)}
}

// Timestamp returns the next timestamp of lin-tso: greater than every one that was handed out before.
func (n *Node) Timestamp(ctx context.Context) (int, error) {
	value, err := await(ctx, contractTimestamp)
	if err != nil {
		return 0, err
	}
	return decodeValue[int](value)
}

// outcome is what became of a call.
type outcome struct {
	value string
	err   error
}

// body is the outcome as an answer's body.
func (o outcome) body() string {
	if o.err == nil {
		return o.value
	}
	text, _ := failureOf(o.err).MarshalJSON() // numbers and strings have a form in JSON
	return asString(text)
}

// await starts a call and waits for its outcome, or for the context to be cancelled. Its deadline is the host's to watch.
func await(ctx context.Context, start func(timeoutMs uint32) uint64) (string, error) {
	timeout, err := timeoutOf(ctx)
	if err != nil {
		return "", err
	}
	call, result := start(milliseconds(timeout)), newWait[outcome]()
	calls.expect(call, result.end)
	if ctx.Done() != nil {
		stop := context.AfterFunc(ctx, func() {
			// When both the deadline and the host's answer are there, the answer counts; it comes in any case.
			if ctx.Err() == context.Canceled && calls.take(call) != nil {
				result.end(outcome{err: context.Cause(ctx)})
			}
		})
		defer stop()
	}
	came := result.begin()
	return came.value, came.err
}

func timeoutOf(ctx context.Context) (time.Duration, error) {
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	if deadline, ok := ctx.Deadline(); ok {
		return time.Until(deadline), nil
	}
	return DefaultTimeout, nil
}

// milliseconds rounds up, as far as the host can count.
func milliseconds(d time.Duration) uint32 {
	ms := (max(d, 0) + time.Millisecond - 1) / time.Millisecond
	return uint32(min(ms, math.MaxUint32))
}

// table holds what is to happen on an event that was asked for, by the id that the host gave.
type table[T any] struct {
	mu   sync.Mutex
	then map[uint64]func(T)
}

var (
	calls  = table[outcome]{then: make(map[uint64]func(outcome))}
	timers = table[struct{}]{then: make(map[uint64]func(struct{}))}
)

// expect notes what to do. It must not block: an event is delivered by calling it.
func (t *table[T]) expect(id uint64, then func(T)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.then[id] = then
}

// take returns what is to be done, once; then nil.
func (t *table[T]) take(id uint64) func(T) {
	t.mu.Lock()
	defer t.mu.Unlock()
	then := t.then[id]
	delete(t.then, id)
	return then
}

func (t *table[T]) deliver(id uint64, result T) {
	if then := t.take(id); then != nil {
		then(result)
	}
}
