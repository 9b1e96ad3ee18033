package kafkaadmin

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// atOnce is how many batches are under way at a time: one that waits for a broker does not hold up all groups.
const atOnce = 2

// batches gathers the groups that several goroutines look at, so that a thousand of them are not asked about one by one.
// Nothing waits for others to come: who comes while batches are under way is in the next one. All that is asked in a batch
// is asked after its members came, so each learns what it would have learned alone.
type batches struct {
	mu      sync.Mutex
	waiting []*asked
	running int
}

// asked is a group in a batch. Its fields belong to the batch until done is closed.
type asked struct {
	*group
	err  error
	done chan struct{}
	// starts are where partitions without a committed offset begin.
	starts map[position]int64
}

// look loads a group, and finds out where its partitions begin that have no committed offset.
func (b *batches) look(ctx context.Context, g *group) (starts map[position]int64, err error) {
	a := &asked{group: g, done: make(chan struct{})}
	b.mu.Lock()
	b.waiting = append(b.waiting, a)
	leads := b.running < atOnce
	if leads {
		b.running++
	}
	b.mu.Unlock()
	if leads {
		go b.run(g.client)
	}
	select {
	case <-a.done:
		return a.starts, a.err
	case <-ctx.Done():
		// The batch goes on with a group of its own, which nobody reads any more.
		return nil, fmt.Errorf("consumer group %q: %w", g.Group, ctx.Err())
	}
}

// run does batches until nobody waits. It ends with the client, whose requests fail when it is closed, and each batch has
// the time that a request has.
func (b *batches) run(c *client) {
	for {
		b.mu.Lock()
		all := b.waiting
		b.waiting = nil
		if len(all) == 0 {
			b.running--
			b.mu.Unlock()
			return
		}
		b.mu.Unlock()
		ctx, cancel := context.WithTimeout(c.kgo.Context(), retryTime)
		batch(all).do(ctx, c)
		cancel()
		for _, a := range all {
			close(a.done)
		}
	}
}

// batch are groups of a cluster that are asked about together.
type batch []*asked

func (b batch) do(ctx context.Context, c *client) {
	b.describe(ctx, c)
	b.loadCommitted(ctx, c)
	for _, start := range []Start{Earliest, Latest} {
		b.listStarts(ctx, c, start)
	}
}

// going are the groups that nothing has failed for.
func (b batch) going() batch {
	return slices.DeleteFunc(slices.Clone(b), func(a *asked) bool { return a.err != nil })
}

// describe finds out about the topics of all groups.
func (b batch) describe(ctx context.Context, c *client) {
	names := map[string]bool{}
	for _, a := range b {
		for _, name := range a.Topics {
			names[name] = true
		}
	}
	topics, err := c.describe(ctx, slices.Sorted(maps.Keys(names))...)
	by := make(map[string]topic, len(topics))
	for _, t := range topics {
		by[t.name] = t
	}
	for _, a := range b {
		if err != nil {
			a.err = fmt.Errorf("start consumer group %q: %w", a.Group, err)
			continue
		}
		a.topics = nil
		for _, name := range a.Topics {
			t := by[name]
			t.partitions = slices.Clone(t.partitions) // what has vanished is taken out of it
			a.topics = append(a.topics, t)
		}
		a.err = a.checkTopics()
	}
}

// loadCommitted asks for the committed offsets of all groups: each coordinator once.
func (b batch) loadCommitted(ctx context.Context, c *client) {
	going := b.going()
	if len(going) == 0 {
		return
	}
	by := map[string][]*asked{} // two objects may name the same group
	request := kmsg.NewPtrOffsetFetchRequest()
	request.RequireStable = true
	for _, a := range going {
		if by[a.Group] = append(by[a.Group], a); len(by[a.Group]) == 1 {
			request.Groups = append(request.Groups, a.fetchRequest())
			continue
		}
		// Once in a request: each of the others asks by itself.
		a.err = a.group.loadCommitted(ctx)
	}
	for _, shard := range c.kgo.RequestSharded(ctx, request) {
		if shard.Err != nil {
			for _, g := range shard.Req.(*kmsg.OffsetFetchRequest).Groups {
				by[g.Group][0].err = by[g.Group][0].fetchError(shard.Err)
			}
			continue
		}
		groups := shard.Resp.(*kmsg.OffsetFetchResponse).Groups
		for i := range groups {
			if of := by[groups[i].Group]; len(of) > 0 {
				of[0].err = of[0].fetchError(of[0].readCommitted(&groups[i]))
			}
		}
	}
	for _, of := range by {
		if of[0].err == nil && of[0].committed == nil {
			of[0].err = of[0].fetchError(errNoAnswer)
		}
	}
}

// listStarts finds out where partitions begin that have no committed offset.
func (b batch) listStarts(ctx context.Context, c *client, start Start) {
	all := &group{client: c}
	wanted := map[position]bool{}
	for _, a := range b.going() {
		for _, p := range a.missing() {
			if a.startOf(p) == start {
				wanted[p] = true
			}
		}
		for _, t := range a.topics {
			if !slices.ContainsFunc(all.topics, func(known topic) bool { return known.name == t.name }) {
				all.topics = append(all.topics, t)
			}
		}
	}
	offsets := map[position]int64{}
	err := all.askOffsets(ctx, timestampOf(start), slices.Collect(maps.Keys(wanted)), offsets)
	for _, a := range b.going() {
		for _, p := range a.missing() {
			if a.startOf(p) != start {
				continue
			}
			if err != nil {
				a.err = a.listError(err)
				break
			}
			if at, ok := offsets[p]; ok {
				if a.starts == nil {
					a.starts = map[position]int64{}
				}
				a.starts[p] = at
			}
		}
	}
}
