package egress

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"knative.dev/eventing-kafka-go/data-plane/delivery"
	"knative.dev/eventing-kafka-go/data-plane/kafka"
	"knative.dev/eventing-kafka-go/data-plane/telemetry"
)

// idleGroup is a group that has one partition from offset 0 on, without Kafka, and delivers nothing.
func idleGroup() (*group, *partition) {
	o := Options{Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Consumer: kafka.DefaultConsumerConfig()}.withDefaults()
	stats := telemetry.NewRegistry(telemetry.Options{}).Egress("a", telemetry.Labels{})
	g := &group{
		options: o, started: time.Now(), log: o.Log, stats: stats, wait: o.Consumer.NewFetchWait(),
		target: &targetRef{Target: &delivery.Target{}, stats: stats}, pacing: pacing{share: o.Budget.Join("ns")},
		partitions: map[topicPartition]*partition{}, committer: committer{load: o.load}, stopping: true,
	}
	g.idle.L = &g.mu
	g.membership.init(o.Consumer, g.wake)
	g.scripted.commit = func(*due) (*kmsg.OffsetCommitResponse, error) { return kmsg.NewPtrOffsetCommitResponse(), nil }
	g.repace(nil, g.target)
	g.onAssigned(context.Background(), nil, map[string][]int32{stagePartition: {0}})
	p := g.partitions[topicPartition{stagePartition, 0}]
	g.mu.Lock()
	defer g.mu.Unlock()
	g.begins(p, kmsg.OffsetFetchResponseGroupTopicPartition{Partition: 0, Offset: 0})
	return g, p
}

// bodyBytes is the size of the events whose memory is measured.
const bodyBytes = 1 << 10

// fill makes events as they come from a fetch, and hands them to the group.
func fill(g *group, p *partition, n int) (counted int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	for i := range n {
		rec := event(stagePartition, 0, fmt.Sprintf("id-%d", i))
		rec.Offset, rec.Timestamp, rec.Value = int64(i), now, make([]byte, bodyBytes)
		rec.Headers = append(rec.Headers, kgo.RecordHeader{Key: "ce_time", Value: []byte("2026-01-01T00:00:00.000000000Z")},
			kgo.RecordHeader{Key: "content-type", Value: []byte("application/json")})
		g.enqueue(p, rec, now, false)
	}
	return p.bytes
}

// heap is what is in use after everything else was collected.
func heap() int64 {
	runtime.GC()
	runtime.GC() // finalizers and pools need another one
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// What an event costs while it waits: to be delivered, and between two attempts. The budget counts about that.
func BenchmarkMemoryOfAWaitingEvent(b *testing.B) {
	const events = 900 // as many as may be in retry
	for b.Loop() {
		before := heap()
		g, p := idleGroup()
		counted := fill(g, p, events)
		ready := heap() - before
		g.mu.Lock()
		g.lanes.limit = events
		for range events {
			t := g.lanes.take()
			if t == nil {
				b.Fatal("nothing to take")
			}
			p.stops(t)
			g.putAside(t, time.Hour)
		}
		g.mu.Unlock()
		retried := heap() - before
		b.ReportMetric(float64(ready)/events, "B/ready-event")
		b.ReportMetric(float64(retried)/events, "B/retried-event")
		b.ReportMetric(float64(counted)/events, "B/counted")
		runtime.KeepAlive(p)
	}
}
