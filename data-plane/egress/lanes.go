package egress

import (
	"sync"

	"knative.dev/eventing-kafka-go/data-plane/delivery"
	"knative.dev/eventing-kafka-go/data-plane/offsets"
	"knative.dev/eventing-kafka-go/data-plane/pace"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// order is what an egress keeps in order.
type order uint8

const (
	// unordered: nothing.
	unordered order = iota
	// byPartition: all events of a partition.
	byPartition
	// byKey: the events of a record key. Those without a key are in no order.
	byKey
)

func (o order) String() string { return [...]string{"unordered", "ordered", "ordered by key"}[o] }

// orderOf is the order that a contract asks for.
func orderOf(e *contract.Egress) order {
	switch {
	case e.GetDeliveryOrder() != contract.DeliveryOrder_ORDERED:
		return unordered
	case e.GetOrderScope() == contract.OrderScope_KEY_SCOPE:
		return byKey
	}
	return byPartition
}

// task is one record between its fetch and its outcome. What links it to others comes first: that is one line of a cache,
// and who finishes a task writes to its neighbours.
type task struct {
	part         *partition
	lane         *lane // nil: in no order
	behind       *task // the next one in its lane
	next         *task // the next one in the ready queue, or held back
	older, newer *task // of the same partition
	ticket       offsets.Ticket
	tried        bool // an attempt has failed, by whomever
	started      bool // running or waiting for a retry

	bytes int
	pacer *pace.Pacer // that allowed it to run
	delivery.Job
}

// tasks are zero ones, to be used again: a task for each event would be a seventh of all memory that events take.
var tasks = sync.Pool{New: func() any { return &task{} }}

// lane is a strictly ordered queue: while one of its tasks is ready, running or waiting for a retry, the others wait.
// Only after a change of the order can there be more than one such task.
type lane struct {
	busy  int // tasks that are ready, running, held back or waiting
	queue fifo
	key   string // of a lane by key
}

// fifo is a queue of tasks that are linked by one of their fields.
type fifo struct {
	head, tail *task
}

// lanes says which task may run now. Order is a matter of which lane a task is in: one lane for each partition, one for
// each key, or none at all. It does no I/O, reads no clock and takes no lock.
//
// Invariants: a task is in the ready queue, held back with its partition, running or waiting, or behind another one in
// its lane; a lane that has no busy task has no queue; running <= limit when a task is taken.
type lanes struct {
	limit   int // tasks that may run at the same time
	running int
	waiting int
	ready   fifo
}

// window is how many tasks a window of deliveries can make use of.
func (l *lanes) window(size int) int { return min(size, l.limit) }

// add takes a new task.
func (l *lanes) add(t *task) {
	in := t.lane
	if in == nil || in.busy == 0 {
		if in != nil {
			in.busy = 1
		}
		l.makeReady(t)
		return
	}
	if in.queue.tail == nil {
		in.queue.head = t
	} else {
		in.queue.tail.behind = t
	}
	in.queue.tail = t
}

// more says whether a task may be ready to run.
func (l *lanes) more() bool { return l.ready.head != nil && l.running < l.limit }

func (l *lanes) makeReady(t *task) { l.ready.push(t) }

// push appends a task, linked by next.
func (q *fifo) push(t *task) {
	t.next = nil
	if q.tail == nil {
		q.head = t
	} else {
		q.tail.next = t
	}
	q.tail = t
}

// pop takes the first task of a queue that is linked by next, nil if it is empty.
func (q *fifo) pop() *task {
	t := q.head
	if t == nil {
		return nil
	}
	if q.head = t.next; q.head == nil {
		q.tail = nil
	}
	t.next = nil
	return t
}

// take returns a task to run, nil if there is none or the limit is reached. Tasks of partitions that were taken away
// are dropped here; those that would be more than their partition may have in retry are held back.
func (l *lanes) take() *task {
	for l.running < l.limit {
		t := l.ready.pop()
		switch {
		case t == nil:
			return nil
		case t.part.state != active:
		case !t.tried && t.part.saturated():
			t.part.held.push(t)
		default:
			l.running++
			t.started = true
			t.part.starts(t)
			return t
		}
	}
	return nil
}

// finish ends a running task; the one behind it becomes ready.
func (l *lanes) finish(t *task) {
	l.running--
	l.release(t.part)
	in := t.lane
	if in == nil {
		return
	}
	in.busy--
	if in.busy > 0 || t.part.state != active {
		return
	}
	then := in.queue.head
	if then == nil {
		t.part.freeLane(in)
		return
	}
	if in.queue.head = then.behind; in.queue.head == nil {
		in.queue.tail = nil
	}
	then.behind = nil
	in.busy = 1
	l.makeReady(then)
}

// wait puts a running task aside until retry or drop; its lane stays blocked, its place among the running is free.
func (l *lanes) wait(t *task) {
	l.running--
	l.waiting++
	l.release(t.part)
}

// retry makes a waiting task ready.
func (l *lanes) retry(t *task) {
	l.waiting--
	l.makeReady(t)
}

// drop forgets a waiting task.
func (l *lanes) drop() { l.waiting-- }

// release makes a task ready that was held back, if its partition may have one more in retry.
func (l *lanes) release(p *partition) {
	if p.held.head != nil && !p.saturated() {
		l.makeReady(p.held.pop())
	}
}

// reorder puts what has not begun of a partition into the lanes of another order. What runs or waits goes on; what
// follows it in the new order waits for it.
func (l *lanes) reorder(p *partition, to order) {
	others := fifo{}
	for t := l.ready.pop(); t != nil; t = l.ready.pop() {
		if t.part != p || t.started {
			others.push(t)
		}
	}
	l.ready = others
	p.held, p.order, p.keys, p.lane = fifo{}, to, nil, nil
	for t := p.oldest; t != nil; t = t.newer {
		t.behind, t.lane = nil, p.laneOf(t.Record)
		if t.started && t.lane != nil {
			t.lane.busy++
		}
	}
	for t := p.oldest; t != nil; t = t.newer {
		if !t.started {
			l.add(t)
		}
	}
}
