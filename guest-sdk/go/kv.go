package glomers

import (
	"context"
	"encoding/json"
	"fmt"
)

// Maelstrom's key-value services.
const (
	LinKV = "lin-kv" // linearizable
	SeqKV = "seq-kv" // sequentially consistent: a read may be stale; writing a new value brings the writer up to date
	LWWKV = "lww-kv" // last write wins: updates can be lost
)

// stores are the services as the contract numbers them.
var stores = map[string]int32{LinKV: 0, SeqKV: 1, LWWKV: 2}

// KV is a client of a key-value service. Its methods wait until the context's deadline, or for [DefaultTimeout]; after
// error [Timeout] a write may have happened all the same.
type KV struct {
	store int32
}

// NewKV returns a client of the service of this name. Panics if there is none.
func NewKV(typ string, node *Node) *KV {
	store, ok := stores[typ]
	if !ok {
		panic(fmt.Sprintf("no key-value service is called %q", typ))
	}
	return &KV{store: store}
}

// NewLinKV returns a client of the linearizable service.
func NewLinKV(node *Node) *KV { return NewKV(LinKV, node) }

// NewSeqKV returns a client of the sequentially consistent service.
func NewSeqKV(node *Node) *KV { return NewKV(SeqKV, node) }

// NewLWWKV returns a client of the service where the last write wins.
func NewLWWKV(node *Node) *KV { return NewKV(LWWKV, node) }

// Read returns the value of a key, a whole number as int. Error [KeyDoesNotExist] if there is none.
func (kv *KV) Read(ctx context.Context, key string) (any, error) {
	text, err := kv.read(ctx, key)
	if err != nil {
		return nil, err
	}
	if number, err := decodeValue[int](text); err == nil && text != "null" {
		return number, nil
	}
	return decodeValue[any](text)
}

// ReadInt returns the value of a key that holds a whole number.
func (kv *KV) ReadInt(ctx context.Context, key string) (int, error) {
	text, err := kv.read(ctx, key)
	if err != nil {
		return 0, err
	}
	return decodeValue[int](text)
}

// ReadInto reads the value of a key into v, as [json.Unmarshal].
func (kv *KV) ReadInto(ctx context.Context, key string, v any) error {
	text, err := kv.read(ctx, key)
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(text), v)
}

func (kv *KV) read(ctx context.Context, key string) (string, error) {
	texts, err := encodeAll(key)
	if err != nil {
		return "", err
	}
	return await(ctx, func(timeoutMs uint32) uint64 {
		return contractRead(kv.store, texts[0], timeoutMs)
	})
}

// Write sets a key.
func (kv *KV) Write(ctx context.Context, key string, value any) error {
	texts, err := encodeAll(key, value)
	if err != nil {
		return err
	}
	_, err = await(ctx, func(timeoutMs uint32) uint64 {
		return contractWrite(kv.store, texts[0], texts[1], timeoutMs)
	})
	return err
}

// CompareAndSwap sets a key to to if it holds from, or if it does not exist and createIfNotExists is set. Error
// [PreconditionFailed] if it holds something else, [KeyDoesNotExist] if there is none.
func (kv *KV) CompareAndSwap(ctx context.Context, key string, from, to any, createIfNotExists bool) error {
	texts, err := encodeAll(key, from, to)
	if err != nil {
		return err
	}
	_, err = await(ctx, func(timeoutMs uint32) uint64 {
		return contractCas(kv.store, texts[0], texts[1], texts[2], createIfNotExists, timeoutMs)
	})
	return err
}

func encodeAll(values ...any) ([]string, error) {
	texts := make([]string, len(values))
	for i, value := range values {
		text, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		texts[i] = valid(asString(text))
	}
	return texts, nil
}

func decodeValue[T any](text string) (value T, err error) {
	err = json.Unmarshal([]byte(text), &value)
	return value, err
}
