package admission

import (
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	"knative.dev/pkg/webhook/resourcesemantics"
	"knative.dev/pkg/webhook/resourcesemantics/conversion"

	"knative.dev/eventing-kafka-go/control-plane/apis/eventing"
	eventingv1alpha1 "knative.dev/eventing-kafka-go/control-plane/apis/eventing/v1alpha1"
	"knative.dev/eventing-kafka-go/control-plane/apis/kafka"
	kafkav1alpha1 "knative.dev/eventing-kafka-go/control-plane/apis/kafka/v1alpha1"
	"knative.dev/eventing-kafka-go/control-plane/apis/messaging"
	messagingv1 "knative.dev/eventing-kafka-go/control-plane/apis/messaging/v1"
	messagingv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/messaging/v1beta1"
	"knative.dev/eventing-kafka-go/control-plane/apis/sources"
	sourcesv1 "knative.dev/eventing-kafka-go/control-plane/apis/sources/v1"
	sourcesv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/sources/v1beta1"
)

// brokerKind is the kind of core that is checked here too.
func brokerKind() schema.GroupVersionKind { return eventingv1.SchemeGroupVersion.WithKind("Broker") }

// own returns the kinds of this project.
func own() map[schema.GroupVersionKind]resourcesemantics.GenericCRD {
	return map[schema.GroupVersionKind]resourcesemantics.GenericCRD{
		messagingv1beta1.SchemeGroupVersion.WithKind(messaging.KafkaChannelKind): &messagingv1beta1.KafkaChannel{},
		messagingv1.SchemeGroupVersion.WithKind(messaging.KafkaChannelKind):      &messagingv1.KafkaChannel{},
		sourcesv1beta1.SchemeGroupVersion.WithKind(sources.KafkaSourceKind):      &sourcesv1beta1.KafkaSource{},
		sourcesv1.SchemeGroupVersion.WithKind(sources.KafkaSourceKind):           &sourcesv1.KafkaSource{},
		eventingv1alpha1.SchemeGroupVersion.WithKind(eventing.KafkaSinkKind):     &eventingv1alpha1.KafkaSink{},
		kafkav1alpha1.SchemeGroupVersion.WithKind(kafka.ResetOffsetKind):         &kafkav1alpha1.ResetOffset{},
	}
}

// validated returns the kinds that are validated.
func validated() map[schema.GroupVersionKind]resourcesemantics.GenericCRD {
	kinds := map[schema.GroupVersionKind]resourcesemantics.GenericCRD{brokerKind(): changes{&Broker{}}}
	for kind, object := range own() {
		kinds[kind] = changes{object}
	}
	return kinds
}

// converted returns the kinds with more than one version. All are stored as v1beta1.
func converted() map[schema.GroupKind]conversion.GroupKindConversion {
	return map[schema.GroupKind]conversion.GroupKindConversion{
		messagingv1.Kind(messaging.KafkaChannelKind): {
			DefinitionName: messaging.KafkaChannelsResource.String(),
			HubVersion:     messagingv1beta1.SchemeGroupVersion.Version,
			Zygotes: map[string]conversion.ConvertibleObject{
				messagingv1beta1.SchemeGroupVersion.Version: &messagingv1beta1.KafkaChannel{},
				messagingv1.SchemeGroupVersion.Version:      &messagingv1.KafkaChannel{},
			},
		},
		sourcesv1.Kind(sources.KafkaSourceKind): {
			DefinitionName: sources.KafkaSourcesResource.String(),
			HubVersion:     sourcesv1beta1.SchemeGroupVersion.Version,
			Zygotes: map[string]conversion.ConvertibleObject{
				sourcesv1beta1.SchemeGroupVersion.Version: &sourcesv1beta1.KafkaSource{},
				sourcesv1.SchemeGroupVersion.Version:      &sourcesv1.KafkaSource{},
			},
		},
	}
}

// changes is a kind that admission is asked about when an object is created or changed. Nothing is said against a
// deletion, which so works while no webhook runs.
type changes struct{ resourcesemantics.GenericCRD }

// SupportedVerbs implements resourcesemantics.VerbLimited.
func (changes) SupportedVerbs() []admissionregistrationv1.OperationType {
	return []admissionregistrationv1.OperationType{admissionregistrationv1.Create, admissionregistrationv1.Update}
}
