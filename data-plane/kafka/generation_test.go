package kafka

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"knative.dev/eventing-kafka-go/data-plane/kafka/kafkatest"
)

// TestRenewalLosesAndFailsNothing is why topics are not purged from a client: there, most of these records would be
// acknowledged and not written.
func TestRenewalLosesAndFailsNothing(t *testing.T) {
	cluster := kafkatest.Start(t)
	cluster.CreateTopic(t, "topic", 2)
	producer := acquire(t, newProducers(t, DefaultProducerConfig()), cluster.Addrs()...)

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
	for range 20 {
		before := acknowledged.Load()
		producer.renew()
		for deadline := time.Now().Add(time.Minute); acknowledged.Load() < before+20; {
			if t.Failed() || time.Now().After(deadline) {
				t.Fatal("records are not written any more")
			}
			time.Sleep(time.Millisecond)
		}
	}
	close(stop)
	senders.Wait()
	want := int(acknowledged.Load())
	seen := map[string]int{}
	for _, record := range cluster.Records(t, "topic", want) {
		seen[string(record.Value)]++
	}
	if len(seen) != want {
		t.Errorf("%d records were acknowledged, %d are in the topic", want, len(seen))
	}
}

func TestRenewalIsPlannedOnce(t *testing.T) {
	producer := acquire(t, newProducers(t, DefaultProducerConfig()), kafkatest.Start(t).Addrs()...)
	due := func() time.Time {
		producer.mu.Lock()
		defer producer.mu.Unlock()
		return producer.due
	}
	renewed := func(at time.Time) {
		producer.mu.Lock()
		defer producer.mu.Unlock()
		producer.renewed = at
	}
	producer.Forget("gone")
	planned := due()
	if wait := time.Until(planned); wait <= 0 || wait > forgetDelay {
		t.Fatalf("renewal in %v", wait)
	}
	producer.Forget("gone too")
	if due() != planned {
		t.Error("a second topic postpones the renewal")
	}
	renewed(time.Now().Add(time.Hour))
	producer.renewWithin(0)
	if due() != planned {
		t.Error("renewals come faster than their pace")
	}
	renewed(time.Time{})
	first := producer.current.Load()
	producer.renewWithin(0)
	awaitRenewal(t, producer, first)
}

func TestAProducerIsNotRenewedWhileKafkaIsAway(t *testing.T) {
	cluster := kafkatest.Start(t)
	cluster.CreateTopic(t, "topic", 1)
	producer := acquire(t, newProducers(t, DefaultProducerConfig()), cluster.Addrs()...)
	arrived, release := cluster.Hold(kmsg.Produce)
	defer release()
	result := make(chan error, 1)
	producer.Produce(&kgo.Record{Topic: "topic"}, func(_ *kgo.Record, err error) { result <- err })
	<-arrived
	first := producer.current.Load()
	refuse := cluster.Fake().Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.InitProducerID}, Err: kerr.CoordinatorNotAvailable, Count: -1})
	producer.renew()
	refuse.Remove()
	if producer.current.Load() != first {
		t.Error("renewed")
	}
	producer.mu.Lock()
	planned := producer.renewal != nil
	producer.mu.Unlock()
	if !planned {
		t.Error("not tried again later")
	}
	release()
	if err := <-result; err != nil {
		t.Errorf("the record that waits was given up: %v", err)
	}
}

// awaitRenewal waits until the generation is replaced.
func awaitRenewal(t *testing.T, producer *Producer, g *generation) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); producer.current.Load() == g; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not renewed")
		}
	}
}

func TestFailuresOfAnEarlierGenerationDoNotRenew(t *testing.T) {
	producer := acquire(t, newProducers(t, DefaultProducerConfig()), kafkatest.Start(t).Addrs()...)
	first := producer.current.Load()
	second, err := newGeneration(producer)
	if err != nil {
		t.Fatal(err)
	}
	producer.current.Store(second)
	t.Cleanup(first.usual.Close)
	due := func() time.Time {
		producer.mu.Lock()
		defer producer.mu.Unlock()
		return producer.due
	}
	first.OnProduceRecordUnbuffered(&kgo.Record{}, kerr.UnknownTopicID)
	second.OnProduceRecordUnbuffered(&kgo.Record{}, kerr.UnknownTopicOrPartition)
	second.OnProduceRecordUnbuffered(&kgo.Record{}, nil)
	if !due().IsZero() {
		t.Error("a renewal is planned")
	}
	second.OnProduceRecordUnbuffered(&kgo.Record{}, fmt.Errorf("produce: %w", kerr.UnknownTopicID))
	awaitRenewal(t, producer, second)
}

func TestARecreatedTopicIsTakenUp(t *testing.T) {
	cluster := kafkatest.Start(t)
	cluster.CreateTopic(t, "topic", 2)
	producer := acquire(t, newProducers(t, DefaultProducerConfig()), cluster.Addrs()...)
	if errs := produce(t, producer, &kgo.Record{Topic: "topic"}); errs[0] != nil {
		t.Fatal(errs[0])
	}
	for round := range 3 {
		cluster.DeleteTopic(t, "topic")
		cluster.CreateTopic(t, "topic", 2)
		start := time.Now()
		for {
			err := produce(t, producer, &kgo.Record{Topic: "topic", Value: []byte("again")})[0]
			if err == nil {
				break
			}
			if Classify(err) != UnknownTopic {
				t.Errorf("round %d: %v", round, err)
			}
			if time.Since(start) > patience {
				t.Fatalf("round %d: still not written: %v", round, err)
			}
			time.Sleep(time.Millisecond) // the next request of a sender
		}
		t.Logf("round %d: written after %v", round, time.Since(start))
		if got := cluster.Records(t, "topic", 1); string(got[0].Value) != "again" {
			t.Errorf("round %d: the topic has %q", round, got[0].Value)
		}
	}
}

