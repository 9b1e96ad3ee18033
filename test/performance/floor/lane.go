package main

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"
)

// pauseAt is the number of records that wait in an ordered lane before its partition, and no other, is paused; it is
// resumed at half.
const pauseAt = 8192

// lane is what a group knows of a partition: the records that wait when it is ordered, and how far it has come.
type lane struct {
	group     *group
	partition partition
	committed atomic.Int64

	mu      sync.Mutex
	next    int64 // offset to commit
	queue   []*kgo.Record
	waiting int // records of the queue and of the batch that is being delivered
	active  bool
	paused  bool

	open []delivery // unordered: those from next on, in the order of their offsets
	head uint64     // number of the first of them
}

type delivery struct {
	offset int64
	done   bool
}

func (l *lane) uncommitted() (next int64, changed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.next, l.next != l.committed.Load()
}

// ordered delivers each partition's records one at a time, on a goroutine that lives as long as there are any.
func (g *group) ordered(ctx context.Context) (deliver func(*lane, []*kgo.Record), end func()) {
	return func(l *lane, records []*kgo.Record) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.queue = append(l.queue, records...)
		l.waiting += len(records)
		if l.waiting > pauseAt && !l.paused {
			l.paused = true
			g.client.PauseFetchPartitions(l.partition.set())
		}
		if !l.active {
			l.active = true
			g.running.Go(func() { l.run(ctx) })
		}
	}, func() {}
}

func (l *lane) run(ctx context.Context) {
	p, err := l.group.poster()
	if err != nil {
		l.group.fail(err)
		return
	}
	defer l.group.release(p)
	var batch []*kgo.Record
	for {
		l.mu.Lock()
		batch, l.queue = l.queue, batch[:0]
		l.active = len(batch) > 0
		l.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		for i, r := range batch {
			if ctx.Err() != nil {
				return
			}
			if err := p.post(r); err != nil {
				l.group.fail(err)
				return
			}
			batch[i] = nil
			l.finished(r.Offset)
		}
	}
}

func (l *lane) finished(offset int64) {
	l.mu.Lock()
	l.next = offset + 1
	l.waiting--
	resume := l.paused && l.waiting <= pauseAt/2
	if resume {
		l.paused = false
		l.group.client.ResumeFetchPartitions(l.partition.set())
	}
	l.mu.Unlock()
	l.group.progressed()
}

func (p partition) set() map[string][]int32 { return map[string][]int32{p.topic: {p.number}} }

type job struct {
	lane   *lane
	record *kgo.Record
	number uint64
}

// unordered delivers with limit workers, started as they are first needed. When all are busy, polling waits. end lets
// the workers end.
func (g *group) unordered(limit int) (deliver func(*lane, []*kgo.Record), end func()) {
	jobs := make(chan job, limit)
	workers := 0
	deliver = func(l *lane, records []*kgo.Record) {
		first := l.begin(records)
		for i, r := range records {
			if workers == 0 || workers < limit && len(jobs) > 0 { // each has a connection: no more than there is work for
				workers++
				g.running.Go(func() { g.work(jobs) })
			}
			jobs <- job{l, r, first + uint64(i)}
		}
	}
	return deliver, func() { close(jobs) }
}

func (g *group) work(jobs <-chan job) {
	p, err := g.poster()
	for j := range jobs {
		if err == nil {
			err = p.post(j.record)
		}
		if err != nil {
			g.fail(err) // and take what is left, so that nobody waits to hand it over
			continue
		}
		j.lane.done(j.number)
	}
	g.release(p)
}

// begin notes that records are to be delivered and returns the number of the first.
func (l *lane) begin(records []*kgo.Record) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	first := l.head + uint64(len(l.open))
	for _, r := range records {
		l.open = append(l.open, delivery{offset: r.Offset})
	}
	return first
}

// done notes that a record was delivered; next moves up to the first one that was not.
func (l *lane) done(number uint64) {
	l.mu.Lock()
	l.open[number-l.head].done = true
	moved := false
	for len(l.open) > 0 && l.open[0].done {
		l.next = l.open[0].offset + 1
		l.open = l.open[1:]
		l.head++
		moved = true
	}
	l.mu.Unlock()
	if moved {
		l.group.progressed()
	}
}
