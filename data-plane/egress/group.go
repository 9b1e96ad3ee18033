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
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"knative.dev/eventing-kafka-go/data-plane/delivery"
	"knative.dev/eventing-kafka-go/data-plane/kafka"
	"knative.dev/eventing-kafka-go/data-plane/telemetry"
)

// group is one running egress: a member of a consumer group and the deliveries of what it fetches.
type group struct {
	identity identity
	options  Options
	flow     flow
	log      *slog.Logger
	stats    *telemetry.Egress
	notices  notices
	wait     *kafka.FetchWait
	size     *fetchSize
	client   *kgo.Client

	started      time.Time
	handling     atomic.Int64 // since when what was fetched is being handled, Unix nanoseconds; 0: it is waited for
	rediscovered time.Time    // when a topic was last taken up anew; of the goroutine that polls
	complaint    lastError    // that was logged last; of the goroutine that polls

	cancel  context.CancelFunc // ends polling
	polled  chan struct{}      // closed when polling has ended
	stopped chan struct{}      // closed when nothing of the group is left

	// scripted replaces what a group calls, in scripts without Kafka and HTTP.
	scripted struct {
		commit  func(*due) (*kmsg.OffsetCommitResponse, error)
		attempt func(*delivery.Job) delivery.Next
	}

	mu         sync.Mutex
	idle       sync.Cond // signalled when running reaches 0, and when a partition's does
	target     *targetRef
	lanes      lanes
	pacing     pacing
	order      order
	membership membership
	trouble    *kafka.Trouble
	partitions map[topicPartition]*partition
	topicIDs   map[string][16]byte // what was fetched came from, by topic; none from brokers before 3.1
	initial    map[string]int32    // partitions whose start was committed, by topic (OF-05)
	joined     bool
	rejoining  *time.Timer // until the member asks for partitions again, where it was given none as a newcomer
	stopping   bool
	leaving    bool // what is under way has had its time
	committer  committer
	last       lastError
}

type lastError struct {
	text string
	at   time.Time
}

// pollRecords is how many records are taken from the client at once. Many, as what is fetched for a partition that
// is paused meanwhile is fetched again.
const pollRecords = 2000

// startGroup makes the client and begins to join. after, if not nil, is waited for first: the group's predecessor.
func startGroup(id identity, o Options, target *targetRef, in order, initial map[string]int32, after <-chan struct{}) (*group, error) {
	g := &group{
		identity: id, options: o, flow: flowFor(0), started: time.Now(),
		log:        o.Log.With("group", id.groupID, "egress", id.uid),
		stats:      target.stats,
		wait:       o.Consumer.NewFetchWait(),
		polled:     make(chan struct{}),
		stopped:    make(chan struct{}),
		target:     target,
		pacing:     pacing{share: o.Budget.Join(target.namespace)},
		partitions: map[topicPartition]*partition{},
		topicIDs:   map[string][16]byte{},
		initial:    initial,
		order:      in,
		committer:  committer{load: o.load},
	}
	g.idle.L, g.notices.log = &g.mu, g.log
	g.rejoining = time.AfterFunc(time.Hour, g.rejoin)
	g.rejoining.Stop()
	g.size = newFetchSize(o.Consumer, g.pacing.share.Part(), g.flow)
	g.repace(nil, target)
	g.trouble = kafka.NewTrouble(id.connection)
	g.membership.init(o.Consumer, g.wake)
	o.Consumer.InstanceID, o.Consumer.Balancers = g.instance(), g.balancers()
	connection := id.connection.With(o.Consumer.Transport)
	options := append(connection.Options(), o.Consumer.Options()...)
	options = append(options,
		kgo.Dialer(g.wait.Dialer(connection.Dial())),
		kgo.ConsumerGroup(id.groupID),
		kgo.ConsumeTopics(id.topics...),
		kgo.OnPartitionsAssigned(g.onAssigned),
		kgo.OnOffsetsFetched(g.onOffsetsFetched),
		kgo.OnPartitionsRevoked(g.onRevoked),
		kgo.OnPartitionsLost(g.onLost),
		kgo.WithHooks(&g.membership, g.trouble),
	)
	options = append(options, g.size.options()...)
	if err := kgo.ValidateOpts(options...); err != nil {
		g.pacing.share.Leave()
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background()) // ended by stop; a group outlives the Apply that made it
	g.cancel = cancel
	go g.run(ctx, options, after)
	return g, nil
}

