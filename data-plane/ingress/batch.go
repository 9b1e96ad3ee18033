package ingress

import (
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// batch waits for the records of a batched request. It is answered when the last one is, with the first failure if there
// is one (IN-30).
type batch struct {
	request *Request
	records []kgo.Record

	mu      sync.Mutex
	left    int
	failure error
	failed  *kgo.Record
}

// produceBatch produces the events of a batch, or none of them when one could never be written. The reader has refused
// batches with a malformed event already.
func (r *Request) produceBatch() {
	if len(r.events) == 0 {
		r.finish(accepted(), "")
		return
	}
	b := &batch{request: r, records: make([]kgo.Record, len(r.events)), left: len(r.events)}
	for n := range r.events {
		r.fill(&r.events[n], &b.records[n])
		if limit := r.route.sink.MaxRecordBytes; recordBytes(&b.records[n]) > limit {
			r.finish(tooLarge(limit), r.events[n].Type)
			return
		}
	}
	produce, promise := r.route.sink.Produce, b.promise(r.table)
	for n := range b.records {
		produce(&b.records[n], promise)
	}
}

// promise is that of the records produced with one table.
func (b *batch) promise(t *table) func(*kgo.Record, error) {
	return func(record *kgo.Record, err error) {
		if b.request.ingress.outdated(t, err) {
			go b.again(record, err)
			return
		}
		b.settle(record, err)
	}
}

// again produces a record with the producer in force. As with a single event it is a goroutine that does not wait.
func (b *batch) again(failed *kgo.Record, err error) {
	t := b.request.ingress.table.Load()
	next := t.byUID[b.request.route.uid]
	if next == nil || next.problem != "" {
		b.settle(failed, err)
		return
	}
	record := &kgo.Record{Topic: next.topic, Key: failed.Key, Value: failed.Value, Headers: failed.Headers}
	next.sink.Produce(record, b.promise(t))
}

// settle counts one record as answered; the last one answers the request.
func (b *batch) settle(record *kgo.Record, err error) {
	b.mu.Lock()
	if err != nil && b.failure == nil {
		b.failure, b.failed = err, record
	}
	b.left--
	last := b.left == 0
	b.mu.Unlock()
	if !last {
		return
	}
	r := b.request
	if b.failure == nil {
		r.note()
		r.finish(accepted(), r.events[0].Type)
		return
	}
	r.abandon(produceFailed(r.route, b.failed, b.failure))
}
