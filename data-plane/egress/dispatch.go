package egress

import (
	"fmt"
	"math"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/data-plane/delivery"
	"knative.dev/eventing-kafka-go/data-plane/offsets"
	"knative.dev/eventing-kafka-go/data-plane/pace"
)

// accept puts fetched records into lanes and starts deliveries. It returns the partitions that are full now.
func (g *group) accept(fetches kgo.Fetches) (full []*partition) {
	now := time.Now()
	screened := g.screen(fetches, now)
	g.mu.Lock()
	defer g.mu.Unlock()
	defer screened.done()
	g.fit(now)
	g.learnIDs(fetches)
	fetches.EachPartition(func(f kgo.FetchTopicPartition) {
		refused := screened.next(f.Records)
		p := g.partitions[topicPartition{f.Topic, f.Partition}]
		if p == nil || p.tracker == nil {
			return
		}
		p.end = max(p.end, f.HighWatermark)
		if p = g.inRange(p, f); p == nil {
			return
		}
		p.moves++
		for i, rec := range f.Records {
			g.enqueue(p, rec, now, refused(i))
		}
		if g.flow.full(p) && (!p.paused || len(f.Records) > 0) {
			p.paused = true
			g.wait.SetPaused(true)
			full = append(full, p)
		}
	})
	g.holdsUnpolled()
	switch {
	case g.pacing.share.Full():
		full = append(full, g.halt(haltBudget)...)
	case g.pacing.pacer.Open():
		full = append(full, g.halt(haltBreaker)...)
	}
	g.dispatch()
	return full
}

// learnIDs notes the ids of topics: commits are made for the topics that events came from, whatever has their names by now.
// The mutex is held.
func (g *group) learnIDs(fetches kgo.Fetches) {
	for _, f := range fetches {
		for _, t := range f.Topics {
			if t.TopicID != ([16]byte{}) {
				g.topicIDs[t.Topic] = t.TopicID
			}
		}
	}
}

// inRange sees records that are not those that were asked for, as the log does not have them any more: the client goes on
// at its start then (OF-05). Where retention was faster than deliveries, what is gone is counted. Where the log was cut off
// below what was committed, or made anew, other events have those offsets now: nothing that is known of the partition
// holds for them. The mutex is held.
func (g *group) inRange(p *partition, f kgo.FetchTopicPartition) *partition {
	if len(f.Records) == 0 {
		return p
	}
	first := f.Records[0].Offset
	if expired := min(f.LogStartOffset, first) - p.tracker.Next(); expired > 0 && p.tracker.Next() >= 0 {
		g.stats.Expired(expired)
		g.log.Error("events were removed from the log before they were delivered", "topic", p.topic, "partition", p.partition,
			"from", p.tracker.Next(), "count", expired)
		g.note(fmt.Errorf("%s-%d: %d events were removed from the log before they were delivered", p.topic, p.partition, expired))
	}
	if first >= p.began {
		return p
	}
	g.log.Error("the log ends before the committed offset, and is read from its start", "topic", p.topic, "partition", p.partition,
		"committed", p.began, "start", first)
	g.note(fmt.Errorf("%s-%d: the log ended before offset %d and is read from its start", p.topic, p.partition, p.began))
	g.drop(p)
	again := g.newPartition(p.topicPartition)
	again.began, again.end, again.tracker = first, f.HighWatermark, offsets.NewTracker(first, offsets.Ledger{})
	g.partitions[p.topicPartition] = again
	return again
}

// enqueue hands a record to its lane, unless the filter has refused it. The mutex is held.
func (g *group) enqueue(p *partition, rec *kgo.Record, now time.Time, refused bool) {
	ticket, standing := p.tracker.Add(rec.Offset, rec.Timestamp.UnixMilli())
	switch standing {
	case offsets.Finished:
		g.stats.AlreadyFinished()
		return
	case offsets.Repeated:
		return // fetched again after a pause
	case offsets.New:
	}
	if tried, _ := p.tracker.Tried(ticket); refused && tried == 0 {
		p.tracker.Done(ticket)
		g.committer.dirty(g)
		return
	}
	t := tasks.Get().(*task)
	t.part, t.ticket, t.bytes, t.lane = p, ticket, size(rec), p.laneOf(rec)
	t.Record, t.Received = rec, now
	t.inherit()
	p.enter(t)
	g.holds(t.bytes)
	g.lanes.add(t)
}

// dispatch starts as many deliveries as may run. The mutex is held.
func (g *group) dispatch() { g.dispatchAt(time.Now()) }

func (g *group) dispatchAt(now time.Time) {
	if g.stopping {
		return
	}
	for {
		t := g.take(now)
		if t == nil {
			return
		}
		target := g.begin()
		go g.work(t, target) // ends with its attempt at the latest; stop waits for it
	}
}

// take returns a task that may run now, nil if there is none, its target has enough, or nobody knows whether its
// partition is still ours. The mutex is held.
func (g *group) take(now time.Time) *task {
	if g.lanes.ready.head == nil || !g.membership.fresh(now) || !g.allowed(now) {
		return nil
	}
	t := g.lanes.take()
	if t == nil {
		g.pacing.pacer.Done(g.since(now), pace.Sample{}) // what was ready is not ours any more, or is held back
		return nil
	}
	t.pacer, t.Spare = g.pacing.pacer, nil
	if g.target.pace.Breaker {
		t.Spare = g.spare(t)
	}
	return t
}

