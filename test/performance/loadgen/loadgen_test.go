package loadgen

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"knative.dev/eventing-kafka-go/test/performance/wire"
)

// receiver counts events by number and answers as the test wants.
type receiver struct {
	mu     sync.Mutex
	seen   map[uint64]int
	answer http.HandlerFunc
}

func serve(t *testing.T, answer http.HandlerFunc) (*receiver, string) {
	t.Helper()
	r := &receiver{seen: map[uint64]int{}, answer: answer}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	return r, server.URL + "/in"
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	_, seq, ok := wire.ParseID([]byte(req.Header.Get("ce-id")))
	if !ok {
		http.Error(w, "no event", http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	r.seen[seq]++
	r.mu.Unlock()
	r.answer(w, req)
}

func accept(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) }

func load(t *testing.T, o Options) Result {
	t.Helper()
	result, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func TestEveryEventOfACountIsSentOnce(t *testing.T) {
	for name, o := range map[string]Options{
		"closed loop, one connection":                  {Connections: 1},
		"closed loop, many connections":                {Connections: 16},
		"open loop":                                    {Connections: 16, Rate: 5000},
		"open loop, fewer connections than are needed": {Connections: 1, Rate: 100_000},
	} {
		t.Run(name, func(t *testing.T) {
			r, url := serve(t, accept)
			o.URL, o.Count, o.FirstSeq, o.Size = url, 500, 1000, 64
			result := load(t, o)
			if result.Statuses[202] != 500 || result.Failed != 0 || result.Latency.Count != 500 {
				t.Errorf("result %+v", result)
			}
			for seq := range uint64(500) {
				if n := r.seen[1000+seq]; n != 1 {
					t.Fatalf("event %d was sent %d times", 1000+seq, n)
				}
			}
		})
	}
}

func TestAnswersAreCountedByStatus(t *testing.T) {
	var n atomic.Int32
	_, url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if n.Add(1)%4 == 0 {
			http.Error(w, "away", http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusAccepted)
	})
	result := load(t, Options{URL: url, Connections: 2, Count: 100})
	if result.Statuses[202] != 75 || result.Statuses[503] != 25 || result.Sent() != 100 {
		t.Errorf("result %+v", result)
	}
}

func TestAnOpenLoopCountsTheWaitForASlowServer(t *testing.T) {
	const pause = 100 * time.Millisecond
	var n atomic.Int32
	_, url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if n.Add(1) == 1 {
			time.Sleep(pause) // the server that the test is about
		}
		w.WriteHeader(http.StatusAccepted)
	})
	// 100 events are due within the pause of the only connection: all wait, half of them for more than half of it.
	result := load(t, Options{URL: url, Connections: 1, Rate: 1000, Count: 100})
	if result.Statuses[202] != 100 || result.Latency.P50 < 40 {
		t.Errorf("result %+v, want a median of about half the pause", result)
	}
}

func TestAConnectionThatTheServerClosesIsOpenedAgain(t *testing.T) {
	for name, rate := range map[string]float64{"closed loop": 0, "open loop": 2000} {
		t.Run(name, func(t *testing.T) {
			_, url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Connection", "close")
				w.WriteHeader(http.StatusAccepted)
			})
			result := load(t, Options{URL: url, Connections: 4, Rate: rate, Count: 200})
			if result.Sent() != 200 || result.Statuses[202] == 0 {
				t.Errorf("result %+v", result)
			}
		})
	}
}

func TestARunEnds(t *testing.T) {
	for name, rate := range map[string]float64{"closed loop": 0, "open loop": 1000} {
		t.Run(name+", after its duration", func(t *testing.T) {
			_, url := serve(t, accept)
			result := load(t, Options{URL: url, Connections: 2, Rate: rate, Duration: 2 * time.Second})
			if result.Statuses[202] == 0 || result.Elapsed > time.Minute {
				t.Errorf("result %+v", result)
			}
		})
		t.Run(name+", when answers stay away", func(t *testing.T) {
			_, url := serve(t, func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() })
			result := load(t, Options{URL: url, Connections: 2, Rate: rate, Count: 10, AnswerLimit: time.Second})
			if len(result.Statuses) != 0 || result.Failed < 2 || result.Error == "" {
				t.Errorf("result %+v", result)
			}
		})
		t.Run(name+", with its context", func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			var n atomic.Int32
			_, url := serve(t, func(w http.ResponseWriter, req *http.Request) {
				if n.Add(1) > 20 {
					cancel()
				}
				w.WriteHeader(http.StatusAccepted)
			})
			if _, err := Run(ctx, Options{URL: url, Connections: 2, Rate: rate, Count: 1 << 40}); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestRunRefuses(t *testing.T) {
	for name, o := range map[string]Options{
		"a URL that is none":   {URL: "::", Count: 1},
		"https":                {URL: "https://127.0.0.1:1/", Count: 1},
		"a run without an end": {URL: "http://127.0.0.1:1/"},
		"a closed port":        {URL: "http://127.0.0.1:1/", Count: 1},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Run(t.Context(), o); err == nil {
				t.Error("no error")
			}
		})
	}
}
