package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// pace is how an egress delivers and commits.
type pace struct {
	inFlight    int           // deliveries of an unordered egress at a time
	commitEvery time.Duration // that something finished waits at most
}

// group is a consumer group whose only member is this process, so that it keeps its partitions.
type group struct {
	client     *kgo.Client
	host, path string
	fail       context.CancelCauseFunc // ends the program
	running    sync.WaitGroup          // deliveries

	mu    sync.Mutex
	lanes map[partition]*lane
	idle  []*poster

	commitEvery time.Duration

	dirty      atomic.Bool // a commit is due within commitEvery
	committing sync.Mutex
}

type partition struct {
	topic  string
	number int32
}

// runEgress runs the groups of the routes until ctx ends.
func runEgress(ctx context.Context, servers []string, path string, of pace) error {
	ctx, fail := context.WithCancelCause(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer fail(nil)
	stops := map[egressRoute]context.CancelFunc{}
	err := watchRoutes(ctx, path, func(r routes) {
		for route, stop := range stops {
			if !r.egress[route] {
				stop()
				delete(stops, route)
			}
		}
		for route := range r.egress {
			if stops[route] != nil {
				continue
			}
			own, stop := context.WithCancel(ctx)
			stops[route] = stop
			all.Go(func() {
				if err := runGroup(own, servers, route, of, fail); err != nil {
					fail(fmt.Errorf("group %s: %w", route.group, err))
				}
			})
		}
	})
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		err = errors.Join(err, cause)
	}
	return err
}

func runGroup(ctx context.Context, servers []string, route egressRoute, of pace, fail context.CancelCauseFunc) error {
	target, err := url.Parse(route.url)
	if err != nil {
		return err
	}
	client, err := kgo.NewClient(
		kgo.SeedBrokers(servers...),
		kgo.ConsumerGroup(route.group),
		kgo.ConsumeTopics(route.topic),
		// Not AtStart: that asks the broker where the start is, and partitions whose answer comes late then wait until
		// the first fetch ends, which is 5 s when there is nothing. If offset 0 is gone, the reset applies.
		kgo.ConsumeStartOffset(kgo.NewOffset().At(0)),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.Balancers(kgo.StickyBalancer()),
		kgo.DisableAutoCommit(),
		kgo.FetchMaxWait(5*time.Second),
		kgo.SessionTimeout(10*time.Second),
		kgo.MetadataMinAge(250*time.Millisecond),
		kgo.DisableClientMetrics(),
	)
	if err != nil {
		return err
	}
	defer client.Close()
	g := &group{client: client, host: target.Host, path: target.RequestURI(), fail: fail, lanes: map[partition]*lane{}, commitEvery: of.commitEvery}
	deliver, end := g.unordered(of.inFlight)
	if route.ordered {
		deliver, end = g.ordered(ctx)
	}
	g.poll(ctx, deliver)
	end()
	g.running.Wait()
	g.commit()
	for _, p := range g.idle {
		p.close()
	}
	return nil
}

func (g *group) poll(ctx context.Context, deliver func(*lane, []*kgo.Record)) {
	for {
		fetches := g.client.PollFetches(ctx)
		if ctx.Err() != nil {
			return
		}
		fetches.EachError(func(topic string, number int32, err error) {
			g.fail(fmt.Errorf("fetch %s-%d: %w", topic, number, err))
		})
		fetches.EachPartition(func(p kgo.FetchTopicPartition) {
			if len(p.Records) > 0 {
				deliver(g.lane(partition{p.Topic, p.Partition}), p.Records)
			}
		})
	}
}

func (g *group) lane(p partition) *lane {
	g.mu.Lock()
	defer g.mu.Unlock()
	l := g.lanes[p]
	if l == nil {
		l = &lane{group: g, partition: p}
		g.lanes[p] = l
	}
	return l
}

// progressed sees to it that what has been finished is committed soon.
func (g *group) progressed() {
	if !g.dirty.Load() && g.dirty.CompareAndSwap(false, true) {
		time.AfterFunc(g.commitEvery, g.commit)
	}
}

// commit commits what is finished and not committed yet.
func (g *group) commit() {
	g.committing.Lock()
	defer g.committing.Unlock()
	g.dirty.Store(false)
	offsets := map[string]map[int32]kgo.EpochOffset{}
	nexts := map[*lane]int64{}
	g.mu.Lock()
	for p, l := range g.lanes {
		if next, changed := l.uncommitted(); changed {
			if offsets[p.topic] == nil {
				offsets[p.topic] = map[int32]kgo.EpochOffset{}
			}
			offsets[p.topic][p.number] = kgo.EpochOffset{Epoch: -1, Offset: next}
			nexts[l] = next
		}
	}
	g.mu.Unlock()
	if len(nexts) == 0 || g.client.Context().Err() != nil {
		return // nothing to commit, or nothing to commit with: the group has ended
	}
	// The group's own context has ended when it commits for the last time.
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	g.client.CommitOffsetsSync(ctx, offsets, func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, err error) {
		for l, next := range nexts {
			if err == nil && committed(resp, l.partition) {
				l.committed.Store(next)
			} else {
				g.progressed()
			}
		}
	})
}

func committed(resp *kmsg.OffsetCommitResponse, want partition) bool {
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			if t.Topic == want.topic && p.Partition == want.number {
				return kerr.ErrorForCode(p.ErrorCode) == nil
			}
		}
	}
	return false
}
