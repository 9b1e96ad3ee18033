package kafka

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/data-plane/kafka/kafkatest"
)

// Records for a cluster that refuses what the Secret says fail soon, whatever time they may take; those that follow fail
// at once. Kafka being away is something else: they wait.
func TestRecordsOfARefusedConnectionDoNotWait(t *testing.T) { // KF-26
	authority, stranger := kafkatest.NewAuthority(t), kafkatest.NewAuthority(t)
	cluster := kafkatest.StartFor(t, nil, kfake.SeedTopics(1, "topic"), kfake.TLS(authority.Server(t, "127.0.0.1", true)))
	cert, key := authority.Issue(t, "client")
	strangers, strangersKey := stranger.Issue(t, "client")
	right := secretData("protocol", "SSL", "ca.crt", string(authority.CA), "user.crt", string(cert), "user.key", string(key))
	for name, data := range map[string]map[string][]byte{
		"an authority that did not sign the broker's certificate": with(right, "ca.crt", string(stranger.CA)),
		"a client certificate of another authority":               with(right, "user.crt", string(strangers), "user.key", string(strangersKey)),
		"no client certificate":                                   with(right, "user.skip", "true"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // each waits out the grace
			config := DefaultProducerConfig()
			config.DeliveryTimeout = time.Hour
			producer, err := newProducers(t, config).Acquire(connect(t, cluster.Bootstrap(), data))
			if err != nil {
				t.Fatal(err)
			}
			for range 3 {
				if err := produce(t, producer, &kgo.Record{Topic: "topic", Value: []byte("v")})[0]; err == nil {
					t.Error("written")
				}
			}
			if producer.current.Load().refused.Load() == nil || producer.Trouble() == "" {
				t.Errorf("not refused; %q", producer.Trouble())
			}
		})
	}
	producer, err := newProducers(t, DefaultProducerConfig()).Acquire(connect(t, cluster.Bootstrap(), right))
	if err != nil {
		t.Fatal(err)
	}
	if err := produce(t, producer, &kgo.Record{Topic: "topic", Value: []byte("v")})[0]; err != nil {
		t.Error(err)
	}
}
