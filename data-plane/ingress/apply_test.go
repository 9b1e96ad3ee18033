package ingress

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/data-plane/telemetry"
	"knative.dev/eventing-kafka-go/proto/contract"
)

func servers(s string) func(*contract.Resource) {
	return func(r *contract.Resource) { r.BootstrapServers = s }
}

func TestBeforeTheFirstContractNothingIsReady(t *testing.T) {
	i := start(t, &cluster{})
	if i.Ready() || i.Status() != nil {
		t.Fatal("ready without a contract")
	}
	for target, want := range map[string]int{"/healthz": 200, "/readyz": 503} {
		if a := send(t, i, call{method: "GET", target: target}); a.Status != want {
			t.Errorf("%s: %+v, want %d (IN-06)", target, a, want)
		}
	}
	if a := send(t, i, call{}); a.Status != 503 {
		t.Errorf("an event: %+v, want 503, since the route may be about to come", a)
	}
	i.Apply(contractOf(), nil)
	if a := send(t, i, call{method: "GET", target: "/readyz"}); a.Status != 200 || !i.Ready() {
		t.Errorf("an empty contract is a contract: %+v", a)
	}
}

func TestApplyKeepsProducersThatAreStillUsedAndReleasesTheOthers(t *testing.T) {
	kafka := &cluster{}
	i := start(t, kafka)
	i.Apply(contractOf(resource("a", servers("one:1")), resource("b", servers("two:2"))), nil)
	// The fake has no shared clients, but its count must never touch zero while the resource stays.
	i.Apply(contractOf(resource("a", servers("one:1")), resource("c", servers("three:3"))), nil)
	if kafka.used("one:1") != 1 || kafka.used("two:2") != 0 || kafka.used("three:3") != 1 || kafka.peak != 2 {
		t.Fatalf("uses %v, peak %d: acquired for the new table before the old one is released", kafka.uses, kafka.peak)
	}
	i.Close()
	i.Close()
	if kafka.used("one:1") != 0 || kafka.used("three:3") != 0 {
		t.Fatalf("uses after Close: %v", kafka.uses)
	}
	i.Apply(contractOf(resource("a")), nil)
	if a := send(t, i, call{}); a.Status != 503 || i.Ready() || kafka.used("kafka:9092") != 0 {
		t.Fatalf("after Close: %+v", a)
	}
}

func TestStatusKeepsItsPastAndForgetsWhatIsGone(t *testing.T) {
	kafka := &cluster{}
	i := start(t, kafka)
	i.Apply(contractOf(resource("a"), resource("b")), nil)
	send(t, i, call{})
	kafka.answer = func(_ string, r *kgo.Record, promise func(*kgo.Record, error)) { promise(r, errors.New("broken pipe")) }
	send(t, i, call{})
	i.Apply(contractOf(resource("a", servers("other:1"))), nil)
	routes := i.Status()
	if len(routes) != 1 {
		t.Fatalf("%d routes, want 1", len(routes))
	}
	r := routes[0]
	if r.Accepted != 1 || r.Answers["503"] != 1 || r.LastError == "" || r.LastErrorAt.IsZero() || r.Problem != "" ||
		r.Topic != "topic-a" || r.Kind != "broker" || r.Name != "a" || len(r.Paths) != 1 || r.ContentHash == "" {
		t.Fatalf("status %+v", r)
	}
	i.Apply(contractOf(), nil)
	i.Apply(contractOf(resource("a")), nil)
	if r := i.Status()[0]; r.Accepted != 0 || r.LastError != "" {
		t.Fatalf("a removed resource left its past: %+v", r)
	}
}

// A request whose producer is released between its look at the table and its record is not refused: the record moves to
// the producer of the table in force.
func TestARecordOfAReleasedProducerMovesOn(t *testing.T) {
	kafka := &cluster{}
	i := start(t, kafka)
	var held struct {
		record  *kgo.Record
		promise func(*kgo.Record, error)
	}
	kafka.answer = func(servers string, r *kgo.Record, promise func(*kgo.Record, error)) {
		if servers == "old:1" {
			held.record, held.promise = r, promise
			return
		}
		kafka.write(r)
		promise(r, nil)
	}
	for _, row := range []struct {
		name, contentType, body string
		written                 int
	}{
		{"a single event", "text/plain", "data", 1},
		{"a batch of one", "application/cloudevents-batch+json", `[{"specversion":"1.0","id":"1","source":"s","type":"t"}]`, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			kafka.written = nil
			i.Apply(contractOf(resource("a", servers("old:1"))), nil)
			answers := make(chan Answer, 2)
			submit(i, call{contentType: row.contentType, body: row.body}, answers)
			i.Apply(contractOf(resource("a", servers("new:2"))), nil)
			held.promise(held.record, kgo.ErrClientClosed)
			if a := <-answers; a.Status != 202 || len(kafka.written) != row.written || kafka.written[0].Topic != "topic-a" {
				t.Fatalf("answer %+v, written %v", a, kafka.written)
			}
		})
	}
	t.Run("but not when its resource is gone", func(t *testing.T) {
		i.Apply(contractOf(resource("a", servers("old:1"))), nil)
		answers := make(chan Answer, 2)
		submit(i, call{}, answers)
		i.Apply(contractOf(), nil)
		held.promise(held.record, kgo.ErrClientClosed)
		if a := <-answers; a.Status != 503 {
			t.Fatalf("answer %+v", a)
		}
	})
	t.Run("nor when there is no newer table", func(t *testing.T) {
		i.Apply(contractOf(resource("a", servers("old:1"))), nil)
		answers := make(chan Answer, 2)
		submit(i, call{}, answers)
		held.promise(held.record, kgo.ErrClientClosed)
		if a := <-answers; a.Status != 503 {
			t.Fatalf("answer %+v", a)
		}
	})
}

