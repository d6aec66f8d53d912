//go:build !wasip1

package glomers

// Elsewhere than in a host there is nobody to talk to. This is for editors, go vet, and tests of what needs no node.

const noHost = "glomers: a node runs in a host only; build it with `host build`"

func contractSend(dest, body string)                                { panic(noHost) }
func contractReply(request uint64, body string)                     { panic(noHost) }
func contractFail(request uint64, code uint32, text string)         { panic(noHost) }
func contractCall(dest, body string, timeoutMs uint32) uint64       { panic(noHost) }
func contractSetTimer(afterMs uint32) uint64                        { panic(noHost) }
func contractCancelTimer(timer uint64)                              { panic(noHost) }
func contractLog(level int32, text string)                          { panic(noHost) }
func contractRead(store int32, key string, timeoutMs uint32) uint64 { panic(noHost) }
func contractWrite(store int32, key, value string, timeoutMs uint32) uint64 {
	panic(noHost)
}
func contractCas(store int32, key, from, to string, create bool, timeoutMs uint32) uint64 {
	panic(noHost)
}
func contractTimestamp(timeoutMs uint32) uint64 { panic(noHost) }
