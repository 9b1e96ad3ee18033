package egress

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"knative.dev/eventing-kafka-go/data-plane/delivery"
	"knative.dev/eventing-kafka-go/data-plane/pace"
	"knative.dev/eventing-kafka-go/data-plane/status"
	"knative.dev/eventing-kafka-go/data-plane/telemetry"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// States of a group in its status.
const (
	stateJoining  = "joining"
	stateRunning  = "running"
	stateStopping = "stopping"
	statePaused   = "paused"
	stateFailed   = "failed"
	// stateElsewhere is that of a group whose members are other processes.
	stateElsewhere = "elsewhere"
)

// Status reports every egress of the contract, sorted by namespace, name and uid.
func (s *Set) Status() []status.Group {
	s.mu.Lock()
	members := make([]member, 0, len(s.members))
	for _, m := range s.members {
		members = append(members, *m)
	}
	s.mu.Unlock()
	reports := make([]status.Group, 0, len(members))
	for _, m := range members {
		reports = append(reports, report(m))
	}
	slices.SortFunc(reports, func(a, b status.Group) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name), strings.Compare(a.UID, b.UID))
	})
	return reports
}

func report(m member) status.Group {
	ref := named(&m)
	r := status.Group{
		UID: m.egress.GetUid(), Kind: strings.ToLower(ref.GetKind()), Namespace: ref.GetNamespace(), Name: ref.GetName(),
		Resource: m.resource.GetReference().GetNamespace() + "/" + m.resource.GetReference().GetName(),
		GroupID:  m.egress.GetConsumerGroup(), Topics: m.resource.GetTopics(),
		Destination: delivery.Shown(m.egress.GetDestination()), Order: orderOf(m.egress).String(),
		PlacedOn: m.place.Pods,
		State:    stateFailed, Problem: m.problem, ContentHash: m.hash,
	}
	if m.resource.GetFeatureFlags().GetEnableEventTypeAutocreate() {
		r.EventTypes = status.EventTypesOf(m.types)
	}
	switch {
	case m.group != nil:
		m.group.report(&r)
	case m.problem == "" && m.egress.GetPaused():
		r.State = statePaused
	case m.problem == "" && !m.place.Joins:
		r.State = stateElsewhere
	}
	return r
}

