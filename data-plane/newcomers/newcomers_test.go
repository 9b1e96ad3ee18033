package newcomers

import (
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	topic     = "t"
	heartbeat = 3 * time.Second
	session   = 10 * time.Second
)

// member is what Kafka knows of one, and what the member knows.
type member struct {
	*Assignor
	id         string
	instance   *string
	generation int32
	owned      []int32
	metadata   []byte
	again      time.Duration
	rejoins    bool // whether it answers when Kafka asks all to join
}

// band is a group as Kafka keeps it: generations, the metadata with which members joined last, and who assigns.
type band struct {
	t          *testing.T
	generation int32
	partitions int32
	members    map[string]*member
	leader     string
}

func newBand(t *testing.T, partitions int32) *band {
	return &band{t: t, partitions: partitions, members: map[string]*member{}}
}

// comes adds a member, static under its name.
func (b *band) comes(id string) *member {
	m := &member{id: id, instance: &id, generation: -1, rejoins: true}
	m.Assignor = New(heartbeat, session, func(after time.Duration) { m.again = after })
	b.members[id] = m
	m.join()
	return m
}

func (m *member) join() {
	var owned map[string][]int32
	if len(m.owned) > 0 {
		owned = map[string][]int32{topic: slices.Clone(m.owned)}
	}
	m.metadata = m.JoinGroupMetadata([]string{topic}, owned, m.generation)
}

// dies leaves a member in the group that answers nothing any more.
func (b *band) dies(ids ...string) {
	for _, id := range ids {
		b.members[id].rejoins = false
	}
}

// rebalance has all members that live join, waits for the others, some of whom Kafka then forgets, and returns what each
// member is given.
func (b *band) rebalance(wait time.Duration, forgotten ...string) map[string][]int32 {
	b.t.Helper()
	for _, m := range b.members {
		if m.rejoins && m.generation >= 0 {
			m.join()
		}
	}
	time.Sleep(wait)
	for _, id := range forgotten {
		delete(b.members, id)
	}
	b.generation++
	var joined []kmsg.JoinGroupResponseMember
	for _, id := range slices.Sorted(maps.Keys(b.members)) {
		m := b.members[id]
		joined = append(joined, kmsg.JoinGroupResponseMember{MemberID: id, InstanceID: m.instance, ProtocolMetadata: m.metadata})
		if b.leader == "" || b.members[b.leader] == nil {
			b.leader = id
		}
	}
	return b.sync(b.assign(joined))
}

func (b *band) assign(joined []kmsg.JoinGroupResponseMember) []kmsg.SyncGroupRequestGroupAssignment {
	b.t.Helper()
	made, topics, err := b.members[b.leader].MemberBalancer(joined)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, ok := topics[topic]; !ok {
		b.t.Fatalf("topics %v", topics)
	}
	made.(kgo.GroupMemberBalancerInfo).SetBalanceInfo(kgo.BalanceInfo{Generation: b.generation, LeaderID: b.leader})
	plan, err := made.(kgo.GroupMemberBalancerOrError).BalanceOrError(map[string]int32{topic: b.partitions})
	if err != nil {
		b.t.Fatal(err)
	}
	return plan.IntoSyncAssignment()
}

// sync tells those who live what they have.
func (b *band) sync(given []kmsg.SyncGroupRequestGroupAssignment) map[string][]int32 {
	b.t.Helper()
	all := map[string][]int32{}
	for _, g := range given {
		m := b.members[g.MemberID]
		if _, twice := all[g.MemberID]; twice || m == nil {
			b.t.Fatalf("an assignment more for %s", g.MemberID)
		}
		read, err := kgo.ParseConsumerSyncAssignment(g.MemberAssignment)
		if err != nil {
			b.t.Fatal(err)
		}
		all[g.MemberID] = read[topic]
		if !m.rejoins {
			continue
		}
		if _, err := m.ParseSyncAssignment(g.MemberAssignment); err != nil {
			b.t.Fatal(err)
		}
		m.generation, m.owned = b.generation, read[topic]
	}
	if len(all) != len(b.members) {
		b.t.Fatalf("%d of %d members have an assignment", len(all), len(b.members))
	}
	return all
}

// has fails the test unless members have so many partitions.
func (b *band) has(step string, got map[string][]int32, want map[string]int) {
	b.t.Helper()
	for id, n := range want {
		if len(got[id]) != n {
			b.t.Errorf("%s: %s has %v, want %d partitions; all: %v", step, id, got[id], n, got)
		}
	}
}

