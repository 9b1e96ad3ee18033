// Package eventing holds the API group eventing.knative.dev, as far as it is this project's: the kind KafkaSink, the
// classes of Brokers that are served, and what is asked of Brokers and Triggers beyond core's rules.
//
// It does no I/O, keeps no state and changes no argument. All functions are safe for concurrent use.
package eventing

import "k8s.io/apimachinery/pkg/runtime/schema"

const (
	// GroupName is the API group of KafkaSink, Broker and Trigger.
	GroupName = "eventing.knative.dev"

	// KafkaSinkKind is the kind of a KafkaSink.
	KafkaSinkKind = "KafkaSink"

	// BrokerClassAnnotation is the annotation of a Broker that says who serves it.
	BrokerClassAnnotation = "eventing.knative.dev/broker.class"
	// KafkaBrokerClass is the class of Brokers that share a data plane.
	KafkaBrokerClass = "Kafka"
	// NamespacedKafkaBrokerClass is the class of Brokers with a data plane in their own namespace.
	NamespacedKafkaBrokerClass = "KafkaNamespaced"
)

// KafkaSinksResource is the resource of KafkaSink.
var KafkaSinksResource = schema.GroupResource{Group: GroupName, Resource: "kafkasinks"}
