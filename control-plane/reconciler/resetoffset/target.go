package resetoffset

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"
	eventingduck "knative.dev/eventing/pkg/apis/duck/v1"
	messagingv1 "knative.dev/eventing/pkg/apis/messaging/v1"
	eventinglisters "knative.dev/eventing/pkg/client/listers/eventing/v1"
	messaginglisters "knative.dev/eventing/pkg/client/listers/messaging/v1"

	"knative.dev/eventing-kafka-go/control-plane/apis/eventing"
	kafkav1alpha1 "knative.dev/eventing-kafka-go/control-plane/apis/kafka/v1alpha1"
	"knative.dev/eventing-kafka-go/control-plane/apis/messaging"
	messagingv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/messaging/v1beta1"
	channellisters "knative.dev/eventing-kafka-go/control-plane/client/listers/messaging/v1beta1"
	sourcelisters "knative.dev/eventing-kafka-go/control-plane/client/listers/sources/v1beta1"
	"knative.dev/eventing-kafka-go/control-plane/credentials"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/entries"
	"knative.dev/eventing-kafka-go/control-plane/translate"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// references are where references lead.
type references struct {
	brokers       eventinglisters.BrokerLister
	triggers      eventinglisters.TriggerLister
	subscriptions messaginglisters.SubscriptionLister
	channels      channellisters.KafkaChannelLister
	sources       sourcelisters.KafkaSourceLister
}

// target is the consumer group that a reference leads to.
type target struct {
	uid    types.UID // of the egress
	plane  dataplane.DataPlane
	group  string
	topics []string
	// connection is how to reach its Kafka.
	connection func() (translate.Connection, error)
	// entry is what the contract should hold, an *entries.NotReadyError when nothing yet.
	entry func(entries.Flags) (*contract.Resource, *contract.Egress, error)
}

// ref is a reference, comparable.
type ref struct{ kind, namespace, name string }

func refOf(o *kafkav1alpha1.ResetOffset) ref {
	r := o.Spec.Ref
	return ref{r.Kind, cmp.Or(r.Namespace, o.Namespace), r.Name}
}

// resolve follows the reference and records where it leads. Another object than before is another task.
func (x *run) resolve() error {
	r := refOf(x.o)
	var err error
	switch r.kind {
	case "Trigger":
		x.target, err = x.trigger(r)
	case "Subscription":
		x.target, err = x.subscription(r)
	case "KafkaSource":
		x.target, err = x.source(r)
	default:
		err = fmt.Errorf("spec.ref.kind: %s is none of Subscription, Trigger, KafkaSource", r.kind)
	}
	if err != nil {
		return err
	}
	if x.status.Annotations == nil {
		x.status.Annotations = map[string]string{}
	}
	if recorded := x.status.Annotations[TargetStatusAnnotation]; recorded != "" && recorded != string(x.target.uid) {
		x.status.Partitions, x.status.Conditions = nil, nil
		x.status.InitializeConditions()
	}
	x.status.Annotations[TargetStatusAnnotation] = string(x.target.uid)
	x.status.Group, x.status.Topic = x.target.group, strings.Join(x.target.topics, ",")
	return nil
}

func (x *run) trigger(r ref) (t target, err error) {
	trigger, err := x.refs.triggers.Triggers(r.namespace).Get(r.name)
	if err != nil {
		return t, fmt.Errorf("get Trigger %s/%s: %w", r.namespace, r.name, err)
	}
	broker, err := x.refs.brokers.Brokers(r.namespace).Get(trigger.Spec.Broker)
	if err != nil {
		return t, fmt.Errorf("get Broker %s/%s: %w", r.namespace, trigger.Spec.Broker, err)
	}
	t = target{uid: trigger.UID, group: trigger.Status.Annotations[translate.GroupStatusAnnotation], plane: x.in.DataPlanes[dataplane.Broker]}
	switch class := broker.Annotations[eventing.BrokerClassAnnotation]; class {
	case eventing.KafkaBrokerClass:
	case eventing.NamespacedKafkaBrokerClass:
		t.plane = t.plane.In(r.namespace)
	default:
		return t, fmt.Errorf("the Broker %s of Trigger %s/%s is of class %q, which has no consumer groups", broker.Name, r.namespace, r.name, class)
	}
	topic := broker.Status.Annotations[translate.TopicStatusAnnotation]
	if t.group == "" || topic == "" {
		return t, fmt.Errorf("the consumer group of Trigger %s/%s is not ready", r.namespace, r.name)
	}
	t.topics = []string{topic}
	t.connection = x.settings(func() (translate.Settings, error) { return x.in.Entries.BrokerSettings(broker) })
	t.entry = func(f entries.Flags) (*contract.Resource, *contract.Egress, error) {
		return x.in.Entries.Trigger(broker, trigger, f)
	}
	return t, nil
}

