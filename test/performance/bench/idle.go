package main

import (
	"context"
	"fmt"
	"time"

	"knative.dev/eventing-kafka-go/test/performance/report"
	"knative.dev/eventing-kafka-go/test/performance/stage"
)

// idlePartitions is what a KafkaChannel has unless it says otherwise.
const idlePartitions = 1

// idleGroups measures what egresses cost that have nothing to deliver, each on a topic of its own: memory and
// processor time of the subject and of the broker. Only one subject runs at a time, so that the broker's is its.
func (b *bench) idleGroups(ctx context.Context) error {
	const section = "idle egresses"
	var topics []string
	memory := map[string]map[int]float64{}
	for _, n := range b.idle {
		more, err := b.Broker.Topics(ctx, b.name("idle"), n-len(topics), idlePartitions)
		if err != nil {
			return err
		}
		topics = append(topics, more...)
		b.inTurns(ctx, 1, section, count(n, "egress"), b.Subjects, func(s stage.Subject) ([]report.Figure, error) {
			figures, resident, err := b.idleOnce(ctx, s, topics)
			if memory[s.Who] == nil {
				memory[s.Who] = map[int]float64{}
			}
			memory[s.Who][n] = resident
			return figures, err
		})
	}
	first, last := b.idle[0], b.idle[len(b.idle)-1]
	for who, resident := range memory {
		if resident[first] > 0 && resident[last] > 0 {
			each := (resident[last] - resident[first]) / float64(last-first) / 1024
			b.report.Add(section, "each of "+count(last, "egress"), who, report.Figure{Name: "memory", Unit: "KiB", Value: each})
		}
	}
	return nil
}

func (b *bench) idleOnce(ctx context.Context, s stage.Subject, topics []string) (figures []report.Figure, resident float64, err error) {
	var w stage.Work
	var groups []string
	run := b.name("idle")
	for i, topic := range topics {
		group := b.Broker.Group(fmt.Sprintf("%s-%d", run, i))
		groups = append(groups, group)
		w.Egress = append(w.Egress, stage.EgressWork{Group: group, Topic: topic, URL: b.Sink.URL(b.Sink.Path(0, run))})
	}
	began := time.Now()
	d, err := b.Deploy(s, w, stage.Egress)
	if err != nil {
		return nil, 0, err
	}
	defer d.Stop()
	if err := b.Broker.AwaitGroups(ctx, groups, 2*aLot, d.Failed); err != nil {
		return nil, 0, err
	}
	ready := time.Since(began)
	if err := pause(ctx, b.settle); err != nil {
		return nil, 0, err
	}
	u, err := b.startUsage(d, stage.Egress)
	if err != nil {
		return nil, 0, err
	}
	quiet := b.quiet
	if len(topics) == 1 {
		quiet /= 4 // too little to be told from nothing in any time; its memory is what is compared with
	}
	if err := pause(ctx, quiet); err != nil {
		return nil, 0, err
	}
	if figures, err = u.ofACore(); err != nil {
		return nil, 0, err
	}
	memory, err := d.Memory(stage.Egress)
	if err != nil {
		return nil, 0, err
	}
	took, err := b.newEgress(ctx, d, w)
	return append(figures,
		report.Figure{Name: "memory", Unit: "MiB", Value: mebibytes(memory.Resident)},
		report.Figure{Name: "broker's memory", Unit: "MiB", Value: b.Broker.Resident() / (1 << 20)},
		report.Figure{Name: "all ready", Unit: "ms", Value: milliseconds(ready)},
		report.Figure{Name: "new egress delivers", Unit: "ms", Value: milliseconds(took)},
	), float64(memory.Resident), err
}

// pause lets time pass in which nothing happens.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
