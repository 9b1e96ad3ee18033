package pace

import "time"

// Config bounds a Pacer.
type Config struct {
	// Min is how many deliveries may always run, however the subscriber answers. 0: one at a time, and those that a
	// subscriber refuses make the starts rarer, down to one a second.
	Min int
	// Start is the window to begin with, Max its largest size. Both above 0.
	Start, Max int
	// Rate is the most starts in a second; 0: no limit.
	Rate float64
	// Capacity is how many deliveries this process could make in a second, if it did nothing else; 0: nobody knows. The
	// window does not grow beyond what they need at the least latency.
	Capacity float64
	// Breaker stops deliveries while the subscriber is down.
	Breaker bool
}

// Outcome is how the subscriber fared with one request.
type Outcome uint8

const (
	// Void is no request at all: the event was filtered out, or this process ended the request itself.
	Void Outcome = iota
	// Answered is a success, or an answer that is about the event alone.
	Answered
	// Failed is an error of the subscriber that says nothing about its load.
	Failed
	// Refused is a 429, a 503 or a refused connection.
	Refused
	// TimedOut is a request without an answer in time.
	TimedOut
)

// Sample is what became of one delivery that was allowed by Take.
type Sample struct {
	Outcome Outcome
	// Latency of the request; it began that long ago.
	Latency time.Duration
	// RetryAfter is what a refusal asked for, 0 or less for nothing.
	RetryAfter time.Duration
	// First says that the request was the first one for its event.
	First bool
}

// Pacer paces the deliveries to one target.
type Pacer struct {
	config  Config
	running int
	window  window
	rate    rate
	breaker breaker
}

// Status is what a Pacer allows at the moment.
type Status struct {
	// Window is how many deliveries may run at the same time.
	Window int
	// Rate is how many may begin in a second, 0 for any number. Limited says that it held back a delivery lately.
	Rate    float64
	Limited bool
	// Breaker is the state of the breaker.
	Breaker State
}

// New makes the pacer of a subscriber that nothing is known of.
func New(c Config) *Pacer {
	p := &Pacer{window: newWindow(float64(c.Start)), rate: newRate()}
	p.Configure(c)
	return p
}

// Configure sets other bounds; what was learned stays.
func (p *Pacer) Configure(c Config) {
	p.config = c
	p.window.bound(float64(max(c.Min, 1)), float64(max(c.Max, c.Min, 1)))
	p.window.capacity = c.Capacity
	p.rate.fixed = c.Rate
	p.breaker.enable(c.Breaker)
}

// Take asks whether a delivery may begin now; if it may, Done must follow. If not, wait is when it is worth asking
// again; 0 means when a delivery has ended.
func (p *Pacer) Take(now time.Duration) (ok bool, wait time.Duration) {
	if ok, wait := p.breaker.allows(now); !ok {
		return false, wait
	}
	assured := p.running < p.config.Min
	if !assured && float64(p.running) >= p.window.size {
		p.window.limited = true
		return false, 0
	}
	if wait := p.rate.take(now, assured); wait > 0 {
		return false, wait
	}
	p.running++
	p.window.peak = max(p.window.peak, p.running)
	p.breaker.began(now)
	return true, 0
}

// Done ends a delivery that was allowed to begin.
func (p *Pacer) Done(now time.Duration, s Sample) {
	p.running--
	switch s.Outcome {
	case Void:
		p.rate.giveBack()
		p.breaker.unused()
	case Answered, Failed:
		p.window.answered(now, s.Latency)
		p.rate.answered(now)
		if s.Outcome == Answered && p.breaker.answered() {
			p.window.restart()
		}
	case Refused:
		if share, news := p.rate.refused(now, s); news {
			p.window.cut(now, min(refusedCut, 1-share/2), p.rate.found)
		}
	case TimedOut:
		if p.window.due(now, s.Latency) {
			p.window.cut(now, timedOutCut, 0)
		}
	}
}

// Spare takes a failure before the event counts it. It is true while the breaker is open: then the failure says that
// the subscriber is still down, and nothing about the event.
func (p *Pacer) Spare(now time.Duration, s Sample) bool { return p.breaker.failed(now, s) }

// Open says that the breaker holds back everything but probes.
func (p *Pacer) Open() bool { return p.breaker.state != Closed }

// Status reports what is allowed.
func (p *Pacer) Status(now time.Duration) Status {
	return Status{
		Window: int(p.window.size), Rate: p.rate.effective(), Limited: p.rate.limitedAt > 0 && now-p.rate.limitedAt < limitedFor,
		Breaker: p.breaker.state,
	}
}
