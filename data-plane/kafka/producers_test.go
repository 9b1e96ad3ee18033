package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"knative.dev/eventing-kafka-go/data-plane/kafka/kafkatest"
)

// produce hands records over and returns their errors in the order of the promises.
func produce(t testing.TB, p *Producer, records ...*kgo.Record) []error {
	t.Helper()
	results := make(chan error, len(records))
	for _, record := range records {
		p.Produce(record, func(_ *kgo.Record, err error) { results <- err })
	}
	deadline := time.After(2 * patience)
	var errs []error
	for range records {
		select {
		case err := <-results:
			errs = append(errs, err)
		case <-deadline:
			t.Fatalf("%d of %d promises were called", len(errs), len(records))
		}
	}
	return errs
}

func newProducers(t testing.TB, config ProducerConfig) *Producers {
	t.Helper()
	producers := NewProducers(config, slog.New(slog.DiscardHandler))
	t.Cleanup(func() { _ = closeWithin(producers, 50*time.Millisecond) })
	return producers
}

func closeWithin(p *Producers, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return p.Close(ctx)
}

func acquire(t testing.TB, producers *Producers, servers ...string) *Producer {
	t.Helper()
	producer, err := producers.Acquire(Connection{Servers: servers})
	if err != nil {
		t.Fatal(err)
	}
	return producer
}

func TestProducersAreSharedByConnection(t *testing.T) {
	producers := newProducers(t, DefaultProducerConfig())
	one := acquire(t, producers, "127.0.0.1:1", "127.0.0.1:2")
	if acquire(t, producers, "127.0.0.1:2", "127.0.0.1:1") != one {
		t.Error("the same servers in another order have another producer")
	}
	other := acquire(t, producers, "127.0.0.1:3")
	if other == one {
		t.Error("another cluster has the same producer")
	}
	one.Release()
	if acquire(t, producers, "127.0.0.1:1", "127.0.0.1:2") != one {
		t.Error("a producer that is still used by one of two was replaced")
	}
	one.Release()
	one.Release()
	if acquire(t, producers, "127.0.0.1:1", "127.0.0.1:2") == one {
		t.Error("a producer that nobody used any more is used again")
	}
}

func TestAcquireRefusesServersThatAreNoAddresses(t *testing.T) {
	producers := newProducers(t, DefaultProducerConfig())
	if _, err := producers.Acquire(Connection{Servers: []string{"broker:port"}}); err == nil {
		t.Error("no error")
	}
}

func TestProduceIsPromisedAfterKafkaHasTheRecord(t *testing.T) {
	cluster := kafkatest.Start(t)
	cluster.CreateTopic(t, "topic", 3)
	producer := acquire(t, newProducers(t, DefaultProducerConfig()), cluster.Addrs()...)
	var records []*kgo.Record
	for i := range 100 {
		records = append(records, &kgo.Record{Topic: "topic", Value: fmt.Append(nil, i)})
	}
	for _, err := range produce(t, producer, records...) {
		if err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]bool{}
	for _, record := range cluster.Records(t, "topic", 100) {
		seen[string(record.Value)] = true
	}
	if len(seen) != 100 {
		t.Errorf("%d of 100 records are in the topic", len(seen))
	}
}

func TestLastReleaseDrains(t *testing.T) {
	cluster := kafkatest.Start(t)
	cluster.CreateTopic(t, "topic", 1)
	producers := newProducers(t, DefaultProducerConfig())
	producer := acquire(t, producers, cluster.Addrs()...)
	arrived, release := cluster.Hold(kmsg.Produce)
	defer release()
	result := make(chan error, 1)
	producer.Produce(&kgo.Record{Topic: "topic"}, func(_ *kgo.Record, err error) { result <- err })
	<-arrived
	producer.Release()

	next := acquire(t, producers, cluster.Addrs()...)
	if next == producer {
		t.Error("Acquire during closing returned the producer that closes")
	}
	select {
	case err := <-result:
		t.Errorf("the record was given up: %v", err)
	default:
	}
	release()
	if err := <-result; err != nil {
		t.Errorf("the record of a released producer failed: %v", err)
	}
	if err := closeWithin(producers, 30*time.Second); err != nil {
		t.Error(err)
	}
	if errs := produce(t, producer, &kgo.Record{Topic: "topic"}); !errors.Is(errs[0], kgo.ErrClientClosed) {
		t.Errorf("a closed producer takes records: %v", errs[0])
	}
}

