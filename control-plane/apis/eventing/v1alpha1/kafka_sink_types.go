package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	eventingduck "knative.dev/eventing/pkg/apis/duck/v1"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
	"knative.dev/pkg/kmeta"

	"knative.dev/eventing-kafka-go/control-plane/apis/eventing"
)

// +genclient
// +genreconciler
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=kafkasinks,singular=kafkasink,scope=Namespaced,categories={all,knative,eventing}
// +kubebuilder:metadata:labels={"knative.dev/crd-install=true","duck.knative.dev/addressable=true","app.kubernetes.io/version=devel"}
// +kubebuilder:printcolumn:name="URL",type=string,JSONPath=`.status.address.url`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`

// KafkaSink is an address whose events are written to a Kafka topic, for whoever reads that topic.
type KafkaSink struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is the desired state of the sink.
	Spec KafkaSinkSpec `json:"spec,omitempty"`

	// Status is the observed state of the sink. It may be out of date.
	// +optional
	Status KafkaSinkStatus `json:"status,omitempty"`
}

var (
	_ apis.Validatable   = (*KafkaSink)(nil)
	_ apis.Defaultable   = (*KafkaSink)(nil)
	_ apis.HasSpec       = (*KafkaSink)(nil)
	_ runtime.Object     = (*KafkaSink)(nil)
	_ duckv1.KRShaped    = (*KafkaSink)(nil)
	_ kmeta.OwnerRefable = (*KafkaSink)(nil)
)

// KafkaSinkSpec is the desired state of a KafkaSink.
type KafkaSinkSpec struct {
	// Topic is the name of the topic. Immutable.
	Topic string `json:"topic"`

	// NumPartitions is the number of partitions of the topic. The topic is created when ReplicationFactor is set too,
	// else it must exist. Immutable.
	// +optional
	NumPartitions *int32 `json:"numPartitions,omitempty"`

	// ReplicationFactor is the number of copies of every partition. The topic is created when NumPartitions is set too,
	// else it must exist. Immutable.
	// +optional
	// +kubebuilder:validation:Maximum=32767
	ReplicationFactor *int16 `json:"replicationFactor,omitempty"`

	// BootstrapServers are addresses of Kafka brokers, HOST:PORT.
	BootstrapServers []string `json:"bootstrapServers"`

	// ContentMode is the form of the records: binary (attributes in headers) or structured (the event as JSON).
	// +optional
	// +kubebuilder:default=binary
	// +kubebuilder:validation:Enum=binary;structured
	ContentMode *string `json:"contentMode,omitempty"`

	// Auth is how to authenticate at Kafka.
	// +optional
	Auth *Auth `json:"auth,omitempty"`
}

// Auth is how to authenticate at Kafka.
type Auth struct {
	// Secret holds the credentials.
	// +optional
	Secret *Secret `json:"secret,omitempty"`
}

// Secret holds the credentials.
type Secret struct {
	// Ref names the Secret.
	// +optional
	Ref *SecretReference `json:"ref,omitempty"`
}

// SecretReference names a Secret in the namespace of the KafkaSink.
type SecretReference struct {
	// Name is the name of the Secret.
	// +optional
	Name string `json:"name,omitempty"`
}

// KafkaSinkStatus is the observed state of a KafkaSink.
type KafkaSinkStatus struct {
	duckv1.Status        `json:",inline"`
	duckv1.AddressStatus `json:",inline"`
	// +optional
	eventingduck.AppliedEventPoliciesStatus `json:",inline"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +kubebuilder:object:root=true

// KafkaSinkList is a list of KafkaSink.
type KafkaSinkList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []KafkaSink `json:"items"`
}

// GetGroupVersionKind implements kmeta.OwnerRefable.
func (*KafkaSink) GetGroupVersionKind() schema.GroupVersionKind {
	return SchemeGroupVersion.WithKind(eventing.KafkaSinkKind)
}

// GetUntypedSpec implements apis.HasSpec.
func (s *KafkaSink) GetUntypedSpec() any { return s.Spec }

// GetStatus implements duckv1.KRShaped.
func (s *KafkaSink) GetStatus() *duckv1.Status { return &s.Status.Status }

// SecretName is the Secret to authenticate with, "" for none.
func (s *KafkaSinkSpec) SecretName() string {
	if s.Auth == nil || s.Auth.Secret == nil || s.Auth.Secret.Ref == nil {
		return ""
	}
	return s.Auth.Secret.Ref.Name
}

// CreatesTopic is true when the topic is created, false when it must exist.
func (s *KafkaSinkSpec) CreatesTopic() bool {
	return s.NumPartitions != nil && s.ReplicationFactor != nil
}