// run joins, polls until the group is stopped, and leaves.
func (g *group) run(ctx context.Context, options []kgo.Opt, after <-chan struct{}) {
	defer close(g.polled)
	if after != nil {
		select {
		case <-after:
		case <-ctx.Done():
			return
		}
	}
	client, err := kgo.NewClient(options...)
	if err != nil { // the options were validated, so this is not expected
		g.fail(err)
		return
	}
	g.mu.Lock()
	g.client = client
	g.mu.Unlock()
	for ctx.Err() == nil {
		g.poll(ctx)
	}
}

// poll takes what was fetched. Each record is bound to the tracker of its partition before a rebalance may go on, so
// that no record meets the tracker of a later assignment.
func (g *group) poll(ctx context.Context) {
	fetches := g.client.PollRecords(ctx, pollRecords)
	g.handling.Store(time.Now().UnixNano())
	defer g.handling.Store(0)
	full := g.accept(fetches)
	g.pause(full)
	g.resize(g.client)
	g.client.AllowRebalance()
	fetches.EachError(func(topic string, partition int32, err error) {
		if !errors.Is(err, context.Canceled) && !errors.Is(err, kgo.ErrClientClosed) {
			g.fetchFailed(topic, partition, err)
		}
		if errors.Is(err, kerr.UnknownTopicID) {
			g.rediscover(topic)
		}
	})
}

// fetchFailed says why nothing is fetched of a partition, below 0 of a topic, or "" of the whole group. What may not be
// read fails several times a second, so the log has the same error once a minute. Only the goroutine that polls calls this.
func (g *group) fetchFailed(topic string, partition int32, err error) {
	of := fmt.Sprintf("fetch %s-%d", topic, partition)
	switch {
	case topic == "":
		of = "consumer group " + g.identity.groupID
	case partition < 0:
		of = "fetch " + topic
	}
	err = fmt.Errorf("%s: %w", of, kafka.Needs(err, "Read", "Read"))
	if now := time.Now(); g.complaint.text != err.Error() || now.Sub(g.complaint.at) >= complaintInterval {
		g.complaint = lastError{text: err.Error(), at: now}
		g.log.Warn("nothing is fetched", "error", err)
	}
	g.fail(err)
}

// complaintInterval is how long the same error is not logged again.
const complaintInterval = time.Minute

// rediscover takes up a topic that was deleted and created again: the client keeps to the id of the old one, and
// reports nothing but errors, until it is told to forget it. Only the goroutine that polls calls this.
func (g *group) rediscover(topic string) {
	if time.Since(g.rediscovered) < rediscoverPause {
		return // each partition reports, and the client needs a moment to see the new topic
	}
	g.rediscovered = time.Now()
	g.mu.Lock()
	for at, p := range g.partitions {
		// Told to forget the topic, the client would commit by its name.
		p.recreated = p.recreated || at.topic == topic
	}
	g.mu.Unlock()
	g.client.PurgeTopicsFromConsuming(topic)
	g.client.AddConsumeTopics(topic)
}

// rediscoverPause keeps a topic that stays away from costing a rebalance for each failed fetch.
const rediscoverPause = 2 * time.Second

