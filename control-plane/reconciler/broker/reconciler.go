// Package broker reconciles Brokers: a topic that is made, adopted or external, and an address whose events are written to
// it. What differs between the classes of Brokers it is told by a [Class].
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

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	eventingduck "knative.dev/eventing/pkg/apis/duck/v1"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	brokerreconciler "knative.dev/eventing/pkg/client/injection/reconciler/eventing/v1/broker"
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
	"knative.dev/eventing-kafka-go/control-plane/kafkaadmin"
	"knative.dev/eventing-kafka-go/control-plane/parking"
	"knative.dev/eventing-kafka-go/control-plane/policies"
	"knative.dev/eventing-kafka-go/control-plane/rollout"
	"knative.dev/eventing-kafka-go/control-plane/serving"
	"knative.dev/eventing-kafka-go/control-plane/topics"
	"knative.dev/eventing-kafka-go/control-plane/translate"
)

const (
	// kind of the objects.
	kind = "Broker"
	// recheck is how often it is looked whether the topic is still there and as it should be.
	recheck = 5 * time.Minute
	// askAgain is when a Service that did not answer is asked again.
	askAgain = 500 * time.Millisecond
)

// Reasons of conditions that are this package's own.
const (
	reasonConfig     = "ConfigInvalid"
	reasonRecorded   = "ConfigMapMissing"
	reasonDeadLetter = "DeadLetterSinkNotResolved"
	reasonSecret     = "Failed to get broker auth secret"
	reasonNotServed  = "NotServed"
)

// Resolver finds the address of a destination, and has parent reconciled when that changes.
type Resolver interface {
	AddressableFromDestinationV1(ctx context.Context, dest duckv1.Destination, parent any) (*duckv1.Addressable, error)
}

// Class is what tells one class of Brokers from another.
type Class struct {
	// Name is the value of the annotation of Brokers.
	Name string
	// Asker is the kind that pods' answers are asked for: who is told when they change.
	Asker string
	// DataPlane is the one that serves the Brokers of a namespace.
	DataPlane func(namespace string) dataplane.DataPlane
	// Prepare has that data plane be there, and marks DataPlaneAvailable when it cannot; nil where it is installed.
	Prepare func(ctx context.Context, b *eventingv1.Broker, m apis.ConditionManager) error
	// Reach asks at the address of a Broker before that is published; nil where the Service is installed, and so older than
	// any Broker.
	Reach func(ctx context.Context, url string) error
	// Release lets go of it for a Broker that is deleted and has nothing in it any more; nil where it is installed.
	Release func(ctx context.Context, b *eventingv1.Broker) error
}

// Reconciler reconciles the Brokers of a class.
type Reconciler struct {
	Class     Class
	In        *installation.Installation
	Kube      kubernetes.Interface
	Resolver  Resolver
	Owners    topics.Owners
	Policies  eventinglisters.EventPolicyLister
	Following *following.Index
	// Later has a Broker reconciled again.
	Later func(id types.NamespacedName, after time.Duration)
	Now   func() time.Time
}

var (
	_ brokerreconciler.Interface = (*Reconciler)(nil)
	_ brokerreconciler.Finalizer = (*Reconciler)(nil)
)

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
	return &run{r, b, Conditions().Manage(&b.Status), entries.FlagsOf(ctx), r.Class.DataPlane(b.Namespace)}
}

// ReconcileKind implements the generated interface.
func (r *Reconciler) ReconcileKind(ctx context.Context, b *eventingv1.Broker) reconciler.Event {
	conditions.Keep(&b.Status, append(known(), apis.ConditionReady)...)
	x := r.run(ctx, b)
	x.m.InitializeConditions()
	if r.Class.Prepare != nil {
		if err := r.Class.Prepare(ctx, b, x.m); err != nil {
			return err
		}
	}
	x.available()
	settings, err := x.settings(ctx)
	if err != nil {
		return err
	}
	admin, err := x.connect(settings)
	if err != nil {
		return err
	}
	if err := x.topic(ctx, admin, settings); err != nil {
		return err
	}
	gk := schema.GroupKind{Group: eventing.GroupName, Kind: kind}
	if err := policies.Apply(r.Policies, x.flags.Core, gk, &b.ObjectMeta, &b.Status.AppliedEventPoliciesStatus, x.m); err != nil {
		return err
	}
	r.Later(x.id(), recheck)
	return x.ingress(ctx)
}

func (x *run) id() types.NamespacedName {
	return types.NamespacedName{Namespace: x.broker.Namespace, Name: x.broker.Name}
}

func (x *run) who() rollout.Object {
	return rollout.Object{Kind: x.Class.Asker, NamespacedName: x.id()}
}

