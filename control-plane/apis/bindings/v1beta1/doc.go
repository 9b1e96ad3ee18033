// Package v1beta1 holds the types of the API group bindings.knative.dev that other kinds share: how to reach Kafka. The
// group's own kind, KafkaBinding, is not served.
//
// It does no I/O and keeps no state.
// +k8s:deepcopy-gen=package
// +groupName=bindings.knative.dev
package v1beta1
