// Package broker reconciles Brokers of class Kafka: a topic that is made, adopted or external, and an address whose events
// are written to it.
//
// It writes into the status of the Broker what the contract is made from, and never the contract itself. A step that fails
// sets its condition and ends the reconcile; what works already stays. A Reconciler keeps no state of its own and may be
// used by any goroutine.
package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	eventingduck "knative.dev/eventing/pkg/apis/duck/v1"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	eventinglisters "knative.dev/eventing/pkg/client/listers/eventing/v1alpha1"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
	"knative.dev/pkg/reconciler"

	"knative.dev/eventing-kafka-go/control-plane/address"
	"knative.dev/eventing-kafka-go/control-plane/apis/conditions"
	"knative.dev/eventing-kafka-go/control-plane/apis/eventing"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/entries"
	"knative.dev/eventing-kafka-go/control-plane/following"
	"knative.dev/eventing-kafka-go/control-plane/installation"
	"knative.dev/eventing-kafka-go/control-plane/parking"
	"knative.dev/eventing-kafka-go/control-plane/policies"
	"knative.dev/eventing-kafka-go/control-plane/rollout"
	"knative.dev/eventing-kafka-go/control-plane/serving"
	"knative.dev/eventing-kafka-go/control-plane/topics"
	"knative.dev/eventing-kafka-go/control-plane/translate"
)

const (
	// kind that the pods' answers are asked for.
	kind = "Broker"
	// recheck is how often it is looked whether the topic is still there and as it should be.
	recheck = 5 * time.Minute
)

// Reasons of conditions that are this package's own.
const (
	reasonConfig     = "ConfigInvalid"
	reasonRecorded   = "ConfigMapMissing"
	reasonDeadLetter = "DeadLetterSinkNotResolved"
	reasonSecret     = "Failed to get broker auth secret"
	reasonAdmin      = "Failed to obtain Kafka cluster admin"
	reasonNotServed  = "NotServed"
)

// Resolver finds the address of a destination, and has parent reconciled when that changes.
type Resolver interface {
	AddressableFromDestinationV1(ctx context.Context, dest duckv1.Destination, parent any) (*duckv1.Addressable, error)
}

// Reconciler reconciles Brokers.
type Reconciler struct {
	in        *installation.Installation
	kube      kubernetes.Interface
	resolver  Resolver
	owners    topics.Owners
	policies  eventinglisters.EventPolicyLister
	following *following.Index
	// later has a Broker reconciled again.
	later func(id types.NamespacedName, after time.Duration)
	now   func() time.Time
}

// Conditions are those of a Broker of ours, all of which decide whether it is ready (BR-07).
func Conditions() apis.ConditionSet {
	return apis.NewLivingConditionSet(known()...)
}

func known() []apis.ConditionType {
	return []apis.ConditionType{
		conditions.Addressable, conditions.DataPlaneAvailable, conditions.TopicReady, conditions.ConfigMapUpdated,
		conditions.ConfigParsed, conditions.ProbeSucceeded, conditions.EventPoliciesReady,
	}
}

// run is one reconcile of one Broker.
type run struct {
	*Reconciler
	broker *eventingv1.Broker
	m      apis.ConditionManager
	flags  entries.Flags
	plane  dataplane.DataPlane
}

func (r *Reconciler) run(ctx context.Context, b *eventingv1.Broker) *run {
	return &run{r, b, Conditions().Manage(&b.Status), entries.FlagsOf(ctx), r.in.DataPlanes[dataplane.Broker]}
}

// ReconcileKind implements the generated interface.
func (r *Reconciler) ReconcileKind(ctx context.Context, b *eventingv1.Broker) reconciler.Event {
	conditions.Keep(&b.Status, append(known(), apis.ConditionReady)...)
	x := r.run(ctx, b)
	x.m.InitializeConditions()
	x.available()
	settings, err := x.settings(ctx)
	if err != nil {
		return err
	}
	if err := x.topic(ctx, settings); err != nil {
		return err
	}
	gk := schema.GroupKind{Group: eventing.GroupName, Kind: kind}
	if err := policies.Apply(r.policies, x.flags.Core, gk, &b.ObjectMeta, &b.Status.AppliedEventPoliciesStatus, x.m); err != nil {
		return err
	}
	r.later(x.id(), recheck)
	return x.ingress()
}

func (x *run) id() types.NamespacedName {
	return types.NamespacedName{Namespace: x.broker.Namespace, Name: x.broker.Name}
}

func (x *run) who() rollout.Object { return rollout.Object{Kind: kind, NamespacedName: x.id()} }

// available says whether there is a pod that can serve the Broker (ST-20). Without one the rest goes on: pods that come find
// the contract.
func (x *run) available() {
	if !x.in.HasPods(x.plane.Namespace, x.plane.Receiver) {
		conditions.MarkDataPlaneUnavailable(x.m)
		return
	}
	x.m.MarkTrue(conditions.DataPlaneAvailable)
}

