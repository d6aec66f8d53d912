package glomers

import (
	"encoding/json"
	"log/slog"
	"strings"
	"unsafe"
)

// The events of the contract. Each delivers what has come and returns when there is no more to do.

// A library's main is not called by anybody, but it is what people write.
//
//go:linkname userMain main.main
func userMain()

// started is result<_, string> as it lies in memory.
var started struct {
	isError        uint32
	reason, length uint32
}

// reason keeps the text alive that started points to.
var reason string

//go:wasmexport glomers:node/node@0.1.1#init
func onInit(id string, idsAt, idCount, settingsAt, settingCount uint32) unsafe.Pointer {
	id = strings.Clone(id)
	ids := textsAt(idsAt, idCount)
	pairs := textsAt(settingsAt, 2*settingCount)
	clearArena()
	slog.SetDefault(slog.New(hostLog{}))
	if reason = valid(start(id, ids, pairs)); reason != "" {
		started.isError = 1
		started.reason = uint32(uintptr(unsafe.Pointer(unsafe.StringData(reason))))
		started.length = uint32(len(reason))
	}
	return unsafe.Pointer(&started)
}

// start runs the program as far as it goes, and returns why it cannot go on, if so.
func start(id string, ids, pairs []string) string {
	go userMain()
	settle()
	if running == nil {
		return "main did not call Node.Run"
	}
	running.id, running.nodeIDs = id, ids
	for i := 0; i < len(pairs); i += 2 {
		running.settings = append(running.settings, setting{pairs[i], pairs[i+1]})
	}
	handler, ok := running.handlers["init"]
	if !ok {
		return ""
	}
	body, err := json.Marshal(InitMessageBody{MessageBody{Type: "init"}, id, ids})
	if err != nil {
		return err.Error()
	}
	isStarting, failure := true, ""
	go func() {
		err := handler(Message{Dest: id, Body: body})
		switch {
		case err == nil:
		case isStarting:
			failure = err.Error()
		default:
			panic(err) // The host has been told that all is well.
		}
	}()
	settle()
	isStarting = false
	return failure
}

//go:wasmexport glomers:node/node@0.1.1#on-message
func onMessage(src string, wantsAnswer bool, request uint64, body string) {
	msg := Message{strings.Clone(src), running.id, json.RawMessage(body), request, wantsAnswer}
	clearArena()
	running.dispatch(msg)
	settle()
}

//go:wasmexport glomers:node/events@0.1.1#on-reply
func onReply(call uint64, failed bool, first, second, third uint32) {
	var result outcome
	if failed {
		result.err = NewRPCError(int(first), textAt(second, third))
	} else {
		result.value = textAt(first, second)
	}
	clearArena()
	calls.deliver(call, result)
	settle()
}

//go:wasmexport glomers:node/events@0.1.1#on-timer
func onTimer(timer uint64) {
	timers.deliver(timer, struct{}{})
	settle()
}

//go:wasmexport glomers:node/expiry@0.1.1#on-expired
func onExpired(request uint64) {
	expiredUntil.Store(request)
}
