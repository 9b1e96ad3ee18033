// Package pace says when the events of an open-loop load are due, and waits for those moments more precisely than the
// runtime's timers do. It owns no goroutine; a Waiter belongs to the goroutine that uses it.
package pace

import "time"

// Schedule is a fixed rate of events from a start.
type Schedule struct {
	start time.Time
	rate  float64
}

// NewSchedule returns the schedule of rate events per second, the first at start. The rate must be above 0.
func NewSchedule(start time.Time, rate float64) Schedule { return Schedule{start: start, rate: rate} }

// Due is the moment of event i, counted from 0. It is computed from the start, so that rounding does not add up.
func (s Schedule) Due(i uint64) time.Time {
	return s.start.Add(time.Duration(float64(i) / s.rate * float64(time.Second)))
}

// Events is the number of events that are due before d has passed since the start.
func (s Schedule) Events(d time.Duration) uint64 {
	return uint64(s.rate*d.Seconds() + 0.5)
}
