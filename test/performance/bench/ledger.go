package main

import (
	"context"
	"slices"
	"time"

	"knative.dev/eventing-kafka-go/test/performance/report"
	"knative.dev/eventing-kafka-go/test/performance/stage"
)

const sectionLedger = "ledger, processor time of a drain, sink 0s"

// ledger measures what the ledger costs: the same drain by processes with and without it, in turns.
func (b *bench) ledger(ctx context.Context) error {
	for _, o := range b.priced {
		cost := map[string][]float64{}
		for range b.rounds {
			for _, v := range []struct{ name, env string }{{"on", "DELIVERY_LEDGER="}, {"off", "DELIVERY_LEDGER=off"}} {
				b.inTurns(ctx, 1, sectionLedger, string(o)+", ledger "+v.name, b.ours(), func(s stage.Subject) ([]report.Figure, error) {
					figures, err := b.ledgerOnce(ctx, s.With(v.env), o)
					if err == nil {
						cost[v.name] = append(cost[v.name], figures[1].Value)
					}
					return figures, err
				})
			}
		}
		if len(cost["on"]) > 0 && len(cost["off"]) > 0 {
			more := (middle(cost["on"])/middle(cost["off"]) - 1) * 100
			b.report.Add(sectionLedger, string(o), report.Ours, report.Figure{Name: "price of the ledger", Unit: "%", Value: more})
		}
	}
	return nil
}

func (b *bench) ledgerOnce(ctx context.Context, s stage.Subject, o ordering) ([]report.Figure, error) {
	d, err := b.Deploy(s, stage.Work{}, stage.Egress)
	if err != nil {
		return nil, err
	}
	defer d.Stop()
	if _, err := b.drainOnce(ctx, d, o, 0, b.drainEvents/10/partitions*partitions); err != nil { // connections, memory
		return nil, err
	}
	return b.drainOnce(ctx, d, o, 0, b.drainEvents)
}

func middle(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

const (
	sectionCommits = "active egresses, one partition each, two events a second; floor: commits every 5 s"
	activeRate     = 2
)

// rareCommits is how often egresses commit that do it by a clock.
const rareCommits = 5 * time.Second

// commits measures what it costs brokers and processes that everything which is finished is committed soon, against a
// floor that commits every 5 s.
func (b *bench) commits(ctx context.Context) error {
	var topics []string
	subjects := slices.Clone(b.Subjects)
	for i := range subjects {
		if subjects[i].Who == report.Floor {
			subjects[i] = subjects[i].Committing(rareCommits)
		}
	}
	for _, n := range b.active {
		more, err := b.Broker.Topics(ctx, b.name("active"), n-len(topics), 1)
		if err != nil {
			return err
		}
		topics = append(topics, more...)
		b.inTurns(ctx, 1, sectionCommits, count(n, "egress"), subjects, func(s stage.Subject) ([]report.Figure, error) {
			return b.commitsOnce(ctx, s, topics)
		})
	}
	return nil
}

func (b *bench) commitsOnce(ctx context.Context, s stage.Subject, topics []string) ([]report.Figure, error) {
	run := b.name("active")
	var w stage.Work
	var groups []string
	for _, topic := range topics {
		group := b.Broker.Group(run + "-" + topic)
		groups = append(groups, group)
		w.Egress = append(w.Egress, stage.EgressWork{Group: group, Topic: topic, URL: b.Sink.URL(b.Sink.Path(0, run))})
	}
	d, err := b.Deploy(s, w, stage.Egress)
	if err != nil {
		return nil, err
	}
	defer d.Stop()
	if err := b.Broker.AwaitGroups(ctx, groups, 2*aLot, d.Failed); err != nil {
		return nil, err
	}
	if err := b.Broker.Trickle(ctx, topics, activeRate, b.activeFor/4); err != nil { // what the first events take
		return nil, err
	}
	before := b.Broker.Commits(ctx)
	u, err := b.startUsage(d, stage.Egress)
	if err != nil {
		return nil, err
	}
	if err := b.Broker.Trickle(ctx, topics, activeRate, b.activeFor); err != nil {
		return nil, err
	}
	figures, err := u.ofACore()
	if err != nil {
		return nil, err
	}
	rate := (b.Broker.Commits(ctx) - before) / time.Since(u.began).Seconds()
	return append([]report.Figure{{Name: "commits", Unit: "a second", Value: rate}}, figures...), d.Failed()
}
