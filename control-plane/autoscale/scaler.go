// Package autoscale decides how many members the consumer groups of objects have, by what waits for them: between a
// minimum and a maximum, one for so many records (ST-11, EG-77).
//
// It reads the lag of groups and writes nothing into Kafka. Whoever reconciles an object asks for the number and records
// it in the object's status, which the contract is made from; when the number changes the object is reconciled again. What
// was decided is kept in memory and begins with what is recorded, so another leader goes on where the last one was.
//
// A Scaler has one goroutine that looks at the groups that were asked about lately, and one more for each Kafka while it
// answers; its state is guarded by a mutex. States are values: how they follow from each other is pure.
package autoscale

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"knative.dev/eventing-kafka-go/control-plane/apis/annotation"
	"knative.dev/eventing-kafka-go/control-plane/kafkaadmin"
)

const (
	// tick is how often it is looked whose turn it is.
	tick = time.Second
	// forget is when a group is dropped that nobody has asked about: its object is gone, or another replica leads. Objects
	// are reconciled more often than that.
	forget = 15 * time.Minute
	// settling is how long a change takes to reach the pods.
	settling = 30 * time.Second
	// together is for how many groups Kafka is asked at once.
	together = 200
)

// Group is a consumer group that is scaled.
type Group struct {
	// Kind and Object are who is reconciled when its members change.
	Kind   string
	Object types.NamespacedName
	// UID is that of its egress, ID its name in Kafka.
	UID, ID string
	// Partitions is how many partitions it reads, 0 when that is not known.
	Partitions int32
	// Admin connects to its Kafka.
	Admin func() (*kafkaadmin.Admin, error)
}

// Options of a Scaler.
type Options struct {
	// Look returns the lag of groups of one Kafka by their names; default: asks it.
	Look func(ctx context.Context, admin *kafkaadmin.Admin, groups ...string) map[string]kafkaadmin.LagResult
	Log  *slog.Logger
}

// Scaler looks at the lag of groups.
type Scaler struct {
	options Options

	mu     sync.Mutex
	notify map[string]func(types.NamespacedName)
	groups map[string]*scaled // by UID
	looks  sync.WaitGroup
}

type scaled struct {
	Group
	policy annotation.Autoscaling
	state  State
	// due is when it is to be looked at, asked when somebody asked about it last, changed when its members did.
	due, asked, changed time.Time
	looking             bool
	// failed says that the last look failed, which is logged once.
	failed bool
}

// New returns a Scaler, whose goroutines end with ctx.
func New(ctx context.Context, o Options) *Scaler {
	if o.Look == nil {
		o.Look = func(ctx context.Context, admin *kafkaadmin.Admin, groups ...string) map[string]kafkaadmin.LagResult {
			return admin.Lags(ctx, groups...)
		}
	}
	s := &Scaler{options: o, notify: map[string]func(types.NamespacedName){}, groups: map[string]*scaled{}}
	go s.run(ctx)
	return s
}

// Notify has enqueue called with the object of every group of a kind whose members change.
func (s *Scaler) Notify(kind string, enqueue func(types.NamespacedName)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notify[kind] = enqueue
}

// Members returns how many members a group shall have, and goes on looking at it. has is how many it has, as far as is
// recorded.
func (s *Scaler) Members(g Group, p annotation.Autoscaling, has int32) int32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	known := s.groups[g.UID]
	if known == nil || known.ID != g.ID {
		known = &scaled{state: Begin(p, now, has, g.Partitions), due: now}
		s.groups[g.UID] = known
	}
	known.Group, known.policy, known.asked = g, p, now
	known.state = known.state.Within(p, now, g.Partitions)
	if known.state.Members != has {
		known.changed = now
	}
	return known.state.Members
}

// Settling says whether the members of a group changed a moment ago, so that pods may not know it yet: nobody's events are
// held up by that.
func (s *Scaler) Settling(uid string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.groups[uid]
	return known != nil && !known.changed.IsZero() && time.Since(known.changed) < settling
}

// Forget ends what is known about a group.
func (s *Scaler) Forget(uid string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.groups, uid)
}

func (s *Scaler) run(ctx context.Context) {
	defer s.looks.Wait()
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			for _, due := range s.byKafka(s.due(now)) {
				s.looks.Go(func() { s.look(ctx, due) })
			}
		}
	}
}

// due returns the groups whose turn it is. Groups with one interval have their turns together, so that Kafka is asked once
// for many.
func (s *Scaler) due(now time.Time) []Group {
	s.mu.Lock()
	defer s.mu.Unlock()
	var due []Group
	for uid, g := range s.groups {
		switch {
		case now.Sub(g.asked) > forget:
			delete(s.groups, uid)
		case !g.looking && !g.due.After(now):
			g.looking, g.due = true, now.Truncate(g.policy.Polling).Add(g.policy.Polling)
			due = append(due, g.Group)
		}
	}
	return due
}

// batch is some groups of one Kafka.
type batch struct {
	admin  *kafkaadmin.Admin
	groups []Group
}

// byKafka sorts groups by where they are. Those that cannot be connected to have their next turn later.
func (s *Scaler) byKafka(groups []Group) []*batch {
	var all []*batch
	open := map[string]*batch{}
	for _, g := range groups {
		admin, err := g.Admin()
		if err != nil {
			s.learn(g, kafkaadmin.LagResult{Err: err})
			continue
		}
		k := open[admin.Key()]
		if k == nil || len(k.groups) == together {
			k = &batch{admin: admin}
			open[admin.Key()] = k
			all = append(all, k)
		}
		k.groups = append(k.groups, g)
	}
	return all
}

func (s *Scaler) look(ctx context.Context, k *batch) {
	names := make([]string, 0, len(k.groups))
	for _, g := range k.groups {
		names = append(names, g.ID)
	}
	results := s.options.Look(ctx, k.admin, names...)
	for _, g := range k.groups {
		s.learn(g, results[g.ID])
	}
}

// learn takes in what was seen of a group, and has its object reconciled when that changes its members.
func (s *Scaler) learn(g Group, seen kafkaadmin.LagResult) {
	enqueue := s.decide(g, seen)
	if enqueue != nil {
		enqueue(g.Object)
	}
}

func (s *Scaler) decide(g Group, seen kafkaadmin.LagResult) (enqueue func(types.NamespacedName)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.groups[g.UID]
	if known == nil || known.ID != g.ID {
		return nil
	}
	known.looking = false
	if seen.Err != nil {
		if !known.failed {
			s.options.Log.Warn("consumer group keeps its members: what waits for it is not known", "group", g.ID, "error", seen.Err)
		}
		known.failed = true
		return nil
	}
	known.failed = false
	before := known.state.Members
	known.state = known.state.Next(known.policy, time.Now(), seen.Total, known.Partitions)
	if known.state.Members == before {
		return nil
	}
	known.changed = time.Now()
	s.options.Log.Info("consumer group is scaled", "group", g.ID, "from", before, "to", known.state.Members, "lag", seen.Total)
	return s.notify[g.Kind]
}