// report adds what the running group knows.
func (g *group) report(r *status.Group) {
	counts := g.stats.Counts()
	r.Delivered, r.Filtered, r.Retried = counts.Delivered, counts.Filtered, counts.Retried
	r.DeadLettered, r.Lost, r.Discarded, r.Replied = counts.DeadLettered, counts.Lost, counts.Discarded, counts.Replied
	r.Parked = counts.Parked
	r.AlreadyFinished, r.LedgersIgnored, r.Expired = counts.AlreadyFinished, counts.LedgersIgnored, counts.Expired
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	r.State, r.Started = stateJoining, g.started // also while nobody knows whether it still is a member
	switch {
	case g.stopping:
		r.State = stateStopping
	case g.joined && g.membership.certain(now):
		r.State = stateRunning
	}
	r.InFlight, r.Waiting = g.lanes.running, g.lanes.waiting
	g.reportPace(r, now)
	r.LastError, r.LastErrorAt = g.last.text, g.last.at
	if text, at := g.trouble.Last(); at.After(r.LastErrorAt) {
		r.LastError, r.LastErrorAt = g.identity.connection.Blame(text), at
	}
	for _, p := range g.partitions {
		r.Buffered += p.bytes
		r.LagRecords += p.lag()
		r.LagSeconds = max(r.LagSeconds, p.age(now).Seconds())
		if p.problem != "" {
			r.Problem = p.problem
		}
		r.NextRetry = sooner(r.NextRetry, p.nextRetry())
		r.Partitions = append(r.Partitions, p.report(g.pacing.halted))
	}
	slices.SortFunc(r.Partitions, func(a, b status.Partition) int {
		return cmp.Or(strings.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
}

// reportPace adds what holds the group back. The mutex is held.
func (g *group) reportPace(r *status.Group, now time.Time) {
	pacing := g.pacing.pacer.Status(g.since(now))
	r.Window, r.Rate, r.RateLimited = pacing.Window, pacing.Rate, pacing.Limited
	if pacing.Breaker != pace.Closed {
		r.Breaker = pacing.Breaker.String()
	}
	r.Halted, r.MemoryPart = g.pacing.halted, g.pacing.share.Part()
}

// sooner is the earlier of two times of which the zero one is none.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// nextRetry is when the first of the tasks that wait is tried again; zero when none waits.
func (p *partition) nextRetry() (first time.Time) {
	for _, next := range p.waiting {
		first = sooner(first, next.at)
	}
	return first
}

// halted is why nothing is fetched for the whole group.
func (p *partition) report(halted string) status.Partition {
	r := status.Partition{
		Topic: p.topic, Partition: p.partition, Committed: p.saved.prefix, Next: -1, End: p.end,
		Lag: p.lag(), Paused: p.paused,
	}
	if p.tracker != nil {
		r.Next, r.Unfinished = p.tracker.Next(), p.tracker.Unfinished()
	}
	if p.paused {
		r.PausedReason = cmp.Or(p.problem, halted, pausedFull)
	}
	if p.oldest != nil {
		r.Oldest = p.event(p.oldest)
	}
	return r
}

// pausedFull is why a partition is paused that nothing else is wrong with.
const pausedFull = "as many events as it may hold are unfinished"

// event says where an event is. What was tried is known while nobody tries.
func (p *partition) event(t *task) *status.Event {
	e := &status.Event{Offset: t.Record.Offset, Written: t.Record.Timestamp, State: "queued"}
	next, waits := p.waiting[t]
	switch {
	case waits:
		e.State, e.NextAttempt = "waiting", next.at
	case t.started:
		e.State = "being delivered"
		return e
	}
	if t.tried {
		e.To, e.Attempts, e.Status = t.Stage().String(), t.Calls(), t.Status()
	}
	return e
}

// observe lets the telemetry read the group's gauges when it is asked for them.
func (g *group) observe() {
	g.stats.Observe(func() telemetry.EgressGauges {
		now := time.Now()
		g.mu.Lock()
		defer g.mu.Unlock()
		gauges := telemetry.EgressGauges{InFlight: g.lanes.running, Waiting: g.lanes.waiting}
		for _, p := range g.partitions {
			gauges.LagRecords += p.lag()
			gauges.Lag = max(gauges.Lag, p.age(now))
			gauges.BufferedBytes += int64(p.bytes)
		}
		gauges.OldestUnfinished, gauges.LastErrorAt, gauges.Partitions = gauges.Lag, g.last.at, len(g.partitions)
		if _, at := g.trouble.Last(); at.After(gauges.LastErrorAt) {
			gauges.LastErrorAt = at
		}
		pacing := g.pacing.pacer.Status(g.since(now))
		gauges.Window, gauges.Rate, gauges.BreakerOpen = pacing.Window, pacing.Rate, pacing.Breaker != pace.Closed
		gauges.Halted = g.pacing.halted != ""
		return gauges
	})
}

// named is the object that users know the egress by: a Subscription where the contract names one, which shares its
// channel's reference with others.
func named(m *member) *contract.Reference {
	if s := m.egress.GetSubscription(); s != nil {
		return s
	}
	return referred(m)
}

func referred(m *member) *contract.Reference {
	if ref := m.egress.GetReference(); ref != nil {
		return ref
	}
	return m.resource.GetReference()
}

// labels are those of the metrics (OBS-07).
func labels(m *member) telemetry.Labels {
	ref := referred(m)
	return telemetry.Labels{
		Kind: strings.ToLower(ref.GetKind()), Namespace: ref.GetNamespace(), Name: ref.GetName(),
		Group: m.egress.GetConsumerGroup(),
	}
}
