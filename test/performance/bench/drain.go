package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"knative.dev/eventing-kafka-go/test/performance/collect"
	"knative.dev/eventing-kafka-go/test/performance/report"
	"knative.dev/eventing-kafka-go/test/performance/stage"
)

// drain measures how fast a backlog is delivered.
func (b *bench) drain(ctx context.Context) error {
	all, err := b.deployAll(func(stage.Subject) (stage.Work, error) { return stage.Work{}, nil },
		func(*stage.Deployment) error { return nil }, stage.Egress)
	defer all.stop()
	if err != nil {
		return err
	}
	for _, o := range []ordering{ordered, byKey, unordered} {
		for _, delay := range []time.Duration{0, 10 * time.Millisecond, 100 * time.Millisecond} {
			n := b.backlog(o, delay)
			b.inTurns(ctx, b.rounds, "egress, drain", fmt.Sprintf("%s, sink %v", o, delay), all.subjects,
				func(s stage.Subject) ([]report.Figure, error) {
					return b.drainOnce(ctx, all.by[s.Who], o, delay, n)
				})
		}
	}
	b.inTurns(ctx, 1, "egress, drain", "after all rounds", all.subjects, func(s stage.Subject) ([]report.Figure, error) {
		return peakMemory(all.by[s.Who], stage.Egress)
	})
	return nil
}

// backlog is the number of events that take the floor about as long as the settings say: one at a time of each
// partition, or a hundred at a time of all.
func (b *bench) backlog(o ordering, delay time.Duration) uint64 {
	if delay == 0 {
		return b.drainEvents
	}
	atATime := 100.0
	if o == ordered {
		atATime = partitions
	}
	return uint64(atATime*b.drainSeconds/delay.Seconds()) / partitions * partitions
}

func (b *bench) drainOnce(ctx context.Context, d *stage.Deployment, o ordering, delay time.Duration, n uint64) ([]report.Figure, error) {
	run := b.name("drain")
	topic, err := b.Broker.Topic(ctx, run, partitions)
	if err != nil {
		return nil, err
	}
	if o == byKey {
		err = b.Broker.FillKeys(ctx, topic, partitions, n, eventSize, evenly)
	} else {
		err = b.Broker.Fill(ctx, topic, partitions, n, eventSize)
	}
	if err != nil {
		return nil, err
	}
	path := b.Sink.Path(delay, run)
	u, err := b.startUsage(d, stage.Egress)
	if err != nil {
		return nil, err
	}
	err = d.Apply(stage.Work{Egress: []stage.EgressWork{{
		Group: b.Broker.Group(run), Topic: topic, URL: b.Sink.URL(path), Ordered: o == ordered, ByKey: o == byKey,
	}}})
	if err != nil {
		return nil, err
	}
	stats, err := b.Sink.Await(ctx, path, n, 2*aLot)
	if err != nil {
		return nil, joinFailed(err, d)
	}
	figures, err := u.perEvent(n)
	if err != nil {
		return nil, err
	}
	if err := d.Apply(stage.Work{}); err != nil {
		return nil, err
	}
	// The last event is finished a delay after it came.
	rate := float64(n) / (stats.Elapsed() + delay).Seconds()
	figures = append([]report.Figure{{Name: "throughput", Unit: "events/s", Value: rate}}, figures...)
	return figures, b.misdelivered(stats, o == ordered || o == byKey && d.Who == report.Ours)
}

// misdelivered finds what must not happen while nothing fails and nothing is restarted.
func (b *bench) misdelivered(stats collect.Stats, ordered bool) error {
	var errs []error
	if stats.Repeated > 0 {
		errs = append(errs, fmt.Errorf("%d events were delivered again", stats.Repeated))
	}
	if ordered && stats.Disordered > 0 {
		errs = append(errs, fmt.Errorf("%d events came out of order", stats.Disordered))
	}
	if n := stats.Refused - b.refused; n > 0 {
		b.refused = stats.Refused
		errs = append(errs, fmt.Errorf("the sink refused %d requests: %s", n, stats.Refusal))
	}
	return errors.Join(errs...)
}

// ordering is what an egress keeps in order, in the words of the report.
type ordering string

const (
	ordered   ordering = "ordered"
	byKey     ordering = "by key"
	unordered ordering = "unordered"
)

// joinFailed adds how a process has ended to what came of it.
func joinFailed(err error, d *stage.Deployment) error { return errors.Join(err, d.Failed()) }
