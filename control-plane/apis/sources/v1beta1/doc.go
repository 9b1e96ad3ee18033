// Package v1beta1 holds version v1beta1 of KafkaSource: the version that is stored, and the hub of conversions.
//
// It does no I/O and keeps no state.
// +k8s:deepcopy-gen=package
// +groupName=sources.knative.dev
package v1beta1
