package kafka

import (
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Producer writes records to one cluster. It is shared by everybody who acquired the same connection; any goroutine may
// use it.
//
// Its client is replaced from time to time, because that is the only safe way to forget a topic. kgo can purge one, but
// numbers the records of a topic that comes back from zero under the same producer id: if the topic was never away the
// broker takes them for repetitions and acknowledges them without writing them.
type Producer struct {
	set        *Producers
	key        string
	connection Connection
	users      int // under set.mu

	current atomic.Pointer[generation]

	mu      sync.Mutex
	closed  bool        // current is not replaced any more
	renewal *time.Timer // nil: none is due
	due     time.Time   // of renewal
	renewed time.Time   // when the last one was
}

const (
	// renewalPace is the least time between two renewals, and how soon a topic that was made again is taken up at the
	// latest.
	renewalPace = 250 * time.Millisecond
	// forgetDelay is how long topics that are gone may be remembered. Until then kgo asks for them MetadataMinAge apart.
	forgetDelay = time.Minute
	// configureDelay is how soon new settings are tried again with a cluster that did not answer.
	configureDelay = 15 * time.Second
	// drainMargin is what a record may take beyond its delivery timeout, which is looked at when a request ends.
	drainMargin = 10 * time.Second
)

func newProducer(set *Producers, key string, c Connection) (*Producer, error) {
	p := &Producer{set: set, key: key, connection: c, users: 1}
	first, err := newGeneration(p)
	if err != nil {
		return nil, err
	}
	p.current.Store(first)
	return p, nil
}

// Produce hands a record over and returns at once; promise is called exactly once, on a goroutine of the producer that
// calls the promises of many records one after the other: it must not block. (While the client is renewed, and for large
// records, there are two such goroutines; while Kafka refuses the credentials, Produce calls it itself.) When the buffer is
// full the promise gets [kgo.ErrMaxBuffered]. The record must not be changed before that. [Classify] tells what an error
// means.
//
// There is no context: cancelling one record would fail all others that wait for its partition. The time limit is
// ProducerConfig.DeliveryTimeout; whoever waits for less must stop waiting by itself.
func (p *Producer) Produce(record *kgo.Record, promise func(*kgo.Record, error)) {
	for {
		g := p.current.Load()
		g.entering.Add(1)
		if p.current.Load() == g { // else it may be closing already
			if refused := g.refused.Load(); refused != nil {
				g.entering.Add(-1)
				promise(record, *refused)
				return
			}
			g.client(record).TryProduce(p.set.abort, record, promise)
			g.entering.Add(-1)
			return
		}
		g.entering.Add(-1)
	}
}

// MaxRecordBytes is [ProducerConfig.MaxRecordBytes] of the client that is in use.
func (p *Producer) MaxRecordBytes() int { return p.current.Load().config.MaxRecordBytes() }

// Trouble says why Kafka could not be spoken with lately, "" if it could.
func (p *Producer) Trouble() string {
	text, _ := p.current.Load().trouble.Last()
	return text
}

// Key is the key of its connection.
func (p *Producer) Key() string { return p.key }

// Buffered returns the records and bytes that wait for Kafka.
func (p *Producer) Buffered() (records, bytes int64) { return p.current.Load().buffered() }

// Release gives the producer back; it must not be used afterwards. After the last Release it sends what it still has,
// for a bounded time, and closes in the background.
func (p *Producer) Release() { p.set.release(p) }

// Forget says that a topic is not produced to any more, at least for now. Within a minute nothing is kept for topics that
// are gone, nor are they asked for. Producing to the topic again is possible at any time.
func (p *Producer) Forget(string) { p.renewWithin(forgetDelay) }

// renewWithin sees to it that the client is replaced after the given time, or sooner when that is planned already.
func (p *Producer) renewWithin(wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	due := now.Add(wait)
	if earliest := p.renewed.Add(renewalPace); due.Before(earliest) {
		due = earliest
	}
	if p.closed || p.renewal != nil && !due.Before(p.due) {
		return
	}
	if p.renewal != nil {
		p.renewal.Stop()
	}
	p.due = due
	p.renewal = time.AfterFunc(due.Sub(now), func() { p.set.background(p.renew) })
}

// renew replaces the client, if Kafka answers. Records that the old one still has are sent by it, within their time.
func (p *Producer) renew() {
	p.mu.Lock()
	p.renewal, p.renewed = nil, time.Now()
	p.mu.Unlock()
	next, err := newGeneration(p)
	if err != nil { // the options were validated; the old client goes on
		p.set.log.Error("Kafka producer could not be renewed", "connection", p.key, "error", err)
		return
	}
	if err := next.warm(p.set.abort); err != nil {
		next.drain(0)
		p.renewLater(next, err)
		return
	}
	old := p.take(next)
	if old.config != next.config {
		p.set.announce()
	}
	old.drain(old.config.DeliveryTimeout + drainMargin)
}

// renewLater is for when Kafka did not answer a new client.
func (p *Producer) renewLater(next *generation, err error) {
	if p.current.Load().config == next.config {
		p.set.log.Debug("Kafka producer is renewed later", "connection", p.key, "error", err)
		p.renewWithin(forgetDelay)
		return
	}
	p.set.log.Warn("Kafka producer keeps its settings, the new ones are tried again", "connection", p.key,
		"wait", configureDelay, "error", err)
	p.renewWithin(configureDelay)
}

// take makes a client the one that is written with and returns the one that is to be closed: the one before, or next
// itself when it comes too late. One with settings that were replaced while it was made has a successor under way.
func (p *Producer) take(next *generation) (old *generation) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || next.config != p.set.config.Load() {
		return next
	}
	return p.current.Swap(next)
}

