package telemetry_test

import (
	"fmt"
	"log/slog"
	"maps"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"knative.dev/eventing-kafka-go/data-plane/telemetry"
)

func TestSameUIDYieldsTheSameHandleWithTheLatestLabels(t *testing.T) {
	r := newRegistry(t, telemetry.Options{})
	first := r.Egress("uid", trigger)
	first.Delivered()
	moved := trigger
	moved.Group = "another-group"
	if second := r.Egress("uid", moved); second != first {
		t.Fatal("a second handle for one uid")
	}
	got := scrape(t, r)
	if strings.Contains(got, trigger.Group) || !strings.Contains(got, `kafka_group_id="another-group"`) {
		t.Errorf("labels were not replaced:\n%s", got)
	}
}

func TestSeriesOfARemovedResourceDisappear(t *testing.T) {
	r := newRegistry(t, telemetry.Options{})
	in, e := r.Ingress("uid", broker), r.Egress("uid", trigger)
	stays := r.Ingress("stays", channel)
	stays.Answered(202, "t", time.Millisecond)
	in.Answered(202, "t", time.Millisecond)
	e.Delivered()
	e.Observe(func() telemetry.EgressGauges { return telemetry.EgressGauges{LagRecords: 5} })
	if got := scrape(t, r); !strings.Contains(got, "kn_broker_name") || !strings.Contains(got, "lag_records") {
		t.Fatalf("series are missing before:\n%s", got)
	}
	r.Remove("uid")
	in.Answered(202, "t", time.Millisecond) // a request that was under way
	got := scrape(t, r)
	if strings.Contains(got, "kn_broker_name") || strings.Contains(got, "kn_trigger_name") {
		t.Errorf("series are still there:\n%s", got)
	}
	if !strings.Contains(got, `kn_kafkachannel_name="audit"`) {
		t.Errorf("series of another resource went too:\n%s", got)
	}
}

func TestCountsSurviveAnythingThatHappensToTypes(t *testing.T) {
	r := newRegistry(t, telemetry.Options{MaxEventTypes: 1})
	in := r.Ingress("uid", broker)
	for i := range 10 {
		in.Answered(202, fmt.Sprint("type-", i), time.Millisecond)
	}
	in.Answered(403, "", time.Millisecond)
	in.Answered(503, "x", time.Millisecond)
	in.Answered(503, "y", time.Millisecond)
	got := in.Counts()
	if got.Accepted != 10 || !maps.Equal(got.Refused, map[int]uint64{403: 1, 503: 2}) {
		t.Errorf("counts are %+v", got)
	}
}

func TestEgressCountsWhatBecameOfEvents(t *testing.T) {
	e := newRegistry(t, telemetry.Options{}).Egress("uid", trigger)
	e.Delivered()
	e.Delivered()
	e.Filtered()
	e.Retried()
	e.DeadLettered()
	e.Lost()
	e.Parked()
	e.IgnoredReply()
	e.Replied()
	e.Discarded(telemetry.TypeInvalid, 3)
	e.Discarded(telemetry.TypeInvalid, -1)
	e.Skipped(5)
	e.Skipped(-2)
	want := telemetry.EgressCounts{
		Delivered: 2, Filtered: 1, Retried: 1, DeadLettered: 1, Lost: 1, Parked: 1, NoReplies: 1, Replied: 1, Discarded: 3, Skipped: 5,
	}
	if got := e.Counts(); got != want {
		t.Errorf("counts are %+v, want %+v", got, want)
	}
}

func TestTypeTagCanBeDisabled(t *testing.T) {
	r := newRegistry(t, telemetry.Options{DisableEventTypeTag: true})
	r.Ingress("in", broker).Answered(202, "secret.type", time.Millisecond)
	e := r.Egress("out", trigger)
	e.Processed("secret.type", time.Millisecond)
	e.Dispatched(200, "secret.type", time.Millisecond)
	e.Discarded(telemetry.TypeInvalid, 1)
	got := scrape(t, r)
	if strings.Contains(got, "secret.type") || strings.Contains(got, `cloudevents_type="other"`) {
		t.Errorf("types are reported:\n%s", got)
	}
	for _, series := range []string{
		`kn_eventing_dispatch_latency_ms_count{cloudevents_type="unknown",http_response_status_code="202"`,
		`kn_eventing_process_latency_ms_count{cloudevents_type="unknown"`,
		`kn_eventing_kafka_discarded_events_1_total{cloudevents_type="InvalidCloudEvent"`,
	} {
		if !strings.Contains(got, series) {
			t.Errorf("no series %s", series)
		}
	}
}

