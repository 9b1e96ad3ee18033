package properties

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/data-plane/kafka"
)

// ConsumerSettings is what a consumer's file sets: the Kafka client and how an egress uses it.
type ConsumerSettings struct {
	kafka.ConsumerConfig
	// Concurrency is how many deliveries of one unordered egress run at the same time; 0: not said.
	Concurrency int
	// CommitInterval is how long a finished event waits at most for its commit; 0: not said.
	CommitInterval time.Duration
}

type consumerSettings struct {
	ConsumerSettings
	kafkaSettings
	apiTimeout time.Duration
	fetchMax   int32
	assignors  string
}

// Consumer returns base with the values of a consumer's file, which name stands for in what is said about it. Keys
// without effect give warnings. An error names every value that cannot be used; there are no settings then.
func Consumer(base ConsumerSettings, name string, content []byte) (ConsumerSettings, []Warning, error) {
	s := consumerSettings{ConsumerSettings: base, fetchMax: math.MaxInt32}
	of := func(s *consumerSettings) *kafkaSettings { return &s.kafkaSettings }
	rules := withSecurity(withClient(consumerRules(), of), of, content)
	f, err := read(name, content, rules, &s)
	if err != nil {
		return ConsumerSettings{}, nil, err
	}
	s.login(f)
	s.merge()
	s.balance(f)
	s.protocol(f, base)
	if s.HeartbeatInterval >= s.SessionTimeout {
		return ConsumerSettings{}, nil, s.heartbeatTooSlow(f)
	}
	options := append(s.Options(), kgo.ConsumerGroup("group"), kgo.ConsumeTopics("topic"))
	if err := validate(name, options); err != nil {
		return ConsumerSettings{}, nil, err
	}
	return s.ConsumerSettings, f.warnings, nil
}

func consumerRules() map[string]rule[consumerSettings] {
	type s = consumerSettings
	return map[string]rule[s]{
		"key.deserializer":   silent[s](),
		"value.deserializer": silent[s](),
		"fetch.min.bytes":    number(" of bytes", limits{}, func(c *s, n int64) { c.FetchMinBytes = int32(n) }),
		"fetch.max.bytes":    number(" of bytes", limits{lowest: 1024}, func(c *s, n int64) { c.fetchMax = int32(n) }),
		"max.partition.fetch.bytes": number(" of bytes", limits{lowest: 1024, highest: 100 << 20},
			func(c *s, n int64) { c.MaxPartitionFetchBytes = int32(n) }),
		"fetch.max.wait.ms":     millis(limits{lowest: 10}, func(c *s, d time.Duration) { c.FetchMaxWait = d }),
		"heartbeat.interval.ms": millis(limits{lowest: 100}, func(c *s, d time.Duration) { c.HeartbeatInterval = d }),
		"session.timeout.ms":    millis(limits{lowest: 1000}, func(c *s, d time.Duration) { c.SessionTimeout = d }),
		"max.poll.interval.ms":  shipped[s]("heartbeats go on however long a delivery takes", "300000"),
		// The Java data plane polls while fewer than this are in flight, so up to twice as many can be.
		"max.poll.records": number("", limits{min: 1, highest: 1 << 20}, func(c *s, n int64) {
			c.MaxPollRecords, c.Concurrency = int(n), 2*int(n)
		}),
		"allow.auto.create.topics": ignored[s]("topics are created by their resources, never by consuming them"),
		// The controller reads it: it commits the start of a group before the group begins.
		"auto.offset.reset": choice(map[string]bool{"latest": true, "earliest": true, "none": true}, func(*s, bool) {}),
		"isolation.level": choice(map[string]kgo.IsolationLevel{
			"read_uncommitted": kgo.ReadUncommitted(), "read_committed": kgo.ReadCommitted(),
		}, func(c *s, l kgo.IsolationLevel) { c.IsolationLevel = l }),
		"partition.assignment.strategy": text(func(c *s, classes string) { c.assignors = classes }),
		"enable.auto.commit":            always[s]("false", "an offset is committed after its event is finished, never before"),
		"auto.commit.interval.ms": millis(limits{lowest: 10}, func(c *s, d time.Duration) {
			if c.CommitInterval == 0 || d < c.CommitInterval {
				c.CommitInterval = d
			}
		}),
		"default.api.timeout.ms":  millis(limits{lowest: 100}, func(c *s, d time.Duration) { c.apiTimeout = d }),
		"exclude.internal.topics": always[s]("true", "topics are subscribed to by name, so internal ones are never met"),
		"check.crcs":              always[s]("true", "checksums are always verified"),
		"client.rack":             text(func(c *s, rack string) { c.Rack = rack }),
		"group.id":                ignored[s]("each resource has a group of its own; see its status or the group template"),
		"group.instance.id":       instanceID(),
		"group.protocol":          choice(map[string]bool{"classic": false, "consumer": true}, func(c *s, on bool) { c.ServerSide = on }),
		"group.remote.assignor": choice(map[string]string{
			kafka.AssignorUniform: kafka.AssignorUniform, kafka.AssignorRange: kafka.AssignorRange,
		}, func(c *s, assignor string) { c.RemoteAssignor = assignor }),

		// Records of a KafkaSource that are not CloudEvents become some; of which resource they are, the contract says.
		"cloudevent.invalid.transformer.enabled": always[s]("true", "plain records of a KafkaSource are always turned into CloudEvents"),
		"cloudevent.invalid.kind.plural":         always[s]("kafkasources", "plain records are turned into CloudEvents of the KafkaSource"),
	}
}

