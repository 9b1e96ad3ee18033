// Package trigger reconciles the Triggers of our Brokers, each class by a reconciler of its own: it resolves where events go, gives the consumer group
// its start, and says in conditions whether events are delivered.
//
// It never writes the contract: that is made from what this package records in the status. A step that fails sets its
// condition and ends the reconcile; what was resolved and started before stays, so that deliveries go on. A Reconciler may
// be used by any goroutine.
package trigger

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	eventingduck "knative.dev/eventing/pkg/apis/duck/v1"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	eventinglisters "knative.dev/eventing/pkg/client/listers/eventing/v1"
	"knative.dev/pkg/apis"
	"knative.dev/pkg/reconciler"

	"knative.dev/eventing-kafka-go/control-plane/apis/conditions"
	"knative.dev/eventing-kafka-go/control-plane/apis/eventing"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/destination"
	"knative.dev/eventing-kafka-go/control-plane/entries"
	"knative.dev/eventing-kafka-go/control-plane/groups"
	"knative.dev/eventing-kafka-go/control-plane/identity"
	"knative.dev/eventing-kafka-go/control-plane/installation"
	"knative.dev/eventing-kafka-go/control-plane/rollout"
	"knative.dev/eventing-kafka-go/control-plane/serving"
	"knative.dev/eventing-kafka-go/control-plane/translate"
)

// Reasons of conditions.
const (
	reasonNoBroker       = "BrokerDoesNotExist"
	reasonBrokerDeleted  = "BrokerDeleted"
	reasonNoSubscriber   = "Unable to get the Subscriber's URI"
	reasonNoDeadLetter   = "Unable to get the dead letter sink's URI"
	reasonNoGroup        = "ConsumerGroupNotReady"
	reasonWrongSettings  = "ConfigInvalid"
	reasonBrokerNotReady = "BrokerNotReady"
)

// class is what tells the Triggers of one class of Brokers from those of another.
type class struct {
	// broker is the value of the annotation of Brokers.
	broker string
	// finalizer that Triggers carry (TR-07), and the component of events (ST-09).
	finalizer, agent string
	// asker is the kind that pods' answers are asked for: who is told when they change.
	asker string
	// dataPlane is the one that serves the Triggers of a namespace.
	dataPlane func(namespace string) dataplane.DataPlane
}

// Reconciler reconciles Triggers.
type Reconciler struct {
	class    class
	in       *installation.Installation
	brokers  eventinglisters.BrokerLister
	resolver destination.Resolver
	groups   *groups.Starter
	// later has a Trigger reconciled again after a while.
	later func(*eventingv1.Trigger, time.Duration)
	now   func() time.Time
}

// ReconcileKind implements the generated interface.
func (r *Reconciler) ReconcileKind(ctx context.Context, t *eventingv1.Trigger) reconciler.Event {
	broker, err := r.broker(t)
	if err != nil || broker == nil {
		return err
	}
	t.Status.PropagateSubscriptionCondition(&apis.Condition{Status: corev1.ConditionTrue}) // there is no Subscription (TR-08)
	if err := r.identity(ctx, t); err != nil {
		return err
	}
	if err := r.subscriber(ctx, t); err != nil {
		return err
	}
	if err := r.deadLetter(ctx, t, broker); err != nil {
		return err
	}
	if !usable(broker) {
		t.Status.MarkDependencyUnknown(reasonBrokerNotReady, "waiting for the topic of Broker %s", broker.Name)
		return nil // its event comes; what runs goes on (TR-13)
	}
	if err := r.group(ctx, t, broker); err != nil {
		return err
	}
	r.later(t, groups.GrowthCheck)
	return r.served(ctx, t, broker)
}

// broker returns the Broker of a Trigger, nil when there is none to serve it with.
func (r *Reconciler) broker(t *eventingv1.Trigger) (*eventingv1.Broker, error) {
	b, err := r.brokers.Brokers(t.Namespace).Get(t.Spec.Broker)
	switch {
	case apierrors.IsNotFound(err):
		t.Status.MarkBrokerFailed(reasonNoBroker, "Broker %s/%s does not exist", t.Namespace, t.Spec.Broker)
		// Another Broker of that name has another topic: nothing of it was started.
		entries.SetPartitions(&t.Status.Status, nil)
		r.groups.Forget(t.UID)
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("get Broker %s/%s: %w", t.Namespace, t.Spec.Broker, err)
	case b.Annotations[eventing.BrokerClassAnnotation] != r.class.broker:
		return nil, nil // it is somebody else's now; our finalizer is all that is left of us
	case b.DeletionTimestamp != nil:
		t.Status.MarkBrokerFailed(reasonBrokerDeleted, "Broker %s/%s is being deleted", t.Namespace, t.Spec.Broker)
		return nil, nil
	}
	t.Status.PropagateBrokerCondition(b.Status.GetTopLevelCondition())
	return b, nil
}