// Tables are exchanged while requests run; each table leads to another producer, and a released one refuses records.
func TestApplyUnderLoadRefusesNobody(t *testing.T) {
	kafka := &cluster{}
	i := start(t, kafka)
	kafka.answer = func(servers string, r *kgo.Record, promise func(*kgo.Record, error)) {
		go func() {
			if kafka.used(servers) == 0 {
				promise(r, kgo.ErrClientClosed)
				return
			}
			promise(r, nil)
		}()
	}
	apply := func(n int) {
		i.Apply(contractOf(resource("a", servers(fmt.Sprintf("kafka%d:1", n%3))), resource(fmt.Sprint("other", n))), nil)
	}
	apply(0)
	var stop atomic.Bool
	var senders sync.WaitGroup
	var sent atomic.Int64
	for range 8 {
		senders.Go(func() {
			answers := make(chan Answer, 1)
			for !stop.Load() {
				submit(i, call{target: "/ns/a", headers: event()}, answers)
				if a := <-answers; a.Status != 202 {
					t.Errorf("answer %+v", a)
					return
				}
				sent.Add(1)
			}
		})
	}
	for n := 1; n <= 300 || sent.Load() < 3000; n++ {
		apply(n)
	}
	stop.Store(true)
	senders.Wait()
}

func TestProbesAreAnsweredWhereTheyAreAskedFor(t *testing.T) { // CFG-69
	registry := telemetry.NewRegistry(telemetry.Options{})
	t.Cleanup(func() { registry.Close(t.Context()) }) //nolint:errcheck // nothing is exported
	for name, row := range map[string]struct {
		live, ready string
		before      map[string]int // status by path, without a contract
	}{
		"paths of their own":        {"/live", "/ns/ready", map[string]int{"/live": 200, "/ns/ready": 503, "/healthz": 405, "/live/": 405}},
		"one of its own":            {"", "/ready", map[string]int{"/healthz": 200, "/ready": 503, "/readyz": 405}},
		"one for both is of health": {"/probe", "/probe", map[string]int{"/probe": 200}},
	} {
		t.Run(name, func(t *testing.T) {
			i := New(Options{
				Acquire: new(cluster).acquire, Telemetry: registry, Log: slog.New(slog.DiscardHandler),
				LivenessPath: row.live, ReadinessPath: row.ready,
			})
			for path, want := range row.before {
				if a := send(t, i, call{method: "GET", target: path}); a.Status != want {
					t.Errorf("%s: %d, want %d", path, a.Status, want)
				}
			}
			i.Apply(contractOf(), nil)
			if a := send(t, i, call{method: "GET", target: cmp.Or(row.ready, "/readyz"), host: "any"}); a.Status != 200 {
				t.Errorf("%d with a contract", a.Status)
			}
		})
	}
}

func TestTheStateOfARouteIsScraped(t *testing.T) { // OBS-26
	registry := telemetry.NewRegistry(telemetry.Options{})
	t.Cleanup(func() { registry.Close(t.Context()) }) //nolint:errcheck // nothing is exported
	c := &cluster{}
	i := New(Options{Acquire: c.acquire, Telemetry: registry, Log: slog.New(slog.DiscardHandler)})
	promises := make(chan func(), 1)
	c.answer = func(_ string, r *kgo.Record, promise func(*kgo.Record, error)) {
		promises <- func() { promise(r, nil) }
	}
	i.Apply(contractOf(resource("a"), resource("b", servers(""))), nil)
	answers := make(chan Answer, 1)
	submit(i, call{target: "/ns/a", headers: event(), body: "12345"}, answers)
	scrape := func() string {
		answer := httptest.NewRecorder()
		registry.Handler().ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
		return answer.Body.String()
	}
	settle := <-promises
	pending := "kn_eventing_kafka_ingress_pending_bytes{kn_broker_name=\"a\",kn_broker_namespace=\"ns\"} "
	during := scrape()
	for _, want := range []string{
		pending + "517\n", "kn_eventing_kafka_ingress_refusing{kn_broker_name=\"a\",kn_broker_namespace=\"ns\"} 0\n",
		"kn_eventing_kafka_ingress_refusing{kn_broker_name=\"b\",kn_broker_namespace=\"ns\"} 1\n",
	} {
		if !strings.Contains(during, want) {
			t.Errorf("no %s in\n%s", want, during)
		}
	}
	if n := i.Status()[0].PendingBytes; n != 517 {
		t.Errorf("%d bytes are reported", n)
	}
	settle()
	<-answers
	i.Apply(contractOf(resource("a")), nil)
	if after := scrape(); !strings.Contains(after, pending+"0\n") || strings.Contains(after, "kn_broker_name=\"b\"") {
		t.Errorf("afterwards:\n%s", after)
	}
}
