package glomers

import (
	"encoding/binary"
	"unsafe"
)

// How the host gets memory for what it hands in. While it does, a guest may call nothing of the host; an ordinary
// allocation may, since it may run the garbage collector, which reads the clock. So this memory is set aside, outside of
// the collector's heap, and what is in it is copied out before the event is handled. What is not used of it costs nothing.

// arena takes one event. The host hands in no more than 64 MiB of text at once. At the start it hands in lists too, of
// nodes and of settings: 8 bytes for each name, key and value, on top of the text.
var arena [64<<20 + 1<<20]byte

var arenaUsed uint32

// adapterMemory takes what the bridge to WASI keeps for itself: its state and its stack, 64 KiB each.
var adapterMemory [256 << 10]byte

var adapterUsed uint32

//go:nosplit
//go:wasmexport cabi_realloc
func allocate(old, oldSize, align, size uint32) uint32 {
	return take(arena[:], &arenaUsed, old, oldSize, align, size)
}

//go:nosplit
//go:wasmexport cabi_realloc_adapter
func allocateForAdapter(old, oldSize, align, size uint32) uint32 {
	return take(adapterMemory[:], &adapterUsed, old, oldSize, align, size)
}

// take cuts a block off. It must not grow the stack, which is an allocation too. If there is no room, it returns an
// address beyond all memory, for which the host ends the guest; at the null pointer it would write.
//
//go:nosplit
func take(memory []byte, used *uint32, old, oldSize, align, size uint32) uint32 {
	start := (*used + align - 1) &^ (align - 1)
	if uint64(start)+uint64(size) > uint64(len(memory)) {
		return ^uint32(0) &^ (align - 1)
	}
	*used = start + size
	base := uint32(uintptr(unsafe.Pointer(unsafe.SliceData(memory))))
	if old != 0 {
		before := old - base
		copy(memory[start:][:size], memory[before:][:oldSize])
	}
	return base + start
}

// clearArena makes room for the next event. What was handed in is gone with it.
func clearArena() { arenaUsed = 0 }

// textAt copies a string that was handed in.
func textAt(address, length uint32) string {
	if length == 0 {
		return ""
	}
	start := address - arenaAddress()
	return string(arena[start:][:length])
}

// textsAt copies a list of strings that was handed in: addresses and lengths.
func textsAt(address, count uint32) []string {
	texts := make([]string, count)
	if count == 0 {
		return texts
	}
	list := arena[address-arenaAddress():]
	for i := range texts {
		pair := list[8*i:]
		texts[i] = textAt(binary.LittleEndian.Uint32(pair), binary.LittleEndian.Uint32(pair[4:]))
	}
	return texts
}

func arenaAddress() uint32 { return uint32(uintptr(unsafe.Pointer(&arena))) }
