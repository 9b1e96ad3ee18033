package v1beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	eventingduck "knative.dev/eventing/pkg/apis/duck/v1"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
	"knative.dev/pkg/kmeta"

	"knative.dev/eventing-kafka-go/control-plane/apis/messaging"
)

// +genclient
// +genreconciler
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:storageversion
// +kubebuilder:resource:path=kafkachannels,singular=kafkachannel,scope=Namespaced,shortName=kc,categories={all,knative,messaging,channel}
// +kubebuilder:metadata:labels={"knative.dev/crd-install=true","messaging.knative.dev/subscribable=true","duck.knative.dev/addressable=true","app.kubernetes.io/version=devel"}
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
	Spec KafkaChannelSpec `json:"spec,omitempty"`

	// Status is the observed state of the channel. It may be out of date.
	// +optional
	Status KafkaChannelStatus `json:"status,omitempty"`
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

// KafkaChannelSpec is the desired state of a KafkaChannel.
type KafkaChannelSpec struct {
	// NumPartitions is the number of partitions of the topic. Immutable.
	// +optional
	// +kubebuilder:default=1
	NumPartitions int32 `json:"numPartitions"`

	// ReplicationFactor is the number of copies of every partition. Immutable.
	// +optional
	// +kubebuilder:default=1
	// +kubebuilder:validation:Maximum=32767
	ReplicationFactor int16 `json:"replicationFactor"`

	// RetentionDuration is how long the topic keeps an event, as an ISO-8601 duration such as PT168H. Immutable, but
	// for an object that has none.
	// More information on Duration format:
	//  - https://www.iso.org/iso-8601-date-and-time-format.html
	//  - https://en.wikipedia.org/wiki/ISO_8601
	// +optional
	RetentionDuration string `json:"retentionDuration,omitempty"`

	// ChannelableSpec holds subscribers, which Subscriptions write, and delivery, the default of all subscribers.
	eventingduck.ChannelableSpec `json:",inline"`
}

// KafkaChannelStatus is the observed state of a KafkaChannel.
type KafkaChannelStatus struct {
	eventingduck.ChannelableStatus `json:",inline"`
}

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
