package egress

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// committer decides when a group commits: at most an interval after the first change, one commit at a time. A group
// at rest commits nothing. Guarded by the group's mutex.
type committer struct {
	timer   *time.Timer
	pending bool // a commit is due or armed
	busy    bool // a commit is on its way
}

// dirty says that something can be committed. The mutex is held.
func (c *committer) dirty(g *group) {
	if c.pending || g.stopping {
		return
	}
	c.pending = true
	if !c.busy {
		c.arm(g)
	}
}

func (c *committer) arm(g *group) {
	c.timer = time.AfterFunc(g.options.CommitInterval, g.commit)
}

// commit sends what is finished and not committed.
func (g *group) commit() {
	g.mu.Lock()
	c := &g.committer
	c.pending = false
	due := g.due(g.partitions)
	if len(due) == 0 || g.stopping {
		g.mu.Unlock()
		return
	}
	c.busy = true
	g.mu.Unlock()
	// Limited by the client, which gives up after its API timeout.
	ctx := withMetadata(context.Background())
	g.client.CommitOffsets(ctx, due, func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, err error) {
		g.committed(due, resp, err)
		g.mu.Lock()
		defer g.mu.Unlock()
		c.busy = false
		if !c.pending && len(g.due(g.partitions)) > 0 && !g.stopping { // refused, or not answered: again
			c.pending = true
		}
		if c.pending {
			c.arm(g)
		}
	})
}

// due returns the offsets that can be committed. The mutex is held.
func (g *group) due(of map[topicPartition]*partition) map[string]map[int32]kgo.EpochOffset {
	due := map[string]map[int32]kgo.EpochOffset{}
	for at, p := range of {
		if p.tracker == nil || p.tracker.Prefix() <= p.done || p.tracker.Prefix() < 0 {
			continue
		}
		if due[at.topic] == nil {
			due[at.topic] = map[int32]kgo.EpochOffset{}
		}
		due[at.topic][at.partition] = kgo.EpochOffset{Epoch: -1, Offset: p.tracker.Prefix()}
	}
	return due
}

// committed writes down what Kafka took.
func (g *group) committed(due map[string]map[int32]kgo.EpochOffset, resp *kmsg.OffsetCommitResponse, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err != nil {
		g.noteCommit(err)
		return
	}
	for _, t := range resp.Topics {
		for _, r := range t.Partitions {
			if err := kerr.ErrorForCode(r.ErrorCode); err != nil {
				g.noteCommit(err)
				continue
			}
			if p := g.partitions[topicPartition{t.Topic, r.Partition}]; p != nil {
				p.done = max(p.done, due[t.Topic][r.Partition].Offset)
			}
		}
	}
}

func (g *group) noteCommit(err error) {
	if errors.Is(err, context.Canceled) || errors.Is(err, kerr.RebalanceInProgress) || errors.Is(err, kerr.IllegalGeneration) {
		return // the partitions are being moved; their revocation commits
	}
	g.log.Warn("commit failed", "error", err)
	g.note(err)
}

// withMetadata sets the metadata of every commit. Left alone, the client sends its member id (a later reader would
// have to tell that from a ledger).
func withMetadata(ctx context.Context) context.Context {
	return kgo.PreCommitFnContext(ctx, func(r *kmsg.OffsetCommitRequest) error {
		none := ""
		for i := range r.Topics {
			for j := range r.Topics[i].Partitions {
				r.Topics[i].Partitions[j].Metadata = &none
			}
		}
		return nil
	})
}
