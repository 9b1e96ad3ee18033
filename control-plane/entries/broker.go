package entries

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/types"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	duckv1 "knative.dev/pkg/apis/duck/v1"

	"knative.dev/eventing-kafka-go/control-plane/apis/eventing"
	"knative.dev/eventing-kafka-go/control-plane/credentials"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/translate"
	"knative.dev/eventing-kafka-go/data-plane/kafka"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// Broker returns the entry of a Broker with those of its Triggers, which are left out while their reconciler has not
// come far enough, and reported when something is wrong with them. The error is about the Broker as a whole, a
// *[NotReadyError] when nothing is wrong.
func (b *Builder) Broker(broker *eventingv1.Broker, triggers []*eventingv1.Trigger, f Flags) (*contract.Resource, []*translate.Error, error) {
	return b.BrokerAgain(&translate.Memo{}, broker, triggers, f)
}

// BrokerAgain is Broker with what a Memo knows of the last time.
func (b *Builder) BrokerAgain(
	memo *translate.Memo, broker *eventingv1.Broker, triggers []*eventingv1.Trigger, f Flags,
) (*contract.Resource, []*translate.Error, error) {
	in, err := b.brokerInput(broker, f)
	if err != nil {
		return nil, nil, err
	}
	var errs []*translate.Error
	for _, t := range triggers {
		input, err := b.triggerInput(t)
		switch {
		case isNotReady(err):
		case err != nil:
			errs = append(errs, translate.AboutTrigger(t, err))
		default:
			in.Triggers = append(in.Triggers, input)
		}
	}
	r, more, err := memo.Broker(in)
	return r, append(errs, more...), err
}

// Trigger returns the egress of a Trigger, and the entry of its Broker with no other: what its hash is made of.
func (b *Builder) Trigger(broker *eventingv1.Broker, t *eventingv1.Trigger, f Flags) (*contract.Resource, *contract.Egress, error) {
	if _, err := b.triggerInput(t); err != nil {
		return nil, nil, err
	}
	r, errs, err := b.Broker(broker, []*eventingv1.Trigger{t}, f)
	if err == nil && len(errs) > 0 {
		err = errs[0]
	}
	if err != nil {
		return nil, nil, err
	}
	return r, r.GetEgresses()[0], nil
}

func isNotReady(err error) bool {
	var e *NotReadyError
	return errors.As(err, &e)
}

func (b *Builder) brokerInput(broker *eventingv1.Broker, f Flags) (translate.BrokerInput, error) {
	in := translate.BrokerInput{
		Broker: broker, Topic: broker.Status.Annotations[translate.TopicStatusAnnotation],
		DeadLetter: deadLetter(&broker.Status.DeliveryStatus), BackoffDelay: b.DataPlanes[dataplane.Broker].BackoffDelay,
		MergeDelivery: b.MergeDelivery, Flags: f.translate(),
	}
	if in.Topic == "" {
		return in, notReady("the topic of Broker %s/%s is not ready", broker.Namespace, broker.Name)
	}
	settings, err := b.BrokerSettings(broker)
	if err != nil {
		return in, err
	}
	if in.Connection, err = credentials.Connection(b.Secret, settings.BootstrapServers, settings.SecretNamespace, settings.SecretName); err != nil {
		return in, err
	}
	in.Connection.ParkingTopic = broker.Status.Annotations[ParkingStatusAnnotation]
	in.Ingress, err = b.ingress(&broker.ObjectMeta, "eventing.knative.dev", "Broker", broker.Status.Policies, f.Core)
	return in, err
}

// BrokerConfig is the ConfigMap that a Broker refers to. An error says what is wrong with the reference.
func (b *Builder) BrokerConfig(broker *eventingv1.Broker) (types.NamespacedName, error) {
	ref := broker.Spec.Config
	if ref == nil || ref.Name == "" {
		return types.NamespacedName{}, errors.New("spec.config names no ConfigMap")
	}
	if eventing.IsNamespaced(broker) && ref.Namespace != "" && ref.Namespace != broker.Namespace { // BR-16
		return types.NamespacedName{}, fmt.Errorf("spec.config.namespace %q: a Broker of class %s has its ConfigMap in its own namespace, %s",
			ref.Namespace, eventing.NamespacedKafkaBrokerClass, broker.Namespace)
	}
	return types.NamespacedName{Namespace: cmp.Or(ref.Namespace, broker.Namespace), Name: ref.Name}, nil
}

// BrokerSettings are what the ConfigMap of a Broker says, and what is recorded in the Broker's status when that is gone
// (BR-09).
func (b *Builder) BrokerSettings(broker *eventingv1.Broker) (translate.Settings, error) {
	name, err := b.BrokerConfig(broker)
	if err != nil {
		return translate.Settings{}, err
	}
	cm, err := b.configMap(name.Namespace, name.Name)
	if err != nil {
		if recorded, ok := recordedSettings(broker, name.Namespace); ok {
			return recorded, nil
		}
		return translate.Settings{}, err
	}
	return translate.BrokerSettings(cm)
}

