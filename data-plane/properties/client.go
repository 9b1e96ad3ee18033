package properties

import (
	"errors"
	"maps"
	"strconv"
	"time"

	"knative.dev/eventing-kafka-go/data-plane/kafka"
	"knative.dev/eventing-kafka-go/data-plane/kafka/credentials"
)

// kafkaSettings are the keys that producers and consumers have in common. Nil and zero: not in the file.
type kafkaSettings struct {
	clientID                                 string
	request, metadataMax, idle               *time.Duration
	retry, retryMax, reconnect, reconnectMax *time.Duration
	transport                                kafka.Transport
	fallback                                 credentials.Fallback
}

// commonFields are where these settings go, which two types of configuration have.
type commonFields struct {
	clientID                                                     *string
	request, metadataMax, metadataMin, idle, backoff, backoffMax *time.Duration
	transport                                                    *kafka.Transport
	fallback                                                     *credentials.Fallback
}

// applyTo writes what the file has over what is there.
func (k kafkaSettings) applyTo(to commonFields) {
	if k.clientID != "" {
		*to.clientID = k.clientID
	}
	override := func(target *time.Duration, by ...*time.Duration) {
		for _, value := range by {
			if value != nil {
				*target = *value
				return
			}
		}
	}
	override(to.request, k.request)
	override(to.metadataMax, k.metadataMax)
	*to.metadataMin = min(*to.metadataMin, *to.metadataMax)
	override(to.idle, k.idle)
	// There is one backoff for connections and requests.
	override(to.backoff, k.retry, k.reconnect)
	override(to.backoffMax, k.retryMax, k.reconnectMax)
	*to.backoffMax = max(*to.backoffMax, *to.backoff)
	*to.transport, *to.fallback = k.transport, k.fallback
}

// withClient adds the rules of the keys that both kinds of client have.
func withClient[C any](rules map[string]rule[C], of func(*C) *kafkaSettings) map[string]rule[C] {
	duration := func(l limits, field func(*kafkaSettings) **time.Duration) rule[C] {
		return millis(l, func(c *C, d time.Duration) { *field(of(c)) = &d })
	}
	maps.Copy(rules, map[string]rule[C]{
		"client.id":                clientID(of),
		"request.timeout.ms":       duration(limits{lowest: 100, highest: 900_000}, func(k *kafkaSettings) **time.Duration { return &k.request }),
		"metadata.max.age.ms":      duration(limits{lowest: 10, highest: 3_600_000}, func(k *kafkaSettings) **time.Duration { return &k.metadataMax }),
		"connections.max.idle.ms":  maxIdle(of),
		"retry.backoff.ms":         duration(limits{lowest: 10}, func(k *kafkaSettings) **time.Duration { return &k.retry }),
		"retry.backoff.max.ms":     duration(limits{lowest: 10}, func(k *kafkaSettings) **time.Duration { return &k.retryMax }),
		"reconnect.backoff.ms":     duration(limits{lowest: 10}, func(k *kafkaSettings) **time.Duration { return &k.reconnect }),
		"reconnect.backoff.max.ms": duration(limits{lowest: 10}, func(k *kafkaSettings) **time.Duration { return &k.reconnectMax }),

		"bootstrap.servers":                        ignored[C]("the resource names its servers"),
		"client.dns.lookup":                        always[C]("use_all_dns_ips", "all addresses of a name are tried, as use_all_dns_ips says"),
		"receive.buffer.bytes":                     shipped[C](socketBuffers, "-1", "65536"),
		"send.buffer.bytes":                        shipped[C](socketBuffers, "131072"),
		"socket.connection.setup.timeout.ms":       millis(limits{lowest: 100}, func(c *C, d time.Duration) { of(c).transport.SetupTimeout = d }),
		"socket.connection.setup.timeout.max.ms":   ignored[C]("every attempt may take socket.connection.setup.timeout.ms"),
		"metadata.max.idle.ms":                     ignored[C]("a topic is forgotten within a minute after nothing refers to it"),
		"metadata.recovery.strategy":               ignored[C]("the bootstrap servers are tried again whenever no broker answers, as rebootstrap says"),
		"metadata.recovery.rebootstrap.trigger.ms": ignored[C]("the bootstrap servers are tried again whenever no broker answers"),
		"interceptor.classes":                      ignored[C](ownCode),
		"metric.reporters":                         ignored[C](ownCode + "; " + ownMetrics),
		"auto.include.jmx.reporter":                ignored[C](ownMetrics),
		"metrics.num.samples":                      shipped[C](ownMetrics, "2"),
		"metrics.recording.level":                  shipped[C](ownMetrics, "INFO"),
		"metrics.sample.window.ms":                 shipped[C](ownMetrics, "30000"),
		"enable.metrics.push":                      flag(func(c *C, on bool) { of(c).transport.PushMetrics = on }),
	})
	return rules
}

// clientID is as long as brokers take it.
func clientID[C any](of func(*C) *kafkaSettings) rule[C] {
	return func(_ *file, c *C, value string) error {
		if len(value) > 256 {
			return errors.New("at most 256 bytes")
		}
		of(c).clientID = value
		return nil
	}
}

// maxIdle is a number of milliseconds in which negative ones mean for ever.
func maxIdle[C any](of func(*C) *kafkaSettings) rule[C] {
	return func(f *file, c *C, value string) error {
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return errors.New("a whole number of milliseconds; below 0: never")
		}
		d := neverIdle
		switch {
		case n < 0 || n > neverIdle.Milliseconds():
			f.warn("connections are kept for 15 minutes, the longest that is supported")
		case n < 100:
			d = 100 * time.Millisecond
			f.warn("100 is used, the lowest that is supported")
		default:
			d = time.Duration(n) * time.Millisecond
		}
		of(c).idle = &d
		return nil
	}
}
