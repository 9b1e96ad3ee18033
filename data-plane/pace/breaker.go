package pace

import "time"

// State of a breaker.
type State uint8

const (
	// Closed lets deliveries begin.
	Closed State = iota
	// Open holds them back until the next probe is due.
	Open
	// HalfOpen waits for the answer to a probe.
	HalfOpen
)

func (s State) String() string {
	switch s {
	case Open:
		return "open"
	case HalfOpen:
		return "half-open"
	}
	return "closed"
}

const (
	// refusalsToOpen in a row open a breaker; so do failuresToOpen of any kind from eventsToOpen events: one event that
	// its subscriber cannot take must not stop the others.
	refusalsToOpen, failuresToOpen, eventsToOpen = 3, 5, 3
	// firstGap and lastGap are the times between two probes.
	firstGap, lastGap = 500 * time.Millisecond, 30 * time.Second
)

// breaker knows whether the subscriber is down.
type breaker struct {
	enabled  bool
	state    State
	refusals int // in a row
	failures int // in a row, refusals too
	events   int // that failed in a row
	gap      time.Duration
	probeAt  time.Duration // when the next probe may begin, or the one under way began
}

func (b *breaker) enable(on bool) {
	b.enabled = on
	if !on {
		*b = breaker{}
	}
}

func (b *breaker) allows(now time.Duration) (ok bool, wait time.Duration) {
	switch b.state {
	case HalfOpen:
		return false, 0
	case Open:
		return now >= b.probeAt, max(0, b.probeAt-now)
	case Closed:
	}
	return true, 0
}

func (b *breaker) began(now time.Duration) {
	if b.state == Open {
		b.state, b.probeAt = HalfOpen, now
	}
}

// unused gives back a probe that was no request.
func (b *breaker) unused() {
	if b.state == HalfOpen {
		b.state = Open
	}
}

// answered closes the breaker and says whether it was open.
func (b *breaker) answered() bool {
	if !b.enabled {
		return false
	}
	was := b.state != Closed
	*b = breaker{enabled: b.enabled}
	return was
}

// failed takes a failure and says whether the breaker is open now.
func (b *breaker) failed(now time.Duration, s Sample) bool {
	if !b.enabled || s.Outcome == Void || s.Outcome == Answered {
		return false
	}
	switch b.state {
	case HalfOpen:
		if now-s.Latency >= b.probeAt { // else it was sent before the probe
			b.gap = min(2*b.gap, lastGap)
			b.state, b.probeAt = Open, now+b.gap
		}
	case Closed:
		b.count(s)
		if b.refusals >= refusalsToOpen || b.failures >= failuresToOpen && b.events >= eventsToOpen {
			b.gap = firstGap
			b.state, b.probeAt = Open, now+b.gap
		}
	case Open:
	}
	return b.state != Closed
}

func (b *breaker) count(s Sample) {
	b.failures++
	if s.Outcome == Refused {
		b.refusals++
	} else {
		b.refusals = 0
	}
	if s.First || b.events == 0 {
		b.events++
	}
}