// drain ends the producer.
func (p *Producer) drain() {
	p.mu.Lock()
	p.closed = true
	if p.renewal != nil {
		p.renewal.Stop()
	}
	last := p.current.Load()
	p.mu.Unlock()
	last.drain(last.config.DrainTimeout)
}

// Failure is what a produce error means to whoever sent the event.
type Failure uint8

const (
	// Other errors have nothing that a sender could act on but to try again.
	Other Failure = iota
	// TooLarge: the record exceeds a limit of the producer, the topic or the broker and never fits.
	TooLarge
	// BufferFull: too much waits for Kafka already.
	BufferFull
	// UnknownTopic: the topic does not exist, or was just made again.
	UnknownTopic
	// Auth: Kafka refuses the credentials or does not allow them to write.
	Auth
	// Timeout: Kafka did not acknowledge in time; the record may be there nevertheless.
	Timeout
)

var failures = [...]string{"other", "too large", "buffer full", "unknown topic", "not authorised", "timeout"}

// String returns a word or two for logs and metrics.
func (f Failure) String() string { return failures[min(int(f), len(failures)-1)] }

// failureCauses is in the order of precedence: a time-out says what was wrong at its end.
var failureCauses = []struct {
	failure Failure
	causes  []error
}{
	{TooLarge, []error{kerr.MessageTooLarge, kerr.RecordListTooLarge}},
	{BufferFull, []error{kgo.ErrMaxBuffered}},
	{UnknownTopic, []error{kerr.UnknownTopicOrPartition, kerr.UnknownTopicID, kerr.InvalidTopicException}},
	{Auth, []error{
		kerr.TopicAuthorizationFailed, kerr.ClusterAuthorizationFailed, kerr.SaslAuthenticationFailed,
		kerr.UnsupportedSaslMechanism, kerr.IllegalSaslState, kerr.SecurityDisabled,
	}},
	{Timeout, []error{
		kgo.ErrRecordTimeout, kerr.RequestTimedOut, context.DeadlineExceeded, os.ErrDeadlineExceeded,
	}},
}

// Classify tells what the error of a promise means. It is Other for nil.
func Classify(err error) Failure {
	for _, group := range failureCauses {
		for _, cause := range group.causes {
			if errors.Is(err, cause) {
				return group.failure
			}
		}
	}
	return Other
}
