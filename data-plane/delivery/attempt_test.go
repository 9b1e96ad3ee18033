package delivery

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/data-plane/cloudevent"
	"knative.dev/eventing-kafka-go/data-plane/telemetry"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// recorded is the last request that a subscriber got.
type recorded struct {
	header http.Header
	body   string
}

// record starts a subscriber that remembers its last request and answers with answer.
func record(t *testing.T, answer func(w http.ResponseWriter)) (*httptest.Server, *recorded) {
	t.Helper()
	got := &recorded{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		*got = recorded{r.Header.Clone(), string(body)}
		if answer != nil {
			answer(w)
		}
	}))
	t.Cleanup(s.Close)
	return s, got
}

func wantHeaders(t *testing.T, got http.Header, want map[string]string) {
	t.Helper()
	for name, value := range want {
		if got.Get(name) != value {
			t.Errorf("%s: got %q, want %q", name, got.Get(name), value)
		}
	}
}

func TestTheTraceOfARecordGoesOn(t *testing.T) {
	s, got := record(t, nil)
	target := newTarget(t, NewClients(), s.URL, nil)
	t.Cleanup(target.Release)
	j := job()
	j.Record.Headers = append(j.Record.Headers,
		kgo.RecordHeader{Key: "traceparent", Value: []byte("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")},
		kgo.RecordHeader{Key: "baggage", Value: []byte("a=b")},
		kgo.RecordHeader{Key: "tracestate", Value: []byte("evil\r\nX-Injected: 1")},
		kgo.RecordHeader{Key: "other", Value: []byte("dropped")})
	if next := target.Attempt(j); next.Outcome != Delivered {
		t.Fatalf("%+v", next)
	}
	wantHeaders(t, got.header, map[string]string{
		"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "baggage": "a=b",
		"tracestate": "", "X-Injected": "", "other": "",
		"ce-specversion": "0.3", "ce-knativekafkapartition": "2", "ce-knativekafkaoffset": "40", // EG-12, EG-15
	})
}

func TestAKafkaSourceMakesEventsOfAnyRecord(t *testing.T) {
	s, got := record(t, nil)
	registry := telemetry.NewRegistry(telemetry.Options{})
	t.Cleanup(func() { _ = registry.Close(t.Context()) })
	target, err := NewTarget(Spec{
		Resource: &contract.Resource{
			Topics:              []string{"plain"},
			Reference:           &contract.Reference{Namespace: "ns", Name: "src", Kind: "KafkaSource"},
			CloudEventOverrides: &contract.CloudEventOverrides{Extensions: map[string]string{"env": "prod"}},
		},
		Egress: &contract.Egress{
			Destination: s.URL, KeyType: contract.KeyType_Integer,
			ReplyStrategy: &contract.Egress_DiscardReply{DiscardReply: &contract.Empty{}},
		},
		Clients: NewClients(), Telemetry: registry.Egress("u", telemetry.Labels{}),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(target.Release)
	next := target.Attempt(&Job{Received: time.Now(), Record: &kgo.Record{
		Topic: "plain", Partition: 3, Offset: 9, Key: []byte{0, 0, 1, 0}, Value: []byte("bytes"),
		Headers: []kgo.RecordHeader{{Key: "X-Tenant", Value: []byte("acme")}},
	}})
	if next.Outcome != Delivered || got.body != "bytes" {
		t.Fatalf("%+v, body %q", next, got.body)
	}
	wantHeaders(t, got.header, map[string]string{ // EG-61, EG-63, EG-64, EG-13
		"ce-id": "partition:3/offset:9", "ce-type": "dev.knative.kafka.event",
		"ce-source": "/apis/v1/namespaces/ns/kafkasources/src#plain", "ce-subject": "partition:3#9",
		"ce-key": "256", "ce-kafkaheaderxtenant": "acme", "ce-env": "prod", "Kn-Namespace": "ns",
	})
}

func TestARecordThatIsNoEventIsDiscardedElsewhere(t *testing.T) {
	s, got := record(t, nil)
	target := newTarget(t, NewClients(), s.URL, nil)
	t.Cleanup(target.Release)
	next := target.Attempt(&Job{Received: time.Now(), Record: &kgo.Record{Topic: "t", Value: []byte("x")}})
	if next.Outcome != Discarded || got.header != nil {
		t.Errorf("%+v (EG-59)", next)
	}
}

func TestTheFormatJSONIsStructured(t *testing.T) {
	s, got := record(t, nil)
	target := newTarget(t, NewClients(), s.URL, func(e *contract.Egress) {
		e.EgressConfig = &contract.EgressConfig{Format: "json"}
	})
	t.Cleanup(target.Release)
	if next := target.Attempt(job()); next.Outcome != Delivered {
		t.Fatalf("%+v", next)
	}
	var e cloudevent.Event
	if err := cloudevent.ParseJSON([]byte(got.body), &e); err != nil || e.ID != "1" {
		t.Errorf("body %s: %v (EG-18)", got.body, err)
	}
	wantHeaders(t, got.header, map[string]string{"Content-Type": "application/cloudevents+json", "ce-id": ""})
}

func TestWhatAnAnswerMeans(t *testing.T) {
	event := func(w http.ResponseWriter) {
		w.Header().Set("ce-specversion", "1.0")
		w.Header().Set("ce-id", "r")
		w.Header().Set("ce-source", "/r")
		w.Header().Set("ce-type", "r")
	}
	tests := map[string]struct {
		answer  func(w http.ResponseWriter)
		replies int
		outcome Outcome
	}{
		"no body is no reply (EG-51)":                   {func(w http.ResponseWriter) { w.WriteHeader(202) }, 0, Delivered},
		"a body that is no event is no reply (EG-52)":   {func(w http.ResponseWriter) { _, _ = io.WriteString(w, "ok") }, 0, Delivered},
		"a binary event without data is a reply":        {event, 1, Delivered},
		"a binary event with data is a reply":           {func(w http.ResponseWriter) { event(w); _, _ = io.WriteString(w, "x") }, 1, Delivered},
		"an event that is marked and broken has failed": {func(w http.ResponseWriter) { event(w); w.Header().Del("ce-id") }, 0, Lost},
		"a redirect is a failure, never followed":       {func(w http.ResponseWriter) { w.Header().Set("Location", "/"); w.WriteHeader(303) }, 0, Lost},
		"a structured event is a reply": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/cloudevents+json; charset=utf-8")
			_, _ = io.WriteString(w, `{"specversion":"1.0","id":"r","source":"/r","type":"r","data":{}}`)
		}, 1, Delivered},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s, _ := record(t, test.answer)
			var produced []*kgo.Record
			registry := telemetry.NewRegistry(telemetry.Options{})
			t.Cleanup(func() { _ = registry.Close(t.Context()) })
			target, err := NewTarget(Spec{
				Resource: &contract.Resource{Topics: []string{"topic"}}, Egress: &contract.Egress{Destination: s.URL},
				Clients: NewClients(), Telemetry: registry.Egress("u", telemetry.Labels{}),
				Produce: func(rec *kgo.Record, promise func(*kgo.Record, error)) {
					produced = append(produced, rec)
					promise(rec, nil)
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(target.Release)
			if next := target.Attempt(job()); next.Outcome != test.outcome || len(produced) != test.replies {
				t.Errorf("outcome %s, %d replies; %v", outcomeName(next.Outcome), len(produced), next.Err)
			}
		})
	}
}
