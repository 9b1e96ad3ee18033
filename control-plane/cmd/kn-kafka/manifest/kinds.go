package manifest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	coremessagingv1 "knative.dev/eventing/pkg/apis/messaging/v1"
	"knative.dev/pkg/apis"

	eventingv1alpha1 "knative.dev/eventing-kafka-go/control-plane/apis/eventing/v1alpha1"
	messagingv1 "knative.dev/eventing-kafka-go/control-plane/apis/messaging/v1"
	messagingv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/messaging/v1beta1"
	sourcesv1 "knative.dev/eventing-kafka-go/control-plane/apis/sources/v1"
	sourcesv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/sources/v1beta1"
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
			Hub: hubOf(func() Resource { return new(messagingv1beta1.KafkaChannel) }, "messaging.knative.dev/v1beta1", "KafkaChannel"),
		},
		{Group: "messaging.knative.dev", Kind: "Channel"}:      served("v1", func() Resource { return new(coremessagingv1.Channel) }),
		{Group: "messaging.knative.dev", Kind: "Subscription"}: served("v1", func() Resource { return new(coremessagingv1.Subscription) }),
		{Group: "eventing.knative.dev", Kind: "Broker"}:        served("v1", func() Resource { return new(eventingv1.Broker) }),
		{Group: "eventing.knative.dev", Kind: "Trigger"}:       served("v1", func() Resource { return new(eventingv1.Trigger) }),
		{Group: "eventing.knative.dev", Kind: "KafkaSink"}:     served("v1alpha1", func() Resource { return new(eventingv1alpha1.KafkaSink) }),
		{Group: "sources.knative.dev", Kind: "KafkaSource"}: {
			Versions: map[string]func() Resource{
				"v1beta1": func() Resource { return new(sourcesv1beta1.KafkaSource) },
				"v1":      func() Resource { return new(sourcesv1.KafkaSource) },
			},
			Hub: hubOf(func() Resource { return new(sourcesv1beta1.KafkaSource) }, "sources.knative.dev/v1beta1", "KafkaSource"),
		},
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

// hubOf makes an object one of the version that is stored.
func hubOf(empty func() Resource, apiVersion, kind string) func(Resource) (Resource, error) {
	return func(r Resource) (Resource, error) {
		if r.GetObjectKind().GroupVersionKind().GroupVersion().String() == apiVersion {
			return r, nil
		}
		from, isFrom := r.(apis.Convertible)
		hub := empty()
		to, isTo := hub.(apis.Convertible)
		if !isFrom || !isTo {
			return nil, fmt.Errorf("%T cannot be converted to %s", r, apiVersion)
		}
		// The conversions copy and use the context for nothing.
		if err := from.ConvertTo(context.Background(), to); err != nil {
			return nil, err
		}
		hub.GetObjectKind().SetGroupVersionKind(schema.FromAPIVersionAndKind(apiVersion, kind))
		return hub, nil
	}
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