// recordedSettings reads what RecordSettings has written.
func recordedSettings(broker *eventingv1.Broker, namespace string) (s translate.Settings, ok bool) {
	recorded := broker.Status.Annotations
	s.BootstrapServers = kafka.ParseServers(recorded[translate.ServersKey])
	if s.SecretName = recorded[translate.SecretNameKey]; s.SecretName != "" {
		s.SecretNamespace = namespace
	}
	partitions, _ := strconv.ParseInt(recorded[translate.PartitionsKey], 10, 32) // a topic that exists needs no number
	replicas, _ := strconv.ParseInt(recorded[translate.ReplicationFactorKey], 10, 16)
	s.Topic = translate.Topic{Partitions: int32(partitions), ReplicationFactor: int16(replicas)}
	for key, value := range recorded {
		if name, found := strings.CutPrefix(key, translate.TopicConfigPrefix); found {
			if s.Topic.Config == nil {
				s.Topic.Config = map[string]string{}
			}
			s.Topic.Config[name] = value
		}
	}
	return s, len(s.BootstrapServers) > 0
}

// RecordSettings writes into a Broker's status what its topic and its Triggers need when the ConfigMap is gone (BR-08,
// BR-10).
func RecordSettings(broker *eventingv1.Broker, s translate.Settings) {
	status := &broker.Status.Status
	for key := range status.Annotations {
		if _, found := strings.CutPrefix(key, translate.TopicConfigPrefix); found {
			delete(status.Annotations, key)
		}
	}
	annotate(status, translate.ServersKey, strings.Join(s.BootstrapServers, ","))
	annotate(status, translate.PartitionsKey, fmt.Sprint(s.Topic.Partitions))
	annotate(status, translate.ReplicationFactorKey, fmt.Sprint(s.Topic.ReplicationFactor))
	delete(status.Annotations, translate.SecretNameKey)
	if s.SecretName != "" {
		annotate(status, translate.SecretNameKey, s.SecretName)
	}
	for name, value := range s.Topic.Config {
		annotate(status, translate.TopicConfigPrefix+name, value)
	}
}

// secretNamespaceKey stands beside translate.SecretNameKey where the namespace does not follow from the object.
const secretNamespaceKey = "auth.secret.ref.namespace"

// RecordCluster writes into a Trigger's status where the Kafka of its consumer group is: a Broker may be gone before its
// Triggers are, as when their namespace is deleted.
func RecordCluster(status *duckv1.Status, s translate.Settings) {
	annotate(status, translate.ServersKey, strings.Join(s.BootstrapServers, ","))
	delete(status.Annotations, translate.SecretNameKey)
	delete(status.Annotations, secretNamespaceKey)
	if s.SecretName != "" {
		annotate(status, translate.SecretNameKey, s.SecretName)
		annotate(status, secretNamespaceKey, s.SecretNamespace)
	}
}

// RecordedCluster reads what RecordCluster has written: servers and Secret alone. Without servers nothing was.
func RecordedCluster(status *duckv1.Status) translate.Settings {
	return translate.Settings{
		BootstrapServers: kafka.ParseServers(status.Annotations[translate.ServersKey]),
		SecretName:       status.Annotations[translate.SecretNameKey], SecretNamespace: status.Annotations[secretNamespaceKey],
	}
}

func (b *Builder) triggerInput(t *eventingv1.Trigger) (translate.TriggerInput, error) {
	in := translate.TriggerInput{Trigger: t}
	partitions, err := Partitions(&t.Status.Status)
	if err != nil {
		return in, err
	}
	members, err := Members(&t.Status.Status)
	if err != nil {
		return in, err
	}
	group := t.Status.Annotations[translate.GroupStatusAnnotation]
	switch {
	case t.Status.SubscriberURI == nil:
		return in, notReady("the subscriber of Trigger %s/%s is not resolved", t.Namespace, t.Name)
	case group == "" || len(partitions) == 0:
		return in, notReady("the consumer group of Trigger %s/%s is not ready", t.Namespace, t.Name)
	}
	in.Subscriber = translate.Target{
		URI: t.Status.SubscriberURI.String(), CACerts: value(t.Status.SubscriberCACerts), Audience: value(t.Status.SubscriberAudience),
	}
	if t.Spec.Delivery != nil && t.Spec.Delivery.DeadLetterSink != nil {
		in.DeadLetter = deadLetter(&t.Status.DeliveryStatus)
	}
	in.Group = b.group(group, partitions, members, "", t.UID)
	if t.Status.Auth != nil {
		in.Group.ServiceAccount = value(t.Status.Auth.ServiceAccountName)
	}
	return in, nil
}
