package v1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
	"knative.dev/pkg/kmeta"

	"knative.dev/eventing-kafka-go/control-plane/apis/sources"
	"knative.dev/eventing-kafka-go/control-plane/apis/sources/v1beta1"
)

// +genclient
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:subresource:scale:specpath=.spec.consumers,statuspath=.status.consumers,selectorpath=.status.selector
// +kubebuilder:resource:path=kafkasources,scope=Namespaced,categories={all,knative,eventing,sources}
// +kubebuilder:printcolumn:name="Topics",type=string,JSONPath=`.spec.topics`
// +kubebuilder:printcolumn:name="BootstrapServers",type=string,JSONPath=`.spec.bootstrapServers`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`

// KafkaSource sends the records of Kafka topics to a sink, as CloudEvents.
type KafkaSource struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is the desired state of the source.
	Spec v1beta1.KafkaSourceSpec `json:"spec,omitempty"`

	// Status is the observed state of the source. It may be out of date.
	// +optional
	Status v1beta1.KafkaSourceStatus `json:"status,omitempty"`
}

var (
	_ apis.Validatable   = (*KafkaSource)(nil)
	_ apis.Defaultable   = (*KafkaSource)(nil)
	_ apis.Convertible   = (*KafkaSource)(nil)
	_ apis.HasSpec       = (*KafkaSource)(nil)
	_ runtime.Object     = (*KafkaSource)(nil)
	_ duckv1.KRShaped    = (*KafkaSource)(nil)
	_ kmeta.OwnerRefable = (*KafkaSource)(nil)
)

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +kubebuilder:object:root=true

// KafkaSourceList is a list of KafkaSource.
type KafkaSourceList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []KafkaSource `json:"items"`
}

// GetGroupVersionKind implements kmeta.OwnerRefable.
func (*KafkaSource) GetGroupVersionKind() schema.GroupVersionKind {
	return SchemeGroupVersion.WithKind(sources.KafkaSourceKind)
}

// GetUntypedSpec implements apis.HasSpec.
func (s *KafkaSource) GetUntypedSpec() any { return s.Spec }

// GetStatus implements duckv1.KRShaped.
func (s *KafkaSource) GetStatus() *duckv1.Status { return &s.Status.Status }

// GetConditionSet implements duckv1.KRShaped.
func (*KafkaSource) GetConditionSet() apis.ConditionSet {
	return (*v1beta1.KafkaSource)(nil).GetConditionSet()
}
