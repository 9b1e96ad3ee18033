package kafkaadmin

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"knative.dev/eventing-kafka-go/data-plane/kafka/kafkatest"
)

func TestEnsureGroup(t *testing.T) {
	tests := []struct {
		name        string
		start       Start
		initialised map[string]int32
		before      map[int32]int64 // committed offsets; every partition holds the offsets 2 to 4
		want        map[int32]int64
	}{
		{"latest is the end of every partition (OF-01)", Latest, nil, nil, map[int32]int64{0: 5, 1: 5, 2: 5}},
		{"earliest is committed too, as the log start (OF-03)", Earliest, nil, nil, map[int32]int64{0: 2, 1: 2, 2: 2}},
		{"committed offsets stay (OF-15)", Latest, nil, map[int32]int64{0: 3, 1: 0, 2: 4}, map[int32]int64{0: 3, 1: 0, 2: 4}},
		{"only what is missing is committed (OF-01)", Latest, nil, map[int32]int64{1: 3}, map[int32]int64{0: 5, 1: 3, 2: 5}},
		{"added partitions begin at their start (OF-04)", Latest, map[string]int32{"t": 2}, map[int32]int64{0: 3, 1: 3},
			map[int32]int64{0: 3, 1: 3, 2: 2}},
		{"offsets that were lost begin where the group would (OF-01)", Latest, map[string]int32{"t": 3}, map[int32]int64{0: 3},
			map[int32]int64{0: 3, 1: 5, 2: 5}},
		{"a topic that is new to the group begins as asked for", Latest, map[string]int32{"other": 9}, nil, map[int32]int64{0: 5, 1: 5, 2: 5}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cluster := kafkatest.Start(t)
			cluster.CreateTopic(t, "t", 3)
			fill(t, cluster, "t", 5, 0, 1, 2)
			truncate(t, cluster, "t", 2, 0, 1, 2)
			if tt.before != nil {
				commitFor(t, cluster, "g", "t", tt.before)
			}
			got, err := newAdmin(t, cluster).EnsureGroup(testContext(t),
				GroupStart{Group: "g", Topics: []string{"t"}, Start: tt.start, Initialised: tt.initialised})
			if err != nil || !maps.Equal(got, map[string]int32{"t": 3}) {
				t.Fatalf("got %v, %v", got, err)
			}
			if committed := cluster.Committed(t, "g", "t"); !maps.Equal(committed, tt.want) {
				t.Errorf("committed %v, want %v", committed, tt.want)
			}
		})
	}
}

// truncate deletes the records below an offset.
func truncate(t *testing.T, cluster *kafkatest.Cluster, topic string, below int64, partitions ...int32) {
	t.Helper()
	offsets := kadm.Offsets{}
	for _, p := range partitions {
		offsets.AddOffset(topic, p, below, -1)
	}
	if _, err := kadm.NewClient(raw(t, cluster)).DeleteRecords(testContext(t), offsets); err != nil {
		t.Fatal(err)
	}
}

func TestEnsureGroupStartAtOldBrokers(t *testing.T) {
	for name, versions := range map[string]*kversion.Versions{"2.4": kversion.V2_4_0(), "3.0": kversion.V3_0_0(), "4.0": kversion.V4_0_0()} {
		t.Run(name, func(t *testing.T) {
			cluster := kafkatest.Start(t, kfake.MaxVersions(versions))
			cluster.CreateTopic(t, "a", 2)
			cluster.CreateTopic(t, "b", 1)
			fill(t, cluster, "a", 3, 0, 1)
			commitFor(t, cluster, "g", "a", map[int32]int64{1: 1})
			got, err := newAdmin(t, cluster).EnsureGroupStart(testContext(t), "g", []string{"a", "b"}, Latest)
			if err != nil || !maps.Equal(got, map[string]int32{"a": 2, "b": 1}) {
				t.Fatalf("got %v, %v", got, err)
			}
			if a := cluster.Committed(t, "g", "a"); !maps.Equal(a, map[int32]int64{0: 3, 1: 1}) {
				t.Errorf("committed %v for a", a)
			}
			if b := cluster.Committed(t, "g", "b"); !maps.Equal(b, map[int32]int64{0: 0}) {
				t.Errorf("committed %v for b", b)
			}
		})
	}
}

func TestEnsureGroupStartCommitsEmptyMetadataOnce(t *testing.T) {
	cluster := kafkatest.Start(t)
	cluster.CreateTopic(t, "t", 1)
	admin := newAdmin(t, cluster)
	commits := cluster.Fake().Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Observe: true, Count: -1})
	for range 2 {
		if _, err := admin.EnsureGroupStart(testContext(t), "g", []string{"t"}, Latest); err != nil {
			t.Fatal(err)
		}
	}
	if commits.Hits() != 1 {
		t.Errorf("%d commits for one start", commits.Hits())
	}
	offsets, err := kadm.NewClient(raw(t, cluster)).FetchOffsets(testContext(t), "g")
	if err != nil || offsets["t"][0].Metadata != "" {
		t.Errorf("metadata %q, %v (OF-01)", offsets["t"][0].Metadata, err)
	}
}

