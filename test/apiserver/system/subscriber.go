package system

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// Subscriber is an HTTP server that events are delivered to, at any path, and that writes down which arrived where.
type Subscriber struct {
	URL string

	mu    sync.Mutex
	seen  map[arrival]int
	shown map[arrival]string // in the header Authorization, last
}

type arrival struct{ path, id string }

func startSubscriber(tb testing.TB) *Subscriber {
	tb.Helper()
	s := &Subscriber{seen: map[arrival]int{}, shown: map[arrival]string{}}
	server := httptest.NewServer(s)
	tb.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

// Refuse is the path whose events are answered with an error that is not retried.
const Refuse = "/refuse"

// ServeHTTP implements http.Handler.
func (s *Subscriber) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	a := arrival{r.URL.Path, r.Header.Get("ce-id")}
	s.seen[a]++
	s.shown[a] = r.Header.Get("Authorization")
	s.mu.Unlock()
	if r.URL.Path == Refuse {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

// Deliveries is how often an event arrived at a path.
func (s *Subscriber) Deliveries(path, id string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen[arrival{path, id}]
}

// Shown is what was in the header Authorization when an event arrived at a path last.
func (s *Subscriber) Shown(path, id string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shown[arrival{path, id}]
}
