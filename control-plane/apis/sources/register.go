// Package sources holds the API group sources.knative.dev, as far as it is this project's.
package sources

import "k8s.io/apimachinery/pkg/runtime/schema"

const (
	// GroupName is the API group of KafkaSource.
	GroupName = "sources.knative.dev"
	// KafkaSourceKind is the kind of a KafkaSource.
	KafkaSourceKind = "KafkaSource"
	// KeyTypeLabel is the label of a KafkaSource that says what its record keys are.
	KeyTypeLabel = "kafkasources.sources.knative.dev/key-type"
	// EventType is the type of the events that are made of records which are no events.
	EventType = "dev.knative.kafka.event"
)

// EventSource is the source of those events: of a topic that a KafkaSource reads.
func EventSource(namespace, name, topic string) string {
	return "/apis/v1/namespaces/" + namespace + "/kafkasources/" + name + "#" + topic
}

// KafkaSourcesResource is the resource of KafkaSource.
var KafkaSourcesResource = schema.GroupResource{Group: GroupName, Resource: "kafkasources"}
