package delivery

import (
	"bufio"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/data-plane/telemetry"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// newTarget makes a target of an egress that posts to url.
func newTarget(t *testing.T, clients *Clients, url string, edit func(*contract.Egress)) *Target {
	t.Helper()
	registry := telemetry.NewRegistry(telemetry.Options{})
	t.Cleanup(func() { _ = registry.Close(t.Context()) })
	e := &contract.Egress{
		Uid: "u", Destination: url, ConsumerGroup: "g", Reference: &contract.Reference{Namespace: "ns"},
		ReplyStrategy: &contract.Egress_DiscardReply{DiscardReply: &contract.Empty{}},
	}
	if edit != nil {
		edit(e)
	}
	target, err := NewTarget(Spec{
		Resource: &contract.Resource{Topics: []string{"topic"}}, Egress: e, Clients: clients,
		Telemetry: registry.Egress("u", telemetry.Labels{}),
		Produce:   func(rec *kgo.Record, promise func(*kgo.Record, error)) { promise(rec, nil) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return target
}

func job() *Job {
	return &Job{Received: time.Now(), Record: &kgo.Record{Topic: "topic", Partition: 2, Offset: 40, Value: []byte("data"), Headers: []kgo.RecordHeader{
		{Key: "ce_specversion", Value: []byte("0.3")}, {Key: "ce_id", Value: []byte("1")},
		{Key: "ce_source", Value: []byte("/s")}, {Key: "ce_type", Value: []byte("t")},
	}}}
}

// finish attempts until there is an outcome or something to wait for.
func finish(target *Target, j *Job) Next {
	for {
		if next := target.Attempt(j); next.Outcome != Pending || next.Wait > 0 {
			return next
		}
	}
}

// A server that closes its connections after each answer, without saying so, is what a subscriber looks like that is
// replaced while connections to it are kept.
func TestAKeptConnectionThatWasClosedCostsNoAttempt(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan struct{}, 100)
	var served atomic.Int64
	var connections sync.WaitGroup
	connections.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			connections.Go(func() {
				req, err := http.ReadRequest(bufio.NewReader(c))
				if err == nil {
					_ = req.Body.Close()
					served.Add(1)
					_, _ = c.Write([]byte("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"))
				}
				_ = c.Close()
				closed <- struct{}{}
			})
		}
	})
	t.Cleanup(func() { _ = listener.Close(); connections.Wait() })
	target := newTarget(t, NewClients(), "http://"+listener.Addr().String(), nil)
	t.Cleanup(target.Release)
	for i := range 10 {
		if next := target.Attempt(job()); next.Outcome != Delivered {
			t.Fatalf("event %d: %+v", i, next)
		}
		<-closed
	}
	if n := served.Load(); n != 10 {
		t.Errorf("%d requests served", n)
	}
}

func TestASubscriberThatClosesWithoutAnAnswerHasFailed(t *testing.T) {
	var calls atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		c, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_ = c.Close()
		}
	}))
	t.Cleanup(s.Close)
	target := newTarget(t, NewClients(), s.URL, func(e *contract.Egress) {
		e.EgressConfig = &contract.EgressConfig{Retry: 2}
	})
	t.Cleanup(target.Release)
	if next := finish(target, job()); next.Outcome != Lost || next.Err == nil || next.Subscriber.Cause != Broken {
		t.Errorf("%+v", next)
	}
	if n := calls.Load(); n != 3 {
		t.Errorf("%d attempts, want 3 (EG-27)", n)
	}
}

func TestAnAttemptEndsAtItsTimeLimit(t *testing.T) {
	release := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(s.Close)
	t.Cleanup(func() { close(release) })
	target := newTarget(t, NewClients(), s.URL, func(e *contract.Egress) {
		e.EgressConfig = &contract.EgressConfig{Timeout: 20}
	})
	t.Cleanup(target.Release)
	next := target.Attempt(job())
	if next.Outcome != Lost || next.Err == nil || next.Subscriber.Cause != TimedOut || next.Subscriber.Latency < 20*time.Millisecond {
		t.Errorf("%+v (EG-20)", next)
	}
}

func TestTargetsOfOneHostShareConnectionsAndTheLastClosesThem(t *testing.T) {
	release := make(chan struct{})
	entered := make(chan struct{}, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hang" {
			entered <- struct{}{}
			<-release
		}
	}))
	t.Cleanup(s.Close)
	t.Cleanup(func() { close(release) })
	clients := NewClients()
	a, b := newTarget(t, clients, s.URL+"/hang", nil), newTarget(t, clients, s.URL+"/b", nil)
	if a.subscriber.client != b.subscriber.client {
		t.Fatal("two targets of one host have two clients")
	}
	done := make(chan Next, 1)
	go func() { done <- a.Attempt(job()) }()
	<-entered
	b.Release()
	select {
	case next := <-done:
		t.Fatalf("the release of another target ended a delivery: %+v", next)
	default:
	}
	a.Release()
	if next := <-done; next.Err == nil || next.Outcome != Pending {
		t.Errorf("what hangs did not end with its target: %+v", next)
	}
	if len(clients.clients) != 0 {
		t.Errorf("%d clients are left", len(clients.clients))
	}
}

