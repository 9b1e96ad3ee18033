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
}

// PolicyOf reads a contract's delivery; nil means no retry and the default time limit (CT-19).
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

// Wait is the time before retry n, counted from 1. retryAfter is what the answer asked for, below 0 for nothing; it
// replaces a shorter wait, up to RetryAfterMax.
func (p Policy) Wait(n int, retryAfter time.Duration) time.Duration {
	wait := p.backoff(n)
	if p.RetryAfterMax >= 0 && retryAfter > wait {
		wait = max(wait, min(retryAfter, p.RetryAfterMax))
	}
	return wait
}

func (p Policy) backoff(n int) time.Duration {
	factor := int64(n)
	if !p.Linear {
		if n >= 62 {
			factor = math.MaxInt64
		} else {
			factor = 1 << n
		}
	}
	if p.Delay > 0 && factor > int64(maxWait)/int64(p.Delay) {
		return maxWait
	}
	return time.Duration(factor) * p.Delay
}

// Retryable says whether an answer with this status may be followed by a retry; 0 stands for no answer (EG-26).
func Retryable(status int) bool {
	switch status {
	case 0, http.StatusNotFound, http.StatusRequestTimeout, http.StatusConflict, http.StatusTooManyRequests:
		return true
	}
	return status >= http.StatusInternalServerError
}
