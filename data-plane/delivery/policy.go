package delivery

import (
	"math"
	"net/http"
	"time"

	"knative.dev/eventing-kafka-go/proto/contract"
)

const (
	// defaultTimeout limits an attempt where the contract says nothing (EG-20).
	defaultTimeout = 600 * time.Second
	// maxWait caps every wait before a retry. It keeps saturated arithmetic inside what timers can hold.
	maxWait = 24 * time.Hour
)

// Policy is how often and when an event is sent again.
type Policy struct {
	// Retries after the first attempt.
	Retries int
	// Linear waits Delay*n before retry n, else Delay*2^n (EG-28).
	Linear bool
	// Delay is the unit of the wait; 0 retries at once (EG-35).
	Delay time.Duration
	// Timeout of one attempt, above 0.
	Timeout time.Duration
	// RetryAfterMax bounds the Retry-After of a 429 or 503; below 0 it is ignored (EG-34).
	RetryAfterMax time.Duration
	// Grace is the time since the first attempt in which a subscriber that takes no request uses up no retry.
	Grace time.Duration
	// Backoff is what holds for every egress of the process.
	Backoff Backoff
}

// Backoff bounds and spreads the waits of all egresses. The zero value is what the specification says and no more.
type Backoff struct {
	// Max is the longest wait that a policy leads to; 0 is none but what a timer can hold.
	Max time.Duration
	// Jitter is the part of a wait that is added at random at most, so that what failed together does not come back
	// together: 0.2 makes 10 s up to 12 s. Max holds before it is added.
	Jitter float64
}

// PolicyOf reads a contract's delivery, without what belongs to the process or the egress; nil means no retry and the default time limit (CT-19).
func PolicyOf(c *contract.EgressConfig) Policy {
	p := Policy{
		Retries:       int(min(c.GetRetry(), math.MaxInt32)),
		Linear:        c.GetBackoffPolicy() == contract.BackoffPolicy_Linear,
		Delay:         milliseconds(c.GetBackoffDelay()),
		Timeout:       milliseconds(c.GetTimeout()),
		RetryAfterMax: -1,
	}
	if p.Timeout == 0 {
		p.Timeout = defaultTimeout
	}
	if c != nil && c.RetryAfterMax != nil {
		p.RetryAfterMax = milliseconds(c.GetRetryAfterMax())
	}
	return p
}

func milliseconds(ms uint64) time.Duration {
	if ms > uint64(maxWait/time.Millisecond) {
		return maxWait
	}
	return time.Duration(ms) * time.Millisecond
}

// Wait is the time before retry n, counted from 1, after the result r.
func (p Policy) Wait(n int, r Result) time.Duration { return p.obey(p.spread(n, r), r) }

// spread is the backoff with its jitter.
func (p Policy) spread(n int, r Result) time.Duration {
	wait := p.backoff(n)
	return wait + time.Duration(float64(wait)*p.Backoff.Jitter*r.Random)
}

// obey replaces a wait by a longer one that the answer asked for, up to RetryAfterMax (EG-34).
func (p Policy) obey(wait time.Duration, r Result) time.Duration {
	return max(wait, min(r.RetryAfter, p.RetryAfterMax))
}

// backoff is Delay times a factor, saturating (EG-28).
func (p Policy) backoff(n int) time.Duration {
	limit := maxWait
	if p.Backoff.Max > 0 {
		limit = min(limit, p.Backoff.Max)
	}
	factor := int64(max(n, 0))
	if !p.Linear {
		factor = math.MaxInt64
		if n < 62 {
			factor = 1 << max(n, 0)
		}
	}
	if p.Delay > 0 && factor > int64(limit)/int64(p.Delay) {
		return limit
	}
	return time.Duration(factor) * p.Delay
}

// freePause is the shortest wait after an attempt that used up no retry: nothing else would keep a policy without
// retries, or without a wait, from calling without end.
const freePause = 100 * time.Millisecond

// free says whether a failed attempt at the subscriber uses up no retry: the subscriber took no request, and is
// within its grace.
func (p Policy) free(r Result) bool {
	if r.ok() || !Retryable(r.Status) {
		return false
	}
	return r.Elapsed < p.Grace && r.refused()
}

// freeWait is the wait after the n-th attempt that used up no retry. Unless more was asked for it ends with the grace,
// so that the grace is not longer than was set.
func (p Policy) freeWait(n int, r Result) time.Duration {
	wait := p.spread(n, r)
	if left := p.Grace - r.Elapsed; left > 0 {
		wait = min(wait, left)
	}
	return p.obey(max(wait, freePause), r)
}

// Retryable says whether an answer with this status may be followed by a retry; 0 stands for no answer (EG-26).
func Retryable(status int) bool {
	switch status {
	case 0, http.StatusNotFound, http.StatusRequestTimeout, http.StatusConflict, http.StatusTooManyRequests:
		return true
	}
	return status >= http.StatusInternalServerError
}
