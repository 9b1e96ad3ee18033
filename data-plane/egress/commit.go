package egress

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"knative.dev/eventing-kafka-go/data-plane/kafka"
)

// committer decides when a group commits: an interval after the first change, or when a crash would repeat too much; one
// commit at a time, so that none arrives after a newer one. A group at rest commits nothing. Guarded by the group's mutex.
type committer struct {
	load    *commitLoad
	timer   *time.Timer
	pending bool               // a commit is due or armed
	busy    bool               // a commit is on its way
	held    bool               // partitions are being given up, which commits them
	changes int                // since the last commit began
	began   time.Time          // the last commit
	cancel  context.CancelFunc // ends the commit that is on its way
}

const (
	// commitBatch is how many changes do not wait for the interval. Neither do they follow the last commit more closely than
	// commitGap: brokers pay for each commit, about as much as for the fetches of so many events.
	commitBatch = 500
	commitGap   = 50 * time.Millisecond
	// commitsPerSecond is what one process allows itself, as brokers pay for each; maxCommitInterval bounds the wait
	// that follows from it.
	commitsPerSecond  = 400
	maxCommitInterval = time.Second
	// commitWait is how long a commit on its way is waited for before the one of a revocation: about as long as a broker
	// may take for a request. Together with a heartbeat and the wait for deliveries it is below the rebalance timeout.
	commitWait = 2 * time.Second
)

// commitLoad is shared by the groups of a process: the more of them commit, the longer each one waits.
type commitLoad struct {
	dirty atomic.Int64 // groups that have something to commit
}

// interval is how long a change may wait for its commit.
func (l *commitLoad) interval(shortest time.Duration) time.Duration {
	fair := time.Duration(l.dirty.Load()) * time.Second / commitsPerSecond
	return max(shortest, min(fair, maxCommitInterval))
}

// dirty says that something can be committed. The mutex is held.
func (c *committer) dirty(g *group) {
	c.changes++
	switch {
	case g.stopping:
	case !c.pending:
		c.pending = true
		if !c.busy {
			c.load.dirty.Add(1)
			c.arm(g)
		}
	case c.changes == commitBatch && !c.busy:
		c.timer.Reset(c.soon(g))
	}
}

// soon is how long a commit that is worth it has to wait.
func (c *committer) soon(g *group) time.Duration {
	return max(0, min(commitGap, g.options.CommitInterval)-time.Since(c.began))
}

// arm starts the wait for a commit. The mutex is held.
func (c *committer) arm(g *group) {
	wait := c.load.interval(g.options.CommitInterval)
	if c.changes >= commitBatch {
		wait = c.soon(g)
	}
	c.timer = time.AfterFunc(wait, g.commit)
}

// rest is the end of a commit, or of the wait for one. The mutex is held.
func (c *committer) rest() {
	c.busy = false
	c.load.dirty.Add(-1)
}

// commit sends what is finished and not committed.
func (g *group) commit() {
	as := g.claim()
	g.mu.Lock()
	c := &g.committer
	if c.busy || c.held || !c.pending { // the timer was set again while it ran out
		g.mu.Unlock()
		return
	}
	c.pending, c.changes, c.began = false, 0, time.Now()
	due := g.due(g.partitions)
	if due == nil || g.stopping {
		c.rest()
		g.mu.Unlock()
		return
	}
	c.busy = true
	// Limited by the client, which gives up after its API timeout, and by a revocation that cannot wait.
	ctx, cancel := context.WithCancel(context.Background())
	c.cancel = cancel
	g.mu.Unlock()
	g.send(ctx, g.commitAs(as), due, func(smaller bool) {
		cancel()
		g.mu.Lock()
		defer g.mu.Unlock()
		c.rest()
		g.idle.Broadcast()
		if g.stopping || !c.pending && !g.changed() {
			return
		}
		// More was finished; or it was refused, or not answered: again.
		c.pending = true
		c.load.dirty.Add(1)
		if smaller {
			c.changes = commitBatch
		}
		c.arm(g)
	})
}

// hold has no commit begin until resume, and waits for the one on its way, so that it does not arrive after what the caller
// commits. One that is not answered in time is given up: its connection is closed, and should Kafka have taken it after
// all, too little is committed, which only repeats deliveries.
func (c *committer) hold(g *group) {
	g.mu.Lock()
	c.held = true
	g.mu.Unlock()
	g.await(commitWait, func() bool { return !c.busy })
	g.mu.Lock()
	defer g.mu.Unlock()
	if c.busy {
		c.cancel()
	}
}

// resume ends hold.
func (c *committer) resume(g *group) {
	g.mu.Lock()
	defer g.mu.Unlock()
	c.held = false
	if c.pending && !c.busy {
		c.timer.Reset(0) // it may have run out meanwhile
	}
}

// changed says whether there may be something to commit. The mutex is held.
func (g *group) changed() bool {
	for _, p := range g.partitions {
		if p.tracker != nil && p.tracker.Changes() != p.saved.changes {
			return true
		}
	}
	return false
}

// commitFunc makes a commit, and calls done once with the answer.
type commitFunc func(ctx context.Context, d *due, done func(*kmsg.OffsetCommitResponse, error))

