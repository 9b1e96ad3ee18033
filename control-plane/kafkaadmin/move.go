package kafkaadmin

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"knative.dev/eventing-kafka-go/data-plane/kafka"
)

// Destination is where a consumer group shall go on.
type Destination struct {
	// Start is [Earliest] or [Latest]; "" is Time.
	Start Start
	// Time leads to the first record that is not older, or to the end where all are older. Milliseconds count.
	Time time.Time
}

// Move is one partition: where a group was and where it goes.
type Move struct {
	Topic     string
	Partition int32
	// Old is the offset that was committed, -1 for none. New is the offset of the next record to be delivered.
	Old, New int64
}

// NotMovedError says that Kafka did not keep what was committed. To be tried again.
type NotMovedError struct {
	Group string
	Move  Move
	// Have is what is committed in its place, -1 for nothing.
	Have int64
}

func (e *NotMovedError) Error() string {
	return fmt.Sprintf("consumer group %q: topic %q, partition %d: offset %d is committed in place of %d",
		e.Group, e.Move.Topic, e.Move.Partition, e.Have, e.Move.New)
}

// PlanMoves returns where a group is in every partition of topics, and where to leads. It changes nothing.
func (a *Admin) PlanMoves(ctx context.Context, name string, topics []string, to Destination) (moves []Move, err error) {
	err = a.with(ctx, func(c *client) error {
		g := group{client: c, GroupStart: GroupStart{Group: name, Topics: topics}}
		if err := g.load(ctx); err != nil {
			return err
		}
		offsets, err := g.offsetsOf(ctx, to)
		if err != nil {
			return err
		}
		moves = moves[:0] // tried again, perhaps
		for _, p := range g.positions() {
			goal, ok := offsets[p]
			if !ok {
				return fmt.Errorf("list offsets for consumer group %q: topic %q, partition %d: no answer", name, p.topic, p.partition)
			}
			before := int64(-1)
			if g.has(p) {
				before = g.committed[p].offset
			}
			moves = append(moves, Move{Topic: p.topic, Partition: p.partition, Old: before, New: goal})
		}
		slices.SortFunc(moves, func(a, b Move) int { // brokers list partitions in any order
			return cmp.Or(strings.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
		})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return moves, nil
}

// CommitMoves commits where moves lead, without metadata: what was known about records above the old offsets is
// forgotten. What stands there already is not committed again. It returns when Kafka has been seen to have it: a
// *[NotMovedError] says that somebody else commits. While the group has members Kafka refuses, which [IsActive] tells.
func (a *Admin) CommitMoves(ctx context.Context, name string, moves []Move) error {
	return a.with(ctx, func(c *client) error {
		g := group{client: c, GroupStart: GroupStart{Group: name, Topics: topicsOf(moves)}}
		if err := g.load(ctx); err != nil {
			return err
		}
		if g.moved(moves) == nil {
			return nil
		}
		goals := make(map[position]int64, len(moves))
		for _, m := range moves {
			goals[position{m.Topic, m.Partition}] = m.New
		}
		if err := g.commitOffsets(ctx, goals); err != nil {
			return err
		}
		if err := g.loadCommitted(ctx); err != nil {
			return err
		}
		return g.moved(moves)
	})
}

// HasOffsets says whether a group has committed an offset in one of topics.
func (a *Admin) HasOffsets(ctx context.Context, name string, topics ...string) (has bool, err error) {
	err = a.with(ctx, func(c *client) error {
		g := group{client: c, GroupStart: GroupStart{Group: name, Topics: topics}}
		err := g.load(ctx)
		has = len(g.committed) > 0
		return err
	})
	return has, err
}

// IsActive says whether Kafka refused a commit because the group has members.
func IsActive(err error) bool { return isActive(err) }

// GroupMembers returns what Kafka calls the state of a group, Dead when there is none, and who its members are, for people.
func (a *Admin) GroupMembers(ctx context.Context, name string) (state string, members []string, err error) {
	err = a.with(ctx, func(c *client) error {
		all, err := c.kadm.DescribeGroups(ctx, name)
		described := all[name]
		if err == nil {
			err = described.Err
		}
		if isNoGroup(err) || err == nil && described.State == "Dead" {
			state, members = c.newGroupMembers(ctx, name)
			return nil
		}
		if err != nil {
			return fmt.Errorf("describe consumer group %q: %w", name, kafka.Needs(err, "", "Describe"))
		}
		state, members = described.State, nil
		for _, m := range described.Members {
			members = append(members, m.ClientID+" at "+m.ClientHost)
		}
		return nil
	})
	slices.Sort(members)
	return state, members, err
}

// newGroupMembers is for groups whose partitions brokers assign, which others know nothing of. Brokers that know of no such
// groups have none.
func (c *client) newGroupMembers(ctx context.Context, name string) (state string, members []string) {
	all, err := c.kadm.DescribeConsumerGroups(ctx, name)
	described, ok := all[name]
	if err == nil {
		err = described.Err
	}
	if err != nil || !ok {
		return "Dead", nil
	}
	for _, m := range described.Members {
		members = append(members, m.ClientID+" at "+m.ClientHost)
	}
	return described.State, members
}

// positions are all partitions of the topics.
func (g *group) positions() (all []position) {
	for _, t := range g.topics {
		for _, p := range t.partitions {
			all = append(all, position{t.name, p.number})
		}
	}
	return all
}

// offsetsOf asks where a destination is in every partition.
func (g *group) offsetsOf(ctx context.Context, to Destination) (map[position]int64, error) {
	offsets, all := map[position]int64{}, g.positions()
	timestamp := to.Time.UnixMilli()
	if to.Start != "" {
		timestamp = timestampOf(to.Start)
	}
	if err := g.listOffsets(ctx, timestamp, all, offsets); err != nil {
		return nil, err
	}
	older := slices.DeleteFunc(all, func(p position) bool { return offsets[p] >= 0 })
	return offsets, g.listOffsets(ctx, timestampOf(Latest), older, offsets)
}

// moved says what of moves is not committed.
func (g *group) moved(moves []Move) error {
	for _, m := range moves {
		have, ok := g.committed[position{m.Topic, m.Partition}]
		if !ok {
			have.offset = -1
		}
		if have.offset != m.New || have.metadata != "" {
			return &NotMovedError{Group: g.Group, Move: m, Have: have.offset}
		}
	}
	return nil
}

func topicsOf(moves []Move) (topics []string) {
	for _, m := range moves {
		if !slices.Contains(topics, m.Topic) {
			topics = append(topics, m.Topic)
		}
	}
	return topics
}
