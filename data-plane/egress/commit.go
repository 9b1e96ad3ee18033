package egress

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// committer decides when a group commits: an interval after the first change, or when a crash would repeat too much; one
// commit at a time. A group at rest commits nothing. Guarded by the group's mutex.
type committer struct {
	load    *commitLoad
	timer   *time.Timer
	pending bool // a commit is due or armed
	busy    bool // a commit is on its way
	changes int  // since the last commit began
}

const (
	// commitBatch is how many changes do not wait for the interval.
	commitBatch = 500
	// commitsPerSecond is what one process allows itself, as brokers pay for each; maxCommitInterval bounds the wait
	// that follows from it.
	commitsPerSecond  = 400
	maxCommitInterval = time.Second
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
		c.timer.Reset(0)
	}
}

// arm starts the wait for a commit. The mutex is held.
func (c *committer) arm(g *group) {
	wait := c.load.interval(g.options.CommitInterval)
	if c.changes >= commitBatch {
		wait = 0
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
	g.mu.Lock()
	c := &g.committer
	if c.busy || !c.pending { // the timer was set again while it ran out
		g.mu.Unlock()
		return
	}
	c.pending, c.changes = false, 0
	due := g.due(g.partitions)
	if due == nil || g.stopping {
		c.rest()
		g.mu.Unlock()
		return
	}
	c.busy = true
	g.mu.Unlock()
	// Limited by the client, which gives up after its API timeout.
	g.send(context.Background(), g.client.CommitOffsets, due, func(smaller bool) {
		g.mu.Lock()
		defer g.mu.Unlock()
		c.rest()
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

// changed says whether there may be something to commit. The mutex is held.
func (g *group) changed() bool {
	for _, p := range g.partitions {
		if p.tracker != nil && p.tracker.Changes() != p.saved.changes {
			return true
		}
	}
	return false
}

// commitFunc is CommitOffsets or CommitOffsetsSync of a client.
type commitFunc func(context.Context, map[string]map[int32]kgo.EpochOffset,
	func(*kgo.Client, *kmsg.OffsetCommitRequest, *kmsg.OffsetCommitResponse, error))

// send commits what is due. done is called once, with whether something was refused for its size and is smaller now.
func (g *group) send(ctx context.Context, commit commitFunc, d *due, done func(smaller bool)) {
	if g.scripted.commit != nil {
		resp, err := g.scripted.commit(d)
		done(g.committed(d, resp, err))
		return
	}
	commit(kgo.PreCommitFnContext(ctx, d.describe), d.offsets,
		func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, err error) {
			done(g.committed(d, resp, err))
		})
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
			case p == nil:
			case err == nil:
				p.saved.took(sent)
			case tooLarge(err) && sent.text != "":
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
	if errors.Is(err, context.Canceled) || errors.Is(err, kerr.RebalanceInProgress) || errors.Is(err, kerr.IllegalGeneration) {
		return // the partitions are being moved; their revocation commits
	}
	g.log.Warn("commit failed", "error", err)
	g.note(err)
}
