package egress

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// askTimeout bounds a question to Kafka; no answer is no finding.
	askTimeout = 5 * time.Second
	// aliveAfter is how late the watchdog, or the handling of what was fetched, may be before the process counts as
	// stuck itself.
	aliveAfter = time.Minute
	// rebuildPauses bounds the time between two rebuilds of a group, as a power of 2 of StuckAfter.
	rebuildPauses = 5
)

// watch is what the watchdog has seen of a partition.
type watch struct {
	moves    uint64
	since    time.Time // when it moved last, or was looked at
	empty    int64     // an end of the log before which there turned out to be nothing
	repaired bool      // it was fetched from anew, without effect so far
}

// Watch looks after partitions that have events and do not move, until ctx ends (EG-81): first such a partition is
// fetched from anew, then its group is. It never waits for subscribers, and what Kafka does not answer it does not act
// upon.
func (s *Set) Watch(ctx context.Context) error {
	s.mu.Lock() // settings may change already
	every := max(s.options.StuckAfter/4, time.Millisecond)
	s.mu.Unlock()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		s.watched.Store(time.Now().UnixNano())
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			s.watchOnce(ctx)
		}
	}
}

func (s *Set) watchOnce(ctx context.Context) {
	s.mu.Lock()
	uids := slices.Sorted(maps.Keys(s.members))
	s.mu.Unlock()
	for _, uid := range uids {
		s.watched.Store(time.Now().UnixNano())
		s.mu.Lock()
		var g *group
		if m := s.members[uid]; m != nil {
			g = m.group
		}
		s.mu.Unlock()
		if g != nil && g.repair(ctx) {
			s.rebuild(uid, g)
		}
	}
}

// Alive returns why the process is to be restarted: something of it does not go on, whatever Kafka and subscribers do.
func (s *Set) Alive() error {
	now := time.Now()
	if at := s.watched.Load(); at > 0 && now.Sub(time.Unix(0, at)) > aliveAfter {
		return fmt.Errorf("the watchdog of egresses has not run for %v", now.Sub(time.Unix(0, at)).Round(time.Second))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.members {
		if m.group == nil {
			continue
		}
		if at := m.group.handling.Load(); at > 0 && now.Sub(time.Unix(0, at)) > aliveAfter {
			return fmt.Errorf("consumer group %q has handled what it fetched for %v", m.group.identity.groupID, now.Sub(time.Unix(0, at)).Round(time.Second))
		}
	}
	return nil
}

// rebuild starts a group anew. One that is stuck again soon has to wait longer each time.
func (s *Set) rebuild(uid string, g *group) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.members[uid]
	if m == nil || m.group != g || m.problem != "" {
		return
	}
	if pause := s.options.StuckAfter << min(m.rebuilds, rebuildPauses); m.rebuilds > 0 && time.Since(m.rebuiltAt) < pause {
		return
	}
	m.rebuilds++
	m.rebuiltAt = time.Now()
	g.stats.Rebuilt(true)
	g.log.Error("consumer group started anew: a partition does not move")
	s.stop(m)
	if err := s.run(m, s.creds); err != nil {
		m.problem = err.Error()
		s.options.Log.Warn("egress not started anew", "egress", uid, "problem", err)
	}
}

// repair finds partitions that are stuck and fetches from them anew. It is true if that was no help.
func (g *group) repair(ctx context.Context) (rebuild bool) {
	next := g.suspects(time.Now())
	if len(next) == 0 {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	for at, end := range g.logEnds(ctx, next) {
		if end <= next[at] || !g.readable(ctx, at, next[at]) {
			g.saw(at, end)
			continue
		}
		if g.stuck(at, end-next[at]) {
			rebuild = true
			continue
		}
		from := map[string]map[int32]kgo.EpochOffset{at.topic: {at.partition: {Epoch: -1, Offset: next[at]}}}
		g.client.SetOffsets(from)
		g.client.ResumeFetchPartitions(map[string][]int32{at.topic: {at.partition}})
	}
	return rebuild
}

// suspects are the partitions that could be stuck, with the offset that each is to be read from: nothing moved for long,
// nothing is at hand, and there is no reason for it.
func (g *group) suspects(now time.Time) map[topicPartition]int64 {
	found := map[topicPartition]int64{}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.client == nil || !g.joined || g.stopping || g.pacing.halted != "" {
		return nil
	}
	g.dispatchAt(now) // nothing that is ready may wait for an occasion
	for at, p := range g.partitions {
		w := &p.watch
		if w.moves != p.moves || w.since.IsZero() {
			w.moves, w.since, w.repaired = p.moves, now, false
		}
		if p.state != active || p.tracker == nil || p.paused || p.problem != "" || p.buffered > 0 ||
			now.Sub(w.since) < g.options.StuckAfter {
			continue
		}
		w.since = now
		found[at] = max(p.tracker.Next(), p.saved.prefix, 0)
	}
	return found
}

// logEnds asks Kafka where the logs of partitions end.
func (g *group) logEnds(ctx context.Context, of map[topicPartition]int64) map[topicPartition]int64 {
	topics := map[string]bool{}
	for at := range of {
		topics[at.topic] = true
	}
	listed, err := kadm.NewClient(g.client).ListEndOffsets(ctx, slices.Sorted(maps.Keys(topics))...)
	if err != nil {
		g.log.Debug("watchdog: Kafka does not say where partitions end", "error", err)
	}
	ends := map[topicPartition]int64{}
	listed.Each(func(o kadm.ListedOffset) {
		if _, ok := of[topicPartition{o.Topic, o.Partition}]; ok && o.Err == nil {
			ends[topicPartition{o.Topic, o.Partition}] = o.Offset
		}
	})
	return ends
}

// readable looks for a record with a client of its own: an end behind the last record can also be one of a transaction,
// or of records that were compacted.
func (g *group) readable(ctx context.Context, at topicPartition, from int64) bool {
	g.mu.Lock()
	p := g.partitions[at]
	known := p == nil || p.watch.empty >= from && p.watch.empty > 0 && p.watch.empty == p.end
	g.mu.Unlock()
	if known {
		return false
	}
	connection := g.identity.connection.With(g.options.Consumer.Transport)
	options := append(connection.Options(), kgo.Dialer(connection.Dial()), kgo.DisableClientMetrics(),
		kgo.FetchIsolationLevel(g.options.Consumer.IsolationLevel), kgo.FetchMaxWait(time.Second), kgo.FetchMaxBytes(1),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{at.topic: {at.partition: kgo.NewOffset().At(from)}}))
	client, err := kgo.NewClient(options...)
	if err != nil {
		return false
	}
	defer client.Close()
	return client.PollRecords(ctx, 1).NumRecords() > 0
}

// saw notes that there is nothing to read up to an end.
func (g *group) saw(at topicPartition, end int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if p := g.partitions[at]; p != nil {
		p.watch.empty = end
		p.end = max(p.end, end)
	}
}

// stuck notes a partition that does not move, and says whether it was fetched from anew already.
func (g *group) stuck(at topicPartition, records int64) (again bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	p := g.partitions[at]
	if p == nil || p.watch.moves != p.moves {
		return false // it moved meanwhile
	}
	err := fmt.Errorf("%s-%d: no progress for %v with %d records to read", at.topic, at.partition, g.options.StuckAfter, records)
	g.note(err)
	again = p.watch.repaired
	p.watch.repaired = true
	if !again {
		g.stats.Rebuilt(false)
		g.log.Error("partition fetched from anew", "problem", err)
	}
	return again
}