// send commits what is due. done is called once, with whether something was refused for its size and is smaller now.
func (g *group) send(ctx context.Context, commit commitFunc, d *due, done func(smaller bool)) {
	if g.scripted.commit != nil {
		resp, err := g.scripted.commit(d)
		done(g.committed(d, resp, err))
		return
	}
	commit(ctx, d, func(resp *kmsg.OffsetCommitResponse, err error) { done(g.committed(d, resp, err)) })
}

// claim is the membership under which a commit is made.
type claim struct {
	member     string
	generation int32
}

// claim is asked for before what is due is taken. The other way round, what was finished before partitions were lost could
// be committed under the membership that came afterwards, over what their next owner has committed.
func (g *group) claim() claim {
	if g.scripted.commit != nil {
		return claim{}
	}
	member, generation := g.client.GroupMetadata()
	return claim{member, generation}
}

// commitAs commits with a request of our own. The client would hold it back while it joins, which takes as long as a
// rebalance waits for a member that was killed; but Kafka takes commits of a generation until the next one begins, and
// refuses them from then on. Where topics have no ids the client does it, as only it can choose a version without them.
func (g *group) commitAs(as claim) commitFunc {
	return func(ctx context.Context, d *due, done func(*kmsg.OffsetCommitResponse, error)) {
		switch {
		case as.member == "" || as.generation < 0: // without a membership Kafka might take it for a commit of nobody
			done(nil, kerr.UnknownMemberID)
			return
		case d.nameless:
			through(g.client.CommitOffsets)(ctx, d, done)
			return
		}
		req := d.request()
		req.Group, req.MemberID, req.Generation = g.identity.groupID, as.member, as.generation
		if instance := g.instance(); instance != "" {
			req.InstanceID = &instance
		}
		resp, err := req.RequestWith(ctx, g.client)
		if err == nil && d.name(resp) {
			g.client.ForceRebalance() // join again now, not when the next heartbeat is refused too
		}
		done(resp, err)
	}
}

// request is a commit of what is due, by nobody yet.
func (d *due) request() *kmsg.OffsetCommitRequest {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Topics = make([]kmsg.OffsetCommitRequestTopic, 0, len(d.offsets))
	for name, of := range d.offsets {
		topic := kmsg.NewOffsetCommitRequestTopic()
		topic.Topic, topic.TopicID = name, d.ids[name]
		topic.Partitions = make([]kmsg.OffsetCommitRequestTopicPartition, 0, len(of))
		for id, at := range of {
			p := kmsg.NewOffsetCommitRequestTopicPartition()
			p.Partition, p.Offset = id, at.Offset
			topic.Partitions = append(topic.Partitions, p)
		}
		req.Topics = append(req.Topics, topic)
	}
	_ = d.describe(req) // which never fails
	return req
}

// name puts the names of topics into an answer that has ids alone. Expelled says that Kafka knows the member no more.
func (d *due) name(resp *kmsg.OffsetCommitResponse) (expelled bool) {
	for i := range resp.Topics {
		t := &resp.Topics[i]
		for name, id := range d.ids {
			if t.Topic == "" && t.TopicID == id {
				t.Topic = name
			}
		}
		for _, p := range t.Partitions {
			expelled = expelled || p.ErrorCode == kerr.UnknownMemberID.Code
		}
	}
	return expelled
}

// clientCommit is CommitOffsets or CommitOffsetsSync of a client.
type clientCommit func(context.Context, map[string]map[int32]kgo.EpochOffset,
	func(*kgo.Client, *kmsg.OffsetCommitRequest, *kmsg.OffsetCommitResponse, error))

// through commits by what the client has for it.
func through(commit clientCommit) commitFunc {
	return func(ctx context.Context, d *due, done func(*kmsg.OffsetCommitResponse, error)) {
		commit(kgo.PreCommitFnContext(ctx, d.describe), d.offsets,
			func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, err error) {
				done(resp, err)
			})
	}
}

// committed writes down what Kafka took. Smaller says that a ledger was refused for its size, and is smaller from now on.
func (g *group) committed(d *due, resp *kmsg.OffsetCommitResponse, err error) (smaller bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err != nil {
		g.noteCommit(err)
		return false
	}
	for _, t := range resp.Topics {
		for _, r := range t.Partitions {
			at := topicPartition{t.Topic, r.Partition}
			p, sent := g.partitions[at], d.saved[at]
			err := kerr.ErrorForCode(r.ErrorCode)
			switch {
			case p == nil || p != sent.of: // it was lost meanwhile, and may have come back
			case err == nil:
				p.saved.took(sent.saved)
			case d.tooLarge(err) && sent.text != "":
				p.saved.shrink()
				g.stats.LedgerCut()
				smaller = true
			}
			if err != nil {
				g.noteCommit(err)
			}
		}
	}
	return smaller
}

func (g *group) noteCommit(err error) {
	// While partitions are moved: their revocation commits, or the next commit.
	for _, moving := range []error{
		context.Canceled, kerr.RebalanceInProgress, kerr.IllegalGeneration, kerr.UnknownMemberID, kerr.StaleMemberEpoch,
	} {
		if errors.Is(err, moving) {
			return
		}
	}
	err = kafka.Needs(err, "Read", "Read")
	g.log.Warn("commit failed", "error", err)
	g.note(err)
}
