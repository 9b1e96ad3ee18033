package pace

import (
	"runtime"
	"syscall"
	"time"
)

const prSetTimerSlack = 29

// Waiter waits in the kernel, on a thread of its own: the runtime rounds short sleeps up to a millisecond when nothing
// else runs, which is more than what is measured.
type Waiter struct{}

// NewWaiter binds the calling goroutine to its thread until Release.
func NewWaiter() *Waiter {
	runtime.LockOSThread()
	// The kernel delays wake-ups by up to 50 µs to bundle them; 1 ns asks it not to. Without it waits are merely less
	// precise, so a refusal does not matter.
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, prSetTimerSlack, 1, 0)
	return &Waiter{}
}

// Until returns at t, at once when t has passed.
func (*Waiter) Until(t time.Time) {
	for d := time.Until(t); d > 0; d = time.Until(t) {
		left := syscall.NsecToTimespec(int64(d))
		_ = syscall.Nanosleep(&left, nil) // interrupted: the loop waits for the rest
	}
}

// Release gives the thread back.
func (*Waiter) Release() { runtime.UnlockOSThread() }
