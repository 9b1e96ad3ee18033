// Package kafka holds the API group kafka.eventing.knative.dev: commands for consumer groups that serve an object of
// another group.
package kafka

import "k8s.io/apimachinery/pkg/runtime/schema"

const (
	// GroupName is the API group of ResetOffset.
	GroupName = "kafka.eventing.knative.dev"
	// ResetOffsetKind is the kind of a ResetOffset.
	ResetOffsetKind = "ResetOffset"
	// ResetOffsetFinalizer is the finalizer of a ResetOffset, as the generated reconciler names it too.
	ResetOffsetFinalizer = "resetoffsets.kafka.eventing.knative.dev"
)

// ResetOffsetsResource is the resource of ResetOffset.
var ResetOffsetsResource = schema.GroupResource{Group: GroupName, Resource: "resetoffsets"}
