package glomers

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
	"time"
)

// An event has been handled when no goroutine can go on: then, and not before, its exported function returns. Blocking
// until then is out of the question, because Go ends a program in which everything waits.

// parked counts the goroutines that wait for the host.
var parked atomic.Int64

// wait is one goroutine's waiting for something that the host will tell.
type wait[T any] struct{ result chan T }

func newWait[T any]() wait[T] { return wait[T]{make(chan T, 1)} }

func (w wait[T]) begin() T {
	parked.Add(1)
	return <-w.result
}

// end lets the goroutine go on. It counts as busy from here on, although it has not run yet.
func (w wait[T]) end(result T) {
	parked.Add(-1)
	w.result <- result
}

// settle runs all goroutines until each of them waits. There is one thread and no preemption, so what the scheduler says
// of itself is exact here.
func settle() {
	for {
		runtime.Gosched()
		if int64(runtime.NumGoroutine()) == parked.Load()+1 {
			return // All others wait for the host.
		}
		if runnable() == 0 {
			break
		}
	}
	// The others wait for each other, or for the garbage collector, which goes on only while somebody else runs. With it
	// switched off, which waits for its present round to end, there is but one thing left to wait for.
	percent := debug.SetGCPercent(-1)
	for runnable() > 0 {
		runtime.Gosched()
	}
	debug.SetGCPercent(percent)
	if pulse == 0 {
		pulse = setTimer(pulseInterval, func(struct{}) { pulse = 0 })
	}
}

// Go cannot ask the host to be woken when a goroutine in time.Sleep is due. So while there are goroutines that do not wait
// for the host, an event without content comes from time to time, and lets those go on whose time has passed.
const pulseInterval = 10 * time.Millisecond

// pulse is the timer of the next such event, or zero.
var pulse uint64

// ready is how many goroutines could run at once. Since Go 1.26.
var ready = []metrics.Sample{{Name: "/sched/goroutines/runnable:goroutines"}}

func runnable() uint64 {
	metrics.Read(ready)
	return ready[0].Value.Uint64()
}
