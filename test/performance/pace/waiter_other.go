//go:build !linux

package pace

import "time"

// Waiter waits by the runtime's timers where the kernel is not asked directly.
type Waiter struct{}

// NewWaiter returns a Waiter for the calling goroutine.
func NewWaiter() *Waiter { return &Waiter{} }

// Until returns at t, at once when t has passed.
func (*Waiter) Until(t time.Time) { time.Sleep(time.Until(t)) }

// Release ends the use of the Waiter.
func (*Waiter) Release() {}
