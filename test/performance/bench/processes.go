package main

import (
	"context"
	"fmt"
	"time"

	"knative.dev/eventing-kafka-go/test/performance/report"
	"knative.dev/eventing-kafka-go/test/performance/stage"
)

const (
	sectionProcesses = "processes that share the egresses of eight topics"
	sharedTopics     = 8
)

// processesOnOneCluster measures what an event costs when several processes divide the same egresses among them, and how
// much more that is than with one process in the same round: of the floor, too, as processes share a machine.
func (b *bench) processesOnOneCluster(ctx context.Context) error {
	for range b.rounds { // in turns, as the machine changes with time
		alone := map[string]float64{}
		for _, n := range b.processes {
			b.inTurns(ctx, 1, sectionProcesses, count(n, "process"), b.Subjects, func(s stage.Subject) ([]report.Figure, error) {
				figures, err := b.processesOnce(ctx, s, n)
				if err != nil {
					return nil, err
				}
				cost := figures[1].Value
				if n == 1 {
					alone[s.Who] = cost
				}
				return append(figures, report.Figure{Name: "CPU by that of one process", Unit: "", Value: cost / alone[s.Who]}), nil
			})
		}
	}
	return nil
}

// shareOf is what one of n processes runs. Ours find out by themselves who runs what; of the floor each egress gets as many
// processes as one of ours, at most two.
func shareOf(work stage.Work, who string, i, n int) stage.Work {
	if who == report.Ours {
		return work
	}
	var own stage.Work
	for at, e := range work.Egress {
		if at%n == i || (at+1)%n == i {
			own.Egress = append(own.Egress, e)
		}
	}
	return own
}

func (b *bench) processesOnce(ctx context.Context, s stage.Subject, n int) ([]report.Figure, error) {
	run := b.name("processes")
	topics, err := b.Broker.Topics(ctx, run, sharedTopics, partitions)
	if err != nil {
		return nil, err
	}
	var work stage.Work
	var groups, paths []string
	for i, topic := range topics {
		groups = append(groups, b.Broker.Group(fmt.Sprintf("%s-%d", run, i)))
		paths = append(paths, b.Sink.Path(0, fmt.Sprintf("%s-%d", run, i)))
		work.Egress = append(work.Egress, stage.EgressWork{Group: groups[i], Topic: topic, URL: b.Sink.URL(paths[i])})
	}
	for i := range n {
		work.Dispatchers = append(work.Dispatchers, fmt.Sprintf("%s-dispatcher-%d", run, i))
	}
	var all []*usage
	failed := func() error { return nil }
	for i, name := range work.Dispatchers {
		d, err := b.Deploy(s.Named(name), shareOf(work, s.Who, i, n), stage.Egress)
		if err != nil {
			return nil, err
		}
		defer d.Stop()
		before := failed
		failed = func() error {
			if err := before(); err != nil {
				return err
			}
			return d.Failed()
		}
		all = append(all, &usage{d: d})
	}
	members := min(n, 2) // of each group
	if err := b.Broker.AwaitMembers(ctx, groups, members, 2*aLot, failed); err != nil {
		return nil, err
	}
	for i := range all {
		if all[i], err = b.startUsage(all[i].d, stage.Egress); err != nil {
			return nil, err
		}
	}
	return b.share(ctx, topics, paths, all)
}

// share fills the topics and returns what it took to deliver everything.
func (b *bench) share(ctx context.Context, topics, paths []string, all []*usage) ([]report.Figure, error) {
	each := b.shareEvents / sharedTopics / partitions * partitions
	began := time.Now()
	for _, topic := range topics {
		if err := b.Broker.Fill(ctx, topic, partitions, each, eventSize); err != nil {
			return nil, err
		}
	}
	for i, path := range paths {
		stats, err := b.Sink.Await(ctx, path, each, 2*aLot)
		if err == nil {
			err = b.misdelivered(stats, false)
		}
		if err != nil {
			return nil, fmt.Errorf("topic %d: %w", i, err)
		}
	}
	took := time.Since(began)
	var figures []report.Figure
	for i, u := range all {
		of, err := u.perEvent(each * sharedTopics)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			figures = of
		} else {
			figures[0].Value += of[0].Value // the broker's is the same for all
		}
	}
	rate := float64(each*sharedTopics) / took.Seconds()
	return append([]report.Figure{{Name: "throughput", Unit: "events/s", Value: rate}}, figures...), nil
}
