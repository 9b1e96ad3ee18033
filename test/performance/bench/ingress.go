package main

import (
	"context"
	"fmt"

	"knative.dev/eventing-kafka-go/test/performance/loadgen"
	"knative.dev/eventing-kafka-go/test/performance/report"
	"knative.dev/eventing-kafka-go/test/performance/stage"
)

const (
	openRate        = 2000
	openConnections = 64
)

// ingress measures events in: closed loops of several widths, and an open one.
func (b *bench) ingress(ctx context.Context) error {
	topics := map[string]string{}
	all, err := b.deployAll(func(s stage.Subject) (stage.Work, error) {
		topic, err := b.Broker.Topic(ctx, b.name("ingress"), partitions)
		topics[s.Who] = topic
		return stage.Work{Ingress: []stage.IngressWork{{Path: "/in", Topic: topic}}}, err
	}, func(d *stage.Deployment) error {
		_, err := d.Await202(ctx, "/in", aLot)
		return err
	}, stage.Ingress)
	defer all.stop()
	if err != nil {
		return err
	}
	accepted := map[string]uint64{}
	measure := func(o loadgen.Options) func(stage.Subject) ([]report.Figure, error) {
		return func(s stage.Subject) ([]report.Figure, error) {
			figures, n, err := b.loadIngress(ctx, all.by[s.Who], o)
			accepted[s.Who] += n
			return figures, err
		}
	}
	const closed, open = "ingress, closed loop", "ingress, open loop"
	warm := loadgen.Options{Connections: 64, Duration: b.loadFor / 2}
	b.inTurns(ctx, 1, closed, "warm-up", all.subjects, func(s stage.Subject) ([]report.Figure, error) {
		_, err := measure(warm)(s)
		return nil, err
	})
	for _, n := range []int{1, 16, 64, 256} {
		o := loadgen.Options{Connections: n, Duration: b.loadFor}
		b.inTurns(ctx, b.rounds, closed, count(n, "connection"), all.subjects, measure(o))
	}
	o := loadgen.Options{Connections: openConnections, Duration: b.loadFor, Rate: openRate}
	b.inTurns(ctx, b.rounds, open, fmt.Sprintf("%d events/s", openRate), all.subjects, measure(o))
	b.inTurns(ctx, 1, closed, "after all rounds", all.subjects, func(s stage.Subject) ([]report.Figure, error) {
		records, err := b.Broker.Records(ctx, topics[s.Who])
		if err == nil && records < accepted[s.Who] {
			err = fmt.Errorf("%d events were answered by 202, %d are in Kafka", accepted[s.Who], records)
		}
		if err != nil {
			return nil, err
		}
		return peakMemory(all.by[s.Who], stage.Ingress)
	})
	return nil
}

func (b *bench) loadIngress(ctx context.Context, d *stage.Deployment, o loadgen.Options) ([]report.Figure, uint64, error) {
	o.URL, o.Size = d.URL("/in"), eventSize
	u, err := b.startUsage(d, stage.Ingress)
	if err != nil {
		return nil, 0, err
	}
	result, err := b.load(ctx, d, o)
	n := result.Statuses[202]
	if err != nil {
		return nil, n, err
	}
	figures, err := u.perEvent(n)
	figures = append(figures, latencyFigures("", result)...)
	if o.Rate == 0 {
		figures = append([]report.Figure{{Name: "throughput", Unit: "events/s", Value: result.Rate}}, figures...)
	}
	return figures, n, err
}

func peakMemory(d *stage.Deployment, role stage.Role) ([]report.Figure, error) {
	m, err := d.Memory(role)
	return []report.Figure{
		{Name: "memory", Unit: "MiB", Value: mebibytes(m.Resident)},
		{Name: "peak memory", Unit: "MiB", Value: mebibytes(m.Peak)},
	}, err
}
