package telemetry_test

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"knative.dev/eventing-kafka-go/data-plane/telemetry"
)

func newRegistry(t testing.TB, o telemetry.Options) *telemetry.Registry {
	t.Helper()
	r := telemetry.NewRegistry(o)
	t.Cleanup(func() {
		if err := r.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
	return r
}

// scrape returns the lines of the exposition that are ours; those of the Go runtime differ from run to run.
func scrape(t testing.TB, r *telemetry.Registry) string {
	t.Helper()
	answer := httptest.NewRecorder()
	r.Handler().ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	if answer.Code != 200 {
		t.Fatalf("scrape answered %d: %s", answer.Code, answer.Body)
	}
	var ours strings.Builder
	for line := range strings.Lines(answer.Body.String()) {
		name := strings.TrimPrefix(strings.TrimPrefix(line, "# HELP "), "# TYPE ")
		if strings.HasPrefix(name, "kn_") || strings.HasPrefix(name, "kafka_") {
			ours.WriteString(line)
		}
	}
	return ours.String()
}

var (
	broker  = telemetry.Labels{Kind: "broker", Namespace: "shop", Name: "orders"}
	trigger = telemetry.Labels{Kind: "trigger", Namespace: "shop", Name: "billing", Group: "knative-trigger-shop-billing"}
	channel = telemetry.Labels{Kind: "kafkachannel", Namespace: "shop", Name: "audit", Group: "kafka.shop.audit.1"}
)

func TestExpositionOfKnownTraffic(t *testing.T) {
	r := newRegistry(t, telemetry.Options{})
	in := r.Ingress("broker-uid", broker)
	in.Answered(202, "order.created", 3*time.Millisecond)
	in.Answered(202, "order.created", 50*time.Millisecond)
	in.Answered(202, "order.paid", 51*time.Millisecond)
	in.Answered(400, "", time.Millisecond)
	in.Answered(503, "order.paid", 12*time.Second)
	in.Observe(func() telemetry.IngressGauges {
		return telemetry.IngressGauges{PendingBytes: 2048, Refusing: true, LastErrorAt: time.UnixMilli(1_700_000_000_250)}
	})
	r.Ingress("", telemetry.Labels{}).Answered(404, "", 250*time.Microsecond)

	e := r.Egress("trigger-uid", trigger)
	for range 3 {
		e.Processed("order.created", time.Millisecond)
	}
	e.Dispatched(200, "order.created", 20*time.Millisecond)
	e.Dispatched(0, "order.created", 700*time.Millisecond)
	e.Delivered()
	e.DeadLettered()
	e.Filtered()
	e.Retried()
	e.Retried()
	e.Replied()
	e.InFlight(telemetry.OpSubscriber, 2)
	e.InFlight(telemetry.OpSubscriber, -1)
	e.InFlight(telemetry.OpDeadLetter, 1)
	e.Discarded(telemetry.TypeInvalid, 4)
	e.Skipped(7)
	e.Observe(func() telemetry.EgressGauges {
		return telemetry.EgressGauges{
			LagRecords: 12, Lag: 1500 * time.Millisecond, OldestUnfinished: 2 * time.Second, InFlight: 1, Waiting: 3,
			BufferedBytes: 4096, Window: 64, Rate: 12.5, BreakerOpen: true, Halted: true, Partitions: 10, LastErrorAt: time.UnixMilli(1_700_000_000_500),
		}
	})

	// Two subscriptions of one channel: what dashboards know is added up, what has a group id is not.
	second := channel
	second.Group = "kafka.shop.audit.2"
	one, two := r.Egress("subscription-1", channel), r.Egress("subscription-2", second)
	one.Dispatched(202, "order.created", 60*time.Millisecond)
	two.Dispatched(202, "order.created", 6*time.Second)
	one.Delivered()
	two.Lost()
	q := one.Queue("knative-messaging-kafka.shop.audit", 3)
	q.Entered()
	q.Entered()
	q.Left(30 * time.Millisecond)

	r.Observe(func() telemetry.ProcessGauges {
		return telemetry.ProcessGauges{
			BufferedBytes: 8192, BudgetBytes: 16384, ContractGeneration: 17, ContractBytes: 512, RejectedEntries: 1, ContractLastGood: true,
			ContractLoadedAt: time.UnixMilli(1_700_000_000_000),
		}
	})
	c := r.KafkaClients(telemetry.KafkaConsumer)
	for _, ok := range []bool{true, true, false} {
		c.Connected(ok)
		c.Sent(100, ok)
		c.Received(200, ok)
	}
	c.Disconnected()
	c.Answered(30 * time.Millisecond)
	c.Throttled(1500 * time.Millisecond)
	c.Records(5, 400)
	r.KafkaClients(telemetry.KafkaProducer).Records(2, 30)
	if c != r.KafkaClients(telemetry.KafkaConsumer) {
		t.Error("a role has two handles")
	}
	compareGolden(t, "exposition.txt", scrape(t, r))
}

// compareGolden compares with a file in testdata; UPDATE_GOLDEN=1 writes it instead.
func compareGolden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.MkdirAll("testdata", 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got == string(want) {
		return
	}
	known := map[string]bool{}
	for line := range strings.Lines(string(want)) {
		known[line] = true
	}
	for line := range strings.Lines(got) {
		if !known[line] {
			t.Errorf("unexpected: %s", line)
		}
		delete(known, line)
	}
	for line := range known {
		t.Errorf("missing: %s", line)
	}
	t.Error("the exposition differs from testdata/" + name)
}
