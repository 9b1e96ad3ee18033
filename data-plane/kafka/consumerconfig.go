package kafka

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"knative.dev/eventing-kafka-go/data-plane/kafka/credentials"
)

// ConsumerConfig is what a process sets for all its consumer groups. The names are those of the Kafka properties, the
// zero value is not usable: begin with [DefaultConsumerConfig].
type ConsumerConfig struct {
	// FetchMinBytes is what a broker collects before it answers a fetch; above 1 it delays events.
	FetchMinBytes int32
	// FetchMaxBytes and MaxPartitionFetchBytes bound the answer of one broker, in all and for one partition. A batch
	// larger than that still comes, alone.
	FetchMaxBytes, MaxPartitionFetchBytes int32
	// FetchMaxWait is how long a broker may hold a fetch while a partition of the group is paused: a partition that is
	// resumed waits for the rest of it. [ConsumerConfig.NewFetchWait] shortens it to FetchWaitPaused.
	FetchMaxWait time.Duration
	// FetchWaitPaused is the upper bound of FetchMaxWait, FetchWaitIdle the wait while no partition is paused; fetches
	// of idle groups are what brokers pay for.
	FetchWaitPaused, FetchWaitIdle time.Duration
	// MaxDecompressBatchBytes bounds what one compressed batch may become.
	MaxDecompressBatchBytes int
	// MaxPollRecords is how many records to take from the client at once.
	MaxPollRecords int
	// IsolationLevel says whether records of open transactions are delivered.
	IsolationLevel kgo.IsolationLevel
	// Balancers are the assignment strategies offered, best first. A group uses one that all its members offer: sticky or
	// range while older members are in it, which then all give up their partitions at each rebalance (OF-20), and
	// cooperative-sticky once all of them are ours: partitions that do not move do not pause.
	Balancers []kgo.GroupBalancer
	// ServerSide has brokers assign partitions (group.protocol=consumer, Kafka 4.0 or later; older ones are spoken to in
	// the classic protocol). The session timeout and the pace of heartbeats are then the broker's.
	ServerSide bool
	// RemoteAssignor is how they do so: [AssignorUniform] or [AssignorRange]. Empty: uniform.
	RemoteAssignor string
	// InstanceID makes a member static: the one that comes back under the same id within the session timeout gets its
	// partitions back, and one that leaves keeps them until then. No two members of a group may have the same. Empty:
	// dynamic members.
	InstanceID string
	// SessionTimeout is how long partitions of a dead process stay with it.
	SessionTimeout, HeartbeatInterval time.Duration
	// RebalanceTimeout bounds how long a rebalance waits for a member, at least a session: one that was killed is forgotten
	// when its session ends, and where the wait ended before, Kafka would count a static member among those who joined,
	// with its partitions. A member needs a heartbeat interval to learn of the rebalance, and then the time for what it is
	// delivering of the partitions that it gives up.
	RebalanceTimeout time.Duration
	// RequestTimeout bounds how long a broker may take for a request.
	RequestTimeout time.Duration
	// APITimeout bounds how long a request is tried again, but those of group membership, which have the session
	// timeout.
	APITimeout time.Duration
	// MetadataMaxAge is how long added partitions may go unnoticed, MetadataMinAge the pace of looking again after an
	// error.
	MetadataMaxAge, MetadataMinAge time.Duration
	// ConnectionsMaxIdle is how long a connection is kept without a request. kgo opens one for each purpose, and an idle
	// group needs only those of its fetches and heartbeats.
	ConnectionsMaxIdle time.Duration
	// RetryBackoff and RetryBackoffMax are the first and the longest wait before something is tried again.
	RetryBackoff, RetryBackoffMax time.Duration
	// ClientID replaces the connection's. Empty: [ClientID].
	ClientID string
	// Rack is where the process runs. Empty: unknown.
	Rack string
	// Transport is how connections are opened.
	Transport Transport
	// Fallback completes Secrets; see [credentials.Fallback]. Whoever calls [ConnectionOf] applies it.
	Fallback credentials.Fallback
	// Hooks are called by every client.
	Hooks []kgo.Hook
}

// The assignors of brokers.
const (
	AssignorUniform = "uniform"
	AssignorRange   = "range"
)

// DefaultConsumerConfig is what the project ships, with two upper bounds lowered: FetchMaxBytes, since the shipped 50 MiB
// are for each broker and each group, and ConnectionsMaxIdle, which halves the sockets of an idle group.
func DefaultConsumerConfig() ConsumerConfig {
	return ConsumerConfig{
		FetchMinBytes:           1,
		FetchMaxBytes:           1 << 20,
		MaxPartitionFetchBytes:  64 << 10,
		FetchMaxWait:            500 * time.Millisecond,
		FetchWaitPaused:         500 * time.Millisecond,
		FetchWaitIdle:           5 * time.Second,
		MaxDecompressBatchBytes: 64 << 20,
		MaxPollRecords:          50,
		IsolationLevel:          kgo.ReadUncommitted(),
		Balancers:               []kgo.GroupBalancer{kgo.CooperativeStickyBalancer(), kgo.StickyBalancer(), kgo.RangeBalancer()},
		SessionTimeout:          10 * time.Second,
		HeartbeatInterval:       3 * time.Second,
		RebalanceTimeout:        10 * time.Second,
		RequestTimeout:          2 * time.Second,
		APITimeout:              2 * time.Second,
		MetadataMaxAge:          10 * time.Minute,
		MetadataMinAge:          metadataMinAge,
		ConnectionsMaxIdle:      30 * time.Second,
		RetryBackoff:            retryBackoffMin,
		RetryBackoffMax:         retryBackoffMax,
	}
}

