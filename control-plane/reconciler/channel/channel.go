// Package channel reconciles KafkaChannels: topic, Service, address, and a consumer group for each subscriber.
//
// It writes into the status of the channel what the contract is made from, and never the contract itself. What is wrong
// with a subscriber does not keep events from entering (CH-29), and nothing that works is taken away because something is
// wrong now. A Reconciler keeps no state of its own and may be used by any goroutine.
package channel

import (
	"context"
	"errors"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	corev1listers "k8s.io/client-go/listers/core/v1"
	eventinglisters "knative.dev/eventing/pkg/client/listers/eventing/v1alpha1"
	"knative.dev/pkg/apis"
	"knative.dev/pkg/reconciler"
	"knative.dev/pkg/resolver"

	"knative.dev/eventing-kafka-go/control-plane/address"
	"knative.dev/eventing-kafka-go/control-plane/apis/conditions"
	"knative.dev/eventing-kafka-go/control-plane/apis/messaging"
	messagingv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/messaging/v1beta1"
	channelreconciler "knative.dev/eventing-kafka-go/control-plane/client/injection/reconciler/messaging/v1beta1/kafkachannel"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/entries"
	"knative.dev/eventing-kafka-go/control-plane/features"
	"knative.dev/eventing-kafka-go/control-plane/following"
	"knative.dev/eventing-kafka-go/control-plane/installation"
	"knative.dev/eventing-kafka-go/control-plane/kafkaadmin"
	"knative.dev/eventing-kafka-go/control-plane/parking"
	"knative.dev/eventing-kafka-go/control-plane/policies"
	"knative.dev/eventing-kafka-go/control-plane/rollout"
	"knative.dev/eventing-kafka-go/control-plane/topics"
	"knative.dev/eventing-kafka-go/control-plane/translate"
	"knative.dev/eventing-kafka-go/proto/contract"
)

const (
	// growth is how often it is looked whether a topic has more partitions.
	growth = 5 * time.Minute
	// release is how often it is looked whether pods have let a removed subscriber go.
	release = 5 * time.Second
)

// Reconciler brings KafkaChannels to what they say.
type Reconciler struct {
	in        *installation.Installation
	kube      kubernetes.Interface
	services  corev1listers.ServiceLister
	policies  eventinglisters.EventPolicyLister
	owners    topics.Owners
	resolver  *resolver.URIResolver
	following *following.Index
	// later has a channel reconciled again.
	later func(id types.NamespacedName, after time.Duration)
	now   func() time.Time
}

var (
	_ channelreconciler.Interface = (*Reconciler)(nil)
	_ channelreconciler.Finalizer = (*Reconciler)(nil)
)

// run is one reconcile of one channel.
type run struct {
	*Reconciler
	channel *messagingv1beta1.KafkaChannel
	m       apis.ConditionManager
	flags   entries.Flags
	plane   dataplane.DataPlane
}

func (r *Reconciler) run(ctx context.Context, c *messagingv1beta1.KafkaChannel) *run {
	return &run{r, c, c.Status.ConditionManager(), entries.FlagsOf(ctx), r.in.DataPlanes[dataplane.Channel]}
}

// ReconcileKind implements channelreconciler.Interface.
func (r *Reconciler) ReconcileKind(ctx context.Context, c *messagingv1beta1.KafkaChannel) reconciler.Event {
	c.Status.InitializeConditions()
	x := r.run(ctx, c)
	admin, servers, err := x.connect()
	if err != nil {
		return x.stop(err)
	}
	topic, err := x.topic(ctx, admin, servers)
	if err != nil {
		return x.stop(err)
	}
	if err := x.service(ctx, false); err != nil {
		return x.stop(err)
	}
	if err := x.applyPolicies(); err != nil {
		return x.stop(err)
	}
	parking.Ensure(ctx, admin, r.in.ParkingTopic, c.Spec.ReplicationFactor, &c.Status.Status, r.in.Log)
	deadLetterErr := x.deadLetter(ctx)
	groups := x.groups(ctx, admin, topic)
	resource, problems, err := r.in.Entries.Channel(c, x.flags)
	if err != nil {
		x.m.MarkFalse(conditions.ConfigMapUpdated, "EntryInvalid", "%v", err)
		return x.stop(err)
	}
	addressErr := x.ingress(ctx, resource)
	x.subscribers(resource, problems, groups, deadLetterErr)
	r.later(x.id(), growth)
	return errors.Join(addressErr, deadLetterErr, groups.err())
}

