package egress

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"knative.dev/eventing-kafka-go/data-plane/kafka"
	"knative.dev/eventing-kafka-go/data-plane/newcomers"
)

// membership knows how sure it is that this process is still a member of its group: a process that was stopped for
// longer than its session must not deliver what somebody else delivers by now. It listens to the requests by which the
// client stays a member; any goroutine may ask.
//
// The client does not tell what an answer was. After a silence that was longer than the session, the first answer may
// be that the membership is over, upon which the partitions are taken away and the client joins anew; so only what
// comes after it counts: the next heartbeat, or an assignment.
type membership struct {
	session time.Duration
	start   time.Time
	until   atomic.Int64 // nanoseconds from start up to which the session certainly lasts
	doubted atomic.Bool  // the first answer after a silence is there, and no other one
	asked   atomic.Bool  // somebody was told no
	wake    func()
}

// serverSession is the session of the protocol in which brokers assign: theirs to choose, and by default not shorter.
const serverSession = 45 * time.Second

func (m *membership) init(c kafka.ConsumerConfig, wake func()) {
	m.session, m.start, m.wake = c.SessionTimeout, time.Now(), wake
	if c.ServerSide {
		m.session = serverSession
	}
	m.doubted.Store(true) // until there is an assignment
}

// fresh says whether the process is certainly a member. Who is told no is woken when it is.
func (m *membership) fresh(now time.Time) bool {
	if m.certain(now) {
		return true
	}
	m.asked.Store(true)
	return m.certain(now) // it may have become so before anybody could see that it was asked for
}

func (m *membership) certain(now time.Time) bool {
	return !m.doubted.Load() && int64(now.Sub(m.start)) < m.until.Load()
}

// heard notes an answer to a request that was sent at a time.
func (m *membership) heard(sent time.Time, heartbeat bool) {
	at := int64(sent.Sub(m.start))
	if late := at >= m.until.Load(); late || heartbeat {
		m.doubted.Store(late)
	}
	m.until.Store(max(m.until.Load(), at+int64(m.session)))
	m.tell()
}

// assigned notes that the partitions of now are those that the group has given this process.
func (m *membership) assigned() {
	m.doubted.Store(false)
	m.tell()
}

func (m *membership) tell() {
	if m.certain(time.Now()) && m.asked.Swap(false) {
		m.wake()
	}
}

// OnBrokerE2E is called by the client after an answer, or its failure.
func (m *membership) OnBrokerE2E(_ kgo.BrokerMetadata, key int16, e2e kgo.BrokerE2E) {
	if e2e.Err() != nil {
		return
	}
	switch kmsg.Key(key) {
	case kmsg.Heartbeat, kmsg.ConsumerGroupHeartbeat:
		m.heard(time.Now().Add(-e2e.DurationE2E()), true)
	case kmsg.JoinGroup, kmsg.SyncGroup:
		m.heard(time.Now().Add(-e2e.DurationE2E()), false)
	}
}

// OnBrokerWrite is called by the client when it has sent a request. While one to join waits for the others, there are no
// heartbeats; Kafka keeps the member for at least a session from there on.
func (m *membership) OnBrokerWrite(_ kgo.BrokerMetadata, key int16, _ int, _, _ time.Duration, err error) {
	if err == nil && kmsg.Key(key) == kmsg.JoinGroup {
		m.heard(time.Now(), false)
	}
}

// balancers are those of the configuration, with care for newcomers where partitions that do not move do not pause.
func (g *group) balancers() []kgo.GroupBalancer {
	all := slices.Clone(g.options.Consumer.Balancers)
	for i, b := range all {
		if b.IsCooperative() && b.ProtocolName() == kgo.CooperativeStickyBalancer().ProtocolName() {
			all[i] = newcomers.New(g.options.Consumer.HeartbeatInterval, g.options.Consumer.SessionTimeout, g.rejoinAfter)
		}
	}
	return all
}

// rejoinAfter has the member ask for partitions again after a time; 0: not at all.
func (g *group) rejoinAfter(wait time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.rejoining.Stop()
	if wait > 0 && !g.stopping {
		g.log.Info("joined while members were lost, partitions come later", "in", wait)
		g.rejoining.Reset(wait)
	}
}

func (g *group) rejoin() {
	g.mu.Lock()
	client := g.client
	g.mu.Unlock()
	client.ForceRebalance()
}
