// Package egress runs the consumer groups of a contract: it fetches records, puts them into lanes, has them delivered,
// and commits what is finished. It takes no HTTP requests and decides nothing about retries or dead letters (package
// delivery does).
//
// Concurrency: Apply and Close are called by one goroutine. Each group has one goroutine that polls, and starts one
// for each delivery that may run at the same time; all state of a group is guarded by its one mutex, which is never
// held over I/O or a call into the Kafka client.
package egress

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"knative.dev/eventing-kafka-go/data-plane/budget"
	"knative.dev/eventing-kafka-go/data-plane/delivery"
	"knative.dev/eventing-kafka-go/data-plane/eventtypes"
	"knative.dev/eventing-kafka-go/data-plane/kafka"
	"knative.dev/eventing-kafka-go/data-plane/kafka/credentials"
	"knative.dev/eventing-kafka-go/data-plane/placement"
	"knative.dev/eventing-kafka-go/data-plane/telemetry"
	"knative.dev/eventing-kafka-go/data-plane/tracing"
	"knative.dev/eventing-kafka-go/proto/contract"
	"knative.dev/eventing-kafka-go/proto/tokens"
)

// Options of a Set.
type Options struct {
	// Name is this process's in the contract's list of dispatchers. Without one it joins every group.
	Name string
	// UnlistedWait is how long a process with a name waits to be listed for the first time before it joins every group.
	// Default 1 min.
	UnlistedWait time.Duration
	// Producers write replies to topics.
	Producers *kafka.Producers
	// Clients make the HTTP requests.
	Clients *delivery.Clients
	// Backoff bounds and spreads the waits before retries.
	Backoff delivery.Backoff
	// Telemetry takes the figures of every egress.
	Telemetry *telemetry.Registry
	// Tracer makes spans of deliveries; nil makes none.
	Tracer *tracing.Tracer
	// Token returns the token that an identity shows to a subscriber, or why there is none. Nil: there are no tokens.
	Token func(tokens.Identity, time.Time) (string, error)
	// Consumer are the settings of every consumer.
	Consumer kafka.ConsumerConfig
	// Concurrency is how many deliveries of one egress run at the same time to begin with, at the default 32; a window follows the
	// subscriber from there. Below 100, the default, it is the most at once.
	Concurrency int
	// Budget bounds the memory for events. Default 512 MiB.
	Budget *budget.Budget
	// StuckAfter is how long a partition may have events without any progress before it is fetched from anew. Default
	// 60 s.
	StuckAfter time.Duration
	// CommitInterval is how long a finished event waits for its commit, unless many groups commit. Default 250 ms.
	CommitInterval time.Duration
	// LedgerOff has commits carry no ledger, and none be read: what is finished above the committed offset is delivered
	// again after a rebalance or a restart, and attempts are counted anew. It is for comparison.
	LedgerOff bool
	// Kinds replace the three of these for resources of a kind, e.g. KafkaSource.
	Kinds map[string]Settings
	// RevokeWait is how long deliveries under way may hold up a rebalance, or the end of a removed egress. Default 3 s.
	RevokeWait time.Duration
	Log        *slog.Logger

	load *commitLoad // of the set's groups
}

func (o Options) withDefaults() Options {
	if o.Concurrency == 0 {
		o.Concurrency = 100
	}
	if o.CommitInterval == 0 {
		o.CommitInterval = 250 * time.Millisecond
	}
	if o.RevokeWait == 0 {
		o.RevokeWait = 3 * time.Second
	}
	if o.Budget == nil {
		o.Budget = budget.New(defaultBudget)
	}
	if o.StuckAfter == 0 {
		o.StuckAfter = time.Minute
	}
	if o.UnlistedWait == 0 {
		o.UnlistedWait = time.Minute
	}
	if o.load == nil {
		o.load = &commitLoad{}
	}
	return o
}

// defaultBudget is for a process that nobody has given a limit, in bytes.
const defaultBudget = 512 << 20

// Set is the egresses of a contract.
type Set struct {
	options Options

	mu       sync.Mutex
	members  map[string]*member // by egress uid
	leaving  map[string]<-chan struct{}
	creds    kafka.Credentials                 // of the Apply before
	secrets  atomic.Pointer[kafka.Credentials] // creds, for filters
	unlisted unlisted
	// revision counts the calls of Configure, settings has the last one of each kind.
	revision int
	settings map[string]int
	watched  atomic.Int64 // when the watchdog went on last, Unix nanoseconds; 0: it does not run

	configuring sync.Mutex // held by Configure, before mu
}

// entry is what a contract says about one egress.
type entry struct {
	resource *contract.Resource
	egress   *contract.Egress
	trust    []string
	place    placement.Place
}

// member is one egress of the contract, running or not.
type member struct {
	entry
	group   *group // nil: it could not be started, is paused, or runs elsewhere
	problem string // why the contract's entry is not what runs; "" when it is
	hash    string // of what the egress depends on
	types   *eventtypes.Seen

	rebuilds  int // of the group, by the watchdog
	rebuiltAt time.Time
}