// usable says whether the topic of a Broker can be read. Whether its ingress is served is of no account here.
func usable(b *eventingv1.Broker) bool {
	return b.Status.Annotations[translate.TopicStatusAnnotation] != "" &&
		!b.Status.GetCondition(conditions.ConfigParsed).IsFalse() && !b.Status.GetCondition(conditions.TopicReady).IsFalse()
}

// identity gives the Trigger a ServiceAccount, whose tokens its subscriber knows it by.
func (r *Reconciler) identity(ctx context.Context, t *eventingv1.Trigger) (err error) {
	flags := entries.FlagsOf(ctx).Core
	t.Status.Auth, err = r.in.Accounts.Ensure(ctx, flags, t)
	switch {
	case err != nil:
		t.Status.MarkOIDCIdentityCreatedFailed(identity.ReasonFailed, "%v", err)
	case flags.IsOIDCAuthentication():
		if why := r.in.Tokens.Refused(r.class.dataPlane(t.Namespace), t.Namespace, *t.Status.Auth.ServiceAccountName); why != "" {
			t.Status.MarkOIDCIdentityCreatedFailed(identity.ReasonNoToken, "%s", why)
			return nil // tried again by who asks for tokens, which tells
		}
		t.Status.MarkOIDCIdentityCreatedSucceeded()
	default:
		t.Status.MarkOIDCIdentityCreatedSucceededWithReason(identity.ReasonDisabled, "")
	}
	return err
}

// subscriber resolves where events go; what was found before stays when it cannot be found now.
func (r *Reconciler) subscriber(ctx context.Context, t *eventingv1.Trigger) error {
	found, err := destination.Resolve(ctx, r.resolver, &t.Spec.Subscriber, t)
	if err != nil {
		t.Status.MarkSubscriberResolvedFailed(reasonNoSubscriber, "%v", err)
		return fmt.Errorf("subscriber: %w", err)
	}
	t.Status.SubscriberURI, t.Status.SubscriberCACerts, t.Status.SubscriberAudience = found.URL, found.CACerts, found.Audience
	t.Status.MarkSubscriberResolvedSucceeded()
	return nil
}

// deadLetter resolves the Trigger's own dead letter sink, or shows the Broker's where that applies.
func (r *Reconciler) deadLetter(ctx context.Context, t *eventingv1.Trigger, b *eventingv1.Broker) error {
	own, inherits := t.Spec.Delivery, t.Spec.Delivery == nil || r.in.Entries.MergeDelivery
	switch {
	case own != nil && own.DeadLetterSink != nil:
		found, err := destination.Resolve(ctx, r.resolver, own.DeadLetterSink, t)
		if err != nil {
			t.Status.MarkDeadLetterSinkResolvedFailed(reasonNoDeadLetter, "%v", err)
			return fmt.Errorf("dead letter sink: %w", err)
		}
		t.Status.DeliveryStatus = eventingduck.NewDeliveryStatusFromAddressable(found)
	case inherits && b.Spec.Delivery != nil && b.Spec.Delivery.DeadLetterSink != nil:
		if !b.Status.DeliveryStatus.IsSet() {
			t.Status.MarkDeadLetterSinkResolvedFailed(reasonNoDeadLetter, "the dead letter sink of Broker %s is not resolved", b.Name)
			return nil // the Broker's event comes
		}
		t.Status.DeliveryStatus = b.Status.DeliveryStatus
	default:
		t.Status.DeliveryStatus = eventingduck.DeliveryStatus{}
		t.Status.MarkDeadLetterSinkNotConfigured()
		return nil
	}
	t.Status.MarkDeadLetterSinkResolvedSucceeded()
	return nil
}

// served says in DependencyReady whether events are delivered.
func (r *Reconciler) served(ctx context.Context, t *eventingv1.Trigger, b *eventingv1.Broker) error {
	resource, egress, err := r.in.Entries.Trigger(b, t, entries.FlagsOf(ctx))
	var waiting *entries.NotReadyError
	switch {
	case errors.As(err, &waiting):
		t.Status.MarkDependencyUnknown(serving.ReasonWaiting, "%v", err)
		return nil
	case err != nil:
		t.Status.MarkDependencyFailed(serving.ReasonInvalid, "%v", err)
		return err
	}
	was := t.Status.ObservedGeneration == t.Generation && t.Status.GetCondition(eventingv1.TriggerConditionDependency).IsTrue()
	s := r.in.Scaler.Through(egress.GetUid(), was,
		r.in.Checker().Egress(r.class.dataPlane(t.Namespace), r.who(t), resource, egress, was))
	switch s.Status {
	case corev1.ConditionTrue:
		t.Status.MarkDependencySucceeded()
	case corev1.ConditionFalse:
		t.Status.MarkDependencyFailed(s.Reason, "%s", s.Message)
	default:
		t.Status.MarkDependencyUnknown(s.Reason, "%s", s.Message)
	}
	return nil // pods and contract tell when there is news
}

func (r *Reconciler) who(t *eventingv1.Trigger) rollout.Object {
	return rollout.Object{Kind: r.class.asker, NamespacedName: types.NamespacedName{Namespace: t.Namespace, Name: t.Name}}
}
