// Package source reconciles KafkaSources: it resolves where records go, gives the consumer group its start, and says in
// conditions whether records are delivered.
//
// It writes into the status of the source what the contract is made from, and never the contract itself; topics are
// somebody else's (KC-08). Nothing that works is taken away because something is wrong now. A Reconciler keeps no state of
// its own and may be used by any goroutine.
package source

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
	"knative.dev/pkg/reconciler"

	"knative.dev/eventing-kafka-go/control-plane/apis/conditions"
	"knative.dev/eventing-kafka-go/control-plane/apis/sources"
	sourcesv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/sources/v1beta1"
	"knative.dev/eventing-kafka-go/control-plane/autoscale/keda"
	sourcereconciler "knative.dev/eventing-kafka-go/control-plane/client/injection/reconciler/sources/v1beta1/kafkasource"
	sourcelisters "knative.dev/eventing-kafka-go/control-plane/client/listers/sources/v1beta1"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/destination"
	"knative.dev/eventing-kafka-go/control-plane/entries"
	"knative.dev/eventing-kafka-go/control-plane/following"
	"knative.dev/eventing-kafka-go/control-plane/groups"
	"knative.dev/eventing-kafka-go/control-plane/identity"
	"knative.dev/eventing-kafka-go/control-plane/installation"
	"knative.dev/eventing-kafka-go/control-plane/rollout"
	"knative.dev/eventing-kafka-go/control-plane/serving"
)

// Reasons of conditions.
const (
	reasonNoSink       = "NotFound"
	reasonNoDeadLetter = "DeadLetterSinkNotResolved"
	reasonSecret       = "AuthSecret"
	reasonAdmin        = "KafkaClusterAdmin"
	reasonOffsets      = "InitializeOffset"
	reasonDeleting     = "Deleting"
)

// Reconciler brings KafkaSources to what they say.
type Reconciler struct {
	in        *installation.Installation
	sources   sourcelisters.KafkaSourceLister
	resolver  destination.Resolver
	groups    *groups.Starter
	following *following.Index
	keda      *keda.Client
	// later has a source reconciled again.
	later func(id types.NamespacedName, after time.Duration)
	now   func() time.Time
}

var (
	_ sourcereconciler.Interface = (*Reconciler)(nil)
	_ sourcereconciler.Finalizer = (*Reconciler)(nil)
)

// run is one reconcile of one source.
type run struct {
	*Reconciler
	source *sourcesv1beta1.KafkaSource
	m      apis.ConditionManager
	flags  entries.Flags
	plane  dataplane.DataPlane
	// refused is why no token can be shown to the sink, "" for no such reason.
	refused string
	// was says that the source, as it is now, was served when it was asked about last.
	was bool
}

func (r *Reconciler) run(ctx context.Context, s *sourcesv1beta1.KafkaSource) *run {
	m := s.Status.ConditionManager()
	was := s.Status.ObservedGeneration == s.Generation && m.GetCondition(sourcesv1beta1.KafkaSourceConditionConsumerGroup).IsTrue()
	return &run{Reconciler: r, source: s, m: m, flags: entries.FlagsOf(ctx), plane: r.in.DataPlanes[dataplane.Source], was: was}
}

// ReconcileKind implements sourcereconciler.Interface.
func (r *Reconciler) ReconcileKind(ctx context.Context, s *sourcesv1beta1.KafkaSource) reconciler.Event {
	s.Status.InitializeConditions()
	x := r.run(ctx, s)
	x.describe()
	if err := x.identity(ctx); err != nil {
		return err
	}
	if err := x.sink(ctx); err != nil {
		return err
	}
	if err := x.deadLetter(ctx); err != nil {
		return err
	}
	if err := x.group(ctx); err != nil {
		return err
	}
	scaleErr := x.scale(ctx)
	r.later(x.id(), groups.GrowthCheck)
	return errors.Join(x.served(), scaleErr)
}

func (x *run) id() types.NamespacedName {
	return types.NamespacedName{Namespace: x.source.Namespace, Name: x.source.Name}
}

func (x *run) who() rollout.Object {
	return rollout.Object{Kind: sources.KafkaSourceKind, NamespacedName: x.id()}
}

// describe says what follows from the object alone; conditions that another implementation has left behind go.
func (x *run) describe() {
	s := x.source
	conditions.Keep(&s.Status, apis.ConditionReady, sourcesv1beta1.KafkaSourceConditionConsumerGroup,
		sourcesv1beta1.KafkaSourceConditionSinkProvided, sourcesv1beta1.KafkaSourceConditionOIDCIdentityCreated)
	s.Status.SetSelector(s.Name)
	s.Status.CloudEventAttributes = nil
	for _, topic := range s.Spec.Topics {
		s.Status.CloudEventAttributes = append(s.Status.CloudEventAttributes,
			duckv1.CloudEventAttributes{Type: sources.EventType, Source: sources.EventSource(s.Namespace, s.Name, topic)})
	}
}