// New makes an empty set.
func New(o Options) *Set {
	return &Set{
		options: o.withDefaults(), members: map[string]*member{}, leaving: map[string]<-chan struct{}{},
		settings: map[string]int{},
	}
}

// identity is what a group is: if it changes, another group is started. Anything else changes in place.
type identity struct {
	uid, groupID string
	topics       []string
	connection   kafka.Connection
	settings     int // those that the group was started with
}

func (i identity) equal(j identity) bool {
	return i.groupID == j.groupID && slices.Equal(i.topics, j.topics) &&
		i.connection.Key() == j.connection.Key() && i.settings == j.settings
}

// Apply makes the set run the contract's egresses. It does not wait for groups that join or leave. An entry that
// cannot be run changes nothing but its own status: what ran before goes on (CT-27).
func (s *Set) Apply(c *contract.Contract, creds kafka.Credentials) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.apply(c, creds)
}

// apply is Apply with the mutex held.
func (s *Set) apply(c *contract.Contract, creds kafka.Credentials) {
	invalid := findFaults(c)
	renewed := !s.creds.Equal(creds)
	s.creds = creds
	s.secrets.Store(&creds)
	plan := s.plan(c, creds)
	seen := map[string]bool{}
	for _, r := range c.GetResources() {
		for _, e := range r.GetEgresses() {
			if e.GetUid() == "" || seen[e.GetUid()] {
				continue // without an identity of its own there is nothing to run it as; the contract's report says so
			}
			seen[e.GetUid()] = true
			place := plan.Of(r, e)
			if (!renewed || len(credentials.References(r)) == 0) && s.runs(c, r, e, place) {
				continue
			}
			s.applyOne(entry{r, e, c.GetTrustBundles(), place}, creds, errors.Join(invalid.resources[r], invalid.egresses[e]))
		}
	}
	for uid, m := range s.members {
		if !seen[uid] {
			s.remove(uid, m)
		}
	}
	maps.DeleteFunc(s.leaving, func(_ string, gone <-chan struct{}) bool { return isClosed(gone) })
}

// faults are what validation finds in the entries of a contract.
type faults struct {
	resources map[*contract.Resource]error
	egresses  map[*contract.Egress]error
}

func findFaults(c *contract.Contract) faults {
	f := faults{map[*contract.Resource]error{}, map[*contract.Egress]error{}}
	for _, p := range contract.Validate(c) {
		switch p.Scope {
		case contract.ScopeResource:
			f.resources[p.Resource] = p.Err
		case contract.ScopeEgress:
			f.egresses[p.Egress] = p.Err
		case contract.ScopeIngress: // egresses do without
		}
	}
	return f
}

func (s *Set) applyOne(says entry, creds kafka.Credentials, invalid error) {
	e := says.egress
	m := s.members[e.GetUid()]
	if m == nil {
		m = &member{types: new(eventtypes.Seen)}
		s.members[e.GetUid()] = m
	}
	m.entry, m.hash = says, contract.EgressHash(says.resource, says.egress)
	err := invalid
	if err == nil {
		err = s.run(m, creds)
	}
	m.problem = ""
	if err != nil {
		m.problem = err.Error()
		s.options.Log.Warn("egress not run as the contract says", "egress", e.GetUid(), "group", e.GetConsumerGroup(), "problem", err)
	}
}

// runs reports whether an entry runs as it is, and in the same place as far as this process is concerned.
func (s *Set) runs(c *contract.Contract, r *contract.Resource, e *contract.Egress, place placement.Place) bool {
	m := s.members[e.GetUid()]
	if m == nil || m.problem != "" || m.place.Joins != place.Joins || !unchanged(m, c, r, e) {
		return false
	}
	m.place = place // who else runs it
	return true
}

// unchanged compares everything that an egress depends on, whatever fields there are (EG-85).
func unchanged(m *member, c *contract.Contract, r *contract.Resource, e *contract.Egress) bool {
	return proto.Equal(m.egress, e) && slices.Equal(m.trust, c.GetTrustBundles()) &&
		m.hash == contract.EgressHash(r, e)
}

// run brings the member's group to what its entry says.
func (s *Set) run(m *member, creds kafka.Credentials) error {
	connection, err := kafka.ConnectionOf(m.resource, creds)
	if err != nil {
		return err
	}
	e := m.egress
	id := identity{
		uid: e.GetUid(), groupID: e.GetConsumerGroup(), topics: m.resource.GetTopics(), connection: connection,
		settings: s.settingsOf(m),
	}
	if e.GetPaused() || !m.place.Joins {
		s.stop(m)
		return nil
	}
	target, err := s.target(m, connection)
	if err != nil {
		return err
	}
	if m.group != nil && m.group.identity.equal(id) {
		m.group.retarget(target, orderOf(e), e.GetInitialPartitions())
		return nil
	}
	s.stop(m)
	options, _ := s.options.of(m.resource.GetReference().GetKind())
	g, err := startGroup(id, options, target, orderOf(e), e.GetInitialPartitions(), s.leaving[id.groupID])
	if err != nil {
		target.release()
		return fmt.Errorf("start consumer group %q: %w", id.groupID, err)
	}
	g.observe()
	m.group = g
	return nil
}

