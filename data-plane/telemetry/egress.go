package telemetry

import (
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Operation is what a request of an egress that is in flight is for.
type Operation uint8

// The operations of an egress.
const (
	OpSubscriber Operation = iota // the event goes to the subscriber
	OpDeadLetter                  // the event goes to the dead letter sink
	OpReply                       // the subscriber's reply goes where replies go
	operations                    // their number
)

// TypeInvalid is the event type under which records that are no CloudEvents are discarded (OBS-09).
const TypeInvalid = "InvalidCloudEvent"

// Egress records how the events of one consumer group fare.
type Egress struct {
	labels   atomic.Pointer[Labels]
	hideTag  bool
	types    *typeTable
	discards *typeTable
	inFlight [operations]atomic.Int64
	observe  atomic.Pointer[func() EgressGauges]
	queues   sync.Map // queueID → *Queue

	delivered, filtered, retried, deadLettered, lost, parked, replied, noReplies, discarded, skipped atomic.Uint64
	ledgersRead, ledgersIgnored, ledgersCut, alreadyFinished, expired                                atomic.Uint64
	rebuiltPartitions, rebuiltGroups                                                                 atomic.Uint64
}

// EgressCounts is what became of the events of an egress since it was first asked for.
type EgressCounts struct {
	Delivered, Filtered, DeadLettered, Lost, Parked, Discarded uint64 // events, each in one of these
	Retried                                                    uint64 // attempts after the first one
	Replied                                                    uint64 // replies passed on
	NoReplies                                                  uint64 // answers with a body that is no event, taken for no reply
	Skipped                                                    uint64 // offsets that hold no record
	LedgersRead, LedgersIgnored                                uint64 // ledgers of an earlier owner; metadata that was none of ours, or damaged
	LedgersCut                                                 uint64 // commits whose ledger had no room
	AlreadyFinished                                            uint64 // events that an earlier owner has finished, says its ledger
	Expired                                                    uint64 // events that the log lost before they were delivered
	RebuiltPartitions, RebuiltGroups                           uint64 // by the watchdog, as they did not move
}

// EgressGauges is how an egress stands at the moment of a scrape.
type EgressGauges struct {
	LagRecords       int64         // records after the committed offset, of all partitions that are assigned here
	Lag              time.Duration // age of the oldest of them
	OldestUnfinished time.Duration // age of the oldest event that was read and is not finished
	InFlight         int           // events at a subscriber
	Waiting          int           // events that wait for a retry
	BufferedBytes    int64         // event data held in memory
	Window           int           // how many events may be in flight now
	Rate             float64       // how many deliveries may begin in a second, 0 for any number
	BreakerOpen      bool          // only probes are sent
	Halted           bool          // nothing is fetched: the memory is used up, or the subscriber down
	LastErrorAt      time.Time     // zero when there was none
	Partitions       int           // assigned here
}

func newEgress(o Options) *Egress {
	return &Egress{
		hideTag:  o.DisableEventTypeTag,
		types:    newTypeTable(o.MaxEventTypes),
		discards: newTypeTable(o.MaxEventTypes),
	}
}

func (e *Egress) tag(eventType string) string {
	if e.hideTag {
		return typeUnknown
	}
	return eventType
}

// Dispatched records one event sent to the subscriber, after its last attempt: the status of that attempt, 0 when there
// was no HTTP response, and the time since the filter let the event pass.
func (e *Egress) Dispatched(code int, eventType string, d time.Duration) {
	e.types.series(e.tag(eventType)).dispatch(code).observe(d)
}

// Processed records one event whose filter was evaluated: the time since its record was received.
func (e *Egress) Processed(eventType string, d time.Duration) {
	e.types.series(e.tag(eventType)).process.observe(d)
}

// InFlight adds delta, usually 1 or -1, to the requests of an operation that are in flight.
func (e *Egress) InFlight(op Operation, delta int64) { e.inFlight[op].Add(delta) }

// Filtered counts an event that the filter refused.
func (e *Egress) Filtered() { e.filtered.Add(1) }

// Delivered counts an event that the subscriber took.
func (e *Egress) Delivered() { e.delivered.Add(1) }

// Retried counts an attempt after the first one.
func (e *Egress) Retried() { e.retried.Add(1) }

// DeadLettered counts an event that the dead letter sink took.
func (e *Egress) DeadLettered() { e.deadLettered.Add(1) }

// Lost counts an event that could not be delivered and for which there is no dead letter sink.
func (e *Egress) Lost() { e.lost.Add(1) }

// Parked counts an event that was written to the parking topic.
func (e *Egress) Parked() { e.parked.Add(1) }

// IgnoredReply counts a successful answer whose body is no event and was taken for no reply.
func (e *Egress) IgnoredReply() { e.noReplies.Add(1) }

// Replied counts a reply that was passed on.
func (e *Egress) Replied() { e.replied.Add(1) }

// Discarded counts n records that were finished without delivery, such as TypeInvalid ones.
func (e *Egress) Discarded(eventType string, n int) {
	if n <= 0 {
		return
	}
	e.discarded.Add(uint64(n))
	e.discards.series(eventType).events.Add(uint64(n))
}

// Skipped counts n offsets between two records that hold none: transaction markers and what compaction took.
func (e *Egress) Skipped(n int64) {
	if n > 0 {
		e.skipped.Add(uint64(n))
	}
}

// LedgerRead counts a ledger that an earlier owner of a partition has left.
func (e *Egress) LedgerRead() { e.ledgersRead.Add(1) }

// LedgerIgnored counts commit metadata that is no ledger of ours, or damaged.
func (e *Egress) LedgerIgnored() { e.ledgersIgnored.Add(1) }

// LedgerCut counts a ledger that was too long: events may be delivered again that were finished.
func (e *Egress) LedgerCut() { e.ledgersCut.Add(1) }

// AlreadyFinished counts an event that is not delivered, since an earlier owner has finished it.
func (e *Egress) AlreadyFinished() { e.alreadyFinished.Add(1) }

// Expired counts events that were removed from the log before they were delivered.
func (e *Egress) Expired(n int64) { e.expired.Add(uint64(max(n, 0))) }

// Rebuilt counts a partition, or the whole group, that did not move and is fetched from anew.
func (e *Egress) Rebuilt(group bool) {
	if group {
		e.rebuiltGroups.Add(1)
	} else {
		e.rebuiltPartitions.Add(1)
	}
}

// Counts returns what became of events so far.
func (e *Egress) Counts() EgressCounts {
	return EgressCounts{
		Delivered:    e.delivered.Load(),
		Filtered:     e.filtered.Load(),
		DeadLettered: e.deadLettered.Load(),
		Lost:         e.lost.Load(),
		Parked:       e.parked.Load(),
		NoReplies:    e.noReplies.Load(),
		Discarded:    e.discarded.Load(),
		Retried:      e.retried.Load(),
		Replied:      e.replied.Load(),
		Skipped:      e.skipped.Load(),

		LedgersRead:     e.ledgersRead.Load(),
		LedgersIgnored:  e.ledgersIgnored.Load(),
		LedgersCut:      e.ledgersCut.Load(),
		AlreadyFinished: e.alreadyFinished.Load(),
		Expired:         e.expired.Load(),

		RebuiltPartitions: e.rebuiltPartitions.Load(),
		RebuiltGroups:     e.rebuiltGroups.Load(),
	}
}

// Observe sets what is asked for the state of the egress at every scrape; nil ends it. f must not block and must not
// wait for anything that waits for a scrape.
func (e *Egress) Observe(f func() EgressGauges) {
	if f == nil {
		e.observe.Store(nil)
		return
	}
	e.observe.Store(&f)
}

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
