package main

import (
	"context"
	"fmt"
	"time"

	"knative.dev/eventing-kafka-go/test/performance/report"
	"knative.dev/eventing-kafka-go/test/performance/stage"
	"knative.dev/eventing-kafka-go/test/performance/wire"
)

const sectionTriggers = "Triggers of one topic, one of which wants the events"

// triggersOnOneTopic measures what an event costs when many Triggers look at it and one takes it.
func (b *bench) triggersOnOneTopic(ctx context.Context) error {
	for _, n := range b.triggers {
		events := min(uint64(b.evaluations/n), b.drainEvents) / partitions * partitions
		rounds := b.rounds
		if n > 100 {
			rounds = 1 // it takes longer to join than to measure
		}
		b.inTurns(ctx, rounds, sectionTriggers, count(n, "Trigger"), b.ours(), func(s stage.Subject) ([]report.Figure, error) {
			return b.triggersOnce(ctx, s, n, events)
		})
	}
	return nil
}

func (b *bench) triggersOnce(ctx context.Context, s stage.Subject, n int, events uint64) ([]report.Figure, error) {
	run := b.name("triggers")
	topic, err := b.Broker.Topic(ctx, run, partitions)
	if err != nil {
		return nil, err
	}
	path := b.Sink.Path(0, run)
	var work stage.Work
	var groups []string
	for i := range n {
		groups = append(groups, b.Broker.Group(fmt.Sprintf("%s-%d", run, i)))
		wants := wire.Type
		if i > 0 {
			wants = fmt.Sprintf("%s.%d", wire.Type, i)
		}
		work.Egress = append(work.Egress, stage.EgressWork{Group: groups[i], Topic: topic, URL: b.Sink.URL(path), Type: wants})
	}
	d, err := b.Deploy(s, work, stage.Egress)
	if err != nil {
		return nil, err
	}
	defer d.Stop()
	if err := b.Broker.AwaitGroups(ctx, groups, 5*aLot, d.Failed); err != nil {
		return nil, err
	}
	u, err := b.startUsage(d, stage.Egress)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := b.Broker.Fill(ctx, topic, partitions, events, eventSize); err != nil {
		return nil, err
	}
	if err := b.Broker.AwaitCommits(ctx, groups, topic, 5*aLot, d.Failed); err != nil {
		return nil, err
	}
	took := time.Since(began)
	figures, err := u.perEvent(events)
	if err != nil {
		return nil, err
	}
	stats, err := b.Sink.Await(ctx, path, events, aLot)
	if err != nil {
		return nil, err
	}
	evaluation := report.Figure{Name: "CPU per event and Trigger", Unit: "µs", Value: figures[0].Value / float64(n)}
	rate := report.Figure{Name: "throughput", Unit: "events/s", Value: float64(events) / took.Seconds()}
	return append([]report.Figure{rate, evaluation}, figures...), b.misdelivered(stats, false)
}
