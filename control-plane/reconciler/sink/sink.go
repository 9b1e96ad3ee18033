// Package sink reconciles KafkaSinks: a topic that is made or must exist, and an address whose events are written to it.
//
// It writes into the status of the sink what the contract is made from, and never the contract itself. Nothing that works
// is taken away because something is wrong now. A Reconciler keeps no state of its own and may be used by any goroutine.
package sink

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	eventinglisters "knative.dev/eventing/pkg/client/listers/eventing/v1alpha1"
	"knative.dev/pkg/apis"
	"knative.dev/pkg/reconciler"

	"knative.dev/eventing-kafka-go/control-plane/address"
	"knative.dev/eventing-kafka-go/control-plane/apis/conditions"
	"knative.dev/eventing-kafka-go/control-plane/apis/eventing"
	eventingv1alpha1 "knative.dev/eventing-kafka-go/control-plane/apis/eventing/v1alpha1"
	sinkreconciler "knative.dev/eventing-kafka-go/control-plane/client/injection/reconciler/eventing/v1alpha1/kafkasink"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/entries"
	"knative.dev/eventing-kafka-go/control-plane/finalize"
	"knative.dev/eventing-kafka-go/control-plane/following"
	"knative.dev/eventing-kafka-go/control-plane/installation"
	"knative.dev/eventing-kafka-go/control-plane/kafkaadmin"
	"knative.dev/eventing-kafka-go/control-plane/policies"
	"knative.dev/eventing-kafka-go/control-plane/rollout"
	"knative.dev/eventing-kafka-go/control-plane/topics"
	"knative.dev/eventing-kafka-go/control-plane/translate"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// recheck is how often it is looked whether the topic is still there and as it should be.
const recheck = 5 * time.Minute

// Reconciler brings KafkaSinks to what they say.
type Reconciler struct {
	in        *installation.Installation
	policies  eventinglisters.EventPolicyLister
	following *following.Index
	// later has a sink reconciled again.
	later func(id types.NamespacedName, after time.Duration)
	now   func() time.Time
}

var (
	_ sinkreconciler.Interface = (*Reconciler)(nil)
	_ sinkreconciler.Finalizer = (*Reconciler)(nil)
)

// run is one reconcile of one sink.
type run struct {
	*Reconciler
	sink  *eventingv1alpha1.KafkaSink
	m     apis.ConditionManager
	flags entries.Flags
	plane dataplane.DataPlane
}

func (r *Reconciler) run(ctx context.Context, s *eventingv1alpha1.KafkaSink) *run {
	return &run{r, s, s.Status.ConditionManager(), entries.FlagsOf(ctx), r.in.DataPlanes[dataplane.Sink]}
}

// ReconcileKind implements sinkreconciler.Interface.
func (r *Reconciler) ReconcileKind(ctx context.Context, s *eventingv1alpha1.KafkaSink) reconciler.Event {
	s.Status.InitializeConditions()
	x := r.run(ctx, s)
	x.following.Follow(x.id(), following.Secret, s.Namespace, s.Spec.SecretName())
	admin, err := r.in.Connect(x.m, s.Spec.BootstrapServers, s.Namespace, s.Spec.SecretName())
	if err != nil {
		return err
	}
	if err := x.topic(ctx, admin); err != nil {
		return err
	}
	kind := schema.GroupKind{Group: eventing.GroupName, Kind: eventing.KafkaSinkKind}
	if err := policies.Apply(r.policies, x.flags.Core, kind, &s.ObjectMeta, &s.Status.AppliedEventPoliciesStatus, x.m); err != nil {
		return err
	}
	resource, err := r.in.Entries.Sink(s, x.flags)
	if err != nil {
		x.m.MarkFalse(conditions.ConfigMapUpdated, "EntryInvalid", "%v", err)
		return err
	}
	r.later(x.id(), recheck)
	x.available()
	return x.ingress(resource)
}

func (x *run) id() types.NamespacedName {
	return types.NamespacedName{Namespace: x.sink.Namespace, Name: x.sink.Name}
}

func (x *run) who() rollout.Object {
	return rollout.Object{Kind: eventing.KafkaSinkKind, NamespacedName: x.id()}
}

