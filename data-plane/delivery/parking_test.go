package delivery

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/data-plane/cloudevent"
	"knative.dev/eventing-kafka-go/data-plane/telemetry"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// bench is a target with a parking topic, a subscriber and a dead letter sink that answer as told.
type bench struct {
	target     *Target
	stats      *telemetry.Egress
	subscriber *recorded
	dead       *recorded
	parked     []*kgo.Record
	refusal    error // of the parking topic
}

func newBench(t *testing.T, subscriber, dead func(w http.ResponseWriter), edit func(*contract.Resource, *contract.Egress)) *bench {
	t.Helper()
	b := &bench{}
	s, called := record(t, subscriber)
	d, asked := record(t, dead)
	b.subscriber, b.dead = called, asked
	registry := telemetry.NewRegistry(telemetry.Options{})
	t.Cleanup(func() { _ = registry.Close(t.Context()) })
	b.stats = registry.Egress("u", telemetry.Labels{})
	r := &contract.Resource{
		Uid: "r-uid", Topics: []string{"topic"}, ParkingTopic: "parked",
		Reference: &contract.Reference{Namespace: "ns", Name: "br", Kind: "Broker"},
	}
	e := &contract.Egress{
		Uid: "e-uid", Destination: s.URL, ConsumerGroup: "group",
		EgressConfig: &contract.EgressConfig{DeadLetter: d.URL},
		Reference:    &contract.Reference{Namespace: "ns", Name: "tr", Kind: "Trigger"},
	}
	if edit != nil {
		edit(r, e)
	}
	var err error
	b.target, err = NewTarget(Spec{Resource: r, Egress: e, Clients: NewClients(), Telemetry: b.stats,
		Produce: func(rec *kgo.Record, promise func(*kgo.Record, error)) {
			if b.refusal == nil {
				b.parked = append(b.parked, rec)
			}
			promise(rec, b.refusal)
		}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.target.Release)
	return b
}

func fails(status int) func(w http.ResponseWriter) {
	return func(w http.ResponseWriter) { w.WriteHeader(status) }
}

func headersOf(rec *kgo.Record) map[string]string {
	all := map[string]string{}
	for _, h := range rec.Headers {
		all[h.Key] = string(h.Value)
	}
	return all
}

func TestAnEventThatItsDeadLetterSinkRefusesIsParked(t *testing.T) {
	b := newBench(t, fails(400), fails(503), nil)
	j := job()
	j.Record.Key, j.Record.Timestamp = []byte("key"), time.UnixMilli(1_700_000_000_000)
	if next := b.target.Attempt(j); next.Outcome != Parked || len(b.parked) != 1 || b.stats.Counts().Parked != 1 {
		t.Fatalf("%+v, %d records, %+v", next, len(b.parked), b.stats.Counts())
	}
	rec := b.parked[0]
	if rec.Topic != "parked" || string(rec.Key) != "key" || string(rec.Value) != "data" {
		t.Errorf("topic %q, key %q, value %q", rec.Topic, rec.Key, rec.Value)
	}
	got := headersOf(rec)
	for _, name := range []string{"first-attempt", "last-attempt", "at"} {
		if _, err := time.Parse(time.RFC3339Nano, got[parkedPrefix+name]); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		delete(got, parkedPrefix+name)
	}
	want := map[string]string{
		"ce_specversion": "0.3", "ce_id": "1", "ce_source": "/s", "ce_type": "t", // as it was
		"kn-parked-reason": "dead letter sink: answered 503 Service Unavailable", "kn-parked-topic": "topic", "kn-parked-partition": "2",
		"kn-parked-offset": "40", "kn-parked-timestamp": "2023-11-14T22:13:20Z", "kn-parked-group": "group",
		"kn-parked-resource": "Broker ns/br", "kn-parked-resource-uid": "r-uid", "kn-parked-egress": "Trigger ns/tr",
		"kn-parked-egress-uid": "e-uid", "kn-parked-subscriber": b.target.Destination(), "kn-parked-attempts": "1", "kn-parked-last-status": "400",
	}
	if !maps.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestAParkedEventIsInBinaryModeWhateverItWas(t *testing.T) {
	b := newBench(t, fails(400), fails(503), nil)
	j := &Job{Received: time.Now(), Record: &kgo.Record{
		Topic: "topic", Key: []byte("key"), Value: []byte(`{"specversion":"1.0","id":"5","source":"/s","type":"t","data":{"a":1}}`),
		Headers: []kgo.RecordHeader{
			{Key: "content-type", Value: []byte("application/cloudevents+json")},
			{Key: "kn-parked-reason", Value: []byte("parked before")},
		},
	}}
	if next := b.target.Attempt(j); next.Outcome != Parked {
		t.Fatalf("%+v", next)
	}
	var e cloudevent.Event
	if err := cloudevent.FromRecord(b.parked[0], &e); err != nil || e.ID != "5" || string(e.Data) != `{"a":1}` || string(b.parked[0].Key) != "key" {
		t.Errorf("%v, %+v, key %q", err, e, b.parked[0].Key)
	}
	reasons := 0
	for _, h := range b.parked[0].Headers {
		if h.Key == "kn-parked-reason" {
			reasons++
		}
	}
	if reasons != 1 {
		t.Errorf("%d reasons", reasons)
	}
}

func TestWhatCannotBeParkedIsHeldAndTriedInTurn(t *testing.T) {
	b := newBench(t, fails(400), fails(503), nil)
	b.refusal = errors.New("topic authorization failed")
	j := job()
	if next := b.target.Attempt(j); next.Outcome != Pending || next.Wait != time.Second || !strings.Contains(next.Err.Error(), "authorization") {
		t.Fatalf("%+v", next)
	}
	b.refusal = nil
	if next := b.target.Attempt(j); next.Outcome != Parked || len(b.parked) != 1 {
		t.Errorf("afterwards: %+v", next)
	}
	if n := b.stats.Counts().Lost; n != 0 {
		t.Errorf("%d lost", n)
	}
}

func TestAnEgressThatReadsTheParkingTopicDoesNotParkIntoIt(t *testing.T) {
	b := newBench(t, fails(400), fails(503), func(r *contract.Resource, _ *contract.Egress) {
		r.Topics = []string{"topic", "parked"}
	})
	if next := b.target.Attempt(job()); next.Outcome != Pending || len(b.parked) != 0 {
		t.Errorf("%+v, %d parked", next, len(b.parked))
	}
}

func TestRecordsThatAreNoEventsObeyThePolicyOfTheResource(t *testing.T) { // EG-59
	plain := func() *Job {
		return &Job{Received: time.Now(), Record: &kgo.Record{
			Topic: "topic", Partition: 2, Offset: 40, Key: []byte("k"), Value: []byte("plain"),
			Headers: []kgo.RecordHeader{{Key: "X-Tenant", Value: []byte{0xff, 'a'}}},
		}}
	}
	set := func(policy contract.InvalidRecords, kind, topic string) func(*contract.Resource, *contract.Egress) {
		return func(r *contract.Resource, _ *contract.Egress) {
			r.InvalidRecords, r.Reference.Kind, r.ParkingTopic = policy, kind, topic
		}
	}
	t.Run("discarded", func(t *testing.T) {
		b := newBench(t, nil, nil, set(contract.InvalidRecords_DISCARD, "Broker", "parked"))
		if next := b.target.Attempt(plain()); next.Outcome != Discarded || b.stats.Counts().Discarded != 1 || b.subscriber.header != nil {
			t.Errorf("%+v", next)
		}
	})
	for kind, plural := range map[string]string{"Broker": "brokers", "KafkaChannel": "kafkachannels", "KafkaSource": "kafkasources"} {
		t.Run("wrapped for a "+kind, func(t *testing.T) {
			b := newBench(t, nil, nil, set(contract.InvalidRecords_WRAP, kind, "parked"))
			if next := b.target.Attempt(plain()); next.Outcome != Delivered || b.subscriber.body != "plain" {
				t.Fatalf("%+v, body %q", next, b.subscriber.body)
			}
			wantHeaders(t, b.subscriber.header, map[string]string{
				"ce-type": "dev.knative.kafka.event", "ce-source": "/apis/v1/namespaces/ns/" + plural + "/br#topic",
				"ce-id": "partition:2/offset:40", "ce-key": "k", "ce-knativekafkaoffset": "40",
			})
		})
	}
	t.Run("parked as they are", func(t *testing.T) {
		b := newBench(t, nil, nil, set(contract.InvalidRecords_PARK, "Broker", "parked"))
		next := b.target.Attempt(plain())
		if next.Outcome != Parked || len(b.parked) != 1 || b.subscriber.header != nil || b.dead.header != nil || b.stats.Counts().Discarded != 0 {
			t.Fatalf("%+v", next)
		}
		got := headersOf(b.parked[0])
		if string(b.parked[0].Value) != "plain" || string(b.parked[0].Key) != "k" || got["X-Tenant"] != "\xffa" {
			t.Errorf("%+v", b.parked[0])
		}
		if got["kn-parked-reason"] != cloudevent.ErrNotCloudEvent.Error() || got["kn-parked-offset"] != "40" || got["kn-parked-attempts"] != "" {
			t.Errorf("headers %v", got)
		}
	})
	t.Run("held without a parking topic", func(t *testing.T) {
		b := newBench(t, nil, nil, set(contract.InvalidRecords_PARK, "Broker", ""))
		j := plain()
		for _, want := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
			if next := b.target.Attempt(j); next.Outcome != Pending || next.Wait != want || !errors.Is(next.Err, errNoParking) {
				t.Errorf("%+v, want a wait of %v", next, want)
			}
		}
		wraps := newBench(t, nil, nil, set(contract.InvalidRecords_WRAP, "Broker", ""))
		if next := wraps.target.Attempt(j); next.Outcome != Delivered {
			t.Errorf("under a contract that makes events of them: %+v", next)
		}
	})
}

func TestADeadLetterSaysWhereItComesFromAndHowItFared(t *testing.T) { // EG-48
	statuses := []int{503, 500}
	b := newBench(t, func(w http.ResponseWriter) {
		w.Header().Set("kne-knativekafkaattempts", "99") // nobody's to set
		w.WriteHeader(statuses[0])
		statuses = statuses[1:]
	}, nil, func(_ *contract.Resource, e *contract.Egress) { e.EgressConfig.Retry = 1 })
	before := time.Now()
	if next := finish(b.target, job()); next.Outcome != DeadLettered {
		t.Fatalf("%+v", next)
	}
	wantHeaders(t, b.dead.header, map[string]string{
		"ce-knativekafkatopic": "topic", "ce-knativekafkapartition": "2", "ce-knativekafkaoffset": "40",
		"ce-knativekafkagroup": "group", "ce-knativekafkaattempts": "2", "ce-knativekafkalaststatus": "500",
		"ce-knativeerrorcode": "500", "ce-knativeerrordest": b.target.Destination(),
	})
	first, err1 := time.Parse(time.RFC3339Nano, b.dead.header.Get("ce-knativekafkafirstattempt"))
	last, err2 := time.Parse(time.RFC3339Nano, b.dead.header.Get("ce-knativekafkalastattempt"))
	if err1 != nil || err2 != nil || first.Before(before.Add(-time.Millisecond)) || last.Before(first) || last.After(time.Now()) {
		t.Errorf("first %v (%v), last %v (%v)", first, err1, last, err2)
	}
	if b.subscriber.header.Get("ce-knativekafkatopic") != "" {
		t.Error("the subscriber got the provenance of a dead letter")
	}
}

func TestWhatAnEarlierOwnerKnewIsNotMadeUp(t *testing.T) {
	b := newBench(t, nil, nil, func(_ *contract.Resource, e *contract.Egress) { e.EgressConfig.Retry = 2 })
	j := job()
	j.Restore(3, 0)
	if next := b.target.Attempt(j); next.Outcome != DeadLettered {
		t.Fatalf("%+v", next)
	}
	wantHeaders(t, b.dead.header, map[string]string{
		"ce-knativekafkaattempts": "3", "ce-knativekafkafirstattempt": "", "ce-knativekafkalastattempt": "", "ce-knativekafkalaststatus": "",
		"ce-knativeerrorcode": "",
	})
}

func TestAnAnswerThatIsNoEventIsAFailureOnlyWhereThatIsAskedFor(t *testing.T) { // EG-52
	ok := func(w http.ResponseWriter) { _, _ = io.WriteString(w, "ok") }
	strict := func(_ *contract.Resource, e *contract.Egress) { e.StrictReplies = true }
	lax := newBench(t, ok, ok, nil)
	if next := lax.target.Attempt(job()); next.Outcome != Delivered || !next.NoReply || lax.stats.Counts().NoReplies != 1 {
		t.Errorf("by default: %+v", next)
	}
	b := newBench(t, ok, ok, strict)
	if next := b.target.Attempt(job()); next.Outcome != DeadLettered || next.NoReply { // what the sink answers is no failure
		t.Errorf("strict: %+v", next)
	}
	wantHeaders(t, b.dead.header, map[string]string{"ce-knativeerrorcode": "200", "ce-knativeerrordata": "b2s="})
	empty := newBench(t, fails(202), nil, strict)
	if next := empty.target.Attempt(job()); next.Outcome != Delivered || next.NoReply {
		t.Errorf("strict, without a body (EG-51): %+v", next)
	}
	nowhere := newBench(t, ok, nil, func(_ *contract.Resource, e *contract.Egress) {
		e.StrictReplies, e.ReplyStrategy = true, &contract.Egress_DiscardReply{DiscardReply: &contract.Empty{}}
	})
	if next := nowhere.target.Attempt(job()); next.Outcome != Delivered {
		t.Errorf("strict, where replies go nowhere: %+v", next)
	}
}

// Whoever was told something and answered 2xx has it: a broken event in that answer takes nothing back (EG-54).
func TestABrokenEventInTheAnswerOfADeadLetterSinkIsForgiven(t *testing.T) {
	b := newBench(t, fails(400), func(w http.ResponseWriter) { w.Header().Set("ce-specversion", "1.0") }, nil)
	if next := b.target.Attempt(job()); next.Outcome != DeadLettered {
		t.Errorf("%+v", next)
	}
}

func TestAnAttemptThatIsSparedUsesUpNoRetry(t *testing.T) {
	b := newBench(t, fails(503), nil, nil)
	j := job()
	asked := 0
	j.Spare = func(c Call) bool {
		if !c.Made || c.Status != 503 {
			t.Errorf("asked about %+v", c)
		}
		asked++
		return asked <= 5
	}
	for range 5 {
		if next := b.target.Attempt(j); next.Outcome != Pending || next.Wait != 0 || next.Err == nil || j.Tried() != 0 {
			t.Fatalf("%+v after %d attempts", next, j.Tried())
		}
	}
	if next := b.target.Attempt(j); next.Outcome != DeadLettered {
		t.Errorf("%+v", next)
	}
}

func TestARefusedConnectionIsForgivenWithinTheGrace(t *testing.T) {
	b := newBench(t, nil, nil, func(_ *contract.Resource, e *contract.Egress) {
		e.Destination, e.Pace = "http://127.0.0.1:1", &contract.Pace{RefusalGrace: 3_600_000}
	})
	j := job()
	for range 3 {
		if next := b.target.Attempt(j); next.Outcome != Pending || next.Wait < freePause || next.Subscriber.Cause != Unreachable {
			t.Fatalf("%+v", next)
		}
	}
	j.first = j.first.Add(-2 * time.Hour)
	if next := b.target.Attempt(j); next.Outcome != DeadLettered || j.Calls() != 4 {
		t.Errorf("after the grace: %+v, %d calls", next, j.Calls())
	}
}
