package integration

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/proto/contract"
	"knative.dev/eventing-kafka-go/test/integration/cluster"
	"knative.dev/eventing-kafka-go/test/integration/poll"
	"knative.dev/eventing-kafka-go/test/integration/process"
	"knative.dev/eventing-kafka-go/test/integration/traffic"
)

// backlog returns n events, spread over partitions.
func backlog(topic string, partitions int32, n int) []*kgo.Record {
	records := make([]*kgo.Record, n)
	body := make([]byte, 1024)
	for i := range records {
		records[i] = &kgo.Record{
			Topic: topic, Partition: int32(i) % partitions, Value: body,
			Headers: []kgo.RecordHeader{
				{Key: "ce_specversion", Value: []byte("1.0")}, {Key: "ce_id", Value: fmt.Appendf(nil, "backlog-%d", i)},
				{Key: "ce_source", Value: []byte("/integration")}, {Key: "ce_type", Value: []byte(traffic.Type)},
				{Key: "content-type", Value: []byte("application/octet-stream")},
			},
		}
	}
	return records
}

// An ordered egress waits for its subscriber and for nothing else. The figures depend on the machine and are only
// printed; the benchmark measures them properly.
func TestAnOrderedEgressDrainsAndFollows(t *testing.T) {
	const (
		partitions = 10
		events     = 20_000
		rate       = 200
		senders    = 4
		seconds    = 4
	)
	stalls := poll.WatchStalls(t)
	k := cluster.Start(t)
	topic := k.Topic(t, "ordered", partitions, nil)
	subscriber := traffic.NewSubscriber(t, nil)
	k.Produce(t, backlog(topic, partitions, events))
	mount := process.NewMount(t, contractOf(1, resource(k, "b", topic,
		egress(cluster.Name("ordered"), subscriber.URL, contract.DeliveryOrder_ORDERED))))
	p := process.New(t, "all", mount, 10*time.Second)
	p.Start(t)
	reach := func(n int) time.Time {
		t.Helper()
		poll.Until(t, patience, func() string {
			if have := subscriber.Distinct(); have < n {
				return fmt.Sprintf("%d events are delivered, they are %d", n, have)
			}
			return ""
		})
		return time.Now()
	}
	began := reach(1)
	first := subscriber.Distinct()
	took := reach(events).Sub(began)
	t.Logf("%s: %d events of %d partitions drained in order at %.0f/s", k.Kind(), events, partitions, float64(events-first)/took.Seconds())

	load := traffic.NewLoad(t, "e", senders, senders*time.Second/rate, at(p, "b"))
	poll.Until(t, patience, func() string {
		if n := load.Accepted(); n < rate*seconds {
			return fmt.Sprintf("%d events are taken, they are %d", rate*seconds, n)
		}
		return ""
	})
	load.Stop()
	assertNothingLost(t, k, topic, load.Ledger(), subscriber)
	latencies := subscriber.Latencies(load.Ledger())
	slices.Sort(latencies)
	quantile := func(q float64) time.Duration {
		return latencies[int(q*float64(len(latencies)-1))].Round(10 * time.Microsecond)
	}
	t.Logf("%s: from the sender's schedule to the subscriber at %d/s: p50 %v, p90 %v, p99 %v, longest %v", k.Kind(), rate, quantile(0.5), quantile(0.9), quantile(0.99), quantile(1))
	if subscriber.Repeated() > 0 {
		unlessStalled(t, stalls)("%d events were delivered again though nothing happened", subscriber.Repeated())
	}
}
