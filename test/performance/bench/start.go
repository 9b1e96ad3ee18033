package main

import (
	"context"
	"time"

	"knative.dev/eventing-kafka-go/test/performance/report"
	"knative.dev/eventing-kafka-go/test/performance/stage"
)

// start measures the time from the start of a process to its first 202, and to its first delivery.
func (b *bench) start(ctx context.Context) error {
	topic, err := b.Broker.Topic(ctx, b.name("start"), partitions)
	if err != nil {
		return err
	}
	b.inTurns(ctx, b.starts, "start", "", b.Subjects, func(s stage.Subject) ([]report.Figure, error) {
		took, memory, err := b.firstAccepted(ctx, s, topic)
		return []report.Figure{
			{Name: "first 202", Unit: "ms", Value: milliseconds(took)},
			{Name: "ingress memory then", Unit: "MiB", Value: mebibytes(memory)},
		}, err
	})
	if err := b.Broker.Fill(ctx, topic, partitions, 1, eventSize); err != nil {
		return err
	}
	b.inTurns(ctx, b.starts, "start", "", b.Subjects, func(s stage.Subject) ([]report.Figure, error) {
		took, err := b.firstDelivered(ctx, s, topic)
		return []report.Figure{{Name: "first delivery", Unit: "ms", Value: milliseconds(took)}}, err
	})
	return nil
}

func (b *bench) firstAccepted(ctx context.Context, s stage.Subject, topic string) (time.Duration, int64, error) {
	began := time.Now()
	d, err := b.Deploy(s, stage.Work{Ingress: []stage.IngressWork{{Path: "/in", Topic: topic}}}, stage.Ingress)
	if err != nil {
		return 0, 0, err
	}
	defer d.Stop()
	at, err := d.Await202(ctx, "/in", aLot)
	if err != nil {
		return 0, 0, err
	}
	memory, err := d.Memory(stage.Ingress)
	return at.Sub(began), memory.Resident, err
}

func (b *bench) firstDelivered(ctx context.Context, s stage.Subject, topic string) (time.Duration, error) {
	run := b.name("start")
	path := b.Sink.Path(0, run)
	began := time.Now()
	d, err := b.Deploy(s, stage.Work{Egress: []stage.EgressWork{{
		Group: b.Broker.Group(run), Topic: topic, URL: b.Sink.URL(path),
	}}}, stage.Egress)
	if err != nil {
		return 0, err
	}
	defer d.Stop()
	stats, err := b.Sink.Await(ctx, path, 1, aLot)
	if err != nil {
		return 0, joinFailed(err, d)
	}
	return time.Unix(0, stats.First).Sub(began), nil
}
