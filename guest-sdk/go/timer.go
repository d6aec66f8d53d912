package glomers

import "time"

// Timer is a call of a function that was put off by [Node.AfterFunc].
type Timer struct{ id uint64 }

// AfterFunc calls fn in a goroutine of its own once d has passed, in whole milliseconds, at least one.
func (n *Node) AfterFunc(d time.Duration, fn func()) *Timer {
	return &Timer{setTimer(d, func(struct{}) { go fn() })}
}

// Stop keeps the function from being called. It returns false if it has been called or stopped already.
func (t *Timer) Stop() bool {
	contractCancelTimer(t.id)
	return timers.take(t.id) != nil
}

// Sleep waits until d has passed.
func (n *Node) Sleep(d time.Duration) {
	over := newWait[struct{}]()
	setTimer(d, over.end)
	over.begin()
}

// After returns a channel that gets the time once d has passed, to be waited for beside others.
func (n *Node) After(d time.Duration) <-chan time.Time {
	over := make(chan time.Time, 1)
	setTimer(d, func(struct{}) { over <- time.Now() })
	return over
}

func setTimer(d time.Duration, then func(struct{})) uint64 {
	id := contractSetTimer(milliseconds(d))
	timers.expect(id, then)
	return id
}
