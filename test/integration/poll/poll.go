// Package poll lets integration tests wait for what must come true, instead of sleeping for as long as it may take.
// It knows nothing of what is waited for. Its functions are called by the goroutine of the test; a Stalls may be read by
// any.
package poll

import (
	"sync/atomic"
	"testing"
	"time"
)

// The waits between two looks: short ones for what is about to come true, longer ones as looks cost what is waited for.
const (
	shortest = 2 * time.Millisecond
	longest  = 30 * time.Millisecond
)

// Until looks until nothing is lacking any more, and ends the test if that is not so within the limit. lacking says in a
// few words what is missing, "" for nothing.
func Until(tb testing.TB, limit time.Duration, lacking func() string) {
	tb.Helper()
	var last string
	pace := shortest
	for end := time.Now().Add(limit); ; time.Sleep(pace) {
		pace = min(pace+pace/8+1, longest)
		if last = lacking(); last == "" {
			return
		}
		if time.Now().After(end) {
			tb.Fatalf("not within %v: %s", limit, last)
		}
	}
}

// For looks again and again for a time, and ends the test as soon as something is wrong. wrong says what, "" for nothing.
func For(tb testing.TB, period time.Duration, wrong func() string) {
	tb.Helper()
	for end := time.Now().Add(period); time.Now().Before(end); time.Sleep(shortest) {
		if problem := wrong(); problem != "" {
			tb.Fatal(problem)
		}
	}
}

// Stalls measures how long a goroutine with something to do did not run: what a machine with much else to do adds to
// everything that a test waits for.
type Stalls struct{ most atomic.Int64 }

// WatchStalls measures until the test ends.
func WatchStalls(tb testing.TB) *Stalls {
	const every = 10 * time.Millisecond
	s, end, ended := &Stalls{}, make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for last := time.Now(); ; {
			select {
			case <-end:
				return
			case <-time.After(every):
			}
			now := time.Now()
			s.most.Store(max(s.most.Load(), int64(now.Sub(last)-every)))
			last = now
		}
	}()
	tb.Cleanup(func() { close(end); <-ended })
	return s
}

// Longest is the longest one so far.
func (s *Stalls) Longest() time.Duration { return time.Duration(s.most.Load()) }
