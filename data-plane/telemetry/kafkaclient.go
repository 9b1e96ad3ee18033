package telemetry

import (
	"sync/atomic"
	"time"

	"go.opencensus.io/metric/metricdata"
)

// KafkaRole is what Kafka clients are for; it is part of the names of their metrics.
type KafkaRole string

// The roles that there are.
const (
	KafkaProducer KafkaRole = "producer"
	KafkaConsumer KafkaRole = "consumer"
)

// KafkaClients holds the figures of all Kafka clients of a role (OBS-13).
type KafkaClients struct {
	role                                    KafkaRole
	open                                    atomic.Int64
	connects, refused                       atomic.Uint64
	sent, received, requests, answers, lost atomic.Uint64
	records, recordBytes                    atomic.Uint64
	throttled                               atomic.Int64 // nanoseconds
	latency                                 histogram
}

// KafkaClients returns the handle of a role, the same for each call.
func (r *Registry) KafkaClients(role KafkaRole) *KafkaClients {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.clients {
		if c.role == role {
			return c
		}
	}
	c := &KafkaClients{role: role}
	r.clients = append(r.clients, c)
	return c
}

// Connected counts a try to open a connection.
func (c *KafkaClients) Connected(ok bool) {
	if !ok {
		c.refused.Add(1)
		return
	}
	c.connects.Add(1)
	c.open.Add(1)
}

// Disconnected counts a connection that was closed.
func (c *KafkaClients) Disconnected() { c.open.Add(-1) }

// Sent counts a request, as far as it was written, and whether all of it was.
func (c *KafkaClients) Sent(bytes int, ok bool) {
	c.sent.Add(uint64(max(bytes, 0)))
	if ok {
		c.requests.Add(1)
	} else {
		c.lost.Add(1)
	}
}

// Received counts an answer, as far as it was read, and whether all of it was.
func (c *KafkaClients) Received(bytes int, ok bool) {
	c.received.Add(uint64(max(bytes, 0)))
	if ok {
		c.answers.Add(1)
	} else {
		c.lost.Add(1)
	}
}

// Answered records the time from a request to its answer.
func (c *KafkaClients) Answered(d time.Duration) { c.latency.observe(d) }

// Throttled adds time for which a broker told a client to wait.
func (c *KafkaClients) Throttled(d time.Duration) { c.throttled.Add(int64(d)) }

// Records counts records written or read, and their bytes as they were sent.
func (c *KafkaClients) Records(n, bytes int) {
	c.records.Add(uint64(max(n, 0)))
	c.recordBytes.Add(uint64(max(bytes, 0)))
}

// collect uses the names of Java's clients where what they say is the same.
func (c *KafkaClients) collect(f *families) {
	prefix := "kafka." + string(c.role) + "."
	records, bytes := "record.send.total", "record.byte.total"
	if c.role == KafkaConsumer {
		records, bytes = "fetch.manager.records.consumed.total", "fetch.manager.bytes.consumed.total"
	}
	throttled := uint64(time.Duration(c.throttled.Load()) / time.Millisecond)
	f.gauge(meter{prefix + "connection.count", "Connections to brokers that are open.", metricdata.UnitDimensionless}, float64(c.open.Load()))
	for _, m := range []struct {
		name, help string
		unit       metricdata.Unit
		n          uint64
	}{
		{"connection.creation.total", "Connections to brokers that were opened.", metricdata.UnitDimensionless, c.connects.Load()},
		{"connection.failed.total", "Connections to brokers that could not be opened.", metricdata.UnitDimensionless, c.refused.Load()},
		{"outgoing.byte.total", "Bytes sent to brokers.", metricdata.UnitBytes, c.sent.Load()},
		{"incoming.byte.total", "Bytes received from brokers.", metricdata.UnitBytes, c.received.Load()},
		{"request.total", "Requests sent to brokers.", metricdata.UnitDimensionless, c.requests.Load()},
		{"response.total", "Answers of brokers.", metricdata.UnitDimensionless, c.answers.Load()},
		{"request.failed.total", "Requests and answers that were cut off.", metricdata.UnitDimensionless, c.lost.Load()},
		{"throttle.ms.total", "Time for which brokers told clients to wait.", metricdata.UnitMilliseconds, throttled},
		{records, "Records of batches that were written or read.", metricdata.UnitDimensionless, c.records.Load()},
		{bytes, "Bytes of these batches, compressed.", metricdata.UnitBytes, c.recordBytes.Load()},
	} {
		f.counter(meter{prefix + m.name, m.help, m.unit}, m.n)
	}
	f.latency(meter{
		prefix + "request.latency.ms", "Time from a request to its answer, but for those that brokers hold back: fetches, joins.",
		metricdata.UnitMilliseconds,
	}, &c.latency)
}
