package kafka

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"knative.dev/eventing-kafka-go/data-plane/kafka/kafkatest"
)

// consume starts a member of "group" on "topic" and returns the next n records as "partition/offset", sorted.
// Who waits for an idle fetch is not in time.
func consume(t *testing.T, cluster *kafkatest.Cluster, n int, options ...kgo.Opt) []string {
	t.Helper()
	connection := Connection{Servers: cluster.Addrs()}
	config := DefaultConsumerConfig()
	config.FetchWaitIdle = 2 * time.Minute
	options = append(append(append(connection.Options(), config.Options()...), kgo.ConsumerGroup("group"),
		kgo.ConsumeTopics("topic"), kgo.Dialer(config.NewFetchWait().Dialer(connection.Dial()))), options...)
	client, err := kgo.NewClient(options...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.CloseAllowingRebalance()
	ctx, cancel := context.WithTimeout(t.Context(), config.FetchWaitIdle/2)
	defer cancel()
	var got []string
	for len(got) < n {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("after %q: %v", got, err)
		}
		fetches.EachRecord(func(r *kgo.Record) { got = append(got, fmt.Sprintf("%d/%d", r.Partition, r.Offset)) })
		client.AllowRebalance()
	}
	slices.Sort(got)
	return got
}

// three records in each of three partitions of "topic".
func threeTimesThree(t *testing.T) *kafkatest.Cluster {
	t.Helper()
	cluster := kafkatest.Start(t)
	cluster.CreateTopic(t, "topic", 3)
	for partition := range int32(3) {
		for range 3 {
			cluster.Produce(t, &kgo.Record{Topic: "topic", Partition: partition})
		}
	}
	return cluster
}

func TestConsumersStartAt(t *testing.T) {
	for _, test := range []struct {
		name    string
		prepare func(t *testing.T, cluster *kafkatest.Cluster)
		want    []string
	}{
		{"the committed offset, and the beginning where nothing is committed",
			func(t *testing.T, cluster *kafkatest.Cluster) {
				cluster.Commit(t, "group", "topic", map[int32]int64{0: 2, 1: 3})
			},
			[]string{"0/2", "2/0", "2/1", "2/2"}},
		{"the beginning of the log where the committed offset is gone",
			func(t *testing.T, cluster *kafkatest.Cluster) {
				cluster.Commit(t, "group", "topic", map[int32]int64{0: 1, 1: 3, 2: 3})
				cluster.DeleteRecords(t, "topic", 0, 2)
			},
			[]string{"0/2"}},
		{"the beginning where the committed offset is beyond the end",
			func(t *testing.T, cluster *kafkatest.Cluster) {
				cluster.Commit(t, "group", "topic", map[int32]int64{0: 1000, 1: 3, 2: 3})
			},
			[]string{"0/0", "0/1", "0/2"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			cluster := threeTimesThree(t)
			test.prepare(t, cluster)
			// Starts that must be looked up do not wait for an idle fetch of the others, which would take too long.
			if got := consume(t, cluster, len(test.want)); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestRequireCommitted(t *testing.T) {
	cluster := threeTimesThree(t)
	cluster.Commit(t, "group", "topic", map[int32]int64{0: 1})
	var mu sync.Mutex
	var asked []string
	got := consume(t, cluster, 5, RequireCommitted(func(topic string, partition int32) bool {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, fmt.Sprintf("%s/%d", topic, partition))
		return partition == 1
	}))
	if want := []string{"0/1", "0/2", "2/0", "2/1", "2/2"}; !slices.Equal(got, want) {
		t.Errorf("consumed %q, want %q", got, want)
	}
	slices.Sort(asked)
	if want := []string{"topic/1", "topic/2"}; !slices.Equal(asked, want) {
		t.Errorf("asked for %q, want %q", asked, want)
	}
}

func TestTheProtocolOfAGroup(t *testing.T) {
	for _, test := range []struct {
		name     string
		change   func(*ConsumerConfig)
		key      kmsg.Key // of the request that joins
		instance string
		assignor string
	}{
		{name: "classic, dynamic", change: func(*ConsumerConfig) {}, key: kmsg.JoinGroup},
		{name: "classic, static", change: func(c *ConsumerConfig) { c.InstanceID = "pod-1" }, key: kmsg.JoinGroup, instance: "pod-1"},
		{name: "the broker assigns", change: func(c *ConsumerConfig) { c.ServerSide = true },
			key: kmsg.ConsumerGroupHeartbeat, assignor: AssignorUniform},
		{name: "the broker assigns ranges", change: func(c *ConsumerConfig) { c.ServerSide, c.RemoteAssignor = true, AssignorRange },
			key: kmsg.ConsumerGroupHeartbeat, assignor: AssignorRange},
	} {
		t.Run(test.name, func(t *testing.T) {
			cluster := threeTimesThree(t)
			joins := make(chan kmsg.Request, 1)
			for _, key := range []kmsg.Key{kmsg.JoinGroup, kmsg.ConsumerGroupHeartbeat} {
				cluster.Fake().ControlKey(key.Int16(), func(request kmsg.Request) (kmsg.Response, error, bool) {
					select {
					case joins <- request:
					default:
					}
					return nil, nil, false
				})
			}
			config := DefaultConsumerConfig()
			test.change(&config)
			if got := consume(t, cluster, 9, config.Options()...); len(got) != 9 {
				t.Errorf("consumed %v", got)
			}
			var instance, assignor *string
			join := <-joins
			switch join := join.(type) {
			case *kmsg.JoinGroupRequest:
				instance = join.InstanceID
			case *kmsg.ConsumerGroupHeartbeatRequest:
				instance, assignor = join.InstanceID, join.ServerAssignor
			}
			if kmsg.Key(join.Key()) != test.key || text(instance) != test.instance || text(assignor) != test.assignor {
				t.Errorf("joined by %v, instance %q, assignor %q", kmsg.Key(join.Key()).Name(), text(instance), text(assignor))
			}
		})
	}
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
