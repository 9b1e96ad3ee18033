package egress

import (
	"context"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"knative.dev/eventing-kafka-go/data-plane/kafka"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// groups are the running groups by uid.
func (f *fixture) groups() map[string]*group {
	f.set.mu.Lock()
	defer f.set.mu.Unlock()
	found := map[string]*group{}
	for uid, m := range f.set.members {
		found[uid] = m.group
	}
	return found
}

func otherConsumer() Settings {
	c := kafka.DefaultConsumerConfig()
	c.SessionTimeout, c.ClientID = 20*time.Second, "other"
	return Settings{Consumer: c, Concurrency: 7, CommitInterval: 100 * time.Millisecond}
}

func TestOtherSettingsRestartGroupsOneByOneAndLoseNothing(t *testing.T) { // CFG-15
	f := newFixture(t, 2)
	a, b := newSubscriber(t, nil), newSubscriber(t, nil)
	f.set.Apply(f.contract(egressTo("a", a.URL), egressTo("b", b.URL)), nil)
	f.produce(0, 0, 50)
	eventually(t, "the first deliveries", func() bool { return len(a.received()) >= 20 && len(b.received()) >= 20 })
	before := f.groups()

	done := make(chan struct{})
	go func() {
		defer close(done)
		f.set.Configure(context.Background(), "", otherConsumer())
	}()
	eventually(t, "the first group is exchanged", func() bool { return f.groups()["a"] != before["a"] })
	if first := f.groups()["a"]; f.groups()["b"] != before["b"] {
		first.mu.Lock()
		if !first.joined {
			t.Error("the second group was stopped before the first one had its partitions again")
		}
		first.mu.Unlock()
	}
	f.produce(1, 0, 50)
	<-done
	for uid, g := range f.groups() {
		if g == before[uid] || g.options.Consumer.ClientID != "other" || g.lanes.limit != 7 || g.options.CommitInterval != 100*time.Millisecond {
			t.Errorf("group %s does not run with the new settings", uid)
		}
		<-before[uid].stopped
	}
	for _, s := range []*subscriber{a, b} {
		eventually(t, "all events", func() bool {
			seen := map[string]bool{}
			for _, id := range s.received() {
				seen[id] = true
			}
			return len(seen) == 100
		})
	}
	eventually(t, "all committed", func() bool { return maps.Equal(f.offsets("group-b"), map[int32]int64{0: 50, 1: 50}) })
}

func TestABrokenEntryTakesOtherSettingsWhenItIsRepaired(t *testing.T) {
	f := newFixture(t, 1)
	s := newSubscriber(t, nil)
	f.set.Apply(f.contract(egressTo("a", s.URL)), nil)
	ran := f.groups()["a"]
	f.set.Apply(f.contract(egressTo("a", "no address")), nil)
	f.set.Configure(t.Context(), "", otherConsumer())
	if f.groups()["a"] != ran {
		t.Fatal("what ran before the entry was broken does not go on")
	}
	f.set.Apply(f.contract(egressTo("a", s.URL)), nil)
	if g := f.groups()["a"]; g == ran || g.options.Consumer.ClientID != "other" {
		t.Error("the repaired entry does not run with the new settings")
	}
	f.produce(0, 0, 1)
	eventually(t, "a delivery", func() bool { return slices.Equal(s.received(), []string{"0-0"}) })
}

func TestSettingsOfAClosedSetStartNothing(t *testing.T) {
	f := newFixture(t, 1)
	f.set.Apply(f.contract(egressTo("a", "http://127.0.0.1:1/"), &contract.Egress{Uid: "broken"}), nil)
	ran := f.groups()["a"]
	if err := f.set.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.set.Configure(t.Context(), "", otherConsumer())
	if f.groups()["a"] != ran {
		t.Error("a group was started")
	}
}

func TestSettingsOfAKindAreForItsEgressesAlone(t *testing.T) {
	f := newFixture(t, 1)
	c := f.contract(egressTo("a", "http://127.0.0.1:1/"))
	ours := c.Resources[0].GetReference().GetKind()
	f.set.Apply(c, nil)
	ran := f.groups()["a"]
	f.set.Configure(t.Context(), ours+"x", otherConsumer())
	if f.groups()["a"] != ran {
		t.Fatal("settings of another kind started the group anew")
	}
	f.set.Configure(t.Context(), ours, otherConsumer())
	own := f.groups()["a"]
	if own == ran || own.options.Consumer.ClientID != "other" {
		t.Fatal("settings of the kind are not used")
	}
	f.set.Configure(t.Context(), "", Settings{Consumer: ran.options.Consumer})
	if f.groups()["a"] != own {
		t.Error("settings of the rest started a group anew that has its own")
	}
}

// A process begins to look after its groups, reads its settings, and may be asked to end, all at once.
func TestSettingsMayChangeWhileASetBeginsOrEnds(t *testing.T) {
	f := newFixture(t, 1)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = f.set.Watch(ctx) })
	running.Go(func() { f.set.Configure(ctx, "", otherConsumer()) })
	running.Go(func() {
		if err := f.set.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
	eventually(t, "the settings have changed", func() bool {
		f.set.mu.Lock()
		defer f.set.mu.Unlock()
		return f.set.options.Consumer.ClientID == "other"
	})
	cancel()
	running.Wait()
}
