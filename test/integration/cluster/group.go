package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Membership is who is in a group and since which rebalance.
type Membership struct {
	State   string
	Members []string // ids, sorted
	// Generation counts the rebalances of the group; 0 if it is not stable.
	Generation int32
}

// String implements fmt.Stringer.
func (m Membership) String() string {
	return fmt.Sprintf("%s, generation %d, members %v", m.State, m.Generation, m.Members)
}

// Equal tells whether nobody joined, left or joined again in between.
func (m Membership) Equal(n Membership) bool {
	return m.State == n.State && m.Generation == n.Generation && slices.Equal(m.Members, n.Members)
}

// Membership asks the brokers who is in a group.
func (c *Cluster) Membership(tb testing.TB, group string) Membership {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), timeout)
	defer cancel()
	described, err := c.admin.DescribeGroups(ctx, group)
	if err != nil {
		tb.Fatalf("describe group %q: %v", group, err)
	}
	m := Membership{State: described[group].State}
	for _, member := range described[group].Members {
		m.Members = append(m.Members, member.MemberID)
	}
	slices.Sort(m.Members)
	if m.State == "Stable" && len(m.Members) > 0 {
		m.Generation = c.generation(tb, group, m.Members[0])
	}
	return m
}

// maxGeneration is more than the groups of any test get to.
const maxGeneration = 1000

// generation finds out the generation of a group, which no request returns to others than members: a heartbeat in the
// name of a member is accepted for one generation only, and changes nothing but that the member counts as alive.
func (c *Cluster) generation(tb testing.TB, group, member string) int32 {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), timeout)
	defer cancel()
	for g := int32(1); g <= maxGeneration; g++ {
		request := kmsg.NewHeartbeatRequest()
		request.Group, request.MemberID, request.Generation = group, member, g
		response, err := request.RequestWith(ctx, c.client)
		if err == nil {
			err = kerr.ErrorForCode(response.ErrorCode)
		}
		switch {
		case err == nil:
			return g
		case errors.Is(err, kerr.IllegalGeneration):
		case errors.Is(err, kerr.RebalanceInProgress), errors.Is(err, kerr.UnknownMemberID):
			return 0
		default:
			tb.Fatalf("heartbeat of group %q: %v", group, err)
		}
	}
	tb.Fatalf("group %q has a generation above %d", group, maxGeneration)
	return 0
}

// Commit is what a group has committed for a partition.
type Commit struct {
	At       int64
	Metadata string
}

// Commits returns what a group has committed for the partitions of a topic.
func (c *Cluster) Commits(tb testing.TB, group, topic string) map[int32]Commit {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), timeout)
	defer cancel()
	fetched, err := c.admin.FetchOffsets(ctx, group)
	if err == nil {
		err = fetched.Error()
	}
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		tb.Fatalf("fetch offsets of group %q: %v", group, err)
	}
	commits := map[int32]Commit{}
	for partition, o := range fetched[topic] {
		commits[partition] = Commit{At: o.At, Metadata: o.Metadata}
	}
	return commits
}

// Unfinished returns how many records of a topic lie above what a group has committed. Nothing committed counts from the
// beginning.
func (c *Cluster) Unfinished(tb testing.TB, group, topic string) int64 {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), timeout)
	defer cancel()
	committed, err := c.admin.FetchOffsets(ctx, group)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		tb.Fatalf("fetch offsets of group %q: %v", group, err)
	}
	ends, err := c.admin.ListEndOffsets(ctx, topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		tb.Fatalf("end of topic %q: %v", topic, err)
	}
	var n int64
	ends.Each(func(end kadm.ListedOffset) {
		at := int64(0)
		if o, ok := committed.Lookup(topic, end.Partition); ok {
			at = max(0, o.At)
		}
		n += end.Offset - at
	})
	return n
}

// BrokersAssign has brokers forget a member of a group after a session, where it is they who assign, and returns a function
// that says how many members it has.
func (c *Cluster) BrokersAssign(tb testing.TB, group string, session time.Duration) (members func() int) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), timeout)
	defer cancel()
	request := kmsg.NewIncrementalAlterConfigsRequest()
	resource, config := kmsg.NewIncrementalAlterConfigsRequestResource(), kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
	resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeGroupConfig, group
	config.Name, config.Value = "consumer.session.timeout.ms", kmsg.StringPtr(strconv.FormatInt(session.Milliseconds(), 10))
	resource.Configs = append(resource.Configs, config)
	request.Resources = append(request.Resources, resource)
	response, err := request.RequestWith(ctx, c.client)
	if err == nil {
		err = kerr.ErrorForCode(response.Resources[0].ErrorCode)
	}
	if err != nil {
		tb.Fatalf("configure group %q: %v", group, err)
	}
	return func() int {
		ctx, cancel := context.WithTimeout(tb.Context(), timeout)
		defer cancel()
		described, err := c.admin.DescribeConsumerGroups(ctx, group)
		if err != nil {
			tb.Fatalf("describe group %q: %v", group, err)
		}
		return len(described[group].Members)
	}
}
