// Command controller turns KafkaChannels, Brokers with Triggers, KafkaSinks and KafkaSources into contracts for data
// planes, and into topics and consumer groups of Kafka.
//
// It is configured by environment variables with the names of eventing-kafka-broker: see package dataplane for those of
// each data plane, and SYSTEM_NAMESPACE (required), CHANNEL_GENERAL_CONFIG_MAP_NAME, TRIGGER_DELIVERY_MERGE
// (true has a Trigger's delivery win field by field over its Broker's instead of replacing it), KAFKA_PARKING_TOPIC (takes
// the events that nothing else takes; "disabled" is none, and they are held). PROBE_PORT (default 8080) answers /health and
// /readiness. KUBE_API_QPS and KUBE_API_BURST (default 200 and 400) bound its requests to the API server,
// K_THREADS_PER_CONTROLLER (default 8) how many objects of a kind are reconciled at once. Variables of eventing-kafka-broker
// without meaning here are ignored with one warning.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"

	"knative.dev/pkg/controller"
	"knative.dev/pkg/injection"
	"knative.dev/pkg/injection/sharedmain"
	"knative.dev/pkg/signals"

	"knative.dev/eventing-kafka-go/control-plane/environment"
	"knative.dev/eventing-kafka-go/control-plane/installation"
	"knative.dev/eventing-kafka-go/control-plane/reconciler/broker"
	"knative.dev/eventing-kafka-go/control-plane/reconciler/channel"
	"knative.dev/eventing-kafka-go/control-plane/reconciler/contract"
	"knative.dev/eventing-kafka-go/control-plane/reconciler/eventtype"
	"knative.dev/eventing-kafka-go/control-plane/reconciler/namespacedbroker"
	"knative.dev/eventing-kafka-go/control-plane/reconciler/resetoffset"
	"knative.dev/eventing-kafka-go/control-plane/reconciler/sink"
	"knative.dev/eventing-kafka-go/control-plane/reconciler/source"
	"knative.dev/eventing-kafka-go/control-plane/reconciler/token"
	"knative.dev/eventing-kafka-go/control-plane/reconciler/trigger"
)

// component is the name of the process in logs, metrics and leases.
const component = "kafka-broker-controller"

func main() {
	ctx := installation.WithInstallation(signals.NewContext())
	if err := prepare(ctx); err != nil {
		fmt.Fprintln(os.Stderr, component+":", err)
		os.Exit(1)
	}
	config := injection.ParseAndGetRESTConfigOrDie()
	environment.Patiently(ctx, config)
	sharedmain.MainWithConfig(sharedmain.WithHealthProbesDisabled(ctx), component, config,
		contract.NewController,
		broker.NewController,
		namespacedbroker.NewController,
		trigger.NewController,
		trigger.NewNamespacedController,
		channel.NewController,
		sink.NewController,
		source.NewController,
		resetoffset.NewController,
		eventtype.NewController,
		token.NewController,
	)
}

// threads is how many objects of a kind are reconciled at once: each mostly waits for answers of Kafka and of the API server,
// and two, which is the default, wait most of all.
const threads = "8"

// prepare checks the environment and fills in what it does not say, and begins to answer a kubelet, which goes on until
// ctx ends. The port is our own, as sharedmain's cannot be chosen and a host may run several replicas.
func prepare(ctx context.Context) error {
	if err := environment.CheckSystemNamespace(); err != nil {
		return err
	}
	port, err := environment.Port("PROBE_PORT", injection.HealthCheckDefaultPort)
	if err != nil {
		return err
	}
	// Left to itself client-go waits so much between requests that a thousand objects take minutes.
	if err := errors.Join(environment.SetDefault("KUBE_API_QPS", "200"), environment.SetDefault("KUBE_API_BURST", "400")); err != nil {
		return err
	}
	controller.DefaultThreadsPerController, err = strconv.Atoi(environment.Or("K_THREADS_PER_CONTROLLER", threads))
	if err != nil {
		return fmt.Errorf("K_THREADS_PER_CONTROLLER: %w", err)
	}
	go func() {
		if err := injection.ServeHealthProbes(ctx, port); err != nil {
			fmt.Fprintln(os.Stderr, component+": serve probes:", err)
			os.Exit(1) // a kubelet would end it soon, and not say why
		}
	}()
	return nil
}
