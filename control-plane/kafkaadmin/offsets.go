package kafkaadmin

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"knative.dev/eventing-kafka-go/data-plane/kafka"
)

// errNoAnswer is about a group that an answer leaves out.
var errNoAnswer = errors.New("no answer")

// loadCommitted asks for the committed offsets of all partitions.
func (g *group) loadCommitted(ctx context.Context) error {
	request := kmsg.NewPtrOffsetFetchRequest()
	request.RequireStable = true
	request.Groups = append(request.Groups, g.fetchRequest())
	response, err := request.RequestWith(ctx, g.kgo)
	switch {
	case err != nil:
	case len(response.Groups) == 1:
		err = g.readCommitted(&response.Groups[0])
	default:
		err = errors.Join(fmt.Errorf("answered for %d groups", len(response.Groups)), kerr.ErrorForCode(response.ErrorCode))
	}
	return g.fetchError(err)
}

// fetchRequest asks for all partitions by the ids of the topics as just described: a committed offset that goes unseen
// would be overwritten.
func (g *group) fetchRequest() kmsg.OffsetFetchRequestGroup {
	asked := kmsg.NewOffsetFetchRequestGroup()
	asked.Group = g.Group
	for _, t := range g.topics {
		rt := kmsg.NewOffsetFetchRequestGroupTopic()
		rt.Topic, rt.TopicID = t.name, t.id
		for _, p := range t.partitions {
			rt.Partitions = append(rt.Partitions, p.number)
		}
		asked.Topics = append(asked.Topics, rt)
	}
	return asked
}

func (g *group) fetchError(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("fetch offsets of consumer group %q: %w", g.Group, kafka.Needs(err, "Describe", "Describe"))
}

func (g *group) listError(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("list offsets for consumer group %q: %w", g.Group, kafka.Needs(err, "Describe", ""))
}

func (g *group) readCommitted(response *kmsg.OffsetFetchResponseGroup) error {
	// A group that nobody has used yet is answered with offsets of -1; newer protocols may say that they do not know it.
	if err := kerr.ErrorForCode(response.ErrorCode); err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return err
	}
	g.committed = map[position]stored{}
	for _, t := range response.Topics {
		name := g.nameOf(t.Topic, t.TopicID)
		for _, p := range t.Partitions {
			err := kerr.ErrorForCode(p.ErrorCode)
			if err != nil && !isUnknownTopic(err) {
				return fmt.Errorf("topic %q, partition %d: %w", name, p.Partition, err)
			}
			if err == nil && p.Offset >= 0 {
				g.committed[position{name, p.Partition}] = stored{p.Offset, text(p.Metadata)}
			}
		}
	}
	return nil
}

// text is a nullable text of the protocol; null and empty mean the same.
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// nameOf is the topic that an answer is about; newer protocols only give its id.
func (g *group) nameOf(name string, id [16]byte) string {
	for _, t := range g.topics {
		if name == t.name || name == "" && id == t.id {
			return t.name
		}
	}
	return name
}

func isUnknownTopic(err error) bool {
	return errors.Is(err, kerr.UnknownTopicOrPartition) || errors.Is(err, kerr.UnknownTopicID)
}

// commit commits where each of the given partitions begins and notes that. Partitions that have vanished since they
// were described are forgotten.
func (g *group) commit(ctx context.Context, missing []position, starts map[position]int64) error {
	if len(starts) < len(missing) {
		if err := g.forgetVanished(ctx, missing, starts); err != nil {
			return err
		}
	}
	if len(starts) == 0 {
		return nil
	}
	return g.commitOffsets(ctx, starts)
}

// listOffsets asks for an offset of partitions by a timestamp of the protocol, see timestampOf: milliseconds lead to the
// first record that is not older, -1 when there is none. Partitions that Kafka does not know are left out.
func (g *group) listOffsets(ctx context.Context, timestamp int64, of []position, into map[position]int64) error {
	return g.listError(g.askOffsets(ctx, timestamp, of, into))
}