// settings reads what the Broker's ConfigMap says, or what was recorded of one that is gone (BR-09), and where its dead
// letters go.
func (x *run) settings(ctx context.Context) (translate.Settings, error) {
	name, err := x.in.Entries.BrokerConfig(x.broker)
	if err != nil {
		x.m.MarkFalse(conditions.ConfigParsed, reasonConfig, "%v", err)
		return translate.Settings{}, err
	}
	x.following.Follow(x.id(), following.ConfigMap, name.Namespace, name.Name)
	s, err := x.in.Entries.BrokerSettings(x.broker)
	if err != nil {
		x.m.MarkFalse(conditions.ConfigParsed, reasonConfig, "%v", err)
		return s, err
	}
	if err := x.deadLetter(ctx); err != nil {
		x.m.MarkFalse(conditions.ConfigParsed, reasonDeadLetter, "%v", err)
		return s, err
	}
	if _, err := x.in.Entries.ConfigMap(name.Namespace, name.Name); apierrors.IsNotFound(err) {
		x.m.MarkTrueWithReason(conditions.ConfigParsed, reasonRecorded, "ConfigMap %s is gone: what was read of it applies", name)
		return s, nil
	}
	x.m.MarkTrue(conditions.ConfigParsed)
	return s, nil
}

// deadLetter resolves the dead letter sink; what was found before stays when it cannot be found now.
func (x *run) deadLetter(ctx context.Context) error {
	b := x.broker
	if b.Spec.Delivery == nil || b.Spec.Delivery.DeadLetterSink == nil {
		b.Status.DeliveryStatus = eventingduck.DeliveryStatus{}
		return nil
	}
	dest := b.Spec.Delivery.DeadLetterSink.DeepCopy()
	if dest.Ref != nil && dest.Ref.Namespace == "" {
		dest.Ref.Namespace = b.Namespace
	}
	found, err := x.resolver.AddressableFromDestinationV1(ctx, *dest, b)
	if err != nil {
		return fmt.Errorf("dead letter sink: %w", err)
	}
	b.Status.DeliveryStatus = eventingduck.NewDeliveryStatusFromAddressable(found)
	return nil
}

// topic finds or makes the topic, and records it with everything that is needed to delete it.
func (x *run) topic(ctx context.Context, s translate.Settings) error {
	x.following.Follow(x.id(), following.Secret, s.SecretNamespace, s.SecretName)
	admin, err := x.connect(s)
	if err != nil {
		return err
	}
	if err := x.protectSecret(ctx, s); err != nil {
		x.m.MarkFalse(conditions.TopicReady, reasonSecret, "%v", err)
		return err
	}
	name, external, err := x.flags.Kafka.Naming.BrokerTopic(x.broker)
	if err != nil {
		conditions.MarkTopicsInvalid(x.m, []string{name}, err)
		return err
	}
	status := &x.broker.Status.Status
	entries.RecordSettings(x.broker, s)
	notes := ""
	if external {
		if _, err := admin.ValidateTopic(ctx, name); err != nil {
			conditions.MarkTopicsInvalid(x.m, []string{name}, err)
			return fmt.Errorf("topic %q: %w", name, err)
		}
	} else {
		want := topics.Want{Topic: s.Topic, Recorded: status.Annotations[translate.TopicStatusAnnotation] == name}
		want.Name = name
		want.Owner = x.owners.Of(x.broker, name, s.BootstrapServers)
		result, err := topics.Ensure(ctx, admin, status, x.m, want)
		if err != nil {
			return err
		}
		notes = topics.Notes(status, result)
	}
	status.Annotations[translate.TopicStatusAnnotation] = name
	conditions.MarkTopicReady(x.m, name, notes)
	parking.Ensure(ctx, admin, x.in.ParkingTopic, s.Topic.ReplicationFactor, status, x.in.Log)
	return nil
}

// ingress publishes the address when pods serve it.
func (x *run) ingress() error {
	resource, _, err := x.in.Entries.Broker(x.broker, nil, x.flags)
	var waiting *entries.NotReadyError
	if err != nil {
		reason := serving.ReasonInvalid
		if errors.As(err, &waiting) {
			reason = serving.ReasonWaiting
		}
		x.m.MarkFalse(conditions.ConfigMapUpdated, reason, "%v", err)
		return err
	}
	if x.broker.Status.Address == nil { // said first: the last word on Ready is about what is missing
		x.m.MarkUnknown(conditions.Addressable, reasonNotServed, "the address is published when pods serve it")
	}
	if !x.in.Checker().Ingress(x.plane, x.who(), resource, x.m) {
		return nil
	}
	x.following.Follow(x.id(), following.Secret, x.plane.Namespace, x.plane.TLSSecretName)
	e := address.At(x.plane, x.in.Entries.ClusterDomain, eventing.GroupName, kind, x.broker.Namespace, x.broker.Name)
	e.HTTPFirst = true
	main, all, err := e.Addresses(x.in.Secret, x.plane, x.flags.Core)
	address.Publish(&x.broker.Status.AddressStatus, x.m, main, all, err)
	return err
}

// pending is true for a Broker that waits for something that is no object it follows: pods or the contract.
func pending(object any) bool {
	b, ok := object.(*eventingv1.Broker)
	return ok && b.Annotations[eventing.BrokerClassAnnotation] == eventing.KafkaBrokerClass &&
		(b.DeletionTimestamp != nil || !isTrue(Conditions().Manage(&b.Status).GetCondition(apis.ConditionReady)))
}

func isTrue(c *apis.Condition) bool { return c != nil && c.Status == corev1.ConditionTrue }
