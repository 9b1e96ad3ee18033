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

// floorInFlight is how many deliveries the floor makes at a time where there is no order.
const floorInFlight = 100

// drained is a backlog that is delivered.
type drained struct {
	order   ordering
	delay   time.Duration // of the sink's answer
	events  uint64
	atATime uint32 // deliveries of ours at the most, 0 for what it decides
	topic   string // that is filled already, with keys; "" for a new one
}

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
			n, rounds := b.backlog(o, delay), b.rounds
			if delay == 0 {
				rounds *= 3 // each takes less than a second, in which a shared machine may do something else
			}
			b.inTurns(ctx, rounds, "egress, drain", fmt.Sprintf("%s, sink %v", o, delay), all.subjects,
				func(s stage.Subject) ([]report.Figure, error) {
					return b.drainOnce(ctx, all.by[s.Who], drained{order: o, delay: delay, events: n})
				})
			if o == ordered || delay == 0 {
				continue // as many at a time as there are partitions; or no more than what is enough
			}
			// More deliveries at a time make an event cost more, and the floor has no more than these.
			b.inTurns(ctx, b.rounds, "egress, drain, at most 100 at a time", fmt.Sprintf("%s, sink %v", o, delay), all.subjects,
				func(s stage.Subject) ([]report.Figure, error) {
					return b.drainOnce(ctx, all.by[s.Who], drained{order: o, delay: delay, events: n, atATime: floorInFlight})
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

func (b *bench) drainOnce(ctx context.Context, d *stage.Deployment, w drained) ([]report.Figure, error) {
	run, n := b.name("drain"), w.events
	var err error
	if w.topic == "" {
		if w.topic, err = b.filled(ctx, run, n, w.order == byKey); err != nil {
			return nil, err
		}
	}
	path := b.Sink.Path(w.delay, run)
	u, err := b.startUsage(d, stage.Egress)
	if err != nil {
		return nil, err
	}
	err = d.Apply(stage.Work{Egress: []stage.EgressWork{{
		Group: b.Broker.Group(run), Topic: w.topic, URL: b.Sink.URL(path), Ordered: w.order == ordered, ByKey: w.order == byKey,
		Concurrency: w.atATime,
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
	rate := float64(n) / (stats.Elapsed() + w.delay).Seconds()
	figures = append([]report.Figure{{Name: "throughput", Unit: "events/s", Value: rate}}, figures...)
	return figures, b.misdelivered(stats, w.order == ordered || w.order == byKey && d.Who == report.Ours)
}

// filled is a new topic with n events, with even keys or none.
func (b *bench) filled(ctx context.Context, name string, n uint64, keys bool) (string, error) {
	topic, err := b.Broker.Topic(ctx, name, partitions)
	if err != nil {
		return "", err
	}
	if keys {
		return topic, b.Broker.FillKeys(ctx, topic, partitions, n, eventSize, evenly)
	}
	return topic, b.Broker.Fill(ctx, topic, partitions, n, eventSize)
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
