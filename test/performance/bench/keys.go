package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"sort"
	"time"

	"knative.dev/eventing-kafka-go/test/performance/collect"
	"knative.dev/eventing-kafka-go/test/performance/report"
	"knative.dev/eventing-kafka-go/test/performance/stage"
	"knative.dev/eventing-kafka-go/test/performance/wire"
)

const (
	sectionKeys = "egress, by key, one partition, sink 100ms"
	keyCount    = wire.MaxLane + 1
	keyDelay    = 100 * time.Millisecond
	// keyCap is the most deliveries of the egress that may run at the same time.
	keyCap = 100
	// zipfRate is more than the hottest keys allow, and less than all others do: of 1,000 keys with s = 1.1 the first has
	// 18 % of the events, the eleventh 1.3 %.
	zipfRate = 200
	zipfS    = 1.1
	zipfSeed = 7
)

// evenly uses every key as often as every other.
func evenly(seq uint64) int { return int(seq % keyCount) }

// keys measures what order by key leaves of concurrency: with even keys, and with some that have more events than they
// can be delivered one at a time, which must not hold up the others.
func (b *bench) keys(ctx context.Context) error {
	b.inTurns(ctx, 1, sectionKeys, fmt.Sprintf("%d even keys, at most %d at a time", keyCount, keyCap), b.ours(),
		func(s stage.Subject) ([]report.Figure, error) { return b.evenKeys(ctx, s) })
	b.inTurns(ctx, 1, sectionKeys, fmt.Sprintf("Zipf keys (s = %.1f), %d events/s, all but the ten hottest", zipfS, zipfRate), b.ours(),
		func(s stage.Subject) ([]report.Figure, error) { return b.zipfKeys(ctx, s) })
	return nil
}

// byKeyOnce runs an egress by key on a topic of one partition that fill writes to, and awaits the events.
func (b *bench) byKeyOnce(ctx context.Context, s stage.Subject, fill func(topic, path string) error) error {
	run := b.name("keys")
	topic, err := b.Broker.Topic(ctx, run, 1)
	if err != nil {
		return err
	}
	path, group := b.Sink.Path(keyDelay, run), b.Broker.Group(run)
	d, err := b.Deploy(s, stage.Work{Egress: []stage.EgressWork{{
		Group: group, Topic: topic, URL: b.Sink.URL(path), ByKey: true, Concurrency: keyCap,
	}}}, stage.Egress)
	if err != nil {
		return err
	}
	defer d.Stop()
	if err := b.Broker.AwaitGroups(ctx, []string{group}, aLot, d.Failed); err != nil {
		return err
	}
	if err := fill(topic, path); err != nil {
		return joinFailed(err, d)
	}
	return nil
}

// evenKeys measures the second half of a backlog: what it takes to begin is no part of the rate.
func (b *bench) evenKeys(ctx context.Context, s stage.Subject) (figures []report.Figure, err error) {
	n := max(uint64(keyCap/keyDelay.Seconds()*b.keysFor.Seconds()), 100)
	err = b.byKeyOnce(ctx, s, func(topic, path string) error {
		if err := b.Broker.FillKeys(ctx, topic, 1, n, eventSize, evenly); err != nil {
			return err
		}
		rate, all, err := b.secondHalf(ctx, path, n)
		if err != nil {
			return err
		}
		figures = []report.Figure{
			{Name: "throughput", Unit: "events/s", Value: rate},
			{Name: "of what the cap allows", Unit: "%", Value: rate / (keyCap / keyDelay.Seconds()) * 100},
		}
		return b.misdelivered(all, true)
	})
	return figures, err
}

// secondHalf awaits n events and returns the rate at which the later half of them came.
func (b *bench) secondHalf(ctx context.Context, path string, n uint64) (rate float64, all collect.Stats, err error) {
	half, err := b.Sink.Await(ctx, path, n/2, 2*aLot)
	if err != nil {
		return 0, half, err
	}
	if all, err = b.Sink.Await(ctx, path, n, 2*aLot); err != nil {
		return 0, all, err
	}
	return float64(all.Distinct-half.Distinct) / time.Duration(all.Last-half.Last).Seconds(), all, nil
}

const (
	sectionReach = "egress, one process, sink 100ms, at most 1000 at a time"
	reachCap     = 1000
	reachRate    = 5000 // what is to be reached, and how many events a second there are for it
)

// reach measures how far one egress gets with a subscriber that is slow and can take much.
func (b *bench) reach(ctx context.Context) error {
	for _, o := range []ordering{byKey, unordered} {
		b.inTurns(ctx, 1, sectionReach, string(o), b.ours(), func(s stage.Subject) ([]report.Figure, error) { return b.reachOnce(ctx, s, o) })
	}
	return nil
}

func (b *bench) reachOnce(ctx context.Context, s stage.Subject, o ordering) ([]report.Figure, error) {
	run := b.name("reach")
	topic, err := b.Broker.Topic(ctx, run, partitions)
	if err != nil {
		return nil, err
	}
	n := max(uint64(reachRate*b.keysFor.Seconds()), 100)
	if err := b.Broker.FillKeys(ctx, topic, partitions, n, eventSize, evenly); err != nil {
		return nil, err
	}
	path := b.Sink.Path(keyDelay, run)
	d, err := b.Deploy(s, stage.Work{Egress: []stage.EgressWork{{
		Group: b.Broker.Group(run), Topic: topic, URL: b.Sink.URL(path), ByKey: o == byKey, Concurrency: reachCap,
	}}}, stage.Egress)
	if err != nil {
		return nil, err
	}
	defer d.Stop()
	rate, all, err := b.secondHalf(ctx, path, n)
	if err != nil {
		return nil, joinFailed(err, d)
	}
	return []report.Figure{{Name: "throughput", Unit: "events/s", Value: rate}}, b.misdelivered(all, o == byKey)
}

// zipfKeys measures how long events wait until they are delivered, while a few keys get more of them than can be.
func (b *bench) zipfKeys(ctx context.Context, s stage.Subject) (figures []report.Figure, err error) {
	n := max(uint64(zipfRate*b.keysFor.Seconds()), 20)
	err = b.byKeyOnce(ctx, s, func(topic, path string) error {
		keyOf, began := zipf(), time.Now()
		err := b.Broker.FillKeys(ctx, topic, 1, n, 64, func(seq uint64) int {
			time.Sleep(time.Until(began.Add(time.Duration(seq) * time.Second / zipfRate))) // an open loop
			return keyOf(seq)
		})
		if err != nil {
			return err
		}
		stats, err := b.Sink.Await(ctx, path, n, 5*aLot)
		if err != nil {
			return err
		}
		service := float64(keyDelay) / float64(time.Millisecond)
		figures = []report.Figure{
			{Name: "wait p50", Unit: "ms", Value: stats.Cold.P50}, {Name: "wait p99", Unit: "ms", Value: stats.Cold.P99},
			{Name: "wait p99 by service time", Unit: "", Value: stats.Cold.P99 / service},
		}
		return b.misdelivered(stats, true)
	})
	return figures, err
}

// zipf chooses keys, the same ones in every run; 0 is the hottest.
func zipf() func(uint64) int {
	sums, total := make([]float64, keyCount), 0.0
	for i := range sums {
		total += 1 / math.Pow(float64(i+1), zipfS)
		sums[i] = total
	}
	r := rand.New(rand.NewPCG(zipfSeed, 0))
	return func(uint64) int { return min(sort.SearchFloat64s(sums, r.Float64()*total), keyCount-1) }
}
