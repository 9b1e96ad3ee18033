package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
	"knative.dev/pkg/kmeta"

	"knative.dev/eventing-kafka-go/control-plane/apis/kafka"
)

// +genclient
// +genreconciler
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=resetoffsets,singular=resetoffset,scope=Namespaced,shortName=ro,categories={all,knative,eventing,kafka}
// +kubebuilder:metadata:labels={"knative.dev/crd-install=true","app.kubernetes.io/version=devel"}
// +kubebuilder:printcolumn:name="Succeeded",type=string,JSONPath=`.status.conditions[?(@.type=="Succeeded")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Succeeded")].reason`
// +kubebuilder:printcolumn:name="Ref Namespace",type=string,JSONPath=`.spec.ref.namespace`,priority=1
// +kubebuilder:printcolumn:name="Ref Name",type=string,JSONPath=`.spec.ref.name`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`

// ResetOffset moves the consumer group of a Subscription, Trigger or KafkaSource to another position, once.
type ResetOffset struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what shall be done.
	Spec ResetOffsetSpec `json:"spec,omitempty"`

	// Status is what has been done. It may be out of date.
	// +optional
	Status ResetOffsetStatus `json:"status,omitempty"`
}

var (
	_ apis.Validatable   = (*ResetOffset)(nil)
	_ apis.Defaultable   = (*ResetOffset)(nil)
	_ apis.HasSpec       = (*ResetOffset)(nil)
	_ runtime.Object     = (*ResetOffset)(nil)
	_ duckv1.KRShaped    = (*ResetOffset)(nil)
	_ kmeta.OwnerRefable = (*ResetOffset)(nil)
)

// ResetOffsetSpec is what shall be done. It cannot be changed.
type ResetOffsetSpec struct {
	// Offset is the position to go to.
	Offset OffsetSpec `json:"offset"`

	// Ref names the Subscription, Trigger or KafkaSource whose consumer group is moved. An empty namespace is that of
	// the ResetOffset.
	Ref duckv1.KReference `json:"ref"`
}

// OffsetSpec is a position in every partition of the topic.
type OffsetSpec struct {
	// Time is "earliest", "latest", or a time as in RFC 3339: then the first record that is not older. A time from
	// before the oldest record is earliest, one from after the latest record is latest.
	Time string `json:"time"`
}

// ResetOffsetStatus is what has been done.
type ResetOffsetStatus struct {
	duckv1.Status `json:",inline"`

	// Topic is the topic whose offsets are moved. Where there are several, they are separated by commas.
	// +optional
	Topic string `json:"topic,omitempty"`

	// Group is the consumer group that is moved.
	// +optional
	Group string `json:"group,omitempty"`

	// Partitions are the offsets before and after, of every partition of the topic.
	// +optional
	Partitions []OffsetMapping `json:"partitions,omitempty"`
}

// OffsetMapping is where a partition was and where it goes.
type OffsetMapping struct {
	// Topic of the partition, where there are several.
	// +optional
	Topic string `json:"topic,omitempty"`
	// Partition is the number of the partition.
	Partition int32 `json:"partition"`
	// OldOffset is the offset that was committed before, -1 for none.
	OldOffset int64 `json:"oldOffset"`
	// NewOffset is the offset of the record that is delivered next.
	NewOffset int64 `json:"newOffset"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +kubebuilder:object:root=true

// ResetOffsetList is a list of ResetOffset.
type ResetOffsetList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ResetOffset `json:"items"`
}

// GetGroupVersionKind implements kmeta.OwnerRefable.
func (*ResetOffset) GetGroupVersionKind() schema.GroupVersionKind {
	return SchemeGroupVersion.WithKind(kafka.ResetOffsetKind)
}

// GetUntypedSpec implements apis.HasSpec.
func (r *ResetOffset) GetUntypedSpec() any { return r.Spec }

// GetStatus implements duckv1.KRShaped.
func (r *ResetOffset) GetStatus() *duckv1.Status { return &r.Status.Status }
