package v1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
	"knative.dev/pkg/kmeta"

	"knative.dev/eventing-kafka-go/control-plane/apis/messaging"
	"knative.dev/eventing-kafka-go/control-plane/apis/messaging/v1beta1"
)

// +genclient
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=kafkachannels,singular=kafkachannel,scope=Namespaced,shortName=kc,categories={all,knative,messaging,channel}
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="URL",type=string,JSONPath=`.status.address.url`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`

// KafkaChannel is a channel whose events are kept in a Kafka topic of its own.
type KafkaChannel struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is the desired state of the channel.
	// +optional
	Spec v1beta1.KafkaChannelSpec `json:"spec,omitempty"`

	// Status is the observed state of the channel. It may be out of date.
	// +optional
	Status v1beta1.KafkaChannelStatus `json:"status,omitempty"`
}

var (
	_ apis.Validatable   = (*KafkaChannel)(nil)
	_ apis.Defaultable   = (*KafkaChannel)(nil)
	_ apis.Convertible   = (*KafkaChannel)(nil)
	_ apis.HasSpec       = (*KafkaChannel)(nil)
	_ runtime.Object     = (*KafkaChannel)(nil)
	_ duckv1.KRShaped    = (*KafkaChannel)(nil)
	_ kmeta.OwnerRefable = (*KafkaChannel)(nil)
)

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +kubebuilder:object:root=true

// KafkaChannelList is a list of KafkaChannel.
type KafkaChannelList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []KafkaChannel `json:"items"`
}

// GetGroupVersionKind implements kmeta.OwnerRefable.
func (*KafkaChannel) GetGroupVersionKind() schema.GroupVersionKind {
	return SchemeGroupVersion.WithKind(messaging.KafkaChannelKind)
}

// GetUntypedSpec implements apis.HasSpec.
func (c *KafkaChannel) GetUntypedSpec() any { return c.Spec }

// GetStatus implements duckv1.KRShaped.
func (c *KafkaChannel) GetStatus() *duckv1.Status { return &c.Status.Status }

// GetConditionSet implements duckv1.KRShaped.
func (*KafkaChannel) GetConditionSet() apis.ConditionSet {
	return (*v1beta1.KafkaChannel)(nil).GetConditionSet()
}
