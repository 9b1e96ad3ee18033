package delivery

import (
	"math"
	"testing"
	"testing/quick"
	"time"

	"knative.dev/eventing-kafka-go/proto/contract"
)

func TestPolicyOfTheContract(t *testing.T) {
	sixty := uint64(60_000)
	tests := map[string]struct {
		config *contract.EgressConfig
		want   Policy
	}{
		"nothing means one attempt of 600 s (CT-19, EG-20)": {nil,
			Policy{Timeout: 600 * time.Second, RetryAfterMax: -1}},
		"all set": {&contract.EgressConfig{Retry: 5, BackoffPolicy: contract.BackoffPolicy_Linear, BackoffDelay: 200, Timeout: 3000, RetryAfterMax: &sixty},
			Policy{Retries: 5, Linear: true, Delay: 200 * time.Millisecond, Timeout: 3 * time.Second, RetryAfterMax: time.Minute}},
		"an unknown backoff policy is exponential (EG-30)": {&contract.EgressConfig{Retry: 1, BackoffPolicy: 77, BackoffDelay: 1},
			Policy{Retries: 1, Delay: time.Millisecond, Timeout: 600 * time.Second, RetryAfterMax: -1}},
		"what no timer can hold is capped": {&contract.EgressConfig{Retry: math.MaxUint32, BackoffDelay: math.MaxUint64, Timeout: math.MaxUint64},
			Policy{Retries: math.MaxInt32, Delay: maxWait, Timeout: maxWait, RetryAfterMax: -1}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := PolicyOf(test.config); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestWaitNeverShrinksAndNeverOverflows(t *testing.T) {
	check := func(delay uint32, linear bool, n uint16) bool {
		p := Policy{Delay: time.Duration(delay) * time.Millisecond, Linear: linear, RetryAfterMax: -1}
		one, next := p.Wait(int(n)+1, -1), p.Wait(int(n)+2, -1)
		return one >= 0 && next >= one && next <= maxWait
	}
	if err := quick.Check(check, &quick.Config{MaxCount: 5000}); err != nil {
		t.Error(err)
	}
}

func TestHoldGrowsToAMinute(t *testing.T) {
	for n, want := range map[int]time.Duration{-3: time.Second, 1: time.Second, 2: 2 * time.Second, 6: 32 * time.Second, 7: time.Minute, 1 << 30: time.Minute} {
		if got := holdWait(n); got != want {
			t.Errorf("hold %d: got %v, want %v", n, got, want)
		}
	}
}

func TestRetryableStatuses(t *testing.T) {
	retryable := map[int]bool{0: true, 404: true, 408: true, 409: true, 429: true}
	for status := range 600 {
		want := retryable[status] || status >= 500
		if got := Retryable(status); got != want {
			t.Errorf("status %d: got %v", status, got)
		}
	}
}
