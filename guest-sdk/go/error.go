package glomers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// Maelstrom's errors. Timeout, Crash and codes from 1000 on leave open whether something has happened; the others say
// that nothing has.
const (
	Timeout                = 0
	NodeNotFound           = 1
	NotSupported           = 10
	TemporarilyUnavailable = 11
	MalformedRequest       = 12
	Crash                  = 13
	Abort                  = 14
	KeyDoesNotExist        = 20
	KeyAlreadyExists       = 21
	PreconditionFailed     = 22
	TxnConflict            = 30
)

var codeTexts = map[int]string{
	Timeout:                "Timeout",
	NodeNotFound:           "NodeNotFound",
	NotSupported:           "NotSupported",
	TemporarilyUnavailable: "TemporarilyUnavailable",
	MalformedRequest:       "MalformedRequest",
	Crash:                  "Crash",
	Abort:                  "Abort",
	KeyDoesNotExist:        "KeyDoesNotExist",
	KeyAlreadyExists:       "KeyAlreadyExists",
	PreconditionFailed:     "PreconditionFailed",
	TxnConflict:            "TxnConflict",
}

// ErrorCodeText returns the name of an error code.
func ErrorCodeText(code int) string {
	if text, ok := codeTexts[code]; ok {
		return text
	}
	return fmt.Sprintf("ErrorCode<%d>", code)
}

// ErrorCode returns the code of an *[RPCError], also of a wrapped one, and -1 for any other error and for nil.
func ErrorCode(err error) int {
	var failure *RPCError
	if errors.As(err, &failure) {
		return failure.Code
	}
	return -1
}

// RPCError is an error as Maelstrom numbers them: what a handler returns to answer with it, and what became of a call.
type RPCError struct {
	Code int
	Text string
}

// NewRPCError returns an error with this code and text.
func NewRPCError(code int, text string) *RPCError {
	return &RPCError{Code: code, Text: text}
}

func (e *RPCError) Error() string {
	return fmt.Sprintf("RPCError(%s, %q)", ErrorCodeText(e.Code), e.Text)
}

// Is makes a timeout match context.DeadlineExceeded, since the deadline of a call's context is its timeout.
func (e *RPCError) Is(target error) bool {
	return e.Code == Timeout && target == context.DeadlineExceeded
}

// MarshalJSON makes the body of an answer.
func (e *RPCError) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Type string `json:"type"`
		Code int    `json:"code"`
		Text string `json:"text"`
	}{"error", e.Code, e.Text})
}

// failureOf is how a handler's error is told to the sender.
func failureOf(err error) *RPCError {
	var failure *RPCError
	switch {
	case errors.As(err, &failure):
		return failure
	case errors.Is(err, context.DeadlineExceeded):
		return NewRPCError(Timeout, err.Error())
	default:
		return NewRPCError(Crash, err.Error())
	}
}