// NewFetchWait returns the waits of one client that has this configuration.
func (c ConsumerConfig) NewFetchWait() *FetchWait {
	return NewFetchWait(c.FetchWaitIdle, min(c.FetchMaxWait, c.FetchWaitPaused))
}

// Options returns the configuration for kgo without group and topics. It wins over the connection's options, so it has
// to come after them. What follows from it for the owner of the client:
//
//   - Every poll holds up rebalances until AllowRebalance, also a poll that returned nothing; close with
//     CloseAllowingRebalance.
//   - Offsets are committed by hand, in OnPartitionsRevoked too.
//   - The next fetch from a broker is sent when a poll has found the last one used up. Records left unpolled keep all
//     partitions of that broker waiting: poll on, and pause the partition that is full.
//   - What is buffered of a paused partition is dropped by the next poll and fetched again.
//   - A topic that was deleted and made again is not taken up; its partitions report kerr.UnknownTopicID until it is
//     purged and added again or the client replaced.
func (c ConsumerConfig) Options() []kgo.Opt {
	options := []kgo.Opt{
		kgo.FetchMinBytes(c.FetchMinBytes),
		kgo.FetchMaxBytes(c.FetchMaxBytes),
		kgo.FetchMaxPartitionBytes(c.MaxPartitionFetchBytes),
		// The longest wait: kgo's own deadline for the answer is made from it, and FetchWait can only shorten it.
		kgo.FetchMaxWait(max(c.FetchWaitIdle, c.FetchMaxWait)),
		kgo.MaxDecompressBatchBytes(c.MaxDecompressBatchBytes),
		// One fetch for each broker, as kgo does by itself. Fewer would leave a broker with events unasked while others
		// hold idle fetches.
		kgo.MaxConcurrentFetches(-1),
		kgo.FetchIsolationLevel(c.IsolationLevel),

		// Both are said because each is a default of the other. A partition without a committed offset is read from
		// its beginning, one whose offset is gone from the log too: nothing is skipped. Where a commit must exist,
		// RequireCommitted keeps the partition out.
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),

		kgo.Balancers(c.balancers()...),
		kgo.SessionTimeout(c.SessionTimeout),
		kgo.HeartbeatInterval(c.HeartbeatInterval),
		kgo.RebalanceTimeout(max(c.RebalanceTimeout, c.SessionTimeout)),
		kgo.DisableAutoCommit(),
		kgo.BlockRebalanceOnPoll(),

		kgo.RequestTimeoutOverhead(c.RequestTimeout),
		kgo.RetryTimeoutFn(c.retryTimeout),
		kgo.MetadataMaxAge(c.MetadataMaxAge),
		kgo.MetadataMinAge(c.MetadataMinAge),
		kgo.ConnIdleTimeout(c.ConnectionsMaxIdle),
		kgo.RetryBackoffFn(backoff(c.RetryBackoff, c.RetryBackoffMax)),
	}
	if c.ServerSide {
		options = append(options, kgo.ServerSideBalancer())
	}
	if c.InstanceID != "" {
		options = append(options, kgo.InstanceID(c.InstanceID))
	}
	if c.ClientID != "" {
		options = append(options, kgo.ClientID(c.ClientID))
	}
	if c.Rack != "" {
		options = append(options, kgo.Rack(c.Rack))
	}
	return append(options, kgo.WithHooks(c.Hooks...))
}

// balancers are those that are offered. kgo derives the broker's assignor from the first one: sticky stands for uniform.
// The rest is for brokers that do not assign.
func (c ConsumerConfig) balancers() []kgo.GroupBalancer {
	if !c.ServerSide {
		return c.Balancers
	}
	first := kgo.StickyBalancer()
	if c.RemoteAssignor == AssignorRange {
		first = kgo.RangeBalancer()
	}
	all := []kgo.GroupBalancer{first}
	for _, b := range c.Balancers {
		if b.ProtocolName() != first.ProtocolName() {
			all = append(all, b)
		}
	}
	return all
}

// retryTimeout gives requests of group membership the time in which the membership lives.
func (c ConsumerConfig) retryTimeout(key int16) time.Duration {
	switch kmsg.Key(key) {
	case kmsg.JoinGroup, kmsg.SyncGroup, kmsg.Heartbeat, kmsg.ConsumerGroupHeartbeat:
		return c.SessionTimeout
	default:
		return c.APITimeout
	}
}

// RequireCommitted keeps partitions out that need a committed offset and have none, instead of reading them from their
// beginning; the rest of the assignment is consumed. For each partition without a committed offset required tells
// whether it needs one, and is so told of it too: the partition stays assigned but silent until the next assignment.
//
// kgo.Offset.AtCommitted as start offset would do the same for all partitions, but it also makes an offset that is out
// of range fatal.
func RequireCommitted(required func(topic string, partition int32) bool) kgo.GroupOpt {
	return kgo.AdjustFetchOffsetsFn(func(_ context.Context, offsets map[string]map[int32]kgo.Offset,
	) (map[string]map[int32]kgo.Offset, error) {
		for topic, partitions := range offsets {
			for partition, offset := range partitions {
				// kgo has put the start offset where nothing was committed; it is the only negative one.
				if offset.EpochOffset().Offset < 0 && required(topic, partition) {
					delete(partitions, partition)
				}
			}
		}
		return offsets, nil
	})
}
