// Package messaging holds the API group messaging.knative.dev, as far as it is this project's.
package messaging

import "k8s.io/apimachinery/pkg/runtime/schema"

const (
	// GroupName is the API group of KafkaChannel.
	GroupName = "messaging.knative.dev"
	// KafkaChannelKind is the kind of a KafkaChannel.
	KafkaChannelKind = "KafkaChannel"
	// KafkaChannelFinalizer is the finalizer of every implementation of KafkaChannel there was.
	KafkaChannelFinalizer = "kafkachannels.messaging.knative.dev"
	// TopicStatusAnnotation is the key in status.annotations that holds the topic in use.
	TopicStatusAnnotation = "default.topic"
)

// KafkaChannelsResource is the resource of KafkaChannel.
var KafkaChannelsResource = schema.GroupResource{Group: GroupName, Resource: "kafkachannels"}
