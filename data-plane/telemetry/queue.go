package telemetry

import (
	"strconv"
	"sync/atomic"
	"time"
)

// Queue records how long the events of one partition of an ordered egress wait for their turn. It exists only where the
// feature dispatcher-ordered-executor-metrics is enabled (OBS-06).
type Queue struct {
	length  atomic.Int64
	latency histogram
}

type queueID struct {
	topic     string
	partition int32
}

// Queue returns the handle of a partition's queue; the same partition yields the same handle until RemoveQueue.
func (e *Egress) Queue(topic string, partition int32) *Queue {
	q, _ := e.queues.LoadOrStore(queueID{topic, partition}, &Queue{})
	return q.(*Queue)
}

// RemoveQueue forgets the queue of a partition that is no longer assigned here.
func (e *Egress) RemoveQueue(topic string, partition int32) {
	e.queues.Delete(queueID{topic, partition})
}

// Entered counts an event that joins the queue.
func (q *Queue) Entered() { q.length.Add(1) }

// Left counts an event whose turn came after it had waited for d.
func (q *Queue) Left(d time.Duration) {
	q.length.Add(-1)
	q.latency.observe(d)
}

func (e *Egress) collectQueues(f *families) {
	e.queues.Range(func(id, q any) bool {
		partition := strconv.Itoa(int(id.(queueID).partition))
		labels := []label{{labelPartition, partition}, {labelTopic, id.(queueID).topic}}
		f.gauge(queueLength, float64(q.(*Queue).length.Load()), labels...)
		f.latency(queueLatency, &q.(*Queue).latency, labels...)
		return true
	})
}