func TestDrainGivesUpAfterItsTimeout(t *testing.T) {
	cluster := kafkatest.Start(t)
	cluster.CreateTopic(t, "topic", 1)
	config := DefaultProducerConfig()
	config.DrainTimeout = 50 * time.Millisecond
	producers := newProducers(t, config)
	producer := acquire(t, producers, cluster.Addrs()...)
	arrived, release := cluster.Hold(kmsg.Produce)
	defer release()
	result := make(chan error, 1)
	producer.Produce(&kgo.Record{Topic: "topic"}, func(_ *kgo.Record, err error) { result <- err })
	<-arrived
	producer.Release()
	if err := <-result; err == nil {
		t.Error("a record that Kafka never acknowledged succeeded")
	}
	if err := closeWithin(producers, 30*time.Second); err != nil {
		t.Error(err)
	}
}

func TestCloseDrainsWhatIsStillInUse(t *testing.T) {
	cluster := kafkatest.Start(t)
	cluster.CreateTopic(t, "topic", 1)
	producers := newProducers(t, DefaultProducerConfig())
	producer := acquire(t, producers, cluster.Addrs()...)
	arrived, release := cluster.Hold(kmsg.Produce)
	defer release()
	result := make(chan error, 1)
	producer.Produce(&kgo.Record{Topic: "topic"}, func(_ *kgo.Record, err error) { result <- err })
	<-arrived

	closed := make(chan error, 1)
	go func() { closed <- closeWithin(producers, 30*time.Second) }()
	for {
		extra, err := producers.Acquire(Connection{Servers: cluster.Addrs()})
		if errors.Is(err, ErrClosed) {
			break
		}
		extra.Release()
	}
	producer.Release() // the other way round than Close expects, and harmless
	release()
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if err := <-result; err != nil {
		t.Errorf("the record failed: %v", err)
	}
	if err := closeWithin(producers, time.Second); err != nil {
		t.Errorf("closing again: %v", err)
	}
}

func TestCloseStopsWaitingWithItsContext(t *testing.T) {
	cluster := kafkatest.Start(t)
	cluster.CreateTopic(t, "topic", 1)
	config := DefaultProducerConfig()
	config.DrainTimeout = time.Hour
	producers := newProducers(t, config)
	producer := acquire(t, producers, cluster.Addrs()...)
	arrived, release := cluster.Hold(kmsg.Produce)
	defer release()
	result := make(chan error, 1)
	producer.Produce(&kgo.Record{Topic: "topic"}, func(_ *kgo.Record, err error) { result <- err })
	<-arrived
	if err := closeWithin(producers, 50*time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if err := <-result; err == nil {
		t.Error("a record that Kafka never acknowledged succeeded")
	}
}

func TestAFullBufferRefusesAtOnce(t *testing.T) {
	config := DefaultProducerConfig()
	config.BufferMemory = 1000
	producers := newProducers(t, config)
	producer := acquire(t, producers, "127.0.0.1:1") // nobody listens, so everything waits
	waiting := make(chan error, 2)
	for range 2 {
		producer.Produce(&kgo.Record{Topic: "topic", Value: make([]byte, 500)},
			func(_ *kgo.Record, err error) { waiting <- err })
	}
	errs := produce(t, producer, &kgo.Record{Topic: "topic", Value: make([]byte, 1)})
	if !errors.Is(errs[0], kgo.ErrMaxBuffered) || Classify(errs[0]) != BufferFull {
		t.Errorf("got %v, %v", errs[0], Classify(errs[0]))
	}
	if records, bytes := producer.Buffered(); records != 2 || bytes != 1000 {
		t.Errorf("%d records of %d bytes are buffered", records, bytes)
	}
	select {
	case err := <-waiting:
		t.Errorf("a record that waits was given up: %v", err)
	default:
	}
}

func TestLargestRecord(t *testing.T) {
	cluster := kafkatest.Start(t)
	cluster.CreateTopic(t, "topic", 1)
	producer := acquire(t, newProducers(t, DefaultProducerConfig()), cluster.Addrs()...)
	record := func(size int) *kgo.Record {
		r := &kgo.Record{Topic: "topic", Key: make([]byte, 100)}
		size -= 100
		for range headerAllowance {
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: "12345678", Value: make([]byte, 120)})
			size -= 128
		}
		r.Value = make([]byte, size)
		return r
	}
	limit := producer.MaxRecordBytes()
	if limit < 1<<20-1024 {
		t.Errorf("the limit of %d bytes is more than 1 KiB below that of a request", limit)
	}
	if err := produce(t, producer, record(limit))[0]; err != nil {
		t.Errorf("a record of the limit: %v", err)
	}
	if err := produce(t, producer, record(1<<20))[0]; Classify(err) != TooLarge {
		t.Errorf("a record above the limit: %v", err)
	}
}

