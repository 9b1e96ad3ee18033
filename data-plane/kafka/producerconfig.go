package kafka

import (
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/data-plane/kafka/credentials"
)

// ProducerConfig is what a process sets for all its producers. The names are those of the Kafka properties, the zero
// value is not usable: begin with [DefaultProducerConfig].
type ProducerConfig struct {
	// Acks is how many replicas must have a record before it counts as written. With anything but all, Idempotence must
	// be off.
	Acks kgo.Acks
	// Idempotence makes retries inside the client free of duplicates and keeps their order.
	Idempotence bool
	// MaxInFlight is the number of produce requests on the way to one broker; it counts only without Idempotence.
	MaxInFlight int
	// BufferMemory is the bytes of keys, values and headers that may wait for Kafka, of all topics together.
	BufferMemory int
	// MaxRequestSize is the bytes of one record batch and so of one record, before compression.
	MaxRequestSize int32
	// Retries is how often a record is sent again.
	Retries int
	// DeliveryTimeout bounds the time from Produce to the promise, in steps of a produce request; at least 1 s.
	DeliveryTimeout time.Duration
	// RequestTimeout bounds how long a broker may take for a request; the connection is given up after twice that.
	RequestTimeout time.Duration
	// Linger is how long a record waits for company. With many senders zero batches as well and costs no latency.
	Linger time.Duration
	// Compression lists codecs by preference. Empty: none.
	Compression []kgo.CompressionCodec
	// Partitioner places records. Nil: as Java does, see [NewPartitioner].
	Partitioner kgo.Partitioner
	// UnknownTopicRetries is how often a topic is looked for, MetadataMinAge apart, before its records fail.
	UnknownTopicRetries int
	// MetadataMaxAge is how old the known partitions and leaders may become, MetadataMinAge the pace of looking again
	// after an error.
	MetadataMaxAge, MetadataMinAge time.Duration
	// ConnectionsMaxIdle is how long a connection is kept without a request.
	ConnectionsMaxIdle time.Duration
	// RetryBackoff and RetryBackoffMax are the first and the longest wait before something is tried again.
	RetryBackoff, RetryBackoffMax time.Duration
	// DrainTimeout bounds how long a producer that nobody uses any more waits for its last records.
	DrainTimeout time.Duration
	// ClientID replaces the connection's. Empty: [ClientID].
	ClientID string
	// Transport is how connections are opened.
	Transport Transport
	// Fallback completes Secrets; see [credentials.Fallback]. Whoever calls [ConnectionOf] applies it.
	Fallback credentials.Fallback
	// Hooks are called by every client.
	Hooks []kgo.Hook
}

// DefaultProducerConfig is what the project ships, with idempotence on.
func DefaultProducerConfig() ProducerConfig {
	return ProducerConfig{
		Acks:                kgo.AllISRAcks(),
		Idempotence:         true,
		MaxInFlight:         5,
		BufferMemory:        32 << 20,
		MaxRequestSize:      1 << 20,
		Retries:             1<<31 - 1,
		DeliveryTimeout:     2 * time.Minute,
		RequestTimeout:      2 * time.Second,
		UnknownTopicRetries: 4,
		MetadataMaxAge:      metadataMaxAge,
		MetadataMinAge:      metadataMinAge,
		ConnectionsMaxIdle:  10 * time.Minute,
		RetryBackoff:        retryBackoffMin,
		RetryBackoffMax:     retryBackoffMax,
		DrainTimeout:        10 * time.Second,
	}
}

const (
	// batchOverhead is the framing of a batch with one record: batch header (65 bytes and a longer length field), the
	// record's lengths, attributes and deltas (at most 27).
	batchOverhead = 96
	// headerOverhead is the framing of one record header, its two lengths.
	headerOverhead = 6
	// headerAllowance is the number of headers that MaxRecordBytes leaves room for.
	headerAllowance = 64
	// maxWriteBytes is kgo's limit of one produce request, and what brokers accept by default.
	maxWriteBytes = 100 << 20
)

// MaxRecordBytes is the largest sum of key, value, header keys and header values that a record with up to 64 headers
// may have. Larger ones may be refused with [TooLarge], by the client or by the broker.
func (c ProducerConfig) MaxRecordBytes() int {
	limit := int(c.MaxRequestSize) - batchOverhead - headerAllowance*headerOverhead
	if c.BufferMemory > 0 {
		limit = min(limit, c.BufferMemory)
	}
	return max(limit, 0)
}

// Options returns the configuration for kgo. It wins over the connection's options, so it has to come after them.
func (c ProducerConfig) Options() []kgo.Opt {
	partitioner := c.Partitioner
	if partitioner == nil {
		partitioner = NewPartitioner()
	}
	compression := c.Compression
	if len(compression) == 0 {
		compression = []kgo.CompressionCodec{kgo.NoCompression()}
	}
	options := []kgo.Opt{
		kgo.RequiredAcks(c.Acks),
		kgo.ProducerBatchCompression(compression...),
		kgo.RecordPartitioner(partitioner),
		kgo.ProducerLinger(c.Linger),
		kgo.MaxBufferedBytes(c.BufferMemory),
		// Bytes are the limit; the number of records only keeps the bookkeeping of empty ones bounded.
		kgo.MaxBufferedRecords(max(c.BufferMemory/64, 1024)),
		// Unlike Java's batch.size this is a hard limit for a record too.
		kgo.ProducerBatchMaxBytes(c.MaxRequestSize),
		kgo.BrokerMaxWriteBytes(max(maxWriteBytes, c.MaxRequestSize)),
		kgo.RecordRetries(c.Retries),
		kgo.RecordDeliveryTimeout(c.DeliveryTimeout),
		kgo.ProduceRequestTimeout(c.RequestTimeout),
		kgo.RequestTimeoutOverhead(c.RequestTimeout),
		kgo.UnknownTopicRetries(c.UnknownTopicRetries),
		kgo.MetadataMaxAge(c.MetadataMaxAge),
		kgo.MetadataMinAge(c.MetadataMinAge),
		kgo.ConnIdleTimeout(c.ConnectionsMaxIdle),
		kgo.RetryBackoffFn(backoff(c.RetryBackoff, c.RetryBackoffMax)),
	}
	if c.Idempotence {
		// Without it a record that is on its way when a broker hangs waits for as long as the broker hangs. The price
		// is a possible duplicate of a record that failed.
		options = append(options, kgo.AllowIdempotentProduceCancellation())
	} else {
		options = append(options, kgo.DisableIdempotentWrite(), kgo.MaxProduceRequestsInflightPerBroker(c.MaxInFlight))
	}
	if c.ClientID != "" {
		options = append(options, kgo.ClientID(c.ClientID))
	}
	return append(options, kgo.WithHooks(c.Hooks...))
}
