package main

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"knative.dev/eventing-kafka-go/test/performance/report"
	"knative.dev/eventing-kafka-go/test/performance/stage"
)

const sectionLedger = "ledger and lanes, processor time of a drain, sink 0s"

// priced is one way to drain, whose price is compared.
type priced struct {
	name   string
	order  ordering
	ledger string // what DELIVERY_LEDGER is
}

// bare has neither ledger nor lanes.
var bare = priced{"unordered without ledger", unordered, "off"}

// prices say what is compared with what, in the same turn.
var prices = []struct {
	name     string
	of, than priced
}{
	{"ledger, unordered", priced{"unordered", unordered, ""}, bare},
	{"ledger, by key", priced{"by key", byKey, ""}, priced{"by key without ledger", byKey, "off"}},
	{"lanes by key", priced{"by key", byKey, ""}, priced{"unordered", unordered, ""}},
	{"ledger and lanes by key", priced{"by key", byKey, ""}, bare},
}

// ledger measures what ledger and lanes cost: drains of one topic by processes with and without them, in turns whose order
// changes. A price is the median of what the turns say, each of which had about the same machine; the quartiles beside it
// say how far it can be trusted.
func (b *bench) ledger(ctx context.Context) error {
	if len(b.ours()) == 0 {
		return nil
	}
	n := b.drainEvents
	topic, err := b.filled(ctx, b.name("priced"), n, true)
	if err != nil {
		return err
	}
	with, without, err := b.ledgers()
	if err != nil {
		return err
	}
	defer with.Stop()
	defer without.Stop()
	more := map[string][]float64{}
	for turn := range b.turns + 1 { // the first one makes connections and takes memory
		cost := map[priced]float64{}
		for i := range ways {
			way, d := ways[(i+turn)%len(ways)], with
			if way.ledger != "" {
				d = without
			}
			figures, err := b.drainOnce(ctx, d, drained{order: way.order, events: n, topic: topic})
			if err != nil {
				return fmt.Errorf("%s: %w", way.name, err)
			}
			if turn > 0 {
				b.report.Add(sectionLedger, way.name, report.Ours, figures...)
				cost[way] = figures[1].Value
			}
		}
		for _, p := range prices {
			if turn > 0 {
				more[p.name] = append(more[p.name], (cost[p.of]/cost[p.than]-1)*100)
			}
		}
	}
	for _, p := range prices {
		low, middle, high := quartiles(more[p.name])
		b.report.Add(sectionLedger, p.name, report.Ours, report.Figure{Name: "price", Unit: "%", Value: middle},
			report.Figure{Name: "price, lower quartile", Unit: "%", Value: low}, report.Figure{Name: "price, upper quartile", Unit: "%", Value: high})
	}
	return nil
}

// ways are all that prices compare.
var ways = []priced{prices[0].of, prices[0].than, prices[1].of, prices[1].than}

// ledgers are two processes, one of them without the ledger.
func (b *bench) ledgers() (with, without *stage.Deployment, err error) {
	for _, s := range b.ours() {
		if with, err = b.Deploy(s.With("DELIVERY_LEDGER="), stage.Work{}, stage.Egress); err != nil {
			return nil, nil, err
		}
		if without, err = b.Deploy(s.With("DELIVERY_LEDGER=off"), stage.Work{}, stage.Egress); err != nil {
			with.Stop()
		}
	}
	return with, without, err
}

// quartiles of values, of which there is at least one.
func quartiles(values []float64) (low, middle, high float64) {
	sorted := slices.Sorted(slices.Values(values))
	at := func(part float64) float64 { return sorted[int(math.Round(part*float64(len(sorted)-1)))] }
	return at(0.25), at(0.5), at(0.75)
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
