package traffic

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"
)

// Delivery is an event at a subscriber.
type Delivery struct {
	ID        string
	Path      string
	Partition int32
	Offset    int64
	// Attempt counts the deliveries of this id to this subscriber, from 1.
	Attempt int
	Body    []byte
	// Gone is closed when the data plane does not wait for the answer any more.
	Gone <-chan struct{}
}

// Subscriber is an HTTP server that events are delivered to. It writes down what reached it.
type Subscriber struct {
	URL    string
	answer func(Delivery) int

	mu         sync.Mutex
	attempts   map[string]int       // deliveries by id
	finished   map[string]time.Time // ids that were answered 2xx, and when for the first time
	deliveries int
	repeated   int // deliveries of ids that had been answered 2xx before
	paths      map[string]int
}

// NewSubscriber starts a subscriber. answer says what a delivery is answered with; it may wait. Nil answers 202.
func NewSubscriber(tb testing.TB, answer func(Delivery) int) *Subscriber {
	tb.Helper()
	s := &Subscriber{
		answer: answer, attempts: map[string]int{}, finished: map[string]time.Time{}, paths: map[string]int{},
	}
	server := httptest.NewServer(http.HandlerFunc(s.serve))
	tb.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

func (s *Subscriber) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // whoever sent it is gone
	}
	d := Delivery{ID: r.Header.Get("ce-id"), Path: r.URL.Path, Body: body, Gone: r.Context().Done()}
	partition, _ := strconv.ParseInt(r.Header.Get("ce-knativekafkapartition"), 10, 32)
	d.Partition = int32(partition)
	d.Offset, _ = strconv.ParseInt(r.Header.Get("ce-knativekafkaoffset"), 10, 64)
	d.Attempt = s.begin(d)
	code := http.StatusAccepted
	if s.answer != nil {
		code = s.answer(d)
	}
	s.end(d, code)
	w.WriteHeader(code)
}

func (s *Subscriber) begin(d Delivery) (attempt int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deliveries++
	s.paths[d.Path]++
	s.attempts[d.ID]++
	if _, ok := s.finished[d.ID]; ok {
		s.repeated++
	}
	return s.attempts[d.ID]
}

func (s *Subscriber) end(d Delivery, code int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.finished[d.ID]; !ok && code < http.StatusMultipleChoices {
		s.finished[d.ID] = time.Now()
	}
}

// Deliveries is how many requests came.
func (s *Subscriber) Deliveries() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.deliveries
}

// Distinct is how many events were answered 2xx.
func (s *Subscriber) Distinct() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.finished)
}

// Repeated is how many requests came for events that had been answered 2xx before.
func (s *Subscriber) Repeated() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.repeated
}

// AtPath is how many requests came for a path.
func (s *Subscriber) AtPath(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.paths[path]
}

// Attempts is how many requests came for an event.
func (s *Subscriber) Attempts(id string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.attempts[id]
}

// Missing returns the events of a ledger that were never answered 2xx.
func (s *Subscriber) Missing(ledger map[string]time.Time) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var missing []string
	for id := range ledger {
		if _, ok := s.finished[id]; !ok {
			missing = append(missing, id)
		}
	}
	return missing
}

// Latencies returns how long the events of a ledger took from the time at which they were to be sent until the
// subscriber had them.
func (s *Subscriber) Latencies(ledger map[string]time.Time) []time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	var took []time.Duration
	for id, due := range ledger {
		if at, ok := s.finished[id]; ok {
			took = append(took, at.Sub(due))
		}
	}
	return took
}