func TestRecordsProducedAfterTheStartAreDelivered(t *testing.T) {
	cluster := kafkatest.Start(t)
	cluster.CreateTopic(t, "t", 1)
	fill(t, cluster, "t", 3, 0)
	if _, err := newAdmin(t, cluster).EnsureGroupStart(testContext(t), "g", []string{"t"}, Latest); err != nil {
		t.Fatal(err)
	}
	cluster.Produce(t, &kgo.Record{Topic: "t", Value: []byte("after")})
	member := raw(t, cluster, kgo.ConsumerGroup("g"), kgo.ConsumeTopics("t"), kgo.ConsumeResetOffset(kgo.NoResetOffset()))
	records := member.PollFetches(testContext(t)).Records()
	if len(records) != 1 || string(records[0].Value) != "after" {
		t.Errorf("got %d records (OF-01)", len(records))
	}
}

func TestEnsureGroupStartOfUnknownTopic(t *testing.T) {
	cluster := kafkatest.Start(t, kfake.AllowAutoTopicCreation())
	cluster.CreateTopic(t, "t", 1)
	_, err := newAdmin(t, cluster).EnsureGroupStart(testContext(t), "g", []string{"t", "none"}, Latest)
	if err == nil || !strings.HasPrefix(err.Error(), "failed to get partitions for topic none") {
		t.Errorf("got %v (OF-06)", err)
	}
	if lag, err := newAdmin(t, cluster).Lag(testContext(t), "g"); err != nil || lag.State != "Dead" {
		t.Errorf("the group was made in spite of the error: %+v, %v", lag, err)
	}
}

func TestEnsureGroupOfLiveMembers(t *testing.T) {
	tests := []struct {
		name        string
		initialised map[string]int32
		before      map[int32]int64
		want        map[string]int32
		holes       []int32
	}{
		{"with all offsets is left alone (KF-24)", nil, map[int32]int64{0: 0, 1: 0, 2: 0}, map[string]int32{"t": 3}, nil},
		{"added partitions are the members' (OF-05)", map[string]int32{"t": 2}, map[int32]int64{0: 0, 1: 0}, map[string]int32{"t": 2}, nil},
		{"added partitions are known by those before them (OF-05)", nil, map[int32]int64{0: 0}, map[string]int32{"t": 1}, nil},
		{"a lost offset is an error (OF-05)", map[string]int32{"t": 3}, map[int32]int64{0: 0, 1: 0}, nil, []int32{2}},
		{"a hole is an error (OF-05)", nil, map[int32]int64{0: 0, 2: 0}, nil, []int32{1}},
		{"no offset at all is an error (OF-05)", nil, nil, nil, []int32{0, 1, 2}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cluster := kafkatest.Start(t)
			cluster.CreateTopic(t, "t", 3)
			if tt.before != nil {
				commitFor(t, cluster, "g", "t", tt.before)
			}
			join(t, cluster.Addrs(), "g", "t")
			got, err := newAdmin(t, cluster).EnsureGroup(testContext(t),
				GroupStart{Group: "g", Topics: []string{"t"}, Start: Latest, Initialised: tt.initialised})
			if !maps.Equal(got, tt.want) {
				t.Errorf("got %v, %v, want %v", got, err, tt.want)
			}
			active := (*ActiveGroupError)(nil)
			if errors.As(err, &active) != (tt.holes != nil) {
				t.Fatalf("error %v", err)
			}
			if active != nil && !equal(active.Partitions, tt.holes) {
				t.Errorf("%v, want partitions %v", active, tt.holes)
			}
		})
	}
}

func equal(a, b []int32) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestEnsureGroupFailsInKafkasWords(t *testing.T) {
	for _, key := range []kmsg.Key{kmsg.OffsetFetch, kmsg.OffsetCommit, kmsg.ListOffsets} {
		t.Run(key.Name(), func(t *testing.T) {
			cluster := kafkatest.Start(t)
			cluster.CreateTopic(t, "t", 1)
			cluster.Fake().Fault(kfake.Fault{Keys: []kmsg.Key{key}, Err: kerr.GroupAuthorizationFailed, Count: -1})
			_, err := newAdmin(t, cluster).EnsureGroupStart(testContext(t), "g", []string{"t"}, Latest)
			if !errors.Is(err, kerr.GroupAuthorizationFailed) || !strings.Contains(err.Error(), `"g"`) {
				t.Errorf("got %v (KC-31)", err)
			}
		})
	}
}

