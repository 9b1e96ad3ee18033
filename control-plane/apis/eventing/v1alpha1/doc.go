// Package v1alpha1 holds version v1alpha1 of KafkaSink.
//
// It does no I/O and keeps no state.
// +k8s:deepcopy-gen=package
// +groupName=eventing.knative.dev
package v1alpha1