// pair is two members that share all partitions.
func pair(t *testing.T) *band {
	b := newBand(t, 6)
	b.comes("a")
	b.comes("v0")
	b.has("the first two", b.rebalance(0), map[string]int{"a": 3, "v0": 3})
	return b
}

func TestNewcomersThatMayHaveDiedWhileTheyJoinedGetNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := pair(t)
		b.dies("v0")
		b.comes("v1")
		b.dies("v1")
		b.comes("v2")
		b.has("two came for one", b.rebalance(8*time.Second, "v0"), map[string]int{"a": 6, "v1": 0, "v2": 0})
		if got := b.members["v2"].again; got != session {
			t.Errorf("v2 is to join again after %v, want %v", got, session)
		}
		if got := b.members["a"].again; got != 0 {
			t.Errorf("a is to join again after %v", got)
		}
		b.dies("v2")
		time.Sleep(time.Second)
		b.comes("v3")
		b.dies("v3")
		b.comes("v4")
		b.has("two came for two that had nothing", b.rebalance(9*time.Second, "v1", "v2"), map[string]int{"a": 6, "v3": 0, "v4": 0})

		time.Sleep(session - time.Second)
		b.has("the wait is not over", b.rebalance(0, "v3"), map[string]int{"a": 6, "v4": 0})
		if got := b.members["v4"].again; got != time.Second {
			t.Errorf("v4 is to join again after %v, want a second", got)
		}
		time.Sleep(time.Second)
		b.has("a gives up", b.rebalance(0), map[string]int{"a": 3, "v4": 0})
		b.has("v4 has its part", b.rebalance(0), map[string]int{"a": 3, "v4": 3})
		if got := b.members["v4"].again; got != 0 {
			t.Errorf("v4 is to join again after %v", got)
		}
	})
}

func TestNewcomersOfAGroupThatLivesHaveTheirPart(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(*band) map[string][]int32
		want map[string]int
	}{
		{"several come while all live", func(b *band) map[string][]int32 {
			b.comes("n1")
			b.comes("n2")
			b.rebalance(heartbeat)
			return b.rebalance(0)
		}, map[string]int{"a": 2, "v0": 2, "n1": 1, "n2": 1}},
		{"one comes for one that was lost", func(b *band) map[string][]int32 {
			b.dies("v0")
			b.comes("n1")
			return b.rebalance(9*time.Second, "v0")
		}, map[string]int{"a": 3, "n1": 3}},
		{"one is back under its name", func(b *band) map[string][]int32 {
			b.dies("v0")
			back := b.comes("v0-again")
			back.instance = new("v0")
			return b.rebalance(9*time.Second, "v0")
		}, map[string]int{"a": 3, "v0-again": 3}},
		{"nobody is left of those who were there", func(b *band) map[string][]int32 {
			b.dies("a", "v0")
			b.comes("n1")
			b.comes("n2")
			b.comes("n3")
			return b.rebalance(9*time.Second, "a", "v0")
		}, map[string]int{"n1": 2, "n2": 2, "n3": 2}},
		{"another member assigns now and knows nothing of the one before", func(b *band) map[string][]int32 {
			b.dies("a") // who assigned
			b.comes("n1")
			return b.rebalance(9*time.Second, "a")
		}, map[string]int{"v0": 3, "n1": 3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := pair(t)
				got := c.do(b)
				n := 0
				for id, ids := range got {
					n += len(ids)
					if want := c.want[id]; len(ids) < want {
						t.Errorf("%s has %v, want %d", id, ids, want)
					}
				}
				if n != 6 {
					t.Errorf("%d partitions are assigned: %v", n, got)
				}
			})
		})
	}
}

func TestMembersThatDoNotKnowHowToWaitHaveTheirPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := pair(t)
		b.dies("v0")
		for _, id := range []string{"j1", "j2"} {
			other := b.comes(id)
			other.metadata = kgo.CooperativeStickyBalancer().JoinGroupMetadata([]string{topic}, nil, -1)
		}
		got := b.rebalance(9*time.Second, "v0")
		if len(got["j1"])+len(got["j2"]) != 3 || len(got["a"]) == 0 {
			t.Errorf("assigned %v", got)
		}
	})
}

func TestWhatIsNoRequestToWaitIsNone(t *testing.T) {
	for _, text := range []string{"", "again:", "again:-5", "again:x", "other:10", "again:99999999999999999999"} {
		data := kmsg.NewConsumerMemberAssignment()
		data.UserData = []byte(text)
		if got := askedToWait(data.AppendTo(nil)); got != 0 {
			t.Errorf("%q: %v", text, got)
		}
	}
	if got := askedToWait([]byte{1}); got != 0 {
		t.Errorf("no assignment: %v", got)
	}
}
