package main

import (
	"context"
	"slices"
	"time"

	"knative.dev/eventing-kafka-go/test/performance/report"
	"knative.dev/eventing-kafka-go/test/performance/stage"
)

// swap measures the time from a changed file to a new path that answers 202, and to a new egress's first delivery.
func (b *bench) swap(ctx context.Context) error {
	work := map[string]stage.Work{}
	all, err := b.deployAll(func(s stage.Subject) (stage.Work, error) {
		run := b.name("swap")
		topic, err := b.Broker.Topic(ctx, run, partitions)
		work[s.Who] = stage.Work{
			Ingress: []stage.IngressWork{{Path: "/in", Topic: topic}},
			Egress:  []stage.EgressWork{{Group: b.Broker.Group(run), Topic: topic, URL: b.Sink.URL(b.Sink.Path(0, run))}},
		}
		return work[s.Who], err
	}, func(d *stage.Deployment) error {
		_, err := d.Await202(ctx, "/in", aLot)
		return err
	}, stage.Ingress, stage.Egress)
	defer all.stop()
	if err != nil {
		return err
	}
	b.inTurns(ctx, b.starts, "swap", "", all.subjects, func(s stage.Subject) ([]report.Figure, error) {
		w := work[s.Who]
		run := b.name("swap")
		topic, err := b.Broker.Topic(ctx, run, partitions)
		if err != nil {
			return nil, err
		}
		w.Ingress = append(w.Ingress, stage.IngressWork{Path: "/" + run, Topic: topic})
		work[s.Who] = w
		began := time.Now()
		if err := all.by[s.Who].Apply(w); err != nil {
			return nil, err
		}
		at, err := all.by[s.Who].Await202(ctx, "/"+run, aLot)
		return []report.Figure{{Name: "new path answers 202", Unit: "ms", Value: milliseconds(at.Sub(began))}}, err
	})
	b.inTurns(ctx, b.starts, "swap", "", all.subjects, func(s stage.Subject) ([]report.Figure, error) {
		took, err := b.newEgress(ctx, all.by[s.Who], work[s.Who])
		return []report.Figure{{Name: "new egress delivers", Unit: "ms", Value: milliseconds(took)}}, err
	})
	return nil
}

// newEgress adds an egress to what a deployment runs, takes it away again, and returns how long its first delivery took.
func (b *bench) newEgress(ctx context.Context, d *stage.Deployment, w stage.Work) (time.Duration, error) {
	run := b.name("swap")
	topic, err := b.Broker.Topic(ctx, run, partitions)
	if err != nil {
		return 0, err
	}
	if err := b.Broker.Fill(ctx, topic, partitions, 1, eventSize); err != nil {
		return 0, err
	}
	path := b.Sink.Path(0, run)
	more := w
	more.Egress = append(slices.Clone(w.Egress), stage.EgressWork{
		Group: b.Broker.Group(run), Topic: topic, URL: b.Sink.URL(path),
	})
	began := time.Now()
	if err := d.Apply(more); err != nil {
		return 0, err
	}
	stats, err := b.Sink.Await(ctx, path, 1, aLot)
	if err != nil {
		return 0, joinFailed(err, d)
	}
	return time.Unix(0, stats.First).Sub(began), d.Apply(w)
}