func TestBrokersThatAreNotReadyAreAskedAgain(t *testing.T) {
	cluster := kafkatest.Start(t)
	cluster.CreateTopic(t, "t", 1)
	busy := cluster.Fake().Fault(
		kfake.Fault{Keys: []kmsg.Key{kmsg.FindCoordinator}, Err: kerr.CoordinatorNotAvailable, Count: 4},
		kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.CoordinatorLoadInProgress, Count: 4})
	got, err := newAdmin(t, cluster).EnsureGroupStart(testContext(t), "g", []string{"t"}, Latest)
	if err != nil || !maps.Equal(got, map[string]int32{"t": 1}) || busy.Hits() != 8 {
		t.Errorf("got %v, %v, %d refusals", got, err, busy.Hits())
	}
}

func TestDeleteGroup(t *testing.T) {
	cluster := kafkatest.Start(t)
	cluster.CreateTopic(t, "t", 1)
	admin := newAdmin(t, cluster)
	commitFor(t, cluster, "g", "t", map[int32]int64{0: 0})
	for _, when := range []string{"first", "again"} {
		if err := admin.DeleteGroup(testContext(t), "g"); err != nil {
			t.Errorf("%s: %v (KC-20)", when, err)
		}
	}
	if lag, err := admin.Lag(testContext(t), "g"); err != nil || lag.State != "Dead" {
		t.Errorf("the group is left: %+v, %v", lag, err)
	}
	join(t, cluster.Addrs(), "live", "t")
	if err := admin.DeleteGroup(testContext(t), "live"); !errors.Is(err, kerr.NonEmptyGroup) {
		t.Errorf("a group with members: %v (KF-24)", err)
	}
}

func TestLag(t *testing.T) {
	cluster := kafkatest.Start(t)
	cluster.CreateTopic(t, "t", 2)
	fill(t, cluster, "t", 5, 0, 1)
	commitFor(t, cluster, "g", "t", map[int32]int64{0: 2, 1: 5})
	admin := newAdmin(t, cluster)
	got, err := admin.Lag(testContext(t), "g")
	if err != nil || got.Total != 3 || got.Members != 0 || len(got.Partitions) != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	if want := (PartitionLag{Topic: "t", Partition: 0, Committed: 2, End: 5, Lag: 3}); got.Partitions[0] != want {
		t.Errorf("partition 0: %+v, want %+v", got.Partitions[0], want)
	}
	join(t, cluster.Addrs(), "fresh", "t")
	if got, err = admin.Lag(testContext(t), "fresh"); err != nil || got.Total != 10 || got.Members != 1 || got.State != "Stable" {
		t.Errorf("a group without offsets: %+v, %v", got, err)
	}
	if got, err = admin.Lag(testContext(t), "none"); err != nil || got.Total != 0 || got.State != "Dead" {
		t.Errorf("no group: %+v, %v", got, err)
	}
	results := admin.Lags(testContext(t), "none", "fresh", "g")
	if len(results) != 3 || results["none"].State != "Dead" || results["fresh"].Total != 10 || results["g"].Total != 3 || results["g"].Err != nil {
		t.Errorf("asked together: %+v", results)
	}
	cluster.Fake().Close()
	ctx, cancel := context.WithTimeout(testContext(t), 100*time.Millisecond)
	defer cancel()
	if results := admin.Lags(ctx, "g", "fresh"); len(results) != 2 || results["g"].Err == nil || results["fresh"].Err == nil {
		t.Errorf("Kafka is away: %+v", results)
	}
}

func TestOneGroupThatMayNotBeLookedAtKeepsNobodyElsesLagBack(t *testing.T) {
	cluster := kafkatest.Start(t)
	cluster.CreateTopic(t, "t", 1)
	fill(t, cluster, "t", 5, 0)
	commitFor(t, cluster, "g", "t", map[int32]int64{0: 2})
	cluster.Fake().ControlKey(kmsg.DescribeGroups.Int16(), func(r kmsg.Request) (kmsg.Response, error, bool) {
		cluster.Fake().KeepControl()
		request := r.(*kmsg.DescribeGroupsRequest)
		if !slices.Contains(request.Groups, "secret") {
			return nil, nil, false
		}
		response := request.ResponseKind().(*kmsg.DescribeGroupsResponse)
		for _, name := range request.Groups {
			g := kmsg.NewDescribeGroupsResponseGroup()
			if g.Group = name; name == "secret" {
				g.ErrorCode = kerr.GroupAuthorizationFailed.Code
			}
			response.Groups = append(response.Groups, g)
		}
		return response, nil, true
	})
	got := newAdmin(t, cluster).Lags(testContext(t), "secret", "g")
	if got["g"].Err != nil || got["g"].Total != 3 || !errors.Is(got["secret"].Err, kerr.GroupAuthorizationFailed) {
		t.Errorf("%+v", got)
	}
}
