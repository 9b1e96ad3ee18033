package delivery

import (
	"math"
	"math/big"
	"net/http"
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

// asksNothing is a failure that asks for no wait.
var asksNothing = Result{RetryAfter: -1}

// delays are those that matter: none, the smallest, usual ones, and where a shift or a product leaves 63 bits.
func delays() []time.Duration {
	all := []time.Duration{0, 1, time.Microsecond, time.Millisecond, 200 * time.Millisecond, time.Second, time.Hour, maxWait - 1, maxWait, math.MaxInt64}
	for bit := range 63 {
		all = append(all, 1<<bit, 1<<bit-1)
	}
	return all
}

// Every delay with every retry, compared with arithmetic that cannot overflow (EG-28, EG-35).
func TestTheScheduleIsTheSpecificationsAndSaturates(t *testing.T) {
	for _, delay := range delays() {
		for _, limit := range []time.Duration{0, 1, time.Second, time.Hour, maxWait, math.MaxInt64} {
			for n := 1; n <= 70; n++ {
				for _, linear := range []bool{false, true} {
					p := Policy{Delay: delay, Linear: linear, RetryAfterMax: -1, Backoff: Backoff{Max: limit}}
					if got, want := p.Wait(n, asksNothing), exactWait(p, n); got != want {
						t.Fatalf("delay %v, linear %v, max %v, retry %d: got %v, want %v", delay, linear, limit, n, got, want)
					}
				}
			}
		}
	}
}

// exactWait is the schedule by the book.
func exactWait(p Policy, n int) time.Duration {
	factor := big.NewInt(int64(n))
	if !p.Linear {
		factor.Lsh(big.NewInt(1), uint(n))
	}
	wait := factor.Mul(factor, big.NewInt(int64(p.Delay)))
	limit := maxWait
	if p.Backoff.Max > 0 {
		limit = min(limit, p.Backoff.Max)
	}
	if bound := big.NewInt(int64(limit)); wait.Cmp(bound) > 0 {
		wait = bound
	}
	return time.Duration(wait.Int64())
}

func TestWaitNeverShrinksAndNeverOverflows(t *testing.T) {
	check := func(delay, limit uint64, linear bool, n int32, after int64, most int64, random uint32, jitter uint8) bool {
		p := Policy{
			Delay: milliseconds(delay), Linear: linear, RetryAfterMax: time.Duration(most),
			Backoff: Backoff{Max: milliseconds(limit), Jitter: float64(jitter) / math.MaxUint8},
		}
		r := Result{RetryAfter: time.Duration(after), Random: float64(random) / (math.MaxUint32 + 1)}
		n &= math.MaxInt32 >> 1
		one, next := p.Wait(int(n)+1, r), p.Wait(int(n)+2, r)
		return one >= 0 && next >= one && next <= max(2*maxWait, p.RetryAfterMax) &&
			one >= p.backoff(int(n)+1) && p.freeWait(int(n), r) >= freePause
	}
	if err := quick.Check(check, &quick.Config{MaxCount: 20_000}); err != nil {
		t.Error(err)
	}
}

// However an event fares, it meets its subscriber 1 + retry times at most, not counting what the grace forgives, and it
// never waits without a wait for ever (EG-27).
func TestAttemptsAreOnePlusRetry(t *testing.T) {
	for retries := range 12 {
		for restored := range retries + 3 {
			for _, grace := range []time.Duration{0, 5 * time.Second} {
				p := Plan{Policy: Policy{Retries: retries, Delay: time.Second, RetryAfterMax: -1, Grace: grace}, DeadLetter: true}
				var d Delivery
				d.Restore(restored, http.StatusServiceUnavailable)
				calls, clock := 0, time.Duration(0)
				for d.Resume(p) == Pending && d.Stage() == ToSubscriber {
					a := d.Next(p, Result{Status: http.StatusServiceUnavailable, Err: errStatus(503), RetryAfter: -1, Elapsed: clock})
					calls, clock = calls+1, clock+a.Wait
				}
				if d.Stage() != ToDeadLetter || calls-d.free != max(0, retries+1-restored) || d.Tried() != max(retries+1, restored) {
					t.Fatalf("retry %d, %d made before, grace %v: %d calls, %d of them free, %d tried", retries, restored, grace, calls, d.free, d.Tried())
				}
			}
		}
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
