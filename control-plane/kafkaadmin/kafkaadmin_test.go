package kafkaadmin

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/data-plane/kafka"
	"knative.dev/eventing-kafka-go/data-plane/kafka/kafkatest"
)

// deadline bounds what a failing test waits for.
const deadline = time.Minute

func newPool(t *testing.T) *Pool {
	t.Helper()
	pool := NewPool(slog.New(slog.DiscardHandler))
	t.Cleanup(pool.Close)
	return pool
}

func newAdmin(t *testing.T, cluster *kafkatest.Cluster) *Admin {
	t.Helper()
	admin, err := newPool(t).Admin(kafka.Connection{Servers: cluster.Addrs()})
	if err != nil {
		t.Fatal(err)
	}
	return admin
}

func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	t.Cleanup(cancel)
	return ctx
}

// raw is a client that is not the pool's.
func raw(t *testing.T, cluster *kafkatest.Cluster, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	return rawAt(t, cluster.Addrs(), opts...)
}

func rawAt(t *testing.T, servers []string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(servers...), kgo.DisableClientMetrics()}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// commitFor commits offsets from outside the group.
func commitFor(t *testing.T, cluster *kafkatest.Cluster, group, topic string, offsets map[int32]int64) {
	t.Helper()
	commits := kadm.Offsets{}
	for p, o := range offsets {
		commits.AddOffset(topic, p, o, -1)
	}
	if err := kadm.NewClient(raw(t, cluster)).CommitAllOffsets(testContext(t), group, commits); err != nil {
		t.Fatal(err)
	}
}

// fill writes n records to each of the partitions.
func fill(t *testing.T, cluster *kafkatest.Cluster, topic string, n int, partitions ...int32) {
	t.Helper()
	var records []*kgo.Record
	for _, p := range partitions {
		for range n {
			records = append(records, &kgo.Record{Topic: topic, Partition: p, Value: []byte("x")})
		}
	}
	cluster.Produce(t, records...)
}

// join makes a member of a group that never commits, and returns when the group is stable.
func join(t *testing.T, servers []string, group, topic string) {
	t.Helper()
	assigned := make(chan struct{}, 1)
	rawAt(t, servers, kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(),
		kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) {
			select {
			case assigned <- struct{}{}:
			default:
			}
		}))
	select {
	case <-assigned:
	case <-testContext(t).Done():
		t.Fatal("the member got no assignment")
	}
}

func TestPoolSharesClientsByConnection(t *testing.T) {
	cluster := kafkatest.Start(t)
	pool := newPool(t)
	for range 3 {
		admin, err := pool.Admin(kafka.Connection{Servers: cluster.Addrs()})
		if err != nil {
			t.Fatal(err)
		}
		if err := admin.DeleteTopic(testContext(t), "none"); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(pool.clients); n != 1 {
		t.Errorf("%d clients for one connection (KC-29)", n)
	}
	if _, err := pool.Admin(kafka.Connection{Servers: []string{"127.0.0.1:1"}}); err != nil {
		t.Fatal(err)
	}
	if n := len(pool.clients); n != 2 {
		t.Errorf("%d clients for two connections", n)
	}
}

func TestPoolClosesIdleClientsAndOpensThemAgain(t *testing.T) {
	cluster := kafkatest.Start(t)
	pool := newPool(t)
	pool.idle = 0
	admin, err := pool.Admin(kafka.Connection{Servers: cluster.Addrs()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Admin(kafka.Connection{Servers: []string{"127.0.0.1:1"}}); err != nil {
		t.Fatal(err)
	}
	if _, ok := pool.clients[admin.connection.Key()]; ok {
		t.Error("the idle client was kept")
	}
	if err := admin.DeleteTopic(testContext(t), "none"); err != nil {
		t.Errorf("an admin whose client was closed: %v", err)
	}
}

func TestClosedPoolRefuses(t *testing.T) {
	cluster := kafkatest.Start(t)
	admin := newAdmin(t, cluster)
	admin.pool.Close()
	if _, err := admin.ValidateTopic(testContext(t), "t"); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
	if _, err := admin.pool.Admin(admin.connection); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestKafkaAwayIsAnErrorInTime(t *testing.T) {
	admin, err := newPool(t).Admin(kafka.Connection{Servers: []string{"127.0.0.1:1"}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	begin := time.Now()
	_, err = admin.EnsureTopic(ctx, TopicConfig{Name: "t", Partitions: 1, ReplicationFactor: 1})
	if err == nil || time.Since(begin) > deadline {
		t.Errorf("after %v: %v", time.Since(begin), err)
	}
}
