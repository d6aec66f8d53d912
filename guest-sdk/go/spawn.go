package glomers

import "sync"

// workers are goroutines that have run a handler and wait for the next. A new goroutine would have to grow its stack first,
// which takes as long as many a handler.
var workers struct {
	mu   sync.Mutex
	idle []wait[func()]
}

// maxIdle is how many workers are kept; each has a stack of some kilobytes.
const maxIdle = 64

// spawn runs a function in a goroutine that it has for itself until it returns.
func spawn(fn func()) {
	worker, ok := idleWorker()
	if !ok {
		go work(fn)
		return
	}
	worker.end(fn)
}

func idleWorker() (worker wait[func()], ok bool) {
	workers.mu.Lock()
	defer workers.mu.Unlock()
	last := len(workers.idle) - 1
	if last < 0 {
		return worker, false
	}
	worker = workers.idle[last]
	workers.idle = workers.idle[:last]
	return worker, true
}

func work(fn func()) {
	next := newWait[func()]()
	for {
		fn()
		if !offer(next) {
			return
		}
		fn = next.begin()
	}
}

// offer makes a worker wait for the next handler, unless there are enough.
func offer(worker wait[func()]) bool {
	workers.mu.Lock()
	defer workers.mu.Unlock()
	if len(workers.idle) == maxIdle {
		return false
	}
	workers.idle = append(workers.idle, worker)
	return true
}
