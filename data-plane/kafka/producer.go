package kafka

import (
	"context"
	"errors"
	"os"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Producer writes records to one cluster. It is shared by everybody who acquired the same connection; any goroutine may
// use it.
type Producer struct {
	set    *Producers
	key    string
	client *kgo.Client
	users  int // under set.mu

	mu       sync.Mutex
	purging  map[string]bool // topics that are being forgotten
	draining bool            // no purge begins any more
	purges   sync.WaitGroup
}

func newProducer(set *Producers, key string, c Connection) (*Producer, error) {
	p := &Producer{set: set, key: key, users: 1, purging: map[string]bool{}}
	client, err := set.client(c, p)
	if err != nil {
		return nil, err
	}
	p.client = client
	return p, nil
}

// Produce hands a record over and returns at once; promise is called exactly once, on a goroutine of the producer that
// calls one promise after the other: it must not block. When the buffer is full the promise gets [kgo.ErrMaxBuffered].
// The record must not be changed before that. [Classify] tells what an error means.
//
// There is no context: cancelling one record would fail all others that wait for its partition. The time limit is
// ProducerConfig.DeliveryTimeout; whoever waits for less must stop waiting by itself.
func (p *Producer) Produce(record *kgo.Record, promise func(*kgo.Record, error)) {
	p.client.TryProduce(p.set.abort, record, promise)
}

// MaxRecordBytes is [ProducerConfig.MaxRecordBytes].
func (p *Producer) MaxRecordBytes() int { return p.set.config.MaxRecordBytes() }

// Key is the key of its connection.
func (p *Producer) Key() string { return p.key }

// Buffered returns the records and bytes that wait for Kafka.
func (p *Producer) Buffered() (records, bytes int64) {
	return p.client.BufferedProduceRecords(), p.client.BufferedProduceBytes()
}

// Release gives the producer back. After the last Release it sends what it still has, for a bounded time, and closes in
// the background.
func (p *Producer) Release() { p.set.release(p) }

// PurgeTopic forgets a topic: its partitions, and that its metadata is to be kept fresh. Records that wait for it fail.
// It returns at once. A record produced later makes the topic known again.
func (p *Producer) PurgeTopic(topic string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.draining || p.purging[topic] {
		return
	}
	p.purging[topic] = true
	// Not here: kgo waits for its metadata loop, and this may be a promise, which must not wait.
	p.purges.Go(func() {
		p.client.PurgeTopicsFromProducing(topic)
		p.mu.Lock()
		delete(p.purging, topic)
		p.mu.Unlock()
	})
}

// OnProduceRecordUnbuffered is called by kgo with the fate of every record, before its promise. A topic that was deleted
// and made again has another id, which kgo never takes up by itself: it is forgotten, so that the next record finds it.
// As a hook it costs no allocation; a wrapped promise would.
func (p *Producer) OnProduceRecordUnbuffered(record *kgo.Record, err error) {
	if err != nil && errors.Is(err, kerr.UnknownTopicID) {
		p.PurgeTopic(record.Topic)
	}
}

// drain sends what is buffered, for a bounded time, and closes the client; what is left then fails.
func (p *Producer) drain() {
	ctx, cancel := context.WithTimeout(p.set.abort, p.set.config.DrainTimeout)
	defer cancel()
	if err := p.client.Flush(ctx); err != nil {
		records, _ := p.Buffered()
		p.set.log.Warn("Kafka producer closed before all records were written", "connection", p.key,
			"records", records, "error", err)
	}
	p.mu.Lock()
	p.draining = true
	p.mu.Unlock()
	p.client.Close()
	p.purges.Wait()
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
