package egress

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"knative.dev/eventing-kafka-go/data-plane/placement"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// spread is a contract with an egress on each of n topics, for these pods.
func (f *fixture) spread(n int, url string, pods ...string) *contract.Contract {
	c := &contract.Contract{Dispatchers: pods}
	for i := range n {
		name := fmt.Sprintf("topic-%d", i)
		c.Resources = append(c.Resources, &contract.Resource{
			Uid: name, Topics: []string{name}, BootstrapServers: f.kafka.Bootstrap(),
			Egresses: []*contract.Egress{egressTo(name, url)},
		})
	}
	return c
}

// states counts the groups of a set by state.
func states(s *Set) map[string]int {
	count := map[string]int{}
	for _, g := range s.Status() {
		count[g.State]++
	}
	return count
}

// joined are the groups of a set by uid.
func joined(s *Set) map[string]*group {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := map[string]*group{}
	for uid, m := range s.members {
		if m.group != nil {
			found[uid] = m.group
		}
	}
	return found
}

func TestAListOfDispatchersMovesOnlyWhatItMust(t *testing.T) { // EG-97
	const topics = 8
	f := newFixture(t, 1)
	for i := range topics {
		f.kafka.CreateTopic(t, fmt.Sprintf("topic-%d", i), 2)
	}
	s := newSubscriber(t, nil)
	pods := []string{"a", "b", "c", "d"}
	sets := map[string]*Set{"a": f.set}
	for _, pod := range pods[1:] {
		sets[pod] = f.newSet()
	}
	apply := func(pods ...string) {
		t.Helper()
		c := f.spread(topics, s.URL, pods...)
		for pod, set := range sets {
			set.options.Name = pod
			set.Apply(c, nil)
			want := map[string]*group{}
			for _, r := range c.GetResources() {
				if placement.New(pod, pods).Of(r, r.GetEgresses()[0]).Joins {
					want[r.GetUid()] = nil
				}
			}
			if got := joined(set); !slices.Equal(slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want))) {
				t.Fatalf("of %v, %s runs %v, is to run %v", pods, pod, got, want)
			}
		}
	}
	all := func(state string, sets ...*Set) func() bool {
		return func() bool {
			for _, set := range sets {
				if c := states(set); c[state]+c[stateElsewhere] != topics {
					return false
				}
			}
			return true
		}
	}
	apply("a", "b", "c")
	eventually(t, "the groups run", all(stateRunning, sets["a"], sets["b"], sets["c"]))
	if c := states(sets["d"]); c[stateElsewhere] != topics {
		t.Errorf("a pod that is not listed: %v", c)
	}
	for _, g := range sets["d"].Status() {
		if len(g.PlacedOn) != 2 || g.Problem != "" {
			t.Errorf("%s is placed on %v, problem %q", g.Name, g.PlacedOn, g.Problem)
		}
	}

	before := map[string]map[string]*group{}
	for pod, set := range sets {
		before[pod] = joined(set)
	}
	apply("a", "b", "d") // d for c
	for _, pod := range []string{"a", "b"} {
		for uid, g := range joined(sets[pod]) {
			if old := before[pod][uid]; old != nil && old != g {
				t.Errorf("%s: the group of %s was started anew though it stays", pod, uid)
			}
		}
	}
	eventually(t, "the groups run again", all(stateRunning, sets["a"], sets["b"], sets["d"]))
	for uid, g := range before["c"] {
		eventually(t, "c has left the group of "+uid, func() bool { return isClosed(g.stopped) })
	}
	if c := states(sets["c"]); c[stateElsewhere] != topics {
		t.Errorf("a pod that was taken off the list: %v", c)
	}
}

func TestAProcessWithoutANameJoinsEveryGroup(t *testing.T) {
	f := newFixture(t, 1)
	s := newSubscriber(t, nil)
	f.kafka.CreateTopic(t, "topic-0", 1)
	f.set.Apply(f.spread(1, s.URL, "a", "b"), nil)
	eventually(t, "the group runs", func() bool { return states(f.set)[stateRunning] == 1 })
}

func TestAProcessThatNobodyListsJoinsEveryGroupAfterAWhile(t *testing.T) {
	const topics = 4
	f := newFixture(t, 1)
	for i := range topics {
		f.kafka.CreateTopic(t, fmt.Sprintf("topic-%d", i), 1)
	}
	s := newSubscriber(t, nil)
	f.set.options.Name, f.set.options.UnlistedWait = "new", 200*time.Millisecond
	f.set.Apply(f.spread(topics, s.URL, "gone-1", "gone-2"), nil)
	if c := states(f.set); c[stateElsewhere] != topics {
		t.Errorf("at first: %v", c)
	}
	eventually(t, "all groups run here", func() bool { return states(f.set)[stateRunning] == topics })

	f.set.Apply(f.spread(topics, s.URL, "new", "other", "third"), nil) // listed at last: only its share
	want := 0
	for _, r := range f.spread(topics, s.URL).GetResources() {
		if placement.New("new", []string{"new", "other", "third"}).Of(r, r.GetEgresses()[0]).Joins {
			want++
		}
	}
	if got := len(joined(f.set)); got != want {
		t.Errorf("runs %d groups after it was listed, want %d", got, want)
	}

	f.set.Apply(f.spread(topics, s.URL, "other", "third"), nil) // taken off the list: it stays away
	if len(joined(f.set)) != 0 || f.set.unlisted.timer != nil {
		t.Error("a process that was taken off the list means to come back")
	}
}
