package kafkaadmin

import (
	"context"
	"maps"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/data-plane/kafka/kafkatest"
)

// old joins a group as a consumer of an earlier installation does, which knows the strategy "range" alone (OF-20).
func old(t *testing.T, cluster *kafkatest.Cluster, group, topic string) *kgo.Client {
	t.Helper()
	assigned := make(chan struct{}, 1)
	member := rawAt(t, cluster.Addrs(), kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(), kgo.Balancers(kgo.RangeBalancer()),
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
	return member
}

func TestEnsureLiveGroup(t *testing.T) {
	for _, tc := range []struct {
		name   string
		live   bool
		before map[int32]int64
		want   map[int32]int64
	}{
		{"of live members gets the ends that they would begin at (MIG-34)", true, map[int32]int64{0: 1}, map[int32]int64{0: 1, 1: 5, 2: 5}},
		{"of live members with all offsets is left alone", true, map[int32]int64{0: 1, 1: 2, 2: 3}, map[int32]int64{0: 1, 1: 2, 2: 3}},
		{"without members has read nothing", false, map[int32]int64{2: 4}, map[int32]int64{0: 0, 1: 0, 2: 4}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cluster := kafkatest.Start(t)
			cluster.CreateTopic(t, "t", 3)
			fill(t, cluster, "t", 5, 0, 1, 2)
			commitFor(t, cluster, "g", "t", tc.before)
			admin := newAdmin(t, cluster)
			if tc.live {
				old(t, cluster, "g", "t")
			}
			missing, err := admin.Uncommitted(testContext(t), "g", "t")
			if err != nil || len(missing) != 3-len(tc.before) {
				t.Fatalf("uncommitted %v, %v", missing, err)
			}
			if err := admin.EnsureLiveGroup(testContext(t), "g", "t"); err != nil {
				t.Fatal(err)
			}
			if got := cluster.Committed(t, "g", "t"); !maps.Equal(got, tc.want) {
				t.Errorf("committed %v, want %v", got, tc.want)
			}
			if lag, err := admin.Lag(testContext(t), "g"); err != nil || tc.live != (lag.Members == 1) {
				t.Errorf("%+v, %v: it stays a member, or the old one went", lag, err)
			}
		})
	}
}

func TestPartitionsOfTopics(t *testing.T) {
	cluster := kafkatest.Start(t)
	cluster.CreateTopic(t, "t", 3)
	admin := newAdmin(t, cluster)
	got, err := admin.Partitions(testContext(t), "t", "none")
	if err != nil || !maps.Equal(got, map[string]int32{"t": 3}) {
		t.Errorf("%v, %v", got, err)
	}
	if err := admin.Ping(testContext(t)); err != nil {
		t.Error(err)
	}
	if missing, err := admin.Uncommitted(testContext(t), "nobody", "t"); err != nil || !slices.Equal(missing, []int32{0, 1, 2}) {
		t.Errorf("a group that nobody knows: %v, %v", missing, err)
	}
}
