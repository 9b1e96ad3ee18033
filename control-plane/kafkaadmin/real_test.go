package kafkaadmin

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/data-plane/kafka"
)

// What a fake broker may get wrong, at the real one that KAFKA names (HOST:PORT, comma separated).
func TestRealKafka(t *testing.T) {
	if os.Getenv("KAFKA") == "" {
		t.Skip("KAFKA names no bootstrap servers")
	}
	servers := kafka.ParseServers(os.Getenv("KAFKA"))
	pool := NewPool(slog.New(slog.DiscardHandler))
	defer pool.Close()
	admin, err := pool.Admin(kafka.Connection{Servers: servers})
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("kafkaadmin-%d", time.Now().UnixNano())
	client, err := kgo.NewClient(kgo.SeedBrokers(servers...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	r := realKafka{admin: admin, client: client, servers: servers, name: name}
	t.Run("topics", r.topics)
	t.Run("starts", r.starts)
	t.Run("live group", r.liveGroup)
	t.Run("deletion", r.deletion)
}

type realKafka struct {
	admin   *Admin
	client  *kgo.Client
	servers []string
	name    string // of the topic, and prefix of groups
}

func (r realKafka) topics(t *testing.T) {
	if _, err := r.admin.ValidateTopic(testContext(t), r.name); !errors.Is(err, kerr.UnknownTopicOrPartition) {
		t.Fatalf("a topic that is not there: %v (KC-03)", err)
	}
	want := TopicConfig{Name: r.name, Partitions: 2, ReplicationFactor: 1, Config: map[string]string{"retention.ms": "3600000"}}
	for _, created := range []bool{true, false} {
		got, err := r.admin.EnsureTopic(testContext(t), want)
		if err != nil || got.Created != created || got.Partitions != 2 || got.Drift != nil {
			t.Fatalf("%+v, %v (KC-05, KC-09)", got, err)
		}
	}
	want.Partitions, want.Config["retention.ms"] = 3, "1"
	if got, err := r.admin.EnsureTopic(testContext(t), want); err != nil || len(got.Drift) != 2 {
		t.Errorf("drift %q, %v (KC-09)", got.Drift, err)
	}
	if _, err := r.admin.EnsureTopic(testContext(t), TopicConfig{Name: r.name + "-rf", Partitions: 1, ReplicationFactor: 99}); !errors.Is(err, kerr.InvalidReplicationFactor) {
		t.Errorf("too many replicas: %v (KC-31)", err)
	}
	if n, err := r.admin.ValidateTopic(testContext(t), "__consumer_offsets"); err == nil {
		t.Errorf("an internal topic is valid: %d partitions (KC-03)", n)
	}
}

func (r realKafka) produce(t *testing.T, n int) {
	t.Helper()
	for p := range int32(2) {
		for range n {
			if err := r.client.ProduceSync(testContext(t), &kgo.Record{Topic: r.name, Partition: p, Value: []byte("x")}).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func (r realKafka) committed(t *testing.T, group string) map[int32]int64 {
	t.Helper()
	offsets, err := kadm.NewClient(r.client).FetchOffsets(testContext(t), group)
	if err != nil {
		t.Fatal(err)
	}
	out := map[int32]int64{}
	for p, o := range offsets[r.name] {
		out[p] = o.At
	}
	return out
}

func (r realKafka) starts(t *testing.T) {
	r.produce(t, 3)
	for start, want := range map[Start]map[int32]int64{Latest: {0: 3, 1: 3}, Earliest: {0: 0, 1: 0}} {
		group := r.name + "-" + string(start)
		for range 2 { // the second finds nothing to do
			n, err := r.admin.EnsureGroupStart(testContext(t), group, []string{r.name}, start)
			if err != nil || !maps.Equal(n, map[string]int32{r.name: 2}) {
				t.Fatalf("%s: %v, %v", start, n, err)
			}
		}
		if got := r.committed(t, group); !maps.Equal(got, want) {
			t.Errorf("%s: committed %v, want %v (OF-01, OF-03)", start, got, want)
		}
	}
	if _, err := r.admin.EnsureGroupStart(testContext(t), r.name+"-none", []string{r.name + "-none"}, Latest); err == nil {
		t.Error("an unknown topic has a start (OF-06)")
	}
	lag, err := r.admin.Lag(testContext(t), r.name+"-"+string(Earliest))
	if err != nil || lag.Total != 6 || lag.State != "Empty" {
		t.Errorf("lag %+v, %v", lag, err)
	}
}

func (r realKafka) liveGroup(t *testing.T) {
	group := r.name + "-live"
	join(t, r.servers, group, r.name)
	active := (*ActiveGroupError)(nil)
	if _, err := r.admin.EnsureGroupStart(testContext(t), group, []string{r.name}, Latest); !errors.As(err, &active) {
		t.Errorf("a live group without offsets: %v (KF-24)", err)
	}
	if err := r.admin.DeleteGroup(testContext(t), group); !errors.Is(err, kerr.NonEmptyGroup) {
		t.Errorf("a live group is deleted: %v (KF-24)", err)
	}
}

func (r realKafka) deletion(t *testing.T) {
	group := r.name + "-" + string(Latest)
	for range 2 {
		if err := r.admin.DeleteGroup(testContext(t), group); err != nil {
			t.Errorf("group: %v (KC-20)", err)
		}
		if err := r.admin.DeleteTopic(testContext(t), r.name); err != nil {
			t.Errorf("topic: %v (KC-10)", err)
		}
	}
	if got := r.committed(t, group); len(got) != 0 {
		t.Errorf("offsets %v are left (KC-20)", got)
	}
}
