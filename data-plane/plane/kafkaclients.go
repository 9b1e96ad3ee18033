package plane

import (
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"knative.dev/eventing-kafka-go/data-plane/telemetry"
)

// kafkaMeter counts what Kafka clients do (OBS-13). It is called by all of them, once for each request, never for an event.
type kafkaMeter struct{ *telemetry.KafkaClients }

// Which kgo calls must be known to the compiler: a hook with another signature would be ignored in silence.
var _ interface {
	kgo.HookBrokerConnect
	kgo.HookBrokerDisconnect
	kgo.HookBrokerWrite
	kgo.HookBrokerRead
	kgo.HookBrokerE2E
	kgo.HookBrokerThrottle
	kgo.HookProduceBatchWritten
	kgo.HookFetchBatchRead
} = kafkaMeter{}

// meterClients lets the Kafka clients of the roles be counted.
func (p *Plane) meterClients() {
	if p.config.NoKafkaMetrics {
		return
	}
	hooks := func(old []kgo.Hook, role telemetry.KafkaRole) []kgo.Hook {
		return append(old[:len(old):len(old)], kafkaMeter{p.registry.KafkaClients(role)})
	}
	p.config.Producer.Hooks = hooks(p.config.Producer.Hooks, telemetry.KafkaProducer)
	if p.config.Egress {
		p.config.Consumer.Hooks = hooks(p.config.Consumer.Hooks, telemetry.KafkaConsumer)
	}
}

// OnBrokerConnect is called by clients after a connection was opened, or was not.
func (m kafkaMeter) OnBrokerConnect(_ kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	m.Connected(err == nil)
}

// OnBrokerDisconnect is called by clients after a connection was closed.
func (m kafkaMeter) OnBrokerDisconnect(kgo.BrokerMetadata, net.Conn) { m.Disconnected() }

// OnBrokerWrite is called by clients after a request.
func (m kafkaMeter) OnBrokerWrite(_ kgo.BrokerMetadata, _ int16, bytes int, _, _ time.Duration, err error) {
	m.Sent(bytes, err == nil)
}

// OnBrokerRead is called by clients after an answer.
func (m kafkaMeter) OnBrokerRead(_ kgo.BrokerMetadata, _ int16, bytes int, _, _ time.Duration, err error) {
	m.Received(bytes, err == nil)
}

// OnBrokerE2E is called by clients after an answer, or its failure.
func (m kafkaMeter) OnBrokerE2E(_ kgo.BrokerMetadata, key int16, e2e kgo.BrokerE2E) {
	switch kmsg.Key(key) {
	case kmsg.Fetch, kmsg.JoinGroup, kmsg.SyncGroup: // held back by brokers until there is something to say
	default:
		if e2e.Err() == nil {
			m.Answered(e2e.DurationE2E())
		}
	}
}

// OnBrokerThrottle is called by clients when a broker tells them to wait.
func (m kafkaMeter) OnBrokerThrottle(_ kgo.BrokerMetadata, wait time.Duration, _ bool) {
	m.Throttled(wait)
}

// OnProduceBatchWritten is called by clients when a batch is written.
func (m kafkaMeter) OnProduceBatchWritten(_ kgo.BrokerMetadata, _ string, _ int32, b kgo.ProduceBatchMetrics) {
	m.Records(b.NumRecords, b.CompressedBytes)
}

// OnFetchBatchRead is called by clients when a batch is read.
func (m kafkaMeter) OnFetchBatchRead(_ kgo.BrokerMetadata, _ string, _ int32, b kgo.FetchBatchMetrics) {
	m.Records(b.NumRecords, b.CompressedBytes)
}
