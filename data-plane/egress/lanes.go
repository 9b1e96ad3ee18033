package egress

import (
	"knative.dev/eventing-kafka-go/data-plane/delivery"
	"knative.dev/eventing-kafka-go/data-plane/offsets"
)

// task is one record between its fetch and its outcome.
type task struct {
	delivery.Job
	part   *partition
	ticket offsets.Ticket
	bytes  int
	lane   *lane // nil: in no order
	behind *task // the next one in its lane
	next   *task // the next one in the ready queue
}

// lane is a strictly ordered queue: its head is ready, running or waiting for a retry, the others wait for it.
type lane struct {
	head, tail *task
}

// lanes says which task may run now. Order is a matter of which lane a task is in: one lane for each partition is
// ordered delivery, no lane at all is unordered. It does no I/O, reads no clock and takes no lock.
//
// Invariants: a task is in the ready queue, running or waiting, or behind another one in its lane; at most one task of
// a lane is ready, running or waiting; running <= limit when a task is taken.
type lanes struct {
	limit   int // tasks that may run at the same time
	running int
	waiting int
	ready   struct{ head, tail *task }
}

// add takes a new task.
func (l *lanes) add(t *task) {
	if t.lane == nil {
		l.makeReady(t)
		return
	}
	if t.lane.tail == nil {
		t.lane.head, t.lane.tail = t, t
		l.makeReady(t)
		return
	}
	t.lane.tail.behind = t
	t.lane.tail = t
}

func (l *lanes) makeReady(t *task) {
	t.next = nil
	if l.ready.tail == nil {
		l.ready.head = t
	} else {
		l.ready.tail.next = t
	}
	l.ready.tail = t
}

// take returns a task to run, nil if there is none or the limit is reached. Tasks of partitions that were taken away
// are dropped here.
func (l *lanes) take() *task {
	for l.running < l.limit && l.ready.head != nil {
		t := l.ready.head
		if l.ready.head = t.next; l.ready.head == nil {
			l.ready.tail = nil
		}
		t.next = nil
		if t.part.state == active {
			l.running++
			return t
		}
	}
	return nil
}

// finish ends a running task; the one behind it becomes ready.
func (l *lanes) finish(t *task) {
	l.running--
	if t.lane == nil {
		return
	}
	if t.lane.head = t.behind; t.lane.head == nil {
		t.lane.tail = nil
		return
	}
	if t.part.state == active {
		l.makeReady(t.lane.head)
	}
}

// wait puts a running task aside until retry or drop; its lane stays blocked, its place among the running is free.
func (l *lanes) wait() {
	l.running--
	l.waiting++
}

// retry makes a waiting task ready.
func (l *lanes) retry(t *task) {
	l.waiting--
	l.makeReady(t)
}

// drop forgets a waiting task.
func (l *lanes) drop() { l.waiting-- }
