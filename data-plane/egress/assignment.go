package egress

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"knative.dev/eventing-kafka-go/data-plane/offsets"
)

// The client calls these one at a time, in the order assigned, offsets fetched, revoked or lost, and never between a
// poll and AllowRebalance.

func (g *group) onAssigned(_ context.Context, client *kgo.Client, added map[string][]int32) {
	defer g.resize(client) // these take the mutex
	defer g.membership.assigned()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.joined = true
	for topic, ids := range added {
		for _, id := range ids {
			at := topicPartition{topic, id}
			g.partitions[at] = g.newPartition(at)
		}
	}
	g.fit(time.Now())
}

// newPartition is a partition of which nothing is known. The mutex is held.
func (g *group) newPartition(at topicPartition) *partition {
	return &partition{topicPartition: at, order: g.order, waiting: map[*task]retry{}, began: -1, saved: newSaved()}
}

// onOffsetsFetched makes the trackers: from here on records of these partitions may come.
func (g *group) onOffsetsFetched(_ context.Context, client *kgo.Client, resp *kmsg.OffsetFetchResponse) error {
	stuck := map[string][]int32{}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, of := range resp.Groups {
		for _, t := range of.Topics {
			for _, r := range t.Partitions {
				p := g.partitions[topicPartition{t.Topic, r.Partition}]
				if p == nil || p.tracker != nil {
					continue
				}
				if err := kerr.ErrorForCode(r.ErrorCode); err != nil {
					return fmt.Errorf("committed offset of %s-%d: %w", t.Topic, r.Partition, err)
				}
				g.begins(p, r)
				if p.problem != "" {
					stuck[t.Topic] = append(stuck[t.Topic], r.Partition)
				}
			}
		}
	}
	if len(stuck) > 0 {
		client.PauseFetchPartitions(stuck)
	}
	return nil
}

// begins makes the tracker of a partition, of what its last owner has committed. Where the control plane committed a
// start and none is there any more, the partition stays at rest and says so: to begin anywhere would lose or repeat
// events (OF-05). The mutex is held.
func (g *group) begins(p *partition, r kmsg.OffsetFetchResponseGroupTopicPartition) {
	committed := max(r.Offset, -1)
	p.began, p.saved.prefix = committed, committed
	if committed < 0 && p.partition < g.initial[p.topic] {
		p.problem = fmt.Sprintf("%s-%d: its committed offset is gone", p.topic, p.partition)
		p.paused = true
		g.log.Error("partition not read", "problem", p.problem)
		return
	}
	p.tracker = offsets.NewTracker(committed, g.read(p, committed, r.Metadata))
	p.saved.changes = p.tracker.Changes()
}

// onRevoked stops the deliveries of these partitions, waits a bounded time for those under way, and commits.
func (g *group) onRevoked(ctx context.Context, client *kgo.Client, revoked map[string][]int32) {
	taken := g.disown(revoked)
	if len(taken) == 0 {
		return
	}
	g.awaitQuiet(taken)
	g.committer.hold(g)
	defer g.committer.resume(g)
	for again := true; again; {
		g.mu.Lock()
		due := g.due(taken)
		g.mu.Unlock()
		again = false
		if due != nil {
			g.send(ctx, through(client.CommitOffsetsSync), due, func(smaller bool) { again = smaller })
		}
	}
	g.forget(client, taken)
}

// onLost forgets the partitions: they may be somebody else's already, so nothing can be committed.
func (g *group) onLost(_ context.Context, client *kgo.Client, lost map[string][]int32) {
	g.forget(client, g.disown(lost))
}

// disown ends dispatch for partitions: what is queued or waits for a retry is dropped, results that come from now on
// count only until the partition is quiet.
func (g *group) disown(topics map[string][]int32) map[topicPartition]*partition {
	g.mu.Lock()
	defer g.mu.Unlock()
	taken := map[topicPartition]*partition{}
	for topic, ids := range topics {
		for _, id := range ids {
			p := g.partitions[topicPartition{topic, id}]
			if p == nil {
				continue
			}
			taken[p.topicPartition] = p
			p.state = draining
			g.dropWaiting(p)
		}
	}
	g.adjustWait()
	return taken
}

// dropWaiting forgets the tasks of a partition that wait for a retry. The mutex is held.
func (g *group) dropWaiting(p *partition) {
	for t, next := range p.waiting {
		next.timer.Stop()
		delete(p.waiting, t)
		g.lanes.drop()
	}
}

// drop ends a partition without a commit: its offsets stand for nothing any more. The mutex is held.
func (g *group) drop(p *partition) {
	p.state = gone
	g.holds(-p.bytes)
	g.dropWaiting(p)
}

// awaitQuiet waits until nothing of these partitions is being delivered, at most RevokeWait. A group that leaves has
// waited already.
func (g *group) awaitQuiet(taken map[topicPartition]*partition) {
	g.await(g.options.RevokeWait, func() bool { return g.leaving || running(taken) == 0 })
}

func running(of map[topicPartition]*partition) int {
	n := 0
	for _, p := range of {
		n += p.running
	}
	return n
}

// forget lets go of partitions; whatever still comes of them is ignored. A pause outlives an assignment in the
// client, so it is lifted here: a partition that comes back begins anew.
func (g *group) forget(client *kgo.Client, taken map[topicPartition]*partition) {
	paused := map[string][]int32{}
	g.mu.Lock()
	for at, p := range taken {
		p.state = gone
		g.holds(-p.bytes)
		if p.paused {
			paused[at.topic] = append(paused[at.topic], at.partition)
		}
		if g.partitions[at] == p {
			delete(g.partitions, at)
		}
	}
	if len(g.partitions) == 0 {
		g.joined = false
	}
	g.mu.Unlock()
	if len(paused) > 0 {
		client.ResumeFetchPartitions(paused)
	}
}
