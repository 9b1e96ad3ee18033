package entries

import (
	"fmt"

	"k8s.io/apimachinery/pkg/types"
	eventingduck "knative.dev/eventing/pkg/apis/duck/v1"

	"knative.dev/eventing-kafka-go/control-plane/apis/annotation"
	"knative.dev/eventing-kafka-go/control-plane/apis/messaging"
	messagingv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/messaging/v1beta1"
	"knative.dev/eventing-kafka-go/control-plane/credentials"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/translate"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// Channel returns the entry of a KafkaChannel with those of its subscribers, which are left out while their group has no
// start, and reported when something is wrong with them. The error is about the channel as a whole, a *[NotReadyError]
// when nothing is wrong.
func (b *Builder) Channel(channel *messagingv1beta1.KafkaChannel, f Flags) (*contract.Resource, []*translate.Error, error) {
	in, err := b.channelInput(channel, f)
	if err != nil {
		return nil, nil, err
	}
	return translate.KafkaChannel(in)
}

func (b *Builder) channelInput(channel *messagingv1beta1.KafkaChannel, f Flags) (translate.ChannelInput, error) {
	in := translate.ChannelInput{
		Channel: channel, Topic: channel.Status.Annotations[translate.TopicStatusAnnotation],
		ClusterDomain: b.ClusterDomain, DeadLetter: deadLetter(&channel.Status.DeliveryStatus),
		BackoffDelay:  b.DataPlanes[dataplane.Channel].BackoffDelay,
		Subscriptions: map[types.UID]translate.SubscriptionInput{}, Flags: f.translate(),
	}
	if in.Topic == "" {
		return in, notReady("the topic of KafkaChannel %s/%s is not ready", channel.Namespace, channel.Name)
	}
	settings, err := b.ChannelSettings(channel)
	if err != nil {
		return in, err
	}
	if in.Connection, err = credentials.Connection(b.Secret, settings.BootstrapServers, settings.SecretNamespace, settings.SecretName); err != nil {
		return in, err
	}
	in.Connection.ParkingTopic = channel.Status.Annotations[ParkingStatusAnnotation]
	if in.Ingress, err = b.ingress(&channel.ObjectMeta, messaging.GroupName, messaging.KafkaChannelKind, channel.Status.Policies, f.Core); err != nil {
		return in, err
	}
	return in, b.subscribers(&in)
}

// subscribers keeps the subscribers whose group has a start.
func (b *Builder) subscribers(in *translate.ChannelInput) error {
	partitions, err := Partitions(&in.Channel.Status.Status)
	if err != nil {
		return err
	}
	members, err := Members(&in.Channel.Status.Status)
	if err != nil {
		return err
	}
	channel := *in.Channel
	channel.Spec.Subscribers = nil
	for _, s := range in.Channel.Spec.Subscribers {
		count, ok := partitions[string(s.UID)]
		if !ok {
			continue
		}
		channel.Spec.Subscribers = append(channel.Spec.Subscribers, s)
		in.Subscriptions[s.UID] = b.subscription(in, s, count, members)
	}
	in.Channel = &channel
	return nil
}

func (b *Builder) subscription(
	in *translate.ChannelInput, s eventingduck.SubscriberSpec, partitions int32, members map[string]int32,
) translate.SubscriptionInput {
	id := translate.ChannelGroup(in.Channel.Namespace, in.Channel.Name, s.UID)
	known := translate.SubscriptionInput{Group: b.group(id, map[string]int32{in.Topic: partitions}, members, string(s.UID), s.UID)}
	if subscription := b.Subscription(in.Channel.Namespace, value(s.Name), s.UID); subscription != nil {
		known.Annotations, known.Namespace = subscription.Annotations, subscription.Namespace
	}
	return known
}

// ChannelConfig is the ConfigMap that says which Kafka a channel uses: the installation's, or the channel's own. An
// error says what is wrong with the annotation. Who may write a channel in one namespace must not get at the Secrets of
// another by it, so only the administrator's ConfigMaps may lead there.
func (b *Builder) ChannelConfig(channel *messagingv1beta1.KafkaChannel) (types.NamespacedName, error) {
	namespace, name, err := annotation.ChannelConfigOf(channel.Annotations)
	switch {
	case err != nil:
		return types.NamespacedName{}, err
	case name == "":
	case namespace != channel.Namespace && namespace != b.SystemNamespace:
		return types.NamespacedName{}, fmt.Errorf("%s: ConfigMap %s/%s is neither in the namespace of the channel nor in %s",
			annotation.ChannelConfig, namespace, name, b.SystemNamespace)
	default:
		return types.NamespacedName{Namespace: namespace, Name: name}, nil
	}
	return types.NamespacedName{Namespace: b.SystemNamespace, Name: b.ChannelConfigName}, nil
}

// ChannelSettings are what that ConfigMap says.
func (b *Builder) ChannelSettings(channel *messagingv1beta1.KafkaChannel) (translate.Settings, error) {
	name, err := b.ChannelConfig(channel)
	if err != nil {
		return translate.Settings{}, err
	}
	cm, err := b.configMap(name.Namespace, name.Name)
	if err != nil {
		return translate.Settings{}, err
	}
	s, err := translate.ChannelSettings(cm)
	if err == nil && s.SecretName != "" && name.Namespace != b.SystemNamespace && s.SecretNamespace != name.Namespace {
		err = fmt.Errorf("ConfigMap %s names a Secret of namespace %s, which only one in %s may", name, s.SecretNamespace, b.SystemNamespace)
	}
	return s, err
}
