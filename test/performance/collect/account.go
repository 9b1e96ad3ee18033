package collect

import (
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"knative.dev/eventing-kafka-go/test/performance/latency"
	"knative.dev/eventing-kafka-go/test/performance/wire"
)

// maxSeq bounds the memory of an account: 2 MiB of marks.
const maxSeq = 1 << 24

// Stats is the account of a run.
type Stats struct {
	Received   uint64 `json:"received"`   // requests
	Distinct   uint64 `json:"distinct"`   // different events among them
	Repeated   uint64 `json:"repeated"`   // events that had come before
	Disordered uint64 `json:"disordered"` // events that came, for the first time, after a later one of their lane
	Unknown    uint64 `json:"unknown"`    // requests without the id or time that this benchmark's events have
	// First and Last are the arrivals of the first and the latest distinct event, in nanoseconds since 1970.
	First int64 `json:"first_ns"`
	Last  int64 `json:"last_ns"`
	// Latency is from the moment when an event was due to be sent to its first arrival.
	Latency latency.Summary `json:"latency"`
	// Cold is the latency of the events of all lanes but the first HotLanes.
	Cold latency.Summary `json:"cold"`
	// Refused and Refusal are of the whole server: requests that it could not take, and why the latest of them.
	Refused uint64 `json:"refused"`
	Refusal string `json:"refusal,omitempty"`
}

// Elapsed is the time from the first arrival to the last.
func (s Stats) Elapsed() time.Duration { return time.Duration(s.Last - s.First) }

type account struct {
	path  string
	delay time.Duration

	mu      sync.Mutex
	stats   Stats
	seen    []uint64 // a bit for each seq
	lanes   [wire.MaxLane + 1]uint64
	latency latency.Histogram
	cold    latency.Histogram
}

// HotLanes is how many lanes, the first ones, may have more events than can be delivered in order.
const HotLanes = 10

func (a *account) received(r *wire.Received, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stats.Received++
	if !r.Known || r.Seq >= maxSeq {
		a.stats.Unknown++
		return
	}
	if !a.mark(r.Seq) {
		a.stats.Repeated++
		return
	}
	a.stats.Distinct++
	ns := now.UnixNano()
	if a.stats.First == 0 {
		a.stats.First = ns
	}
	a.stats.Last = ns
	a.latency.Record(time.Duration(ns - r.Sent))
	if r.Lane >= HotLanes {
		a.cold.Record(time.Duration(ns - r.Sent))
	}
	if next := r.Seq + 1; next > a.lanes[r.Lane] {
		a.lanes[r.Lane] = next
	} else {
		a.stats.Disordered++
	}
}

// mark notes that an event has come and says whether it is the first time.
func (a *account) mark(seq uint64) bool {
	word, bit := seq/64, uint64(1)<<(seq%64)
	for uint64(len(a.seen)) <= word {
		a.seen = append(a.seen, 0)
	}
	if a.seen[word]&bit != 0 {
		return false
	}
	a.seen[word] |= bit
	return true
}

// Stats returns the account of the run that was received at a path; an unknown path has received nothing.
func (s *Server) Stats(path string) Stats {
	s.mu.Lock()
	a := s.runs[path]
	s.mu.Unlock()
	var stats Stats
	if a != nil {
		a.mu.Lock()
		stats = a.stats
		stats.Latency, stats.Cold = a.latency.Summary(), a.cold.Summary()
		a.mu.Unlock()
	}
	stats.Refused = s.refusals.Load()
	stats.Refusal, _ = s.refusal.Load().(string)
	return stats
}

// forget empties the account of a path. Connections keep to the account that they have.
func (s *Server) forget(path string) {
	s.mu.Lock()
	a := s.runs[path]
	s.mu.Unlock()
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stats, a.seen, a.lanes = Stats{}, nil, [wire.MaxLane + 1]uint64{}
	a.latency, a.cold = latency.Histogram{}, latency.Histogram{}
}

// Handler serves the account of a run as JSON at the run's own path: GET /10ms/ordered-3. DELETE empties it afterwards.
func (s *Server) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete {
			defer s.forget(r.URL.Path)
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(s.Stats(r.URL.Path)) // a client that went away wants no answer
	})
}
