package glomers

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"unsafe"
)

// Message is what one node says to another. The body is JSON, as its sender wrote it.
type Message struct {
	Src  string          `json:"src,omitempty"`
	Dest string          `json:"dest,omitempty"`
	Body json.RawMessage `json:"body,omitempty"`

	request     uint64
	wantsAnswer bool
}

// MessageBody holds the fields that every body may have, to be embedded in a program's own.
type MessageBody struct {
	Type string `json:"type,omitempty"`
	// The sender's number for a request, and in its answer. Both are the host's: what a program writes is replaced.
	MsgID     int `json:"msg_id,omitempty"`
	InReplyTo int `json:"in_reply_to,omitempty"`
	// Of an error.
	Code int    `json:"code,omitempty"`
	Text string `json:"text,omitempty"`
}

// InitMessageBody is the body of the message that a handler for "init" gets.
type InitMessageBody struct {
	MessageBody
	NodeID  string   `json:"node_id,omitempty"`
	NodeIDs []string `json:"node_ids,omitempty"`
}

// Decode reads the body into v, as [json.Unmarshal]. If it does not fit, a handler returns the error as it is: error 12.
func (m *Message) Decode(v any) error {
	if err := json.Unmarshal(m.Body, v); err != nil {
		return NewRPCError(MalformedRequest, err.Error())
	}
	return nil
}

// Type returns the body's type, or nothing if it has none.
func (m *Message) Type() string {
	typ, _ := typeOf(m.Body)
	return typ
}

// expiredUntil is the last request of a client that the host has forgotten. It forgets them in the order of their numbers.
var expiredUntil atomic.Uint64

// Expired tells whether this is a request of a client that has not been answered for so long that the client has given up:
// 4.9 s, see host --request-timeout. An answer is dropped then, since one to a client that is gone is a fault in a node.
// Whoever may take that long answers before, with the code [Timeout] if the outcome is not known, for instance by
// [context.WithTimeout] around the calls of a handler.
func (m *Message) Expired() bool {
	isClient := strings.HasPrefix(m.Src, "c")
	return isClient && m.wantsAnswer && m.request <= expiredUntil.Load()
}

// RPCError returns the error that the body tells of, or nil.
func (m *Message) RPCError() *RPCError {
	var body MessageBody
	if err := json.Unmarshal(m.Body, &body); err != nil {
		return NewRPCError(Crash, err.Error())
	}
	if body.Type != "error" {
		return nil
	}
	return NewRPCError(body.Code, body.Text)
}

// typeOf finds a body's type without decoding the rest, which the handler does: that is a third of the time an event
// takes. Of several the last counts, as for [json.Unmarshal]. The body is a JSON object, as the host has checked.
func typeOf(body []byte) (typ string, ok bool) {
	depth := 0
	var found []byte // begins with the type's value
	for i := 0; i < len(body); i++ {
		switch body[i] {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case '"':
			end := stringEnd(body, i)
			text := body[i:end]
			isEscaped := bytes.IndexByte(text, '\\') >= 0 // and may say "type" too
			if depth == 1 && (isEscaped || string(text) == `"type"`) {
				value, isKey := bytes.CutPrefix(bytes.TrimLeft(body[end:], space), []byte(":"))
				if isKey && isEscaped {
					return typeOfDecoded(body)
				}
				if isKey {
					found = bytes.TrimLeft(value, space)
				}
			}
			i = end - 1
		}
	}
	return stringAt(found)
}

// typeOfDecoded is typeOf for a body with keys that are not written as they are.
func typeOfDecoded(body []byte) (typ string, ok bool) {
	// A map, because the fields of a struct take keys in other cases too.
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil {
		return "", false
	}
	return stringAt(fields["type"])
}

const space = " \t\r\n"

// stringEnd returns where the string ends that starts with the quote at start.
func stringEnd(text []byte, start int) int {
	for i := start + 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

// stringAt reads the string that text begins with, if it does.
func stringAt(text []byte) (value string, ok bool) {
	if len(text) == 0 || text[0] != '"' {
		return "", false
	}
	err := json.Unmarshal(text[:stringEnd(text, 0)], &value)
	return value, err == nil
}

// valid makes UTF-8 of a text for the host, which ends the node for anything else. Go's strings may hold any bytes,
// and so may raw JSON.
func valid(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }

// encode makes a body's text.
func encode(body any) (string, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return "", err
	}
	if text[0] != '{' {
		return "", errors.New("the body of a message must be a JSON object")
	}
	return valid(asString(text)), nil
}

// asString makes a string of bytes that nobody will change, without a copy.
func asString(bytes []byte) string {
	return unsafe.String(unsafe.SliceData(bytes), len(bytes))
}