func (g *group) askOffsets(ctx context.Context, timestamp int64, of []position, into map[position]int64) error {
	if len(of) == 0 {
		return nil
	}
	request := kmsg.NewPtrListOffsetsRequest()
	for _, t := range g.topics {
		rt := kmsg.NewListOffsetsRequestTopic()
		rt.Topic = t.name
		for _, p := range of {
			if p.topic != t.name {
				continue
			}
			rp := kmsg.NewListOffsetsRequestTopicPartition()
			rp.Partition, rp.Timestamp = p.partition, timestamp
			rt.Partitions = append(rt.Partitions, rp)
		}
		if len(rt.Partitions) > 0 {
			request.Topics = append(request.Topics, rt)
		}
	}
	for _, shard := range g.kgo.RequestSharded(ctx, request) {
		if err := readOffsets(shard, into); err != nil {
			return err
		}
	}
	return nil
}

// timestampOf is how a protocol request for offsets names a start.
func timestampOf(start Start) int64 {
	if start == Earliest {
		return -2
	}
	return -1
}

func readOffsets(shard kgo.ResponseShard, into map[position]int64) error {
	if shard.Err != nil {
		if isUnknownTopic(shard.Err) {
			return nil
		}
		return shard.Err
	}
	for _, t := range shard.Resp.(*kmsg.ListOffsetsResponse).Topics {
		for _, p := range t.Partitions {
			err := kerr.ErrorForCode(p.ErrorCode)
			switch {
			case err == nil:
				into[position{t.Topic, p.Partition}] = p.Offset
			case !isUnknownTopic(err):
				return fmt.Errorf("topic %q, partition %d: %w", t.Topic, p.Partition, err)
			}
		}
	}
	return nil
}

// forgetVanished removes from what is known the partitions without a start that are not there any more. One that is
// there is an error: its leader is not known yet, and leaving it out would lose records.
func (g *group) forgetVanished(ctx context.Context, missing []position, starts map[position]int64) error {
	now, err := g.describe(ctx, g.Topics...)
	if err != nil {
		return err
	}
	there := map[position]bool{}
	for _, t := range now {
		for _, p := range t.partitions {
			there[position{t.name, p.number}] = true
		}
	}
	for _, p := range missing {
		if _, ok := starts[p]; !ok && there[p] {
			return fmt.Errorf("list offsets for consumer group %q: topic %q, partition %d: no answer", g.Group, p.topic, p.partition)
		}
	}
	for i, t := range g.topics {
		g.topics[i].partitions = slices.DeleteFunc(t.partitions, func(p partition) bool { return !there[position{t.name, p.number}] })
	}
	return nil
}

// commitOffsets commits without metadata, from outside the group or as a member.
func (g *group) commitOffsets(ctx context.Context, starts map[position]int64) error {
	request := kmsg.NewPtrOffsetCommitRequest()
	request.Group = g.Group
	if g.member != "" {
		request.MemberID, request.Generation = g.member, g.generation
	}
	for _, t := range g.topics {
		rt := kmsg.NewOffsetCommitRequestTopic()
		rt.Topic, rt.TopicID = t.name, t.id
		for _, p := range t.partitions {
			if offset, ok := starts[position{t.name, p.number}]; ok {
				rp := kmsg.NewOffsetCommitRequestTopicPartition()
				rp.Partition, rp.Offset = p.number, offset
				rt.Partitions = append(rt.Partitions, rp)
			}
		}
		if len(rt.Partitions) > 0 {
			request.Topics = append(request.Topics, rt)
		}
	}
	response, err := request.RequestWith(ctx, g.kgo)
	if err != nil {
		return fmt.Errorf("commit offsets of consumer group %q: %w", g.Group, kafka.Needs(err, "Read", "Read"))
	}
	for _, t := range response.Topics {
		name := g.nameOf(t.Topic, t.TopicID)
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				err = kafka.Needs(err, "Read", "Read")
				return fmt.Errorf("commit offsets of consumer group %q: topic %q, partition %d: %w", g.Group, name, p.Partition, err)
			}
			at := position{name, p.Partition}
			g.committed[at] = stored{offset: starts[at]}
		}
	}
	return nil
}