func TestLabelsThatPrometheusDoesNotTakeDoNotSpoilTheScrape(t *testing.T) {
	r := newRegistry(t, telemetry.Options{})
	in := r.Ingress("uid", broker)
	in.Answered(202, "caf\xe9", time.Millisecond)
	in.Answered(202, "caf\xe8", time.Millisecond) // the same label once it is valid
	in.Answered(202, strings.Repeat("x", 100_000), time.Millisecond)
	in.Answered(202, "quote\"newline\n", time.Millisecond)
	got := scrape(t, r)
	for _, series := range []string{
		"latency_ms_count{cloudevents_type=\"caf\uFFFD\",http_response_status_code=\"202\",kn_broker_name=\"orders\",kn_broker_namespace=\"shop\"} 2\n",
		`latency_ms_count{cloudevents_type="other",http_response_status_code="202",kn_broker_name="orders",kn_broker_namespace="shop"} 1`,
		`latency_ms_count{cloudevents_type="quote\"newline\n",`,
	} {
		if !strings.Contains(got, series) {
			t.Errorf("no series %s in\n%s", series, got)
		}
	}
}

func TestStatusCodesOfASubscriberAreBounded(t *testing.T) {
	r := newRegistry(t, telemetry.Options{})
	e := r.Egress("uid", trigger)
	for code := 200; code < 600; code++ {
		e.Dispatched(code, "t", time.Millisecond)
	}
	got := scrape(t, r)
	if n := strings.Count(got, "kn_eventing_dispatch_latency_ms_count{"); n != 33 {
		t.Errorf("%d codes have series", n)
	}
	if !strings.Contains(got, `http_response_status_code="other",kn_trigger_name="billing",kn_trigger_namespace="shop",messaging_consumer_group_name="billing"} 368`) {
		t.Errorf("the rest is not in one series:\n%s", got)
	}
}

func TestRegistriesOfOneProcessDoNotSeeEachOther(t *testing.T) {
	one, two := newRegistry(t, telemetry.Options{}), newRegistry(t, telemetry.Options{})
	one.Ingress("uid", telemetry.Labels{Kind: "broker", Name: "one"}).Answered(202, "t", time.Millisecond)
	two.Ingress("uid", telemetry.Labels{Kind: "broker", Name: "two"}).Answered(202, "t", time.Millisecond)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { expectOnly(t, one, "one", "two") })
		wg.Go(func() { expectOnly(t, two, "two", "one") })
	}
	wg.Wait()
}

func expectOnly(t *testing.T, r *telemetry.Registry, own, other string) {
	got := scrape(t, r)
	if !strings.Contains(got, `kn_broker_name="`+own+`"`) || strings.Contains(got, `kn_broker_name="`+other+`"`) {
		t.Errorf("scrape of %s shows:\n%s", own, got)
	}
}

func TestAClosedRegistryServesNoEvents(t *testing.T) {
	r := telemetry.NewRegistry(telemetry.Options{Log: slog.New(slog.DiscardHandler)})
	r.Ingress("uid", broker).Answered(202, "t", time.Millisecond)
	if err := r.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := scrape(t, r); got != "" {
		t.Errorf("still served:\n%s", got)
	}
}

func TestRuntimeAndProcessMetricsAreServed(t *testing.T) {
	r := newRegistry(t, telemetry.Options{})
	answer := httptest.NewRecorder()
	r.Handler().ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	for _, name := range []string{"\ngo_goroutines ", "\ngo_memstats_heap_alloc_bytes ", "\nprocess_cpu_seconds_total "} {
		if !strings.Contains(answer.Body.String(), name) {
			t.Errorf("no %q", name)
		}
	}
	if kind := answer.Header().Get("Content-Type"); !strings.HasPrefix(kind, "text/plain; version=0.0.4") {
		t.Errorf("content type is %q", kind)
	}
}

func TestScrapesWhileEverythingIsRecordedAddUp(t *testing.T) {
	const writers, each = 4, 2000
	r := newRegistry(t, telemetry.Options{MaxEventTypes: 3})
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for n := range each {
				e := r.Egress("uid", trigger)
				e.Processed(fmt.Sprint("type-", n%7), time.Duration(n)*time.Millisecond)
				e.Dispatched(200+n%3, "t", time.Millisecond)
				e.Delivered()
				e.Queue("topic", int32(w)).Entered()
				r.Ingress(fmt.Sprint("gone-", n%5), broker).Answered(202, "t", 0)
				r.Remove(fmt.Sprint("gone-", n%5))
			}
		})
	}
	for range 10 {
		scrape(t, r)
	}
	wg.Wait()
	if got := r.Egress("uid", trigger).Counts().Delivered; got != writers*each {
		t.Errorf("%d delivered, want %d", got, writers*each)
	}
	r.Egress("uid", trigger).RemoveQueue("topic", 0)
	got := scrape(t, r)
	if strings.Contains(got, `partition_id="0"`) || !strings.Contains(got, `partition_id="1"} 2000`) {
		t.Errorf("queues are wrong:\n%s", got)
	}
}