// available says whether there is a pod that can serve the sink (ST-20). Without one the rest goes on: pods that come find
// the contract.
func (x *run) available() {
	if !x.in.HasPods(x.plane.Namespace, x.plane.Receiver) {
		conditions.MarkDataPlaneUnavailable(x.m)
		return
	}
	x.m.MarkTrue(conditions.DataPlaneAvailable)
}

// topic makes the topic of a sink that says how, or looks for one that must exist (KC-07).
func (x *run) topic(ctx context.Context, admin *kafkaadmin.Admin) error {
	spec, status := &x.sink.Spec, &x.sink.Status.Status
	if err := translate.ValidateTopicName(spec.Topic); err != nil {
		conditions.MarkTopicsInvalid(x.m, []string{spec.Topic}, err)
		return err
	}
	owner, notes := eventingv1alpha1.TopicOwnedExternally, ""
	if spec.CreatesTopic() {
		owner = eventingv1alpha1.TopicOwnedByController
		result, err := topics.Ensure(ctx, admin, status, x.m, topics.Want{
			Topic:    translate.Topic{Name: spec.Topic, Partitions: *spec.NumPartitions, ReplicationFactor: *spec.ReplicationFactor},
			Recorded: status.Annotations[entries.TopicOwnerStatusAnnotation] == owner,
		})
		if err != nil {
			return err
		}
		notes = topics.Notes(status, result)
	} else if err := x.existing(ctx, admin); err != nil {
		return err
	}
	if status.Annotations == nil {
		status.Annotations = map[string]string{}
	}
	status.Annotations[entries.TopicOwnerStatusAnnotation] = owner
	conditions.MarkTopicReadyWithOwner(x.m, spec.Topic, owner, notes)
	return nil
}

func (x *run) existing(ctx context.Context, admin *kafkaadmin.Admin) error {
	if _, err := admin.ValidateTopic(ctx, x.sink.Spec.Topic); err != nil {
		conditions.MarkTopicsInvalid(x.m, []string{x.sink.Spec.Topic}, err)
		return fmt.Errorf("topic %q: %w", x.sink.Spec.Topic, err)
	}
	return nil
}

// ingress publishes the address when pods serve it.
func (x *run) ingress(resource *contract.Resource) error {
	if !x.in.Checker().Ingress(x.plane, x.who(), resource, x.m) {
		if x.sink.Status.Address == nil {
			x.m.MarkUnknown(conditions.Addressable, "NotServed", "the address is published when pods serve it")
		}
		return nil
	}
	x.following.Follow(x.id(), following.Secret, x.plane.Namespace, x.plane.TLSSecretName)
	e := address.At(x.plane, x.in.Entries.ClusterDomain, eventing.GroupName, eventing.KafkaSinkKind, x.sink.Namespace, x.sink.Name)
	main, all, err := e.Addresses(x.in.Secret, x.plane, x.flags.Core)
	address.Publish(&x.sink.Status.AddressStatus, x.m, main, all, err)
	return err
}

// FinalizeKind implements sinkreconciler.Finalizer.
func (r *Reconciler) FinalizeKind(ctx context.Context, s *eventingv1alpha1.KafkaSink) reconciler.Event {
	address.Withdraw(&s.Status.AddressStatus)
	x := r.run(ctx, s)
	topic, kept := topics.OfStatus(&s.Status.Status, recorded(s))
	d := topics.Deletion{Annotations: s.Annotations, Topic: topic}
	d.Admin, d.Bare = r.in.ConnectForDeletion(func() (translate.Settings, error) {
		return translate.Settings{BootstrapServers: s.Spec.BootstrapServers, SecretNamespace: s.Namespace, SecretName: s.Spec.SecretName()}, nil
	}, s.Spec.BootstrapServers)
	err := finalize.Do(ctx, r.in.Checker(), r.now(), finalize.Finalization{
		Object: s, Status: &s.Status.Status, Who: x.who(), UIDs: []string{string(s.UID)}, DataPlane: x.plane, Deletion: d, KeptTopic: kept,
	})
	if err == nil {
		r.following.Forget(x.id())
	}
	return err
}

// recorded is the topic that the sink owns, "" when it is somebody else's.
func recorded(s *eventingv1alpha1.KafkaSink) string {
	if s.Status.Annotations[entries.TopicOwnerStatusAnnotation] == eventingv1alpha1.TopicOwnedByController {
		return s.Spec.Topic
	}
	return ""
}
