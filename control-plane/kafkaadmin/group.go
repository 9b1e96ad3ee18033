package kafkaadmin

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"

	"knative.dev/eventing-kafka-go/data-plane/kafka"
)

// Start is where a consumer group without committed offsets begins.
type Start string

const (
	// Earliest is the oldest record that a partition holds.
	Earliest Start = "earliest"
	// Latest is the end of a partition: only records produced from now on.
	Latest Start = "latest"
)

// GroupStart is a consumer group and where it begins.
type GroupStart struct {
	Group  string
	Topics []string
	Start  Start
	// Initialised is how many partitions of each topic got their start by an earlier call. Partitions of that topic
	// from that number on were added since, and begin at their oldest record whatever Start says. A topic that is not
	// in it is new to the group.
	Initialised map[string]int32
}

// ActiveGroupError says that partitions below those known as initialised have no committed offset, and that none can
// be committed because the group has live members, who may be about to commit one. To be tried again.
type ActiveGroupError struct {
	Group, Topic string
	Partitions   []int32
}

func (e *ActiveGroupError) Error() string {
	return fmt.Sprintf("consumer group %s has live members but no committed offset for partitions %v of topic %s",
		e.Group, e.Partitions, e.Topic)
}

// EnsureGroupStart is EnsureGroup for a group about which nothing is known.
func (a *Admin) EnsureGroupStart(ctx context.Context, group string, topics []string, start Start) (partitions map[string]int32, err error) {
	return a.EnsureGroup(ctx, GroupStart{Group: group, Topics: topics, Start: start})
}

// EnsureGroup commits an offset for every partition that has none, so that a record produced after it has returned is
// delivered, and where the group begins does not depend on when its consumers start. Committed offsets are never
// changed. It returns how many partitions of each topic have a committed offset: the partitions below that number.
//
// In a group with live members nobody else can commit. Then partitions that were added are left to the members and are
// not counted; others make an *ActiveGroupError.
func (a *Admin) EnsureGroup(ctx context.Context, want GroupStart) (partitions map[string]int32, err error) {
	err = a.with(ctx, func(c *client) error {
		g := group{client: c, GroupStart: want}
		starts, err := c.batches.look(ctx, &g)
		if err != nil {
			return err
		}
		if missing := g.missing(); len(missing) > 0 {
			err := g.commit(ctx, missing, starts)
			switch {
			case isActive(err):
				if err := g.loadCommitted(ctx); err != nil { // a member may have committed meanwhile
					return err
				}
			case err != nil:
				return err
			}
		}
		partitions, err = g.initialised()
		return err
	})
	if err != nil {
		return nil, err
	}
	return partitions, nil
}

// DeleteGroup deletes a consumer group and its offsets. One that does not exist is deleted already; one with live
// members is an error, kerr.NonEmptyGroup.
func (a *Admin) DeleteGroup(ctx context.Context, name string) error {
	return a.with(ctx, func(c *client) error {
		_, err := c.kadm.DeleteGroup(ctx, name)
		if err == nil || errors.Is(err, kerr.GroupIDNotFound) {
			return nil
		}
		return fmt.Errorf("delete consumer group %q: %w", name, kafka.Needs(err, "", "Delete"))
	})
}

// isActive is true for what a broker answers to a commit from outside a group that has members.
func isActive(err error) bool {
	for _, active := range []error{kerr.UnknownMemberID, kerr.IllegalGeneration, kerr.RebalanceInProgress, kerr.StaleMemberEpoch} {
		if errors.Is(err, active) {
			return true
		}
	}
	return false
}

// group is one EnsureGroup under way.
type group struct {
	*client
	GroupStart
	topics    []topic
	committed map[position]stored
	// member and generation are of who commits as a member; "" for from outside.
	member     string
	generation int32
}

// stored is what is committed for a partition.
type stored struct {
	offset   int64
	metadata string
}

func (g *group) has(p position) bool {
	_, ok := g.committed[p]
	return ok
}

// position is a partition of a topic.
type position struct {
	topic     string
	partition int32
}

func (g *group) load(ctx context.Context) error {
	topics, err := g.describe(ctx, g.Topics...)
	if err != nil {
		return fmt.Errorf("start consumer group %q: %w", g.Group, err)
	}
	g.topics = topics
	if err := g.checkTopics(); err != nil {
		return err
	}
	return g.loadCommitted(ctx)
}

// checkTopics returns an error unless all topics are there.
func (g *group) checkTopics() error {
	for _, t := range g.topics {
		if t.err != nil || len(t.partitions) == 0 {
			return fmt.Errorf("failed to get partitions for topic %s: %w", t.name, cause(t.err))
		}
	}
	return nil
}

// cause is why a topic has no partitions.
func cause(err error) error {
	if err == nil {
		return errors.New("it has none")
	}
	return err
}

// missing returns the partitions without a committed offset.
func (g *group) missing() (missing []position) {
	for _, t := range g.topics {
		for _, p := range t.partitions {
			if pos := (position{t.name, p.number}); !g.has(pos) {
				missing = append(missing, pos)
			}
		}
	}
	return missing
}

// initialised counts the partitions of each topic that have a committed offset, up to the first that has none.
func (g *group) initialised() (map[string]int32, error) {
	counts := make(map[string]int32, len(g.topics))
	for _, t := range g.topics {
		n := int32(0)
		for n < int32(len(t.partitions)) && g.has(position{t.name, n}) {
			n++
		}
		known, isKnown := g.Initialised[t.name]
		var holes []int32
		for p := n; p < int32(len(t.partitions)); p++ {
			// The topic may have partitions that were added since it was initialised, but no others.
			if !g.has(position{t.name, p}) && (n == 0 || isKnown && p < known || g.committedAbove(t, p)) {
				holes = append(holes, p)
			}
		}
		if len(holes) > 0 {
			return nil, &ActiveGroupError{Group: g.Group, Topic: t.name, Partitions: holes}
		}
		counts[t.name] = n
	}
	return counts, nil
}

// committedAbove is true when a partition above p has a committed offset: then p was not added later.
func (g *group) committedAbove(t topic, p int32) bool {
	for _, other := range t.partitions {
		if other.number > p && g.has(position{t.name, other.number}) {
			return true
		}
	}
	return false
}

// startOf is where a partition without a committed offset begins.
func (g *group) startOf(p position) Start {
	if known, ok := g.Initialised[p.topic]; ok && p.partition >= known {
		return Earliest
	}
	return g.Start
}
