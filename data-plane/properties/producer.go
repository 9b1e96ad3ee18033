package properties

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/data-plane/kafka"
)

// neverIdle is the longest time that the Kafka client keeps a connection without a request, and so what "for ever" is.
const neverIdle = 15 * time.Minute

// producerSettings is a producer's configuration while its file is read; kafkaSettings has what both files share.
type producerSettings struct {
	kafka.ProducerConfig
	kafkaSettings
	codec       string
	levels      map[string]int
	partitioner string
	ignoreKeys  bool
	adaptive    bool
	maxBlock    time.Duration
}

// Producer returns base with the values of a producer's file, which name stands for in what is said about it. Keys
// without effect give warnings. An error names every value that cannot be used; there is no configuration then.
func Producer(base kafka.ProducerConfig, name string, content []byte) (kafka.ProducerConfig, []Warning, error) {
	s := producerSettings{ProducerConfig: base, levels: map[string]int{}, adaptive: true, maxBlock: math.MaxInt64}
	of := func(s *producerSettings) *kafkaSettings { return &s.kafkaSettings }
	rules := withSecurity(withClient(producerRules(), of), of, content)
	f, err := read(name, content, rules, &s)
	if err != nil {
		return kafka.ProducerConfig{}, nil, err
	}
	s.login(f)
	s.merge()
	if err := s.reconcile(f); err != nil {
		return kafka.ProducerConfig{}, nil, err
	}
	if err := validate(name, s.Options()); err != nil {
		return kafka.ProducerConfig{}, nil, err
	}
	return s.ProducerConfig, f.warnings, nil
}

func producerRules() map[string]rule[producerSettings] {
	type s = producerSettings
	level := func(codec string, low, high int64) rule[s] {
		return number("", limits{min: low, max: high}, func(c *s, n int64) { c.levels[codec] = int(n) })
	}
	return map[string]rule[s]{
		"key.serializer":   silent[s](),
		"value.serializer": silent[s](),
		"acks": choice(map[string]kgo.Acks{
			"all": kgo.AllISRAcks(), "-1": kgo.AllISRAcks(), "1": kgo.LeaderAck(), "0": kgo.NoAck(),
		}, func(c *s, a kgo.Acks) { c.Acks = a }),
		"buffer.memory": number(" of bytes", limits{min: 1, max: math.MaxInt64, highest: math.MaxInt32},
			func(c *s, n int64) { c.BufferMemory = int(n) }),
		"retries": number("", limits{}, func(c *s, n int64) { c.Retries = int(n) }),
		// It must not become the limit of a batch, which would refuse larger records.
		"batch.size":          shipped[s]("batches form from what waits, up to max.request.size; linger.ms makes them larger", "16384"),
		"delivery.timeout.ms": millis(limits{lowest: 1000}, func(c *s, d time.Duration) { c.DeliveryTimeout = d }),
		"linger.ms":           millis(limits{highest: 60_000}, func(c *s, d time.Duration) { c.Linger = d }),
		"max.block.ms": number(" of milliseconds", limits{max: math.MaxInt64, highest: math.MaxInt32},
			func(c *s, n int64) { c.maxBlock = time.Duration(n) * time.Millisecond }),
		"max.request.size": number(" of bytes", limits{lowest: 1024, highest: 1 << 30},
			func(c *s, n int64) { c.MaxRequestSize = int32(n) }),
		"enable.idempotence":                    flag(func(c *s, on bool) { c.Idempotence = on }),
		"max.in.flight.requests.per.connection": number("", limits{min: 1}, func(c *s, n int64) { c.MaxInFlight = int(n) }),
		"compression.type": choice(map[string]string{
			"none": "none", "gzip": "gzip", "snappy": "snappy", "lz4": "lz4", "zstd": "zstd",
		}, func(c *s, codec string) { c.codec = codec }),
		"compression.gzip.level":                   gzipLevel(),
		"compression.lz4.level":                    level("lz4", 1, 17),
		"compression.zstd.level":                   level("zstd", -131072, 22),
		"partitioner.class":                        text(func(c *s, class string) { c.partitioner = class }),
		"partitioner.ignore.keys":                  flag(func(c *s, on bool) { c.ignoreKeys = on }),
		"partitioner.adaptive.partitioning.enable": flag(func(c *s, on bool) { c.adaptive = on }),
		"partitioner.availability.timeout.ms":      ignored[s]("partitions without a leader are passed over by themselves"),
		"transactional.id":                         ignored[s]("events are written one by one and acknowledged each; leave it out"),
		"transaction.timeout.ms":                   ignored[s]("no transactions are used; leave it out"),
		"transaction.two.phase.commit.enable":      ignored[s]("no transactions are used; leave it out"),
	}
}

