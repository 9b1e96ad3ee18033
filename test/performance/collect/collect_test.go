package collect

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"knative.dev/eventing-kafka-go/test/performance/loadgen"
	"knative.dev/eventing-kafka-go/test/performance/wire"
)

func start(t *testing.T) (*Server, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := New()
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error)
	go func() { served <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return s, "http://" + l.Addr().String()
}

func send(t *testing.T, o loadgen.Options) loadgen.Result {
	t.Helper()
	o.Size = 100
	r, err := loadgen.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRunsAreCountedApart(t *testing.T) {
	s, url := start(t)
	for path, count := range map[string]uint64{"/0s/a": 300, "/0s/b": 100, "/1us/a": 50} {
		r := send(t, loadgen.Options{URL: url + path, Connections: 8, Count: count})
		if r.Statuses[202] != count {
			t.Fatalf("%s: answers %v", path, r.Statuses)
		}
		got := s.Stats(path)
		if got.Received != count || got.Distinct != count || got.Repeated != 0 || got.Unknown != 0 || got.Latency.Count != count {
			t.Errorf("%s: %+v", path, got)
		}
	}
	if got := s.Stats("/0s/c"); got != (Stats{}) {
		t.Errorf("a run that sent nothing: %+v", got)
	}
}

func TestTheAnswerWaitsForTheDelay(t *testing.T) {
	_, url := start(t)
	r := send(t, loadgen.Options{URL: url + "/500ms/a", Connections: 10, Count: 20}) // a second, or ten one after the other
	if r.Latency.P50 < 500 {
		t.Errorf("latency %+v", r.Latency)
	}
	if r.Elapsed > 20*500*time.Millisecond {
		t.Errorf("%v: delays of different connections did not overlap", r.Elapsed)
	}
}

func TestRepeatedEventsAreToldFromNewOnes(t *testing.T) {
	s, url := start(t)
	for _, first := range []uint64{0, 5} {
		send(t, loadgen.Options{URL: url + "/0s/a", Connections: 1, Count: 10, FirstSeq: first})
	}
	if got := s.Stats("/0s/a"); got.Received != 20 || got.Distinct != 15 || got.Repeated != 5 {
		t.Errorf("%+v", got)
	}
}

func TestOrderIsKeptByLane(t *testing.T) {
	var a account
	for _, e := range []struct {
		lane int
		seq  uint64
	}{{0, 0}, {1, 1}, {0, 4}, {1, 3}, {0, 2}, {0, 6}, {1, 5}} {
		a.received(&wire.Received{Known: true, Lane: e.lane, Seq: e.seq}, time.Unix(1, 0))
	}
	if a.stats.Distinct != 7 || a.stats.Disordered != 1 {
		t.Errorf("%+v: want one event, 2 of lane 0, out of order", a.stats)
	}
}

func TestWhatIsNoEventOfOursIsNotCountedAsOne(t *testing.T) {
	s, url := start(t)
	tests := map[string]struct {
		path   string
		id     string
		status int
	}{
		"another id":                    {path: "/0s/a", id: "b6a5", status: 202},
		"a path without a run":          {path: "/0s", status: 400},
		"a path without a delay":        {path: "/x/a", status: 400},
		"a path with a negative delay":  {path: "/-1s/a", status: 400},
		"a path with too long a delay":  {path: "/1h/a", status: 400},
		"a number above what is marked": {path: "/0s/a", id: "000-999999999999", status: 202},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+test.path, strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("ce-id", test.id)
			req.Header.Set("ce-senttime", "1000000000000000000")
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != test.status {
				t.Errorf("status %d, want %d", resp.StatusCode, test.status)
			}
		})
	}
	http.DefaultClient.CloseIdleConnections()
	if got := s.Stats("/0s/a"); got.Unknown != 2 || got.Distinct != 0 || got.Refused != 4 || got.Refusal == "" {
		t.Errorf("%+v", got)
	}
}

func TestAccountsAreServedAsJSON(t *testing.T) {
	s, url := start(t)
	send(t, loadgen.Options{URL: url + "/0s/a", Connections: 1, Count: 3})
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/0s/a", nil))
	var got Stats
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got != s.Stats("/0s/a") || got.Distinct != 3 {
		t.Errorf("%+v", got)
	}
}
