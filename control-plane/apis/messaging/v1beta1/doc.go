// Package v1beta1 holds version v1beta1 of KafkaChannel: the version that is stored, and the hub of conversions.
//
// It does no I/O and keeps no state.
// +k8s:deepcopy-gen=package
// +groupName=messaging.knative.dev
package v1beta1