// gzipLevel is from 1 to 9, or -1 for the usual one.
func gzipLevel() rule[producerSettings] {
	return func(_ *file, c *producerSettings, value string) error {
		n, err := strconv.Atoi(value)
		if err != nil || n == 0 || n < -1 || n > 9 {
			return errors.New("a whole number from 1 to 9, or -1")
		}
		c.levels["gzip"] = n
		return nil
	}
}

// merge takes over what the rules could not write into the configuration themselves.
func (s *producerSettings) merge() {
	s.applyTo(commonFields{
		clientID: &s.ClientID, request: &s.RequestTimeout, metadataMax: &s.MetadataMaxAge, metadataMin: &s.MetadataMinAge,
		idle: &s.ConnectionsMaxIdle, backoff: &s.RetryBackoff, backoffMax: &s.RetryBackoffMax,
		transport: &s.Transport, fallback: &s.Fallback,
	})
	// Nothing ever waits for room in the buffer, so this bounds the search for a topic alone. An upper bound: a topic
	// that is not there is usually known within a second.
	if s.MetadataMinAge > 0 {
		s.UnknownTopicRetries = int(max(1, min(int64(s.UnknownTopicRetries), int64(s.maxBlock/s.MetadataMinAge))))
	}
}

// reconcile looks at values that depend on each other, as the Java client does.
func (s *producerSettings) reconcile(f *file) error {
	var wrong []error
	if s.Idempotence {
		explicit := f.has("enable.idempotence")
		const needs = "enable.idempotence=true needs acks=all, retries above 0 and at most 5 max.in.flight.requests.per.connection"
		for key, bad := range map[string]bool{
			"acks": s.Acks != kgo.AllISRAcks(), "retries": s.Retries == 0,
			"max.in.flight.requests.per.connection": s.MaxInFlight > 5,
		} {
			if bad && explicit {
				wrong = append(wrong, f.wrong(key, needs))
			}
			s.Idempotence = s.Idempotence && !bad
		}
	}
	s.compress(f)
	s.place(f)
	return errors.Join(wrong...)
}

// compress sets the codec and its level.
func (s *producerSettings) compress(f *file) {
	codec := map[string]kgo.CompressionCodec{
		"gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}
	switch chosen, ok := codec[s.codec]; {
	case ok:
		if level, set := s.levels[s.codec]; set {
			chosen = chosen.WithLevel(level)
		}
		s.Compression = []kgo.CompressionCodec{chosen}
	case s.codec == "none":
		s.Compression = nil
	}
	for other := range s.levels {
		if other != s.codec {
			f.key = "compression." + other + ".level"
			f.warn("ignored: it needs compression.type=" + other)
		}
	}
}

// uniformBytes is what the Java client puts on one partition before it goes on to another.
const uniformBytes = 64 << 10

// place sets the partitioner.
func (s *producerSettings) place(f *file) {
	class := s.partitioner[strings.LastIndexByte(s.partitioner, '.')+1:]
	switch class {
	case "", "null":
		switch {
		case s.ignoreKeys:
			s.Partitioner = kgo.UniformBytesPartitioner(uniformBytes, s.adaptive, false, nil)
		case !s.adaptive:
			s.Partitioner = kgo.UniformBytesPartitioner(uniformBytes, false, true, nil)
		}
		return
	case "RoundRobinPartitioner":
		s.Partitioner = kgo.RoundRobinPartitioner()
	case "UniformStickyPartitioner":
		s.Partitioner = kgo.StickyPartitioner()
	case "DefaultPartitioner":
		s.Partitioner = kgo.StickyKeyPartitioner(nil)
	default:
		f.key = "partitioner.class"
		f.warn("ignored: " + ownCode + "; there are Kafka's own RoundRobinPartitioner, UniformStickyPartitioner and " +
			"DefaultPartitioner, and partitioner.ignore.keys")
		return
	}
	for _, key := range []string{"partitioner.ignore.keys", "partitioner.adaptive.partitioning.enable"} {
		if f.has(key) {
			f.key = key
			f.warn("ignored: partitioner.class decides")
		}
	}
}