// stop ends the group in the background: polling, then dispatch; what is being delivered has until grace to end; then
// everything finished is committed and the group is left. stopped is closed at the end.
func (g *group) stop(grace time.Duration) {
	g.cancel()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopping {
		return
	}
	g.stopping = true
	g.rejoining.Stop()
	go func() {
		defer close(g.stopped)
		<-g.polled
		g.awaitIdle(grace)
		g.leave()
		g.pacing.share.Leave()
		g.mu.Lock()
		defer g.mu.Unlock()
		g.target.retire()
	}()
}

// leave commits, in onRevoked, and leaves the consumer group. What the client does afterwards (it tells brokers that
// its fetch sessions are over, and waits up to a second for those that hold a fetch) delays nobody.
func (g *group) leave() {
	if g.client == nil {
		return
	}
	g.mu.Lock()
	g.leaving = true
	g.idle.Broadcast()
	g.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), leaveLimit) // what the group ran under has ended
	defer cancel()
	g.client.AllowRebalance()
	member, _ := g.client.GroupMetadata()
	err := g.client.LeaveGroupContext(ctx)
	if instance := g.instance(); instance != "" && member != "" {
		err = errors.Join(err, leaveAs(ctx, g.client, g.identity.groupID, member, instance))
	}
	if err != nil {
		g.log.Warn("consumer group not left, its partitions wait for the session timeout", "error", err)
	}
	go g.client.Close()
}

// instance is the id of a static member, "" for a dynamic one. It is one of the egress too, as two egresses of a process
// may have the same group. Members are dynamic where brokers assign: a static one that was killed could not come back
// before its session ends, and they refuse how the client leaves.
func (g *group) instance() string {
	if g.options.Consumer.InstanceID == "" || g.options.Consumer.ServerSide {
		return ""
	}
	return g.options.Consumer.InstanceID + "-" + g.identity.uid
}

// leaveAs ends a static membership: the client keeps it when it leaves, for somebody who comes back under the same id.
func leaveAs(ctx context.Context, client *kgo.Client, group, member, instance string) error {
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group = group
	who := kmsg.NewLeaveGroupRequestMember()
	who.MemberID, who.InstanceID = member, &instance
	req.Members = append(req.Members, who)
	resp, err := req.RequestWith(ctx, client)
	if err != nil {
		return fmt.Errorf("leave group %q as %q: %w", group, instance, err)
	}
	err = kerr.ErrorForCode(resp.ErrorCode)
	for _, m := range resp.Members {
		err = errors.Join(err, kerr.ErrorForCode(m.ErrorCode))
	}
	return err
}

// leaveLimit bounds the last commit and leaving when brokers do not answer.
const leaveLimit = 10 * time.Second

// awaitIdle waits until nothing is being delivered, at most grace.
func (g *group) awaitIdle(grace time.Duration) {
	g.await(grace, func() bool { return g.lanes.running == 0 })
}

// await waits for something that ends with a signal of idle.
func (g *group) await(limit time.Duration, reached func() bool) {
	late := false
	timer := time.AfterFunc(limit, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		late = true
		g.idle.Broadcast()
	})
	defer timer.Stop()
	g.mu.Lock()
	defer g.mu.Unlock()
	for !late && !reached() {
		g.idle.Wait()
	}
}

// retarget exchanges the target; the group's membership does not notice.
func (g *group) retarget(target *targetRef, in order, initial map[string]int32) {
	g.mu.Lock()
	defer g.mu.Unlock()
	old := g.target
	g.target, g.initial = target, initial
	g.repace(old, target)
	old.retire()
	defer g.dispatch()
	if in == g.order {
		return
	}
	g.order = in
	for _, p := range g.partitions {
		g.lanes.reorder(p, in)
	}
}

// wake dispatches what waited for the membership to be known.
func (g *group) wake() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.dispatch()
}

// note remembers an error for the status. The mutex is held.
func (g *group) note(err error) {
	g.last = lastError{text: err.Error(), at: time.Now()}
}

// fail remembers an error for the status.
func (g *group) fail(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.note(err)
}
