package kafkaadmin

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/data-plane/kafka"
)

// joinWait is how often it is looked whether a member has joined.
const joinWait = 20 * time.Millisecond

// Ping says why no broker answers, or why this client is not admitted.
func (a *Admin) Ping(ctx context.Context) error {
	return a.with(ctx, func(c *client) error { return c.kgo.Ping(ctx) })
}

// Partitions returns how many partitions topics have. One that does not exist is not in it.
func (a *Admin) Partitions(ctx context.Context, names ...string) (partitions map[string]int32, err error) {
	if len(names) == 0 {
		return nil, nil
	}
	err = a.with(ctx, func(c *client) error {
		topics, err := c.describe(ctx, names...)
		if err != nil {
			return err
		}
		partitions = map[string]int32{}
		for _, t := range topics {
			switch {
			case !t.exists():
			case t.err != nil:
				return fmt.Errorf("describe topic %q: %w", t.name, t.err)
			default:
				partitions[t.name] = int32(len(t.partitions))
			}
		}
		return nil
	})
	return partitions, err
}

// Uncommitted returns the partitions of a topic for which a group has no committed offset, in their order.
func (a *Admin) Uncommitted(ctx context.Context, name, topic string) (partitions []int32, err error) {
	err = a.with(ctx, func(c *client) error {
		g := group{client: c, GroupStart: GroupStart{Group: name, Topics: []string{topic}}}
		if err := g.load(ctx); err != nil {
			return err
		}
		partitions = nil
		for _, p := range g.missing() {
			partitions = append(partitions, p.partition)
		}
		slices.Sort(partitions)
		return nil
	})
	return partitions, err
}

// EnsureLiveGroup commits an offset for every partition of a topic for which a group has none, while members of another
// implementation consume: what they would begin at, the end, before anything can be missed. As a group with members takes
// commits of members alone, it becomes one for a moment, which moves partitions for a moment. A group without members gets
// the oldest offsets: nobody has read what is there. Committed offsets are never changed.
func (a *Admin) EnsureLiveGroup(ctx context.Context, name, topic string) error {
	lag, err := a.Lag(ctx, name)
	if err != nil {
		return err
	}
	if lag.Members == 0 {
		_, err := a.EnsureGroupStart(ctx, name, []string{topic}, Earliest)
		return err
	}
	return a.with(ctx, func(c *client) error {
		g := group{client: c, GroupStart: GroupStart{Group: name, Topics: []string{topic}}}
		if err := g.load(ctx); err != nil {
			return err
		}
		missing := g.missing()
		ends := map[position]int64{}
		if err := g.listOffsets(ctx, timestampOf(Latest), missing, ends); err != nil || len(missing) == 0 {
			return err
		}
		return a.commitAsMember(ctx, &g, topic, ends)
	})
}

// commitAsMember joins, and commits what still nobody has committed: members may have, since it was looked.
func (a *Admin) commitAsMember(ctx context.Context, g *group, topic string, ends map[position]int64) error {
	member, err := kgo.NewClient(append(a.connection.Options(), kafka.Logger(a.pool.log),
		kgo.ConsumerGroup(g.Group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(),
		kgo.Balancers(kgo.RangeBalancer(), kgo.StickyBalancer(), kgo.RoundRobinBalancer()))...)
	if err != nil {
		return fmt.Errorf("join consumer group %q: %w", g.Group, err)
	}
	defer member.Close()
	member.PauseFetchTopics(topic)
	if err := joined(ctx, member, g.Group); err != nil {
		return err
	}
	if err := g.loadCommitted(ctx); err != nil {
		return err
	}
	for p := range ends {
		if g.has(p) {
			delete(ends, p)
		}
	}
	if len(ends) == 0 {
		return nil
	}
	g.member, g.generation = member.GroupMetadata()
	return g.commitOffsets(ctx, ends)
}

func joined(ctx context.Context, member *kgo.Client, group string) error {
	look := time.NewTicker(joinWait)
	defer look.Stop()
	for {
		if _, generation := member.GroupMetadata(); generation > 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("join consumer group %q: %w", group, ctx.Err())
		case <-look.C:
		}
	}
}