// target builds the target of a member.
func (s *Set) target(m *member, connection kafka.Connection) (*targetRef, error) {
	options, _ := s.options.of(m.resource.GetReference().GetKind())
	ref := &targetRef{
		pace: paceOf(m.egress, options), destination: m.egress.GetDestination(), namespace: named(m).GetNamespace(),
		stats: s.options.Telemetry.Egress(m.egress.GetUid(), labels(m)),
	}
	spec := delivery.Spec{
		Resource: m.resource, Egress: m.egress, TrustBundles: m.trust,
		Clients: s.options.Clients, Telemetry: ref.stats, Tracer: s.options.Tracer, Backoff: s.options.Backoff,
		Token: s.options.Token, Keys: s.keys,
	}
	if m.resource.GetFeatureFlags().GetEnableEventTypeAutocreate() {
		spec.Types = m.types
	}
	if delivery.Produces(m.resource, m.egress) {
		producer, err := s.options.Producers.Acquire(connection)
		if err != nil {
			return nil, fmt.Errorf("producer for replies and parked events: %w", err)
		}
		ref.producer, spec.Produce = producer, producer.Produce
	}
	var err error
	if ref.Target, err = delivery.NewTarget(spec); err != nil {
		ref.release()
		return nil, err
	}
	return ref, nil
}

// keys returns the data of a Secret that filters name.
func (s *Set) keys(secret string) map[string][]byte {
	creds := s.secrets.Load()
	if creds == nil {
		return nil
	}
	return (*creds)[credentials.SystemNamespace+"/"+secret]
}

// stop ends a member's group in the background; a successor in the same consumer group waits for it.
func (s *Set) stop(m *member) {
	if m.group == nil {
		return
	}
	m.group.stop(s.options.RevokeWait)
	s.leaving[m.group.identity.groupID] = m.group.stopped
	m.group = nil
}

func (s *Set) remove(uid string, m *member) {
	s.stop(m)
	delete(s.members, uid)
	s.options.Telemetry.Remove(uid)
}

// Close ends every group and waits until all have committed and left, or ctx ends. What is being delivered has until
// shortly before the deadline of ctx.
func (s *Set) Close(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	grace := s.options.RevokeWait
	if deadline, ok := ctx.Deadline(); ok {
		left := time.Until(deadline)
		grace = max(0, left-max(leaveTime, left/leavePart))
	}
	s.unlisted.closed = true
	s.unlisted.stop()
	var ends []<-chan struct{}
	for _, m := range s.members {
		if m.group != nil {
			m.group.stop(grace)
			ends = append(ends, m.group.stopped)
		}
	}
	ends = slices.AppendSeq(ends, maps.Values(s.leaving))
	for _, end := range ends {
		select {
		case <-end:
		case <-ctx.Done():
			return fmt.Errorf("leave consumer groups: %w", ctx.Err())
		}
	}
	return nil
}

// leaveTime of the time to close is kept for the last commit and leaving, or a part of it where that is more: a process may
// have hundreds of groups.
const (
	leaveTime = 2 * time.Second
	leavePart = 4
)

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// unlisted is a process that the contract's list of dispatchers does not name. It waits to be listed; when that takes too
// long, nobody is there to write lists, and it joins every group: all listed pods may be gone, and who delivers must not
// depend on a controller. A process that was listed once and is not any more was taken off on purpose, and stays away.
type unlisted struct {
	listed bool // it was, at some time
	alone  bool // it has waited long enough
	timer  *time.Timer
	// latest is what Apply was called with last, to be applied again when the wait is over.
	latest *contract.Contract
	creds  kafka.Credentials
	closed bool
}

// plan places the egresses of a contract for this process. The mutex is held.
func (s *Set) plan(c *contract.Contract, creds kafka.Credentials) *placement.Plan {
	u := &s.unlisted
	u.latest, u.creds = c, creds
	pods := c.GetDispatchers()
	switch {
	case s.options.Name == "" || len(pods) == 0:
	case slices.Contains(pods, s.options.Name):
		u.listed, u.alone = true, false
		u.stop()
	case u.alone:
		return placement.New("", nil)
	case !u.listed && u.timer == nil && !u.closed:
		u.timer = time.AfterFunc(s.options.UnlistedWait, s.joinAlone)
	}
	return placement.New(s.options.Name, pods)
}

func (u *unlisted) stop() {
	if u.timer != nil {
		u.timer.Stop()
		u.timer = nil
	}
}

// joinAlone ends the wait of a process that nobody has listed.
func (s *Set) joinAlone() {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := &s.unlisted
	if u.timer == nil || u.closed {
		return // listed, or closed, at this moment
	}
	u.timer, u.alone = nil, true
	s.options.Log.Warn("not among the contract's dispatchers after a wait: joining every group", "name", s.options.Name,
		"dispatchers", u.latest.GetDispatchers(), "wait", s.options.UnlistedWait)
	s.apply(u.latest, u.creds)
}