// available says whether there is a pod that can serve the Broker (ST-20). Without one the rest goes on: pods that come find
// the contract.
func (x *run) available() {
	switch {
	case x.In.HasPods(x.plane.Namespace, x.plane.Receiver):
		x.m.MarkTrue(conditions.DataPlaneAvailable)
	case x.Class.Prepare != nil: // it was just made
		x.m.MarkUnknown(conditions.DataPlaneAvailable, "Data plane not available",
			"no pod with label app=%s is ready in namespace %s", x.plane.Receiver, x.plane.Namespace)
	default:
		conditions.MarkDataPlaneUnavailable(x.m)
	}
}

// settings reads what the Broker's ConfigMap says, or what was recorded of one that is gone (BR-09), and where its dead
// letters go.
func (x *run) settings(ctx context.Context) (translate.Settings, error) {
	name, err := x.In.Entries.BrokerConfig(x.broker)
	if err != nil {
		x.m.MarkFalse(conditions.ConfigParsed, reasonConfig, "%v", err)
		return translate.Settings{}, err
	}
	x.Following.Follow(x.id(), following.ConfigMap, name.Namespace, name.Name)
	s, err := x.In.Entries.BrokerSettings(x.broker)
	if err != nil {
		x.m.MarkFalse(conditions.ConfigParsed, reasonConfig, "%v", err)
		return s, err
	}
	if err := x.deadLetter(ctx); err != nil {
		x.m.MarkFalse(conditions.ConfigParsed, reasonDeadLetter, "%v", err)
		return s, err
	}
	return s, nil
}

// connect returns the admin of the Broker's Kafka, and says in ConfigParsed what it was found with.
func (x *run) connect(s translate.Settings) (*kafkaadmin.Admin, error) {
	x.Following.Follow(x.id(), following.Secret, s.SecretNamespace, s.SecretName)
	admin, err := x.In.Connect(x.m, s.BootstrapServers, s.SecretNamespace, s.SecretName)
	if err != nil {
		return nil, err
	}
	name, err := x.In.Entries.BrokerConfig(x.broker)
	if err != nil {
		return nil, err
	}
	if _, err := x.In.Entries.ConfigMap(name.Namespace, name.Name); apierrors.IsNotFound(err) {
		x.m.MarkTrueWithReason(conditions.ConfigParsed, reasonRecorded, "ConfigMap %s is gone: what was read of it applies", name)
	}
	return admin, nil
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
	found, err := x.Resolver.AddressableFromDestinationV1(ctx, *dest, b)
	if err != nil {
		return fmt.Errorf("dead letter sink: %w", err)
	}
	b.Status.DeliveryStatus = eventingduck.NewDeliveryStatusFromAddressable(found)
	return nil
}

// topic finds or makes the topic, and records it with everything that is needed to delete it.
func (x *run) topic(ctx context.Context, admin *kafkaadmin.Admin, s translate.Settings) error {
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
		want.Owner = x.Owners.Of(x.broker, name, s.BootstrapServers)
		result, err := topics.Ensure(ctx, admin, status, x.m, want)
		if err != nil {
			return err
		}
		notes = topics.Notes(status, result)
	}
	status.Annotations[translate.TopicStatusAnnotation] = name
	conditions.MarkTopicReady(x.m, name, notes)
	parking.Ensure(ctx, admin, x.In.ParkingTopic, s.Topic.ReplicationFactor, status, x.In.Log)
	return nil
}

// ingress publishes the address when pods serve it.
func (x *run) ingress(ctx context.Context) error {
	resource, _, err := x.In.Entries.Broker(x.broker, nil, x.flags)
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
	if !x.In.Checker().Ingress(x.plane, x.who(), resource, x.m) {
		return nil
	}
	x.Following.Follow(x.id(), following.Secret, x.plane.Namespace, x.plane.TLSSecretName)
	e := address.At(x.plane, x.In.Entries.ClusterDomain, eventing.GroupName, kind, x.broker.Namespace, x.broker.Name)
	e.HTTPFirst = true
	if !x.reached(ctx, e.HTTP.String()) {
		return nil
	}
	main, all, err := e.Addresses(x.In.Secret, x.plane, x.flags.Core)
	address.Publish(&x.broker.Status.AddressStatus, x.m, main, all, err)
	return err
}

// reached says whether the Broker's Service leads to pods already: nodes learn of a new one later than pods do of what they
// serve. Who was told an address before is not asked about it again.
func (x *run) reached(ctx context.Context, url string) bool {
	if x.Class.Reach == nil || x.broker.Status.Address != nil {
		return true
	}
	err := x.Class.Reach(ctx, url)
	if err == nil {
		return true
	}
	x.m.MarkUnknown(conditions.ProbeSucceeded, serving.ReasonProbe, "status: NotReady, its Service does not answer: %v", err)
	x.Later(x.id(), askAgain)
	return false
}
