package v1beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	eventingduck "knative.dev/eventing/pkg/apis/duck/v1"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
	"knative.dev/pkg/kmeta"

	bindings "knative.dev/eventing-kafka-go/control-plane/apis/bindings/v1beta1"
	"knative.dev/eventing-kafka-go/control-plane/apis/sources"
)

// +genclient
// +genreconciler
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:subresource:scale:specpath=.spec.consumers,statuspath=.status.consumers,selectorpath=.status.selector
// +kubebuilder:storageversion
// +kubebuilder:resource:path=kafkasources,scope=Namespaced,categories={all,knative,eventing,sources}
// +kubebuilder:metadata:labels={"knative.dev/crd-install=true","eventing.knative.dev/source=true","duck.knative.dev/source=true","app.kubernetes.io/version=devel"}
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
	Spec KafkaSourceSpec `json:"spec,omitempty"`

	// Status is the observed state of the source. It may be out of date.
	// +optional
	Status KafkaSourceStatus `json:"status,omitempty"`
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

// Offset is where a consumer group without committed offsets begins.
type Offset string

const (
	// OffsetEarliest is the oldest record of a partition.
	OffsetEarliest Offset = "earliest"
	// OffsetLatest is the end of a partition.
	OffsetLatest Offset = "latest"
)

// DeliveryOrdering is the order of deliveries.
type DeliveryOrdering string

const (
	// Ordered delivers one event of a partition after the other.
	Ordered DeliveryOrdering = "ordered"
	// Unordered delivers in any order.
	Unordered DeliveryOrdering = "unordered"
)

// KafkaSourceSpec is the desired state of a KafkaSource.
type KafkaSourceSpec struct {
	// Consumers is the number of members wanted for the consumer group; 0 pauses the source.
	// +optional
	// +kubebuilder:default=1
	Consumers *int32 `json:"consumers,omitempty"`

	// KafkaAuthSpec is how to reach Kafka.
	bindings.KafkaAuthSpec `json:",inline"`

	// Topics are the topics that are read.
	Topics []string `json:"topics"`

	// ConsumerGroup is the consumer group that reads. Immutable.
	// +optional
	ConsumerGroup string `json:"consumerGroup,omitempty"`

	// InitialOffset is where the consumer group begins: earliest or latest.
	// +optional
	InitialOffset Offset `json:"initialOffset,omitempty"`

	// Delivery is how events are delivered.
	// +optional
	Delivery *eventingduck.DeliverySpec `json:"delivery,omitempty"`

	// Ordering is the order of deliveries: ordered or unordered.
	// +optional
	Ordering *DeliveryOrdering `json:"ordering,omitempty"`

	// SourceSpec is where events go and what is set on them.
	duckv1.SourceSpec `json:",inline"`
}

// KafkaSourceStatus is the observed state of a KafkaSource.
type KafkaSourceStatus struct {
	duckv1.SourceStatus `json:",inline"`

	// Consumers is the number of members of the consumer group.
	// +optional
	Consumers int32 `json:"consumers,omitempty"`

	// Selector selects the source by its labels, for what scales it.
	// +optional
	Selector string `json:"selector,omitempty"`

	// Claims is the topics and partitions that were claimed last.
	// +optional
	Claims string `json:"claims,omitempty"`

	// MaxAllowedVReplicas is the highest number of members that is of use.
	// +optional
	MaxAllowedVReplicas *int32 `json:"maxAllowedVReplicas,omitempty"`

	// Placements is where the members run.
	// +optional
	Placements []Placement `json:"placements,omitempty"`
}

// Placement is how many members run in a pod.
type Placement struct {
	// PodName is the name of the pod.
	// +optional
	PodName string `json:"podName,omitempty"`
	// VReplicas is the number of members.
	// +optional
	VReplicas int32 `json:"vreplicas,omitempty"`
}

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