// begin counts one more use of the current target, which it returns. The mutex is held.
func (g *group) begin() *targetRef {
	g.target.users++
	return g.target
}

// work delivers a task, and then others for as long as there are any: a lane that has more to do costs no new
// goroutine and waits for nobody.
func (g *group) work(t *task, target *targetRef) {
	for t != nil {
		next := g.attempt(target, &t.Job)
		g.notices.tell(&t.Job, next)
		t, target = g.settle(t, target, next)
	}
}

// attempt is the target's; tests have another.
func (g *group) attempt(target *targetRef, j *delivery.Job) delivery.Next {
	if g.scripted.attempt != nil {
		return g.scripted.attempt(j)
	}
	return target.Attempt(j)
}

// settle writes down what became of an attempt and returns the next task to run, nil if there is none.
func (g *group) settle(t *task, target *targetRef, next delivery.Next) (*task, *targetRef) {
	now := time.Now()
	g.mu.Lock()
	target.done()
	p := t.part
	p.stops(t)
	p.moves++
	g.paced(t, next.Subscriber, now)
	if next.Err != nil {
		g.note(next.Err)
	}
	var resume *partition
	switch {
	case p.state == gone:
		g.lanes.finish(t) // too late to say anything: whoever is next in charge delivers it again
	case p.state == draining && next.Outcome == delivery.Pending:
		g.record(t)
		g.lanes.finish(t)
	case next.Outcome == delivery.Pending:
		g.record(t)
		g.putAside(t, next.Wait)
	default:
		resume = g.finished(t)
		g.lanes.finish(t)
		*t = task{} // nothing refers to it: it is in no list, and the timer of a retry has run
		tasks.Put(t)
	}
	if g.lanes.running == 0 || p.state != active && p.running == 0 {
		g.idle.Broadcast()
	}
	var then *task
	var on *targetRef
	if !g.stopping {
		if then = g.take(now); then != nil {
			on = g.begin()
		}
		if g.lanes.more() { // two have become ready, as of a lane and of those held back, or the window has grown
			g.dispatchAt(now)
		}
	}
	g.mu.Unlock()
	if resume != nil {
		g.resume(resume)
	}
	return then, on
}

// putAside arms the timer of a retry; nothing but the timer and the record is held meanwhile. The mutex is held.
func (g *group) putAside(t *task, wait time.Duration) {
	g.lanes.wait(t)
	t.Record = detach(t.Record)
	timer := time.AfterFunc(wait, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if _, ok := t.part.waiting[t]; !ok {
			return // dropped with its partition
		}
		delete(t.part.waiting, t)
		g.lanes.retry(t)
		g.dispatch()
	})
	t.part.waiting[t] = retry{timer, time.Now().Add(wait)}
}

// finished counts a task's outcome and returns its partition if that is to be resumed. The mutex is held.
func (g *group) finished(t *task) (resume *partition) {
	p := t.part
	p.leave(t)
	g.holds(-t.bytes)
	p.tracker.Done(t.ticket)
	g.committer.dirty(g)
	if p.paused && p.problem == "" && g.pacing.halted == "" && g.flow.roomy(p) {
		p.paused = false
		g.adjustWait()
		return p
	}
	return nil
}

// screening is which records of one poll the filter has refused.
type screening struct {
	target *targetRef // nil: nothing was screened
	parts  []screened // in the order in which the fetches have their partitions
}

// screened is what became of the records of one partition from the first new one on.
type screened struct {
	records []*kgo.Record
	refused []bool // by record
}

// screenLimit bounds how long one poll asks filters, as rebalances wait for it.
const screenLimit = 200 * time.Millisecond

// screen asks the filter about new records before any of them costs a task, a place in a lane and a goroutine. It does so
// without the mutex; only the goroutine that polls calls it, which alone adds offsets to trackers.
func (g *group) screen(fetches kgo.Fetches, now time.Time) *screening {
	s := g.fresh(fetches)
	for i := range s.parts {
		p := &s.parts[i]
		p.refused = make([]bool, len(p.records))
		s.target.Screen(p.records, now, screenLimit-time.Since(now), p.refused)
	}
	return s
}

// fresh takes the target of now and the records that no tracker knows yet; nothing if there is no filter.
func (g *group) fresh(fetches kgo.Fetches) *screening {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := &screening{}
	if !g.target.Selective() {
		return s
	}
	s.target = g.target
	s.target.users++
	fetches.EachPartition(func(f kgo.FetchTopicPartition) {
		next := int64(math.MaxInt64)
		if p := g.partitions[topicPartition{f.Topic, f.Partition}]; p != nil && p.tracker != nil {
			next = p.tracker.Next()
		}
		s.parts = append(s.parts, screened{records: from(f.Records, next)})
	})
	return s
}

// from are the records from an offset on.
func from(records []*kgo.Record, offset int64) []*kgo.Record {
	for i, rec := range records {
		if rec.Offset >= offset {
			return records[i:]
		}
	}
	return nil
}

// next returns whether each record of the next partition is refused. It is called once for each, in their order.
func (s *screening) next(records []*kgo.Record) func(i int) bool {
	if s.target == nil {
		return func(int) bool { return false }
	}
	refused := s.parts[0].refused
	s.parts = s.parts[1:]
	old := len(records) - len(refused)
	return func(i int) bool { return i >= old && refused[i-old] }
}

// done ends the use of the target. The mutex is held.
func (s *screening) done() {
	if s.target != nil {
		s.target.done()
	}
}
