//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"knative.dev/eventing-kafka-go/test/apiserver/env"
	"knative.dev/eventing-kafka-go/test/e2e/witness"
	"knative.dev/eventing-kafka-go/test/e2e/world"
)

// Kinds, as package world names them.
const (
	kindBroker       = "eventing.knative.dev/v1 Broker"
	kindTrigger      = "eventing.knative.dev/v1 Trigger"
	kindSink         = "eventing.knative.dev/v1alpha1 KafkaSink"
	kindEventType    = "eventing.knative.dev/v1beta2 EventType"
	kindChannel      = "messaging.knative.dev/v1 Channel"
	kindKafkaChannel = "messaging.knative.dev/v1beta1 KafkaChannel"
	kindSubscription = "messaging.knative.dev/v1 Subscription"
	kindSource       = "sources.knative.dev/v1 KafkaSource"
	kindSequence     = "flows.knative.dev/v1 Sequence"
	kindParallel     = "flows.knative.dev/v1 Parallel"
	kindReset        = "kafka.eventing.knative.dev/v1alpha1 ResetOffset"
)

// broker is a Broker of a class with the configuration that is shipped.
func broker(name, class string) string {
	return fmt.Sprintf(`
apiVersion: eventing.knative.dev/v1
kind: Broker
metadata: {name: %s, annotations: {eventing.knative.dev/broker.class: %s}}
spec: {config: {apiVersion: v1, kind: ConfigMap, name: kafka-broker-config, namespace: knative-eventing}}`, name, class)
}

// trigger delivers to an address; more is the rest of its spec.
func trigger(name, broker, uri, more string) string {
	return fmt.Sprintf(`
---
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: {name: %s}
spec: {broker: %s, subscriber: {uri: %q}%s}`, name, broker, uri, more)
}

func kafkaChannel(name, more string) string {
	return fmt.Sprintf(`
---
apiVersion: messaging.knative.dev/v1beta1
kind: KafkaChannel
metadata: {name: %s}
spec: {numPartitions: 2, replicationFactor: 1%s}`, name, more)
}

func subscription(name, kind, channel, uri, more string) string {
	return fmt.Sprintf(`
---
apiVersion: messaging.knative.dev/v1
kind: Subscription
metadata: {name: %s}
spec: {channel: {apiVersion: %s, kind: %s, name: %s}, subscriber: {uri: %q}%s}`,
		name, world.Kind(kind).GroupVersion(), world.Kind(kind).Kind, channel, uri, more)
}

func events(eventType string, ids ...string) []witness.Event {
	var all []witness.Event
	for _, id := range ids {
		all = append(all, witness.Event{ID: id, Type: eventType, Data: `{"id":"` + id + `"}`})
	}
	return all
}

// ids of deliveries, each once, sorted.
func ids(deliveries []witness.Delivery) []string {
	var all []string
	for _, d := range deliveries {
		all = append(all, d.ID())
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func wantIDs(t *testing.T, who string, deliveries []witness.Delivery, want ...string) {
	t.Helper()
	if got := ids(deliveries); !slices.Equal(got, want) {
		t.Errorf("%s received %v, not %v", who, got, want)
	}
}

// text is a string in an object, "" for none.
func text(o *env.Object, path ...string) string {
	value, _, _ := unstructured.NestedString(o.Object, path...)
	return value
}
