package main

import (
	"context"
	"fmt"
	"time"

	"knative.dev/eventing-kafka-go/test/performance/loadgen"
	"knative.dev/eventing-kafka-go/test/performance/report"
	"knative.dev/eventing-kafka-go/test/performance/stage"
)

// latency measures the whole way at fixed rates: from the moment when an event is due to be posted to its arrival at
// the sink.
func (b *bench) latency(ctx context.Context) error {
	all, err := b.deployAll(func(stage.Subject) (stage.Work, error) { return stage.Work{}, nil },
		func(*stage.Deployment) error { return nil }, stage.Ingress, stage.Egress)
	defer all.stop()
	if err != nil {
		return err
	}
	for _, c := range []struct {
		rate  float64
		order ordering
	}{{200, ordered}, {500, unordered}, {2000, unordered}} {
		b.inTurns(ctx, b.rounds, "end to end, open loop", fmt.Sprintf("%s, %.0f events/s", c.order, c.rate), all.subjects,
			func(s stage.Subject) ([]report.Figure, error) {
				return b.endToEnd(ctx, all.by[s.Who], c.rate, c.order == ordered)
			})
	}
	return nil
}

// warmUp is how long events are sent before they count: a quantile of the first second of a topic is one of its making.
const warmUp = time.Second

func (b *bench) endToEnd(ctx context.Context, d *stage.Deployment, rate float64, ordered bool) ([]report.Figure, error) {
	run := b.name("latency")
	topic, err := b.Broker.Topic(ctx, run, partitions)
	if err != nil {
		return nil, err
	}
	path, group := b.Sink.Path(0, run), b.Broker.Group(run)
	err = d.Apply(stage.Work{
		Ingress: []stage.IngressWork{{Path: "/" + run, Topic: topic}},
		Egress:  []stage.EgressWork{{Group: group, Topic: topic, URL: b.Sink.URL(path), Ordered: ordered}},
	})
	if err != nil {
		return nil, err
	}
	if err := b.Broker.AwaitGroups(ctx, []string{group}, aLot, d.Failed); err != nil {
		return nil, err
	}
	// The first event makes connections and fetches the topic's metadata; sinks do not count it. The first ones of each
	// partition find a log that is being made.
	if _, err := d.Await202(ctx, "/"+run, aLot); err != nil {
		return nil, err
	}
	o := loadgen.Options{URL: d.URL("/" + run), Connections: 16, Rate: rate, Duration: warmUp, Size: eventSize}
	warm, err := b.load(ctx, d, o)
	if err == nil {
		_, err = b.Sink.Await(ctx, path, warm.Statuses[202], aLot)
	}
	if err == nil {
		err = b.Sink.Forget(ctx, path)
	}
	if err != nil {
		return nil, joinFailed(err, d)
	}
	u, err := b.startUsage(d, stage.Ingress, stage.Egress)
	if err != nil {
		return nil, err
	}
	o.Duration = max(b.loadFor, time.Duration(b.tails/rate*float64(time.Second)))
	result, err := b.load(ctx, d, o)
	if err != nil {
		return nil, err
	}
	n := result.Statuses[202]
	stats, err := b.Sink.Await(ctx, path, n, aLot)
	if err != nil {
		return nil, joinFailed(err, d)
	}
	figures, err := u.perEvent(n)
	if err != nil {
		return nil, err
	}
	figures = append([]report.Figure{
		{Name: "end-to-end p50", Unit: "ms", Value: stats.Latency.P50},
		{Name: "end-to-end p99", Unit: "ms", Value: stats.Latency.P99},
		{Name: "answer p50", Unit: "ms", Value: result.Latency.P50},
		{Name: "answer p99", Unit: "ms", Value: result.Latency.P99},
	}, figures...)
	return figures, b.misdelivered(stats, false) // connections race each other to a partition, so there is no order to keep
}