func TestAMissingTopicFailsSoonAndLeavesOthersAlone(t *testing.T) {
	cluster := kafkatest.Start(t)
	cluster.CreateTopic(t, "topic", 1)
	producer := acquire(t, newProducers(t, DefaultProducerConfig()), cluster.Addrs()...)
	errs := produce(t, producer, &kgo.Record{Topic: "missing"}, &kgo.Record{Topic: "topic"})
	if errs[0] != nil || Classify(errs[1]) != UnknownTopic {
		t.Errorf("got %v", errs)
	}
	cluster.CreateTopic(t, "missing", 1)
	deadline := time.Now().Add(time.Minute)
	for produce(t, producer, &kgo.Record{Topic: "missing"})[0] != nil {
		if time.Now().After(deadline) {
			t.Fatal("a topic that was missing at first is never written to")
		}
	}
}

func TestLargeRecords(t *testing.T) {
	const mebibyte = 1 << 20
	config := DefaultProducerConfig()
	config.MaxRequestSize = 20 * mebibyte
	record := func(size int) *kgo.Record {
		return &kgo.Record{Topic: "topic", Key: []byte("same"), Value: make([]byte, size)}
	}

	t.Run("are written where the broker takes them", func(t *testing.T) {
		cluster := kafkatest.Start(t, kfake.BrokerConfigs(map[string]string{"message.max.bytes": "20971520"}))
		cluster.CreateTopic(t, "topic", 1)
		producer := acquire(t, newProducers(t, config), cluster.Addrs()...)
		sizes := []int{0, 1000, mebibyte - 200, mebibyte, 10 * mebibyte, config.MaxRecordBytes() - len("same")}
		for _, size := range sizes {
			if err := produce(t, producer, record(size))[0]; err != nil {
				t.Errorf("%d bytes: %v", size, err)
			}
		}
		for i, got := range cluster.Records(t, "topic", len(sizes)) {
			if len(got.Value) != sizes[i] {
				t.Errorf("record %d has %d bytes, want %d", i, len(got.Value), sizes[i])
			}
		}
		if err := produce(t, producer, record(20*mebibyte))[0]; Classify(err) != TooLarge {
			t.Errorf("above the limit: %v", err)
		}
	})
	t.Run("do not make small ones fail where the broker does not", func(t *testing.T) {
		cluster := kafkatest.Start(t)
		cluster.CreateTopic(t, "topic", 1)
		producer := acquire(t, newProducers(t, config), cluster.Addrs()...)
		arrived, release := cluster.Hold(kmsg.Produce)
		defer release()
		// One record holds the broker up, so that three mebibytes of others wait together with a large one.
		const others = 3000
		errs := make(chan error, 1+others)
		large := make(chan error, 1)
		producer.Produce(record(1), func(_ *kgo.Record, err error) { errs <- err })
		<-arrived
		for range others {
			producer.Produce(record(1024), func(_ *kgo.Record, err error) { errs <- err })
		}
		producer.Produce(record(2*mebibyte), func(_ *kgo.Record, err error) { large <- err })
		release()
		for range 1 + others {
			if err := <-errs; err != nil {
				t.Fatalf("a small record failed: %v", err)
			}
		}
		if err := <-large; Classify(err) != TooLarge {
			t.Errorf("a record larger than the broker takes: %v", err)
		}
	})
}

// TestAHungBrokerDoesNotKeepRecordsLongerThanTheirTime: the time is looked at when a request ends, so it may be exceeded
// by one request.
func TestAHungBrokerDoesNotKeepRecordsLongerThanTheirTime(t *testing.T) {
	cluster := kafkatest.Start(t)
	cluster.CreateTopic(t, "topic", 1)
	config := DefaultProducerConfig()
	config.DeliveryTimeout = time.Second
	config.RequestTimeout = 200 * time.Millisecond
	producer := acquire(t, newProducers(t, config), cluster.Addrs()...)
	_, release := cluster.Hold(kmsg.Produce)
	defer release()
	start := time.Now()
	err := produce(t, producer, &kgo.Record{Topic: "topic"})[0]
	if Classify(err) != Timeout {
		t.Errorf("got %v: %v", Classify(err), err)
	}
	if took := time.Since(start); took < time.Second || took > 20*time.Second {
		t.Errorf("failed after %v", took)
	}
}

func TestRefusalsOfTheBrokerReachThePromise(t *testing.T) {
	cluster := kafkatest.Start(t)
	cluster.CreateTopic(t, "topic", 1)
	producer := acquire(t, newProducers(t, DefaultProducerConfig()), cluster.Addrs()...)
	for _, test := range []struct {
		fault *kerr.Error
		want  Failure
	}{
		{kerr.TopicAuthorizationFailed, Auth},
		{kerr.MessageTooLarge, TooLarge},
		{kerr.InvalidRecord, Other},
	} {
		handle := cluster.Fake().Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "topic", Err: test.fault})
		if err := produce(t, producer, &kgo.Record{Topic: "topic"})[0]; !errors.Is(err, test.fault) || Classify(err) != test.want {
			t.Errorf("%v: got %v: %v", test.fault.Message, Classify(err), err)
		}
		handle.Remove()
		if err := produce(t, producer, &kgo.Record{Topic: "topic"})[0]; err != nil {
			t.Errorf("after %v: %v", test.fault.Message, err)
		}
	}
}
