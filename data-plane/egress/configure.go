package egress

import (
	"context"
	"maps"
	"slices"
	"time"

	"knative.dev/eventing-kafka-go/data-plane/kafka"
)

// Settings are what users may change while a set runs. Zero values mean the defaults of Options.
type Settings struct {
	Consumer       kafka.ConsumerConfig
	Concurrency    int
	CommitInterval time.Duration
}

// of returns the options of the egresses of resources of a kind, and the name that their settings are counted under: the
// kind where it has settings of its own, else "".
func (o Options) of(kind string) (Options, string) {
	c, own := o.Kinds[kind]
	if !own {
		return o, ""
	}
	o.Consumer, o.Concurrency, o.CommitInterval = c.Consumer, c.Concurrency, c.CommitInterval
	return o.withDefaults(), kind
}

const (
	// joinWait is how long Configure waits for a group before it goes on with the next one.
	joinWait = 10 * time.Second
	// joinCheck is how often it looks.
	joinCheck = 10 * time.Millisecond
)

// Configure gives the groups of resources of a kind other settings, or with "" all those whose kinds have none of their
// own. Each is started anew, as a change of its topic would, and the next one
// when it has its partitions again, so that most of the egresses deliver at any time. An entry that is broken keeps what
// runs, with the settings before, until it is repaired. Configure returns when all groups were started, or ctx ends;
// one call waits for another.
func (s *Set) Configure(ctx context.Context, kind string, c Settings) {
	s.configuring.Lock()
	defer s.configuring.Unlock()
	s.mu.Lock()
	s.revision++
	s.settings[kind] = s.revision
	if kind == "" {
		s.options.Consumer = c.Consumer
		s.options.Concurrency, s.options.CommitInterval = c.Concurrency, c.CommitInterval
		s.options = s.options.withDefaults()
	} else {
		kinds := maps.Clone(s.options.Kinds) // groups hold the old one
		if kinds == nil {
			kinds = map[string]Settings{}
		}
		kinds[kind] = c
		s.options.Kinds = kinds
	}
	uids := slices.Sorted(maps.Keys(s.members))
	s.mu.Unlock()
	for _, uid := range uids {
		if ctx.Err() != nil {
			return
		}
		if g := s.restart(uid); g != nil {
			g.awaitJoined(ctx)
		}
	}
}

// restart starts the group of an egress with the settings of now. It is nil if there is nothing to restart.
func (s *Set) restart(uid string) *group {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.members[uid]
	if m == nil || m.group == nil || m.problem != "" || m.group.identity.settings == s.settingsOf(m) || m.group.ends() {
		return nil
	}
	if err := s.run(m, s.creds); err != nil {
		m.problem = err.Error()
		s.options.Log.Warn("egress not run with the new settings", "egress", uid, "group", m.egress.GetConsumerGroup(), "problem", err)
	}
	return m.group
}

// settingsOf is the revision of the settings of a member's kind.
func (s *Set) settingsOf(m *member) int {
	_, name := s.options.of(m.resource.GetReference().GetKind())
	return s.settings[name]
}

// ends reports whether the group was told to stop, as all are when the set is closed.
func (g *group) ends() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.stopping
}

// awaitJoined waits until the group has its partitions, is stopped, or joinWait is over.
func (g *group) awaitJoined(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, joinWait)
	defer cancel()
	tick := time.NewTicker(joinCheck)
	defer tick.Stop()
	for {
		g.mu.Lock()
		ready := g.joined || g.stopping
		g.mu.Unlock()
		if ready {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
