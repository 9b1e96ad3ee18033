package properties

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/data-plane/kafka"
)

// shippedProducer is what installations of eventing-kafka-broker have (CFG-19), but for enable.idempotence (CFG-21).
const shippedProducer = `
key.serializer=org.apache.kafka.common.serialization.StringSerializer
value.serializer=io.cloudevents.kafka.CloudEventSerializer
acks=all
buffer.memory=33554432
retries=2147483647
batch.size=16384
client.dns.lookup=use_all_dns_ips
connections.max.idle.ms=600000
delivery.timeout.ms=120000
linger.ms=0
max.block.ms=60000
max.request.size=1048576
receive.buffer.bytes=-1
request.timeout.ms=2000
max.in.flight.requests.per.connection=5
metadata.max.age.ms=300000
metrics.num.samples=2
metrics.recording.level=INFO
metrics.sample.window.ms=30000
reconnect.backoff.ms=50
reconnect.backoff.max.ms=1000
retry.backoff.ms=100
`

// shippedConsumer is what installations of eventing-kafka-broker have for Brokers (CFG-22 to CFG-24).
const shippedConsumer = `
key.deserializer=org.apache.kafka.common.serialization.StringDeserializer
value.deserializer=io.cloudevents.kafka.CloudEventDeserializer
fetch.min.bytes=1
heartbeat.interval.ms=3000
max.partition.fetch.bytes=65536
session.timeout.ms=10000
allow.auto.create.topics=true
auto.offset.reset=latest
client.dns.lookup=use_all_dns_ips
connections.max.idle.ms=540000
default.api.timeout.ms=2000
enable.auto.commit=false
exclude.internal.topics=true
fetch.max.bytes=52428800
isolation.level=read_uncommitted
max.poll.interval.ms=300000
max.poll.records=50
partition.assignment.strategy=org.apache.kafka.clients.consumer.StickyAssignor
receive.buffer.bytes=65536
request.timeout.ms=2000
security.protocol=PLAINTEXT
send.buffer.bytes=131072
auto.commit.interval.ms=5000
check.crcs=true
fetch.max.wait.ms=500
metadata.max.age.ms=600000
reconnect.backoff.max.ms=1000
retry.backoff.ms=100
`

// keysOf are the keys that were warned of, in order.
func keysOf(warnings []Warning) []string {
	var keys []string
	for _, w := range warnings {
		keys = append(keys, w.Key)
	}
	return keys
}

func TestTheShippedProducerFileIsTheDefault(t *testing.T) { // CFG-19
	got, warnings, err := Producer(kafka.DefaultProducerConfig(), "f", []byte(shippedProducer))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, kafka.DefaultProducerConfig()) {
		t.Errorf("got  %+v\nwant %+v", got, kafka.DefaultProducerConfig())
	}
	if len(warnings) != 0 { // CFG-18: what installations have asks for nothing else
		t.Errorf("warned of %v", keysOf(warnings))
	}
}

func TestTheShippedConsumerFileIsTheDefault(t *testing.T) { // CFG-22
	got, warnings, err := Consumer(ConsumerSettings{ConsumerConfig: kafka.DefaultConsumerConfig()}, "f", []byte(shippedConsumer))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(got.Balancers, func(b kgo.GroupBalancer) bool { return b.ProtocolName() == "sticky" }) {
		t.Errorf("balancers: %v", got.Balancers) // OF-20
	}
	if got.Concurrency != 100 || got.CommitInterval != 5*time.Second {
		t.Errorf("concurrency %d, commit interval %v", got.Concurrency, got.CommitInterval)
	}
	want := kafka.DefaultConsumerConfig()
	want.Balancers = got.Balancers
	if !reflect.DeepEqual(got.ConsumerConfig, want) {
		t.Errorf("got  %+v\nwant %+v", got.ConsumerConfig, want)
	}
	if want := []string{"allow.auto.create.topics"}; !slices.Equal(keysOf(warnings), want) {
		t.Errorf("warned of %v, want %v", keysOf(warnings), want)
	}
}

func TestTheShippedConsumerFileOfSources(t *testing.T) { // CFG-23 to CFG-25
	const text = "auto.offset.reset=earliest\nisolation.level=read_committed\n" +
		"cloudevent.invalid.transformer.enabled=true\ncloudevent.invalid.kind.plural=kafkasources\n"
	got, warnings, err := Consumer(ConsumerSettings{ConsumerConfig: kafka.DefaultConsumerConfig()}, "f", []byte(text))
	if err != nil || len(warnings) != 0 {
		t.Fatal(err, warnings)
	}
	if got.IsolationLevel != kgo.ReadCommitted() {
		t.Error("records of open transactions would be delivered")
	}
}

func TestTheShippedFilesOfHTTP(t *testing.T) {
	client, warnings, err := ReadWebClient(WebClient{ConnectTimeout: time.Second}, "f", []byte("idleTimeout=10000\nmaxPoolSize=100\n"))
	want := WebClient{IdleTimeout: 10000 * time.Second, ConnectTimeout: time.Second, MaxPoolSize: 100}
	if err != nil || len(warnings) != 0 || client != want { // CFG-27
		t.Errorf("%+v, %v, %v", client, warnings, err)
	}
	server, warnings, err := ReadHTTPServer(HTTPServer{IdleTimeout: time.Second}, "f", []byte("idleTimeout=0\n"))
	if err != nil || len(warnings) != 0 || server.IdleTimeout != forEver { // CFG-28
		t.Errorf("%+v, %v, %v", server, warnings, err)
	}
}