func TestMaxRecordBytesIsBoundedByTheBuffer(t *testing.T) {
	config := DefaultProducerConfig()
	config.BufferMemory = 1000
	if got := config.MaxRecordBytes(); got != 1000 {
		t.Errorf("got %d", got)
	}
	config.MaxRequestSize = 100
	if got := config.MaxRecordBytes(); got != 0 {
		t.Errorf("got %d", got)
	}
}

func TestClassify(t *testing.T) {
	for _, test := range []struct {
		name string
		err  error
		want Failure
	}{
		{"nothing", nil, Other},
		{"something", errors.New("x"), Other},
		{"record larger than the client's limit", fmt.Errorf("%w (uncompressed_bytes=1)", kerr.MessageTooLarge), TooLarge},
		{"batch larger than a segment", kerr.RecordListTooLarge, TooLarge},
		{"buffer full", kgo.ErrMaxBuffered, BufferFull},
		{"topic deleted", kerr.UnknownTopicOrPartition, UnknownTopic},
		{"topic made again", kerr.UnknownTopicID, UnknownTopic},
		{"not allowed to write", kerr.TopicAuthorizationFailed, Auth},
		{"wrong password", fmt.Errorf("unable to dial: %w", kerr.SaslAuthenticationFailed), Auth},
		{"not acknowledged in time", kgo.ErrRecordTimeout, Timeout},
		{"not acknowledged by the replicas", kerr.RequestTimedOut, Timeout},
		{"time ran out on a missing topic",
			fmt.Errorf("%w, last err: %w", kgo.ErrRecordTimeout, kerr.UnknownTopicOrPartition), UnknownTopic},
		{"client closed", kgo.ErrClientClosed, Other},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := Classify(test.err); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
	if Auth.String() != "not authorised" || Failure(200).String() != "timeout" {
		t.Errorf("names: %v, %v", Auth, Failure(200))
	}
}

// TestProduceAllocatesNoMoreThanItsClient compares with the client called directly.
func TestProduceAllocatesNoMoreThanItsClient(t *testing.T) {
	producer := acquire(t, newProducers(t, DefaultProducerConfig()), "127.0.0.1:1")
	record := &kgo.Record{Topic: "topic", Value: make([]byte, 64<<20)} // larger than the buffer: refused at once
	done := make(chan struct{}, 1)
	promise := func(*kgo.Record, error) { done <- struct{}{} }
	ctx := t.Context()
	least := func(of func()) float64 { // what others allocate meanwhile counts too
		n := testing.AllocsPerRun(1000, of)
		for range 4 {
			n = min(n, testing.AllocsPerRun(1000, of))
		}
		return n
	}
	direct := least(func() { producer.current.Load().usual.TryProduce(ctx, record, promise); <-done })
	ours := least(func() { producer.Produce(record, promise); <-done })
	if ours > direct {
		t.Errorf("%v allocations, %v by the client alone", ours, direct)
	}
}
