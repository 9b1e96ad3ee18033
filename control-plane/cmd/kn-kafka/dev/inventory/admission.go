package inventory

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	eventingconfig "knative.dev/eventing/pkg/apis/config"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	"knative.dev/eventing/pkg/apis/feature"
	messagingconfig "knative.dev/eventing/pkg/apis/messaging/config"
	coremessagingv1 "knative.dev/eventing/pkg/apis/messaging/v1"
	"knative.dev/pkg/apis"

	"knative.dev/eventing-kafka-go/control-plane/apis/eventing"
	"knative.dev/eventing-kafka-go/control-plane/apis/messaging"
	messagingv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/messaging/v1beta1"
	sourcesv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/sources/v1beta1"
	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/manifest"
)

// SystemNamespace is where Knative Eventing is installed, and its ConfigMaps with it.
const SystemNamespace = "knative-eventing"

// System is a ConfigMap of the installation.
func System(name string) manifest.ID {
	return manifest.ID{Kind: "ConfigMap", Namespace: SystemNamespace, Name: name}
}

// admission puts into the context what the webhooks read from ConfigMaps of the installation: those of the set, else
// those that run.
func (i *Inventory) admission(ctx context.Context, set *manifest.Set) (context.Context, []manifest.Problem) {
	ctx = apis.WithUserInfo(ctx, &authenticationv1.UserInfo{Username: "kn-kafka"})
	var problems []manifest.Problem
	find := func(name string) *corev1.ConfigMap {
		object := i.Get(System(name))
		for _, o := range set.Objects {
			if o.ID == System(name) {
				object = o
			}
		}
		if object == nil {
			return nil
		}
		return object.Value.(*corev1.ConfigMap) //nolint:forcetypeassert // the kind says so
	}
	check := func(name string, err error) {
		if err == nil {
			return
		}
		for _, o := range set.Objects {
			if o.ID == System(name) {
				problems = append(problems, manifest.Problem{Location: o.Source.At("data"), Object: o.ID, Field: "data", Reason: err.Error()})
			}
		}
	}
	flags, err := feature.NewFlagsConfigFromMap(nil)
	if cm := find("config-features"); cm != nil {
		flags, err = feature.NewFlagsConfigFromConfigMap(cm)
	}
	check("config-features", err)
	ctx = feature.ToContext(ctx, flags)
	if cm := find(eventingconfig.DefaultsConfigName); cm != nil {
		defaults, err := eventingconfig.NewDefaultsConfigFromConfigMap(cm)
		check(cm.Name, err)
		ctx = eventingconfig.ToContext(ctx, &eventingconfig.Config{Defaults: defaults})
	}
	if cm := find(messagingconfig.ChannelDefaultsConfigName); cm != nil {
		defaults, err := messagingconfig.NewChannelDefaultsConfigFromConfigMap(cm)
		check(cm.Name, err)
		ctx = messagingconfig.ToContext(ctx, &messagingconfig.Config{ChannelDefaults: defaults})
	}
	return ctx, problems
}

const classField = eventing.BrokerClassAnnotation

// ours checks what the project's webhooks check beyond those of core.
func ours(o *manifest.Object) []manifest.Problem {
	switch value := o.Value.(type) {
	case *eventingv1.Broker:
		return o.Problems(eventing.ValidateBroker(value).Filter(apis.ErrorLevel))
	case *eventingv1.Trigger:
		return o.Problems(eventing.ValidateTrigger(value).Filter(apis.ErrorLevel))
	case *coremessagingv1.Subscription:
		return o.Problems(messaging.ValidateSubscription(value).Filter(apis.ErrorLevel))
	}
	return nil
}

// keepDefaults puts into an object the defaults that are made up, as they were made up before: a cluster keeps them in
// the object.
func keepDefaults(o, old *manifest.Object) {
	source, ok := o.Value.(*sourcesv1beta1.KafkaSource)
	if !ok || source.Spec.ConsumerGroup != "" {
		return
	}
	source.Spec.ConsumerGroup = sourcesv1beta1.ConsumerGroupPrefix + string(UID(o.ID))
	if old != nil {
		source.Spec.ConsumerGroup = old.Value.(*sourcesv1beta1.KafkaSource).Spec.ConsumerGroup //nolint:forcetypeassert // of the same kind
	}
}

// explain adds what to do about problems whose message does not say it.
func explain(o *manifest.Object, problems []manifest.Problem) []manifest.Problem {
	for n := range problems {
		if problems[n].Field == classField {
			problems[n].Field = "metadata.annotations"
			problems[n].Location = o.Source.At("metadata.annotations")
			problems[n].Reason = "the class is missing: add the annotation " + classField +
				": Kafka, or the ConfigMap " + SystemNamespace + "/" + eventingconfig.DefaultsConfigName + " that makes it the default"
		}
	}
	return problems
}

// derived returns the KafkaChannel that core makes for a Channel that runs.
func (i *Inventory) derived(id manifest.ID) ([]*manifest.Object, []manifest.Problem) {
	object := i.Get(id)
	if object == nil || id.Kind != "Channel" {
		return nil, nil
	}
	channel := object.Value.(*coremessagingv1.Channel) //nolint:forcetypeassert // the kind says so
	template := channel.Spec.ChannelTemplate
	made := manifest.ID{Group: id.Group, Kind: "KafkaChannel", Namespace: id.Namespace, Name: id.Name}
	fail := func(field, format string, args ...any) ([]*manifest.Object, []manifest.Problem) {
		return nil, []manifest.Problem{{Location: object.Source.At(field), Object: id, Field: field, Reason: fmt.Sprintf(format, args...)}}
	}
	switch {
	case template == nil:
		return fail("spec.channelTemplate", "is missing: only a Channel made of a KafkaChannel can be run")
	case template.Kind != made.Kind:
		return fail("spec.channelTemplate.kind", "%s is not run here, only KafkaChannel", template.Kind)
	}
	value := &messagingv1beta1.KafkaChannel{
		TypeMeta:   metav1.TypeMeta{APIVersion: "messaging.knative.dev/v1beta1", Kind: made.Kind},
		ObjectMeta: metav1.ObjectMeta{Namespace: id.Namespace, Name: id.Name},
	}
	if template.Spec != nil {
		decoder := json.NewDecoder(bytes.NewReader(template.Spec.Raw))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&value.Spec); err != nil {
			return fail("spec.channelTemplate.spec", "%v", err)
		}
	}
	if channel.Spec.Delivery != nil {
		value.Spec.Delivery = channel.Spec.Delivery.DeepCopy()
	}
	return []*manifest.Object{{ID: made, Source: object.Source.Below("spec.channelTemplate"), Value: value}}, nil
}
