package kafkaadmin

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"knative.dev/eventing-kafka-go/data-plane/kafka/kafkatest"
)

// commitWith commits an offset with metadata, as members do.
func commitWith(t *testing.T, cluster *kafkatest.Cluster, offset int64, metadata string) {
	t.Helper()
	commits := kadm.Offsets{}
	commits.Add(kadm.Offset{Topic: "t", Partition: 0, At: offset, LeaderEpoch: -1, Metadata: metadata})
	if err := kadm.NewClient(raw(t, cluster)).CommitAllOffsets(testContext(t), "g", commits); err != nil {
		t.Fatal(err)
	}
}

func TestMovesLeadToAPosition(t *testing.T) {
	noon := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name string
		to   Destination
		want []Move // partition 0 holds the offsets 2 to 4, of noon and the two hours after; partition 1 holds nothing
	}{
		{"earliest is the oldest record", Destination{Start: Earliest}, []Move{{"t", 0, 4, 2}, {"t", 1, -1, 0}}},
		{"latest is the end", Destination{Start: Latest}, []Move{{"t", 0, 4, 5}, {"t", 1, -1, 0}}},
		{"the time of a record is that record", Destination{Time: noon.Add(time.Hour)}, []Move{{"t", 0, 4, 3}, {"t", 1, -1, 0}}},
		{"a time between two records is the later one", Destination{Time: noon.Add(time.Minute)}, []Move{{"t", 0, 4, 3}, {"t", 1, -1, 0}}},
		{"a time before the oldest record is earliest", Destination{Time: noon.Add(-24 * time.Hour)}, []Move{{"t", 0, 4, 2}, {"t", 1, -1, 0}}},
		{"a time after the last record is the end", Destination{Time: noon.Add(24 * time.Hour)}, []Move{{"t", 0, 4, 5}, {"t", 1, -1, 0}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cluster := kafkatest.Start(t)
			cluster.CreateTopic(t, "t", 2)
			for i := range 5 {
				cluster.Produce(t, &kgo.Record{Topic: "t", Partition: 0, Value: []byte("x"), Timestamp: noon.Add(time.Duration(i-2) * time.Hour)})
			}
			truncate(t, cluster, "t", 2, 0)
			commitWith(t, cluster, 4, "a ledger")
			admin := newAdmin(t, cluster)
			moves, err := admin.PlanMoves(testContext(t), "g", []string{"t"}, tt.to)
			if err != nil || !slices.Equal(moves, tt.want) {
				t.Fatalf("%v, %v; want %v", moves, err, tt.want)
			}
			if err := admin.CommitMoves(testContext(t), "g", moves); err != nil {
				t.Fatal(err)
			}
			offsets, err := kadm.NewClient(raw(t, cluster)).FetchOffsets(testContext(t), "g")
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range tt.want {
				if have := offsets["t"][m.Partition]; have.At != m.New || have.Metadata != "" {
					t.Errorf("partition %d: %d with metadata %q is committed", m.Partition, have.At, have.Metadata)
				}
			}
		})
	}
}

func TestWhatStandsThereIsNotCommittedAgainButALedgerIsRemoved(t *testing.T) {
	cluster := kafkatest.Start(t)
	cluster.CreateTopic(t, "t", 1)
	fill(t, cluster, "t", 3, 0)
	commitWith(t, cluster, 3, "a ledger")
	admin := newAdmin(t, cluster)
	commits := cluster.Fake().Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Observe: true, Count: -1})
	for range 2 {
		if err := admin.CommitMoves(testContext(t), "g", []Move{{"t", 0, 3, 3}}); err != nil {
			t.Fatal(err)
		}
	}
	if commits.Hits() != 1 {
		t.Errorf("%d commits", commits.Hits())
	}
}

func TestAGroupWithMembersIsNotMoved(t *testing.T) {
	cluster := kafkatest.Start(t)
	cluster.CreateTopic(t, "t", 1)
	fill(t, cluster, "t", 3, 0)
	admin := newAdmin(t, cluster)
	if state, members, err := admin.GroupMembers(testContext(t), "g"); state != "Dead" || len(members) > 0 || err != nil {
		t.Errorf("a group that nobody knows: %s %v %v", state, members, err)
	}
	commitWith(t, cluster, 1, "")
	if state, members, err := admin.GroupMembers(testContext(t), "g"); state != "Empty" || len(members) > 0 || err != nil {
		t.Errorf("a group without members: %s %v %v", state, members, err)
	}
	join(t, cluster.Addrs(), "g", "t")
	if err := admin.CommitMoves(testContext(t), "g", []Move{{"t", 0, 1, 3}}); !IsActive(err) {
		t.Errorf("got %v", err)
	}
	state, members, err := admin.GroupMembers(testContext(t), "g")
	if err != nil || state == "Empty" || len(members) != 1 || !strings.Contains(members[0], " at ") {
		t.Errorf("%s %v %v", state, members, err)
	}
	if committed := cluster.Committed(t, "g", "t"); committed[0] != 1 {
		t.Errorf("committed %v", committed)
	}
}

func TestAGroupIsKnownByItsOffsets(t *testing.T) {
	cluster := kafkatest.Start(t)
	cluster.CreateTopic(t, "t", 2)
	cluster.CreateTopic(t, "u", 1)
	admin := newAdmin(t, cluster)
	commitWith(t, cluster, 0, "")
	for name, want := range map[string]bool{"g": true, "another": false} {
		if has, err := admin.HasOffsets(testContext(t), name, "t"); has != want || err != nil {
			t.Errorf("%s: %v, %v", name, has, err)
		}
	}
	if has, err := admin.HasOffsets(testContext(t), "g", "u"); has || err != nil {
		t.Errorf("in another topic: %v, %v", has, err)
	}
}

func TestATopicThatIsGoneCannotBeMovedIn(t *testing.T) {
	cluster := kafkatest.Start(t)
	if _, err := newAdmin(t, cluster).PlanMoves(testContext(t), "g", []string{"t"}, Destination{Start: Latest}); err == nil || !strings.Contains(err.Error(), "topic t") {
		t.Errorf("got %v", err)
	}
}

func TestWhatSomebodyElseCommitsMeanwhileIsTold(t *testing.T) {
	g := group{GroupStart: GroupStart{Group: "g"}, committed: map[position]stored{{"t", 0}: {offset: 1}}}
	var not *NotMovedError
	if err := g.moved([]Move{{"t", 0, 1, 3}}); !errors.As(err, &not) || not.Have != 1 {
		t.Errorf("got %v", err)
	}
	g.committed[position{"t", 0}] = stored{3, "a ledger"}
	if err := g.moved([]Move{{"t", 0, 1, 3}}); !errors.As(err, &not) {
		t.Errorf("a ledger that stays: %v", err)
	}
}