// The end of a process closes connections under its deliveries. What fails by that has not failed at the subscriber: it
// must not be given up, sent to the dead letter sink or committed.
func TestAnAttemptThatIsCutOffLeadsToNoOutcome(t *testing.T) {
	release := make(chan struct{})
	entered := make(chan string, 10)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		entered <- r.URL.Path
		<-release
	}))
	t.Cleanup(s.Close)
	t.Cleanup(func() { close(release) })
	for name, edit := range map[string]func(*contract.EgressConfig){
		"without retries":            func(*contract.EgressConfig) {},
		"with retries at once":       func(c *contract.EgressConfig) { c.Retry = 3 },
		"with a dead letter sink":    func(c *contract.EgressConfig) { c.DeadLetter = s.URL + "/dead" },
		"with retries that can wait": func(c *contract.EgressConfig) { c.Retry, c.BackoffDelay = 3, 1000 },
	} {
		t.Run(name, func(t *testing.T) {
			clients := NewClients()
			target := newTarget(t, clients, s.URL+"/hang", func(e *contract.Egress) {
				e.EgressConfig = &contract.EgressConfig{}
				edit(e.EgressConfig)
			})
			t.Cleanup(target.Release)
			done, j := make(chan Next, 1), job()
			go func() { done <- target.Attempt(j) }()
			<-entered
			clients.Abort()
			next := <-done
			if next.Outcome != Pending || next.Subscriber.Cause != CutOff || j.Attempts() != 0 || j.Stage() != ToSubscriber {
				t.Errorf("%+v after %d attempts in stage %d (EG-37)", next, j.Attempts(), j.Stage())
			}
			if again := target.Attempt(j); again.Outcome != Pending {
				t.Errorf("an attempt after the end: %+v", again)
			}
		})
	}
	if len(entered) > 0 {
		t.Errorf("%s was called", <-entered)
	}
}

func TestAReplyThatIsCutOffLeadsToNoOutcome(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for name, value := range map[string]string{"ce-specversion": "1.0", "ce-id": "r", "ce-source": "/r", "ce-type": "r"} {
			w.Header().Set(name, value)
		}
	}))
	t.Cleanup(s.Close)
	var calls int
	target := newTarget(t, NewClients(), s.URL, func(e *contract.Egress) { e.ReplyStrategy = nil })
	t.Cleanup(target.Release)
	target.produce = func(rec *kgo.Record, promise func(*kgo.Record, error)) {
		if calls++; calls == 1 {
			promise(rec, kgo.ErrClientClosed)
			return
		}
		promise(rec, nil)
	}
	j := job()
	if next := target.Attempt(j); next.Outcome != Pending || j.Stage() != ToReply {
		t.Fatalf("%+v in stage %d", next, j.Stage())
	}
	if next := target.Attempt(j); next.Outcome != Delivered || calls != 2 {
		t.Errorf("afterwards: %+v, %d calls", next, calls)
	}
}

func TestAnUnusableEntryIsRefusedWithItsReason(t *testing.T) {
	tests := map[string]struct {
		edit func(*contract.Egress)
		want string
	}{
		"a destination that is no URL":      {func(e *contract.Egress) { e.Destination = "subscriber" }, "destination: "},
		"a destination of another scheme":   {func(e *contract.Egress) { e.Destination = "ftp://host/x" }, "no absolute http or https URL"},
		"a dead letter sink that is no URL": {func(e *contract.Egress) { e.EgressConfig = &contract.EgressConfig{DeadLetter: "/x"} }, "dead letter sink: "},
		"a CA that is none":                 {func(e *contract.Egress) { e.Destination = "https://h"; e.DestinationCACerts = "x" }, "CA certificates"},
		"an audience that cannot be had":    {func(e *contract.Egress) { e.DestinationAudience = "a" }, "destinationAudience"},
		"a reply URL that is none":          {func(e *contract.Egress) { e.ReplyStrategy = &contract.Egress_ReplyUrl{ReplyUrl: "x"} }, "reply: "},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			e := &contract.Egress{Destination: "http://127.0.0.1:1", ReplyStrategy: &contract.Egress_DiscardReply{}}
			test.edit(e)
			clients := NewClients()
			_, err := NewTarget(Spec{Resource: &contract.Resource{}, Egress: e, Clients: clients})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want …%s…", err, test.want)
			}
			if len(clients.clients) != 0 {
				t.Error("a refused target keeps connections")
			}
		})
	}
}
