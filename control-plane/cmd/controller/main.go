// Command controller turns KafkaChannels, Brokers with Triggers, KafkaSinks and KafkaSources into contracts for data
// planes, and into topics and consumer groups of Kafka.
//
// It is configured by environment variables with the names of eventing-kafka-broker: see package dataplane for those of
// each data plane, and SYSTEM_NAMESPACE (required), CHANNEL_GENERAL_CONFIG_MAP_NAME, TRIGGER_DELIVERY_MERGE
// (true has a Trigger's delivery win field by field over its Broker's instead of replacing it), KAFKA_PARKING_TOPIC (takes
// the events that nothing else takes; "disabled" is none, and they are held).
package main

import (
	"fmt"
	"os"

	"knative.dev/pkg/injection/sharedmain"
	"knative.dev/pkg/signals"

	"knative.dev/eventing-kafka-go/control-plane/installation"
	"knative.dev/eventing-kafka-go/control-plane/reconciler/channel"
	"knative.dev/eventing-kafka-go/control-plane/reconciler/contract"
	"knative.dev/eventing-kafka-go/control-plane/reconciler/sink"
	"knative.dev/eventing-kafka-go/control-plane/reconciler/trigger"
)

// component is the name of the process in logs, metrics and leases.
const component = "kafka-broker-controller"

func main() {
	if os.Getenv("SYSTEM_NAMESPACE") == "" {
		// Left to itself a dependency chooses a namespace for tests, and everything looks fine in the wrong place.
		fmt.Fprintln(os.Stderr, component+": SYSTEM_NAMESPACE is not set: it names the namespace of the installation")
		os.Exit(1)
	}
	ctx := installation.WithInstallation(signals.NewContext())
	sharedmain.MainWithContext(ctx, component,
		contract.NewController,
		trigger.NewController,
		channel.NewController,
		sink.NewController,
	)
}
