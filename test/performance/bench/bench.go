package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"knative.dev/eventing-kafka-go/test/performance/report"
	"knative.dev/eventing-kafka-go/test/performance/stage"
)

const (
	partitions = 10
	eventSize  = 1024
	// aLot is how long anything may take that is expected to take milliseconds: a busy machine is no wrong behaviour.
	aLot = 60 * time.Second
)

// settings say how much is measured.
type settings struct {
	rounds       int
	loadFor      time.Duration // of each load
	tails        float64       // events at least where their slowest hundredth is measured
	starts       int           // rounds of what takes milliseconds
	drainEvents  uint64        // with a sink that answers at once
	drainSeconds float64       // about, with one that does not
	idle         []int         // numbers of idle egresses
	settle       time.Duration // before what is idle is measured
	quiet        time.Duration // how long it is measured
	triggers     []int         // numbers of Triggers on one topic
	evaluations  int           // about, of filters, in each of these rounds
	filterFor    time.Duration // how long each filter is measured
	processes    []int         // numbers of processes on the same topics
	shareEvents  uint64        // in each of these rounds
	active       []int         // numbers of egresses that have something to commit all the time
	activeFor    time.Duration // how long they are measured
	turns        int           // in which the price of ledger and lanes is measured
	keysFor      time.Duration // how long the deliveries by key are about to take
}

var (
	full = settings{
		rounds: 3, loadFor: 4 * time.Second, tails: 2000, starts: 5, drainEvents: 50_000, drainSeconds: 2.5,
		idle: []int{1, 100, 500}, settle: 10 * time.Second, quiet: 30 * time.Second,
		triggers: []int{1, 100, 1000}, evaluations: 2_000_000, filterFor: time.Second,
		processes: []int{1, 2, 4}, shareEvents: 40_000,
		active: []int{1, 100, 500}, activeFor: 15 * time.Second, keysFor: 12 * time.Second,
		turns: 25,
	}
	quick = settings{
		rounds: 3, loadFor: time.Second, tails: 500, starts: 3, drainEvents: 15_000, drainSeconds: 0.6,
		idle: []int{1, 100}, settle: 4 * time.Second, quiet: 20 * time.Second,
		triggers: []int{1, 100}, evaluations: 300_000, filterFor: 100 * time.Millisecond,
		processes: []int{1, 2, 4}, shareEvents: 15_000,
		active: []int{50}, activeFor: 6 * time.Second, keysFor: 3 * time.Second,
		turns: 5,
	}
)

// bench is a run.
type bench struct {
	*stage.Stage
	settings
	report  report.Report
	names   int    // of topics and runs, to make them unique
	refused uint64 // requests that the sink has refused so far
}

type section struct {
	name string
	run  func(*bench, context.Context) error
}

// sections stand in the order in which they run.
func sections() []section {
	return []section{
		{"start", (*bench).start}, {"ingress", (*bench).ingress}, {"drain", (*bench).drain},
		{"keys", (*bench).keys}, {"reach", (*bench).reach}, {"ledger", (*bench).ledger}, {"commits", (*bench).commits},
		{"latency", (*bench).latency}, {"swap", (*bench).swap}, {"filters", (*bench).filters},
		{"triggers", (*bench).triggersOnOneTopic}, {"processes", (*bench).processesOnOneCluster}, {"idle", (*bench).idleGroups},
	}
}

func sectionNames() string {
	var names []string
	for _, s := range sections() {
		names = append(names, s.name)
	}
	return strings.Join(names, ",")
}

// choose returns the sections that a comma separated list names, all of them for an empty one.
func choose(list string) ([]section, error) {
	all := sections()
	if list == "" {
		return all, nil
	}
	var chosen []section
	for name := range strings.SplitSeq(list, ",") {
		i := slices.IndexFunc(all, func(s section) bool { return s.name == name })
		if i < 0 {
			return nil, fmt.Errorf("unknown section %q: there are %s", name, sectionNames())
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

func (b *bench) run(ctx context.Context, chosen []section) {
	for _, s := range chosen {
		began := time.Now()
		if err := s.run(b, ctx); err != nil {
			b.report.Wrongly("%s: %v", s.name, err)
		}
		fmt.Fprintf(os.Stderr, "%s: %v\n", s.name, time.Since(began).Round(time.Second))
		if ctx.Err() != nil {
			return
		}
	}
}

// name returns a name that was not used before.
func (b *bench) name(what string) string {
	b.names++
	return fmt.Sprintf("%s-%d", what, b.names)
}

// inTurns measures the subjects one after the other, rounds times, and keeps the figures. A subject that fails is
// noted as wrong and the rest goes on.
func (b *bench) inTurns(ctx context.Context, rounds int, section, what string, subjects []stage.Subject, measure func(stage.Subject) ([]report.Figure, error)) {
	broken := map[string]bool{}
	for range rounds {
		for _, s := range subjects {
			if ctx.Err() != nil || broken[s.Who] {
				continue
			}
			figures, err := measure(s)
			if err != nil {
				b.report.Wrongly("%s, %s, %s: %v", section, what, s.Who, err)
				broken[s.Who] = true
				continue
			}
			b.report.Add(section, what, s.Who, figures...)
		}
	}
}

// ours is the data plane, if it is measured: some things the floor does not do.
func (b *bench) ours() []stage.Subject {
	return slices.DeleteFunc(slices.Clone(b.Subjects), func(s stage.Subject) bool { return s.Who != report.Ours })
}

// deployments are subjects that run side by side; one that is not measured does nothing.
type deployments struct {
	subjects []stage.Subject
	by       map[string]*stage.Deployment
}

func (d deployments) stop() {
	for _, one := range d.by {
		one.Stop()
	}
}

// deployAll starts every subject with work of its own and waits until it is ready.
func (b *bench) deployAll(work func(stage.Subject) (stage.Work, error), ready func(*stage.Deployment) error, roles ...stage.Role) (deployments, error) {
	d := deployments{by: map[string]*stage.Deployment{}}
	for _, s := range b.Subjects {
		w, err := work(s)
		if err != nil {
			return d, err
		}
		one, err := b.Deploy(s, w, roles...)
		if err != nil {
			return d, err
		}
		d.by[s.Who] = one
		if err := ready(one); err != nil {
			b.report.Wrongly("start %s: %v", s.Who, err)
			continue
		}
		d.subjects = append(d.subjects, s)
	}
	return d, nil
}