// instanceID is no longer than what brokers take with the rest that makes it one of a single member.
func instanceID() rule[consumerSettings] {
	const longest, legal = 100, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
	return func(_ *file, c *consumerSettings, value string) error {
		if len(value) > longest || strings.Trim(value, legal) != "" {
			return fmt.Errorf("at most %d letters, digits, '.', '_' and '-'", longest)
		}
		c.InstanceID = value
		return nil
	}
}

// protocol looks at the keys that depend on group.protocol. base has what counts for those that are ignored.
func (s *consumerSettings) protocol(f *file, base ConsumerSettings) {
	warn := func(key, text string) {
		if f.has(key) {
			f.key = key
			f.warn("ignored: " + text)
		}
	}
	if !s.ServerSide {
		warn("group.remote.assignor", "it needs group.protocol=consumer; partition.assignment.strategy chooses among members")
		s.RemoteAssignor = ""
		return
	}
	const brokers = "with group.protocol=consumer brokers decide, by consumer.session.timeout.ms and consumer.heartbeat.interval.ms of the group"
	warn("session.timeout.ms", brokers)
	warn("heartbeat.interval.ms", brokers)
	warn("partition.assignment.strategy", "with group.protocol=consumer group.remote.assignor decides, where brokers support it")
	// A member that comes back is refused until then, so static ids would make a restart slower; and kgo leaves such a group
	// in a way that brokers refuse.
	warn("group.instance.id", "with group.protocol=consumer members are dynamic, as brokers refuse a static one that was killed "+
		"and is back until its session ends, by default 45 s")
	s.InstanceID, s.SessionTimeout, s.HeartbeatInterval = "", base.SessionTimeout, base.HeartbeatInterval
}

// merge takes over what the rules could not write into the configuration themselves. Values that are upper bounds here
// may be larger than what is used: a fetch of 50 MiB, which files usually allow, would be for each broker and group.
func (s *consumerSettings) merge() {
	idle := s.ConnectionsMaxIdle
	s.applyTo(commonFields{
		clientID: &s.ClientID, request: &s.RequestTimeout, metadataMax: &s.MetadataMaxAge, metadataMin: &s.MetadataMinAge,
		idle: &idle, backoff: &s.RetryBackoff, backoffMax: &s.RetryBackoffMax,
		transport: &s.Transport, fallback: &s.Fallback,
	})
	s.ConnectionsMaxIdle = min(s.ConnectionsMaxIdle, idle)
	if s.apiTimeout > 0 {
		s.APITimeout = s.apiTimeout
	}
	s.FetchMaxBytes = min(max(s.FetchMaxBytes, s.MaxPartitionFetchBytes), s.fetchMax)
	if s.FetchMinBytes > 1 { // brokers then hold events back, for no longer than the file says
		s.FetchWaitIdle = min(s.FetchWaitIdle, s.FetchMaxWait)
	}
}

// heartbeatTooSlow blames the key that is in the file.
func (s *consumerSettings) heartbeatTooSlow(f *file) error {
	if f.has("heartbeat.interval.ms") {
		return f.wrong("heartbeat.interval.ms", fmt.Sprintf("less than session.timeout.ms, which is %d", s.SessionTimeout.Milliseconds()))
	}
	return f.wrong("session.timeout.ms", fmt.Sprintf("more than heartbeat.interval.ms, which is %d", s.HeartbeatInterval.Milliseconds()))
}

// balance sets the assignment strategies by the names of Kafka's own classes.
func (s *consumerSettings) balance(f *file) {
	known := map[string]func() kgo.GroupBalancer{
		"StickyAssignor": kgo.StickyBalancer, "CooperativeStickyAssignor": kgo.CooperativeStickyBalancer,
		"RangeAssignor": kgo.RangeBalancer, "RoundRobinAssignor": kgo.RoundRobinBalancer,
	}
	var chosen []kgo.GroupBalancer
	for class := range strings.SplitSeq(s.assignors, ",") {
		class = strings.TrimSpace(class)
		if balancer, ok := known[class[strings.LastIndexByte(class, '.')+1:]]; ok {
			chosen = append(chosen, balancer())
		} else if class != "" {
			f.key = "partition.assignment.strategy"
			f.warn("one of its classes is ignored: there are Kafka's own StickyAssignor, CooperativeStickyAssignor, " +
				"RangeAssignor and RoundRobinAssignor")
		}
	}
	// The sticky assignor alone is what files of eventing-kafka-broker say. The default offers it too, for members that
	// have nothing else, and something better for the time after them.
	if len(chosen) == 1 && chosen[0].ProtocolName() == "sticky" {
		return
	}
	if len(chosen) > 0 {
		s.Balancers = chosen
	}
}
