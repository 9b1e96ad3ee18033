package egress

import (
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/data-plane/offsets"
)

// topicPartition names a partition.
type topicPartition struct {
	topic     string
	partition int32
}

// ownership is how far a partition is on its way out of this process.
type ownership uint8

const (
	// active partitions are delivered from.
	active ownership = iota
	// draining ones begin no delivery; results of those under way count.
	draining
	// gone ones are somebody else's: no result counts.
	gone
)

// partition is one partition from its assignment to this process until it is taken away; an assignment that comes
// back makes a new one, so that late results of the old one count for nothing (OF-12). Guarded by the group's mutex.
type partition struct {
	topicPartition
	state    ownership
	tracker  *offsets.Tracker // nil until the committed offset is known
	order    order
	lane     *lane            // the one lane of byPartition
	keys     map[string]*lane // the lanes of byKey that have a task
	spare    *lane            // one that was freed
	waiting  map[*task]retry
	oldest   *task // of all tasks without outcome, in the order of their offsets
	newest   *task
	held     fifo // ready tasks that wait for others in retry to end
	buffered int  // tasks that have no outcome
	bytes    int  // of their records
	running  int
	fresh    int // running tasks that were not tried before
	paused   bool
	began    int64  // the committed offset that the assignment began with, -1 for none
	moves    uint64 // what was fetched, begun or finished, to see whether anything goes on
	watch    watch
	saved    saved
	end      int64 // offset after the last record in the log, as of the last fetch
	problem  string
	// recreated: the topic was deleted and made again, which has other events at these offsets; nothing is committed.
	recreated bool
}

// retry is when a task is tried again.
type retry struct {
	timer *time.Timer
	at    time.Time
}

// saturated says whether a ledger could not hold the attempts of one more event in retry. Each running task that was not
// tried yet may become one.
func (p *partition) saturated() bool {
	return p.tracker != nil && p.tracker.Retried()+p.fresh >= p.saved.retryCap
}

// enter adds a task to those without outcome.
func (p *partition) enter(t *task) {
	p.buffered++
	p.bytes += t.bytes
	t.older = p.newest
	if p.newest == nil {
		p.oldest = t
	} else {
		p.newest.newer = t
	}
	p.newest = t
}

// leave removes a task that has its outcome.
func (p *partition) leave(t *task) {
	p.buffered--
	p.bytes -= t.bytes
	if t.older == nil {
		p.oldest = t.newer
	} else {
		t.older.newer = t.newer
	}
	if t.newer == nil {
		p.newest = t.older
	} else {
		t.newer.older = t.older
	}
	t.older, t.newer = nil, nil
}

// starts counts a task that begins to run, stops one that ran.
func (p *partition) starts(t *task) {
	p.running++
	if !t.tried {
		p.fresh++
	}
}

func (p *partition) stops(t *task) {
	p.running--
	if !t.tried {
		p.fresh--
	}
}

// laneOf is the lane for a record, nil if it is in no order.
func (p *partition) laneOf(rec *kgo.Record) *lane {
	switch {
	case p.order == byPartition:
		if p.lane == nil {
			p.lane = &lane{}
		}
		return p.lane
	case p.order == unordered || len(rec.Key) == 0:
		return nil
	}
	if found := p.keys[string(rec.Key)]; found != nil {
		return found
	}
	if p.keys == nil {
		p.keys = map[string]*lane{}
	}
	in := p.spare
	if in == nil {
		in = &lane{}
	}
	p.spare = nil
	in.key = string(rec.Key)
	p.keys[in.key] = in
	return in
}

// freeLane forgets an empty lane by key: there may be any number of keys.
func (p *partition) freeLane(in *lane) {
	if p.order != byKey || in.key == "" {
		return
	}
	delete(p.keys, in.key)
	in.key = ""
	p.spare = in
}

// lag is the number of records that are not finished, as far as offsets tell.
func (p *partition) lag() int64 {
	if p.tracker == nil || p.end <= 0 {
		return 0
	}
	return max(0, p.end-max(0, p.tracker.Prefix())-p.tracker.Ahead()) // without a commit the prefix is below 0 until a record came
}

// age is how long ago the oldest unfinished record was written.
func (p *partition) age(now time.Time) time.Duration {
	if p.tracker == nil {
		return 0
	}
	written, ok := p.tracker.Oldest()
	if !ok {
		return 0
	}
	return max(0, now.Sub(time.UnixMilli(written)))
}

// What an event takes beyond its bytes while it waits, as BenchmarkMemoryOfAWaitingEvent measures it: its record, its
// task, its place in the tracker; and each of its headers.
const (
	eventOverhead  = 560
	headerOverhead = 40
)

// size is what a record is counted with: about the memory that it holds.
func size(rec *kgo.Record) int {
	n := eventOverhead + len(rec.Key) + len(rec.Value)
	for _, h := range rec.Headers {
		n += headerOverhead + len(h.Key) + len(h.Value)
	}
	return n
}

// detach copies what the record aliases, so that a record that waits for a retry does not hold the whole batch that
// it was fetched with (KF-21).
func detach(rec *kgo.Record) *kgo.Record {
	kept := *rec
	kept.Key = append([]byte(nil), rec.Key...)
	if rec.Value != nil {
		kept.Value = append([]byte{}, rec.Value...)
	}
	kept.Headers = make([]kgo.RecordHeader, len(rec.Headers))
	for i, h := range rec.Headers {
		kept.Headers[i] = kgo.RecordHeader{Key: string(append([]byte(nil), h.Key...)), Value: append([]byte(nil), h.Value...)}
	}
	return &kept
}
