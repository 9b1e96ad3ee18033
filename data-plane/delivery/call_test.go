package delivery

import (
	"net/http"
	"testing"
	"time"

	"knative.dev/eventing-kafka-go/proto/contract"
)

func TestAnAttemptTellsHowTheSubscriberFared(t *testing.T) {
	answer := func(status int, retryAfter string) string {
		s, _ := record(t, func(w http.ResponseWriter) {
			if retryAfter != "" {
				w.Header().Set("Retry-After", retryAfter)
			}
			w.WriteHeader(status)
		})
		return s.URL
	}
	for name, test := range map[string]struct {
		url  string
		want Call
	}{
		"taken":                    {answer(202, ""), Call{Made: true, Status: 202, RetryAfter: -1}},
		"refused with Retry-After": {answer(429, "7"), Call{Made: true, Status: 429, RetryAfter: 7 * time.Second}},
		"failed":                   {answer(500, "7"), Call{Made: true, Status: 500, RetryAfter: -1}},
		"no connection":            {"http://127.0.0.1:1", Call{Made: true, Cause: Unreachable, RetryAfter: -1}},
		"not trusted":              {"https" + answer(202, "")[len("http"):], Call{Made: true, Cause: Broken, RetryAfter: -1}},
	} {
		t.Run(name, func(t *testing.T) {
			target := newTarget(t, NewClients(), test.url, nil)
			t.Cleanup(target.Release)
			got := target.Attempt(job()).Subscriber
			if got.Latency <= 0 {
				t.Errorf("latency %v", got.Latency)
			}
			got.Latency = 0
			if got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestAFilteredEventTellsNothingOfTheSubscriber(t *testing.T) {
	target := newTarget(t, NewClients(), "http://127.0.0.1:1", func(e *contract.Egress) {
		e.Filter = &contract.Filter{Attributes: map[string]string{"type": "other"}}
	})
	t.Cleanup(target.Release)
	if next := target.Attempt(job()); next.Outcome != Filtered || next.Subscriber.Made {
		t.Errorf("%+v", next)
	}
}

// What an earlier owner of the partition tried is never forgotten: an event whose attempts are used up is not sent to
// its subscriber again.
func TestUsedUpAttemptsGoToTheDeadLetterSinkAtOnce(t *testing.T) {
	subscriber, called := record(t, nil)
	for name, test := range map[string]struct {
		status int
		code   string
	}{
		"with the status":   {503, "503"},
		"without an answer": {0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dead, got := record(t, nil)
			target := newTarget(t, NewClients(), subscriber.URL, func(e *contract.Egress) {
				e.EgressConfig = &contract.EgressConfig{Retry: 3, DeadLetter: dead.URL}
			})
			t.Cleanup(target.Release)
			j := job()
			j.Restore(4, test.status)
			if next := target.Attempt(j); next.Outcome != DeadLettered || next.Subscriber.Made || called.header != nil {
				t.Fatalf("%+v, the subscriber got %v", next, called.header)
			}
			wantHeaders(t, got.header, map[string]string{
				"ce-knativeerrordest": subscriber.URL, "ce-knativeerrorcode": test.code, "ce-id": "1",
			})
		})
	}
}

func TestARestoredEventMeetsTheFilter(t *testing.T) {
	target := newTarget(t, NewClients(), "http://127.0.0.1:1", func(e *contract.Egress) {
		e.Filter = &contract.Filter{Attributes: map[string]string{"type": "other"}}
	})
	t.Cleanup(target.Release)
	j := job()
	j.Restore(2, 503)
	if next := target.Attempt(j); next.Outcome != Filtered {
		t.Errorf("%+v", next)
	}
}
