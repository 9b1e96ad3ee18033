// Package v1alpha1 holds version v1alpha1 of ResetOffset.
//
// It does no I/O and keeps no state. Validation of a new ResetOffset reads the clock.
// +k8s:deepcopy-gen=package
// +groupName=kafka.eventing.knative.dev
package v1alpha1
