package send

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
)

// Outcome is what became of one event.
type Outcome struct {
	Event event.Event
	// Status is the last answer's; 0 when there was none, then Err says why.
	Status int
	// Reason is the first line of the answer's body.
	Reason   string
	Err      error
	Attempts int
	// Duration is from the first attempt to the last answer.
	Duration time.Duration
}

// Accepted tells whether the event was taken over.
func (o Outcome) Accepted() bool { return o.Err == nil && o.Status >= 200 && o.Status < 300 }

func (o Outcome) retryable() bool {
	return o.Status == 0 || o.Status == http.StatusTooManyRequests || o.Status >= 500
}

// text is the answer in words.
func (o Outcome) text() string {
	var urlError *url.Error
	switch {
	case errors.As(o.Err, &urlError):
		return "no answer: " + urlError.Err.Error() // the URL is said elsewhere
	case o.Err != nil:
		return "not sent: " + o.Err.Error()
	case o.Reason != "":
		return fmt.Sprintf("%d %s: %s", o.Status, http.StatusText(o.Status), o.Reason)
	}
	return fmt.Sprintf("%d %s", o.Status, http.StatusText(o.Status))
}

const (
	maxReason = 300     // bytes of an answer that are shown
	maxDrain  = 1 << 20 // bytes of an answer that are read so that the connection can be used again
)

// answer reads a response.
func answer(response *http.Response) (Outcome, time.Duration) {
	defer func() { _ = response.Body.Close() }()
	head, err := io.ReadAll(io.LimitReader(response.Body, maxReason))
	if err == nil {
		_, _ = io.CopyN(io.Discard, response.Body, maxDrain)
	}
	reason, _, _ := strings.Cut(strings.TrimSpace(string(head)), "\n")
	seconds, _ := strconv.Atoi(response.Header.Get("Retry-After")) // a date is rare and then we wait our own time
	return Outcome{Status: response.StatusCode, Reason: reason}, time.Duration(seconds) * time.Second
}

// maxDurations bounds the memory of an endless run: 8 MB for each address.
const maxDurations = 1 << 20

// Summary counts outcomes by address.
type Summary struct {
	urls []string

	mu      sync.Mutex // guards what follows while Run runs
	results map[string]*result
}

type result struct {
	accepted, sent, retried int
	answers                 map[string]int
	durations               []time.Duration
	last                    Outcome
}

func newSummary(urls []string) *Summary {
	s := &Summary{urls: urls, results: map[string]*result{}}
	for _, u := range urls {
		s.results[u] = &result{answers: map[string]int{}}
	}
	return s
}

func (s *Summary) add(url string, o Outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.results[url]
	r.sent++
	r.retried += o.Attempts - 1
	if o.Accepted() {
		r.accepted++
	}
	r.answers[o.text()]++
	r.last = o
	if len(r.durations) < maxDurations {
		r.durations = append(r.durations, o.Duration)
	}
}

// Refused is how many events were sent and not accepted.
func (s *Summary) Refused() int {
	refused := 0
	for _, r := range s.results {
		refused += r.sent - r.accepted
	}
	return refused
}

// Sent is how many events were sent.
func (s *Summary) Sent() int {
	sent := 0
	for _, r := range s.results {
		sent += r.sent
	}
	return sent
}

// Print writes the summary for people: a line for a single event, a paragraph for more.
func (s *Summary) Print(w io.Writer) {
	for i, u := range s.urls {
		if slices.Contains(s.urls[:i], u) {
			continue
		}
		r := s.results[u]
		if r.sent == 1 {
			_, _ = fmt.Fprintf(w, "%s  %s id=%s → %s  %s\n", r.last.text(), r.last.Event.Type(), r.last.Event.ID(), u, short(r.last.Duration))
			continue
		}
		_, _ = fmt.Fprintf(w, "%s: %d sent, %d accepted, %d refused", u, r.sent, r.accepted, r.sent-r.accepted)
		if r.retried > 0 {
			_, _ = fmt.Fprintf(w, ", %d retries", r.retried)
		}
		if len(r.durations) > 0 {
			slices.Sort(r.durations)
			_, _ = fmt.Fprintf(w, "; median %s, 99%% %s, longest %s", short(r.at(50)), short(r.at(99)), short(r.at(100)))
		}
		_, _ = fmt.Fprintln(w)
		for _, text := range slices.Sorted(maps.Keys(r.answers)) {
			_, _ = fmt.Fprintf(w, "  %6d × %s\n", r.answers[text], text)
		}
	}
}

// at returns a percentile of the sorted durations.
func (r *result) at(percent int) time.Duration {
	return r.durations[min(len(r.durations)*percent/100, len(r.durations)-1)]
}

func short(d time.Duration) string {
	return fmt.Sprintf("%.3g ms", float64(d)/float64(time.Millisecond))
}
