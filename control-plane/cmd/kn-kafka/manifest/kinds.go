package manifest

import (
	"context"
	"encoding/json"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	coremessagingv1 "knative.dev/eventing/pkg/apis/messaging/v1"

	messagingv1 "knative.dev/eventing-kafka-go/control-plane/apis/messaging/v1"
	messagingv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/messaging/v1beta1"
)

// Resource is a typed Kubernetes object.
type Resource interface {
	metav1.Object
	runtime.Object
}

// Kind is a kind of objects that can be read.
type Kind struct {
	// Cluster says that its objects are in no namespace.
	Cluster bool
	// Versions are the API versions served, each with what makes an empty object of it.
	Versions map[string]func() Resource
	// Hub turns an object of any version into the one that the rest of the program works with. Default: it is that.
	Hub func(Resource) (Resource, error)
	// Refused, when not empty, is why objects of the kind are refused as they stand.
	Refused string
}

// Kinds are what can be read. Objects of other kinds are skipped: a folder of manifests usually also holds Deployments
// and Services, which only a cluster can run.
type Kinds map[schema.GroupKind]Kind

// elsewhere are the kinds of Knative Eventing that only a cluster can run. Any other unknown kind of its groups is a
// typing error.
var elsewhere = []string{
	"ApiServerSource", "ContainerSource", "EventPolicy", "EventTransform", "EventType", "InMemoryChannel",
	"IntegrationSink", "IntegrationSource", "JobSink", "PingSource", "RequestReply", "ResetOffset", "SinkBinding",
}

// mistyped tells whether a kind does not exist in a group that is known.
func (k Kinds) mistyped(id ID) bool {
	if id.Group == "" || slices.Contains(elsewhere, id.Kind) {
		return false
	}
	for known := range k {
		if known.Group == id.Group {
			return true
		}
	}
	return false
}

// Supported returns the kinds that this version runs or needs.
func Supported() Kinds {
	return Kinds{
		{Group: "messaging.knative.dev", Kind: "KafkaChannel"}: {
			Versions: map[string]func() Resource{
				"v1beta1": func() Resource { return new(messagingv1beta1.KafkaChannel) },
				"v1":      func() Resource { return new(messagingv1.KafkaChannel) },
			},
			Hub: hubChannel,
		},
		{Group: "messaging.knative.dev", Kind: "Channel"}:      served("v1", func() Resource { return new(coremessagingv1.Channel) }),
		{Group: "messaging.knative.dev", Kind: "Subscription"}: served("v1", func() Resource { return new(coremessagingv1.Subscription) }),
		{Group: "eventing.knative.dev", Kind: "Broker"}:        served("v1", func() Resource { return new(eventingv1.Broker) }),
		{Group: "eventing.knative.dev", Kind: "Trigger"}:       served("v1", func() Resource { return new(eventingv1.Trigger) }),
		{Group: "eventing.knative.dev", Kind: "KafkaSink"}:     {Refused: "KafkaSink is not run by this version"},
		{Group: "sources.knative.dev", Kind: "KafkaSource"}:    {Refused: "KafkaSource is not run by this version"},
		{Kind: "ConfigMap"}: served("v1", func() Resource { return new(corev1.ConfigMap) }),
		{Kind: "Secret"}:    served("v1", func() Resource { return new(corev1.Secret) }),
		{Kind: "Namespace"}: {
			Cluster:  true,
			Versions: map[string]func() Resource{"v1": func() Resource { return new(corev1.Namespace) }},
		},
	}
}

func served(version string, empty func() Resource) Kind {
	return Kind{Versions: map[string]func() Resource{version: empty}}
}

// hubChannel makes a KafkaChannel one of the version that is stored.
func hubChannel(r Resource) (Resource, error) {
	channel, ok := r.(*messagingv1.KafkaChannel)
	if !ok {
		return r, nil
	}
	hub := new(messagingv1beta1.KafkaChannel)
	// The conversion copies and uses the context for nothing.
	err := channel.ConvertTo(context.Background(), hub)
	hub.TypeMeta = metav1.TypeMeta{APIVersion: "messaging.knative.dev/v1beta1", Kind: "KafkaChannel"}
	return hub, err
}

// New returns an empty object of the kind and version that a JSON document has, or nil when there is none.
func (k Kinds) New(data []byte) Resource {
	var h header
	if json.Unmarshal(data, &h) != nil {
		return nil
	}
	version, err := schema.ParseGroupVersion(h.APIVersion)
	if err != nil {
		return nil
	}
	empty := k[schema.GroupKind{Group: version.Group, Kind: h.Kind}].Versions[version.Version]
	if empty == nil {
		return nil
	}
	return empty()
}