func (x *run) subscription(r ref) (t target, err error) {
	s, err := x.refs.subscriptions.Subscriptions(r.namespace).Get(r.name)
	if err != nil {
		return t, fmt.Errorf("get Subscription %s/%s: %w", r.namespace, r.name, err)
	}
	channel, err := x.channel(s)
	if err != nil {
		return t, err
	}
	topic := channel.Status.Annotations[translate.TopicStatusAnnotation]
	known := slices.ContainsFunc(channel.Spec.Subscribers, func(spec eventingduck.SubscriberSpec) bool { return spec.UID == s.UID })
	if topic == "" || !known {
		return t, fmt.Errorf("the consumer group of Subscription %s/%s is not ready", r.namespace, r.name)
	}
	return target{
		uid: s.UID, plane: x.in.DataPlanes[dataplane.Channel], topics: []string{topic},
		group:      translate.ChannelGroup(channel.Namespace, channel.Name, s.UID),
		connection: x.settings(func() (translate.Settings, error) { return x.in.Entries.ChannelSettings(channel) }),
		entry: func(f entries.Flags) (*contract.Resource, *contract.Egress, error) {
			return x.subscriber(channel, s.UID, f)
		},
	}, nil
}

// channel is the KafkaChannel of a Subscription, which may name a Channel that has one under the same name.
func (x *run) channel(s *messagingv1.Subscription) (*messagingv1beta1.KafkaChannel, error) {
	r := s.Spec.Channel
	if !strings.HasPrefix(r.APIVersion, messaging.GroupName+"/") || r.Kind != messaging.KafkaChannelKind && r.Kind != "Channel" {
		return nil, fmt.Errorf("the channel of Subscription %s/%s is of kind %s (%s), which has no consumer groups", s.Namespace, s.Name, r.Kind, r.APIVersion)
	}
	namespace := cmp.Or(r.Namespace, s.Namespace)
	c, err := x.refs.channels.KafkaChannels(namespace).Get(r.Name)
	if err != nil {
		return nil, fmt.Errorf("get KafkaChannel %s/%s: %w", namespace, r.Name, err)
	}
	return c, nil
}

func (x *run) subscriber(c *messagingv1beta1.KafkaChannel, uid types.UID, f entries.Flags) (*contract.Resource, *contract.Egress, error) {
	resource, problems, err := x.in.Entries.Channel(c, f)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range resource.GetEgresses() {
		if e.GetUid() == string(uid) {
			return resource, e, nil
		}
	}
	for _, p := range problems {
		if p.Object.GetUuid() == string(uid) {
			return nil, nil, p
		}
	}
	return nil, nil, &entries.NotReadyError{Reason: "the consumer group of the subscriber is not ready"}
}

func (x *run) source(r ref) (t target, err error) {
	source, err := x.refs.sources.KafkaSources(r.namespace).Get(r.name)
	if err != nil {
		return t, fmt.Errorf("get KafkaSource %s/%s: %w", r.namespace, r.name, err)
	}
	if source.Spec.ConsumerGroup == "" || len(source.Spec.Topics) == 0 {
		return t, fmt.Errorf("KafkaSource %s/%s names no consumer group or no topic", r.namespace, r.name)
	}
	return target{
		uid: source.UID, plane: x.in.DataPlanes[dataplane.Source], group: source.Spec.ConsumerGroup, topics: source.Spec.Topics,
		connection: func() (translate.Connection, error) { return x.in.Entries.SourceConnection(source) },
		entry: func(f entries.Flags) (*contract.Resource, *contract.Egress, error) {
			resource, err := x.in.Entries.Source(source, f)
			if err != nil {
				return nil, nil, err
			}
			if len(resource.GetEgresses()) != 1 {
				return nil, nil, errors.New("the entry of the KafkaSource has no egress")
			}
			return resource, resource.GetEgresses()[0], nil
		},
	}, nil
}

// settings is a connection by what a ConfigMap says.
func (x *run) settings(of func() (translate.Settings, error)) func() (translate.Connection, error) {
	return func() (translate.Connection, error) {
		s, err := of()
		if err != nil {
			return translate.Connection{}, err
		}
		return credentials.Connection(x.in.Secret, s.BootstrapServers, s.SecretNamespace, s.SecretName)
	}
}
