package kafka

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/data-plane/kafka/kafkatest"
)

// eventually polls until something holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not within 30 s: " + what)
		}
	}
}

// changedConfigs differ in what a client can only be made with.
func changedConfigs() []ProducerConfig {
	fast, slow, plain, large := DefaultProducerConfig(), DefaultProducerConfig(), DefaultProducerConfig(), DefaultProducerConfig()
	fast.Acks, fast.Idempotence = kgo.LeaderAck(), false
	slow.Linger, slow.BufferMemory = 3*time.Millisecond, 1<<20
	plain.Idempotence, plain.MaxInFlight = false, 1
	large.MaxRequestSize, large.Compression = 4<<20, []kgo.CompressionCodec{kgo.GzipCompression()}
	return []ProducerConfig{fast, slow, plain, large}
}

func TestOtherSettingsUnderLoadFailNoRecord(t *testing.T) { // CFG-15
	cluster := kafkatest.Start(t)
	cluster.CreateTopic(t, "topic", 2)
	producers := newProducers(t, DefaultProducerConfig())
	producer := acquire(t, producers, cluster.Addrs()...)
	var acknowledged atomic.Int64
	var senders sync.WaitGroup
	stop := make(chan struct{})
	for sender := range 8 {
		senders.Go(func() {
			result := make(chan error)
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				record := &kgo.Record{Topic: "topic", Value: fmt.Append(nil, sender, "/", i)}
				producer.Produce(record, func(_ *kgo.Record, err error) { result <- err })
				if err := <-result; err != nil {
					t.Errorf("record %s: %v", record.Value, err)
					return
				}
				acknowledged.Add(1)
			}
		})
	}
	for _, config := range changedConfigs() {
		var switched atomic.Int64
		producers.Configure(config, func() { switched.Add(1) })
		eventually(t, "the producer went over", func() bool { return switched.Load() == 1 })
		if got := producer.MaxRecordBytes(); got != config.MaxRecordBytes() {
			t.Errorf("records of %d bytes are allowed, not %d", got, config.MaxRecordBytes())
		}
		before := acknowledged.Load()
		eventually(t, "records are written with the new settings", func() bool { return t.Failed() || acknowledged.Load() >= before+20 })
	}
	close(stop)
	senders.Wait()
	seen := map[string]bool{}
	for _, record := range cluster.Records(t, "topic", int(acknowledged.Load())) {
		seen[string(record.Value)] = true
	}
	if len(seen) != int(acknowledged.Load()) {
		t.Errorf("%d of %d acknowledged records are in the topic", len(seen), acknowledged.Load())
	}
}

func TestProducersMadeLaterHaveTheNewSettings(t *testing.T) {
	producers := newProducers(t, DefaultProducerConfig())
	config := DefaultProducerConfig()
	config.MaxRequestSize = 10_000
	producers.Configure(config, nil)
	if got := acquire(t, producers, "127.0.0.1:1").MaxRecordBytes(); got != config.MaxRecordBytes() {
		t.Errorf("records of %d bytes are allowed", got)
	}
}

func TestSettingsAreNotTakenOverWhileKafkaIsAway(t *testing.T) {
	producers := newProducers(t, DefaultProducerConfig())
	producer := acquire(t, producers, "127.0.0.1:1")
	first := producer.current.Load()
	config := DefaultProducerConfig()
	config.Linger = time.Millisecond
	producers.Configure(config, func() { t.Error("the producer went over") })
	eventually(t, "it is tried again later", func() bool {
		producer.mu.Lock()
		defer producer.mu.Unlock()
		return producer.renewal != nil && time.Until(producer.due) > time.Second
	})
	if producer.current.Load() != first {
		t.Error("the client was replaced by one that does not work")
	}
}

func TestOnlyTheLatestSettingsAreTakenOver(t *testing.T) {
	cluster := kafkatest.Start(t)
	producers := newProducers(t, DefaultProducerConfig())
	producer := acquire(t, producers, cluster.Addrs()...)
	late, err := newGeneration(producer) // as if it were still being prepared
	if err != nil {
		t.Fatal(err)
	}
	latest := DefaultProducerConfig()
	latest.Linger = time.Millisecond
	done := make(chan struct{}, 1)
	producers.Configure(latest, func() { done <- struct{}{} })
	<-done
	if producer.take(late) != late {
		t.Error("older settings replaced newer ones")
	}
	late.drain(0)
	if producer.current.Load().config.Linger != time.Millisecond {
		t.Error("the latest settings are not in use")
	}
}
