package glomers

// What the contract, wit/node.wit, lets a guest cause. A string is passed as address and length.

//go:wasmimport glomers:node/host@0.1.1 send
func contractSend(dest, body string)

//go:wasmimport glomers:node/host@0.1.1 reply
func contractReply(request uint64, body string)

//go:wasmimport glomers:node/host@0.1.1 fail
func contractFail(request uint64, code uint32, text string)

//go:wasmimport glomers:node/host@0.1.1 call
func contractCall(dest, body string, timeoutMs uint32) uint64

//go:wasmimport glomers:node/host@0.1.1 set-timer
func contractSetTimer(afterMs uint32) uint64

//go:wasmimport glomers:node/host@0.1.1 cancel-timer
func contractCancelTimer(timer uint64)

//go:wasmimport glomers:node/host@0.1.1 log
func contractLog(level int32, text string)

//go:wasmimport glomers:node/kv@0.1.1 read
func contractRead(store int32, key string, timeoutMs uint32) uint64

//go:wasmimport glomers:node/kv@0.1.1 write
func contractWrite(store int32, key, value string, timeoutMs uint32) uint64

//go:wasmimport glomers:node/kv@0.1.1 cas
func contractCas(store int32, key, from, to string, create bool, timeoutMs uint32) uint64

//go:wasmimport glomers:node/oracle@0.1.1 timestamp
func contractTimestamp(timeoutMs uint32) uint64
