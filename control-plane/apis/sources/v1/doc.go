// Package v1 holds version v1 of KafkaSource: the same specification and status as v1beta1, which is the version that
// is stored.
//
// It does no I/O and keeps no state.
// +k8s:deepcopy-gen=package
// +groupName=sources.knative.dev
package v1