// identity gives the source a ServiceAccount, whose tokens its sink knows it by.
func (x *run) identity(ctx context.Context) (err error) {
	x.source.Status.Auth, err = x.in.Accounts.Ensure(ctx, x.flags.Core, x.source)
	switch {
	case err != nil:
		x.m.MarkFalse(sourcesv1beta1.KafkaSourceConditionOIDCIdentityCreated, identity.ReasonFailed, "%v", err)
	case x.flags.Core.IsOIDCAuthentication():
		account := *x.source.Status.Auth.ServiceAccountName
		if x.refused = x.in.Tokens.Refused(x.plane, x.source.Namespace, account); x.refused != "" {
			x.m.MarkFalse(sourcesv1beta1.KafkaSourceConditionOIDCIdentityCreated, identity.ReasonNoToken, "%s", x.refused)
			return nil // tried again by who asks for tokens, which tells
		}
		x.m.MarkTrue(sourcesv1beta1.KafkaSourceConditionOIDCIdentityCreated)
	default:
		x.m.MarkTrueWithReason(sourcesv1beta1.KafkaSourceConditionOIDCIdentityCreated, identity.ReasonDisabled, "")
	}
	return err
}

// sink resolves where records go; what was found before stays when it cannot be found now.
func (x *run) sink(ctx context.Context) error {
	dest := &x.source.Spec.Sink
	if dest.Ref == nil && dest.URI == nil {
		x.source.Status.MarkSink(nil) // admission refuses it
		return nil
	}
	found, err := destination.Resolve(ctx, x.resolver, dest, x.source)
	if err != nil {
		x.m.MarkFalse(sourcesv1beta1.KafkaSourceConditionSinkProvided, reasonNoSink, "%v", err)
		return fmt.Errorf("spec.sink: %w", err)
	}
	x.source.Status.MarkSink(found)
	return nil
}

// deadLetter resolves spec.delivery.deadLetterSink. What was resolved before stays while that fails.
func (x *run) deadLetter(ctx context.Context) error {
	status := &x.source.Status.Status
	if d := x.source.Spec.Delivery; d == nil || d.DeadLetterSink == nil {
		entries.SetDeadLetter(status, nil)
		return nil
	}
	found, err := destination.Resolve(ctx, x.resolver, x.source.Spec.Delivery.DeadLetterSink, x.source)
	if err != nil {
		return x.fail(reasonNoDeadLetter, fmt.Errorf("spec.delivery.deadLetterSink: %w", err))
	}
	entries.SetDeadLetter(status, destination.Target(found))
	return nil
}

// fail says why the consumer group does not run as the source says.
func (x *run) fail(reason string, err error) error {
	x.m.MarkFalse(sourcesv1beta1.KafkaSourceConditionConsumerGroup, reason, "%v", err)
	return err
}

// served says whether records are delivered, and where.
func (x *run) served() error {
	resource, err := x.in.Entries.Source(x.source, x.flags)
	var waiting *entries.NotReadyError
	switch {
	case errors.As(err, &waiting):
		x.m.MarkUnknown(sourcesv1beta1.KafkaSourceConditionConsumerGroup, serving.ReasonWaiting, "%v", err)
		return nil // the sink is not there yet, which its own condition says
	case err != nil:
		return x.fail(serving.ReasonInvalid, err)
	}
	egress := resource.GetEgresses()[0]
	s := x.in.Scaler.Through(egress.GetUid(), x.was, x.in.Checker().Egress(x.plane, x.who(), resource, egress, x.was))
	if s.Served() && x.refused != "" {
		s = serving.State{Status: corev1.ConditionFalse, Reason: identity.ReasonNoToken, Message: x.refused}
	}
	switch s.Status {
	case corev1.ConditionTrue:
		x.m.MarkTrue(sourcesv1beta1.KafkaSourceConditionConsumerGroup)
		x.place(egress)
	case corev1.ConditionFalse:
		x.m.MarkFalse(sourcesv1beta1.KafkaSourceConditionConsumerGroup, s.Reason, "%s", s.Message)
	default:
		x.m.MarkUnknown(sourcesv1beta1.KafkaSourceConditionConsumerGroup, s.Reason, "%s", s.Message)
	}
	return nil // pods and contract tell when there is news
}