func (x *run) id() types.NamespacedName {
	return types.NamespacedName{Namespace: x.channel.Namespace, Name: x.channel.Name}
}

func (x *run) who() rollout.Object {
	return rollout.Object{Kind: messaging.KafkaChannelKind, NamespacedName: x.id()}
}

// connect finds out which Kafka the channel uses.
func (x *run) connect() (*kafkaadmin.Admin, []string, error) {
	name, err := x.in.Entries.ChannelConfig(x.channel)
	if err != nil {
		conditions.MarkConfigInvalid(x.m, err)
		return nil, nil, err
	}
	x.following.Follow(x.id(), following.ConfigMap, name.Namespace, name.Name)
	settings, err := x.in.Entries.ChannelSettings(x.channel)
	if err != nil {
		conditions.MarkConfigInvalid(x.m, err)
		return nil, nil, err
	}
	x.following.Follow(x.id(), following.Secret, settings.SecretNamespace, settings.SecretName)
	admin, err := x.in.Connect(x.m, settings.BootstrapServers, settings.SecretNamespace, settings.SecretName)
	return admin, settings.BootstrapServers, err
}

// usable is a topic that the channel uses.
type usable struct {
	name string
	kafkaadmin.TopicResult
	// moved: the channel used other servers until now, perhaps another cluster with the same topic.
	moved bool
}

func (x *run) topic(ctx context.Context, admin *kafkaadmin.Admin, servers []string) (usable, error) {
	name, err := features.FromContext(ctx).Naming.ChannelTopic(x.channel)
	if err != nil {
		conditions.MarkTopicsInvalid(x.m, nil, err)
		return usable{}, err
	}
	spec, err := translate.ChannelTopic(&x.channel.Spec, name)
	if err != nil {
		conditions.MarkTopicFailed(x.m, name, err)
		return usable{}, err
	}
	status := &x.channel.Status.Status
	result, err := topics.Ensure(ctx, admin, status, x.m, topics.Want{
		Topic: spec, Recorded: status.Annotations[translate.TopicStatusAnnotation] == name, Owner: x.owners.Of(x.channel, name, servers),
	})
	if err != nil {
		return usable{}, err
	}
	before, now := status.Annotations[translate.ServersKey], strings.Join(servers, ",")
	status.Annotations[translate.TopicStatusAnnotation] = name // Ensure has made the map
	status.Annotations[translate.ServersKey] = now
	conditions.MarkTopicReady(x.m, name, topics.Notes(status, result))
	return usable{name, result, before != "" && before != now}, nil
}

func (x *run) applyPolicies() error {
	kind := schema.GroupKind{Group: messaging.GroupName, Kind: messaging.KafkaChannelKind}
	return policies.Apply(x.policies, x.flags.Core, kind, &x.channel.ObjectMeta, &x.channel.Status.AppliedEventPoliciesStatus, x.m)
}

// ingress publishes the address when pods serve it.
func (x *run) ingress(ctx context.Context, resource *contract.Resource) error {
	if !x.in.Checker().Ingress(x.plane, x.who(), resource, x.m) {
		if x.channel.Status.Address == nil {
			x.m.MarkUnknown(conditions.Addressable, "NotServed", "the address is published when pods serve it")
		}
		return nil
	}
	if err := x.service(ctx, true); err != nil {
		return err
	}
	c := x.channel
	x.following.Follow(x.id(), following.Secret, x.plane.Namespace, x.plane.TLSSecretName)
	e := address.At(x.plane, x.in.Entries.ClusterDomain, messaging.GroupName, messaging.KafkaChannelKind, c.Namespace, c.Name)
	e.HTTP = translate.ChannelAddress(c.Namespace, c.Name, x.in.Entries.ClusterDomain)
	main, all, err := e.Addresses(x.in.Secret, x.plane, x.flags.Core)
	address.Publish(&c.Status.AddressStatus, x.m, main, all, err)
	if err != nil { // Addressable alone does not decide whether a channel is ready
		x.m.MarkFalse(conditions.ProbeSucceeded, "NoCertificates", "%v", err)
	}
	return err
}
