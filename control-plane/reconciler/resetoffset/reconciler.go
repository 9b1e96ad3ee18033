// Package resetoffset reconciles ResetOffsets: it moves the consumer group of a Trigger, Subscription or KafkaSource to
// another position, once.
//
// That the group rests meanwhile is said by the status of the ResetOffset, from which the contract is made: nothing is
// asked of pods, and nothing is held in memory that a controller which is killed would lose. The steps are recorded one
// by one, each before the next begins: whom the reference leads to, that the group rests, where every partition goes, that
// Kafka has it. A step that was done is done again without harm. Whoever deletes a ResetOffset ends the rest of the group
// at once. A Reconciler keeps no state and may be used by any goroutine; it writes nothing but the status it is handed.
package resetoffset

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"knative.dev/pkg/apis"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/reconciler"

	"knative.dev/eventing-kafka-go/control-plane/apis/kafka"
	kafkav1alpha1 "knative.dev/eventing-kafka-go/control-plane/apis/kafka/v1alpha1"
	resetreconciler "knative.dev/eventing-kafka-go/control-plane/client/injection/reconciler/kafka/v1alpha1/resetoffset"
	resetlisters "knative.dev/eventing-kafka-go/control-plane/client/listers/kafka/v1alpha1"
	"knative.dev/eventing-kafka-go/control-plane/entries"
	"knative.dev/eventing-kafka-go/control-plane/installation"
	"knative.dev/eventing-kafka-go/control-plane/rollout"
)

const (
	// TargetStatusAnnotation holds the UID of what the reference has led to: another object of the same name is not meant.
	TargetStatusAnnotation = "kafka.eventing.knative.dev/target.uid"

	refMapped = kafkav1alpha1.ResetOffsetConditionRefMapped
	acquired  = kafkav1alpha1.ResetOffsetConditionAcquireDataPlaneServices
	stopped   = kafkav1alpha1.ResetOffsetConditionConsumerGroupsStopped
	updated   = kafkav1alpha1.ResetOffsetConditionOffsetsUpdated
	started   = kafkav1alpha1.ResetOffsetConditionConsumerGroupsStarted
)

// Reconciler moves consumer groups.
type Reconciler struct {
	in     *installation.Installation
	resets resetlisters.ResetOffsetLister
	refs   references
	// version is the resourceVersion of a ResetOffset at the API server.
	version func(ctx context.Context, namespace, name string) (string, error)
	now     func() time.Time
}

var (
	_ resetreconciler.Interface = (*Reconciler)(nil)
	_ resetreconciler.Finalizer = (*Reconciler)(nil)
)

// Paused returns what keeps the group of an egress at rest: a ResetOffset that has found it, and has not moved it yet.
func Paused(resets resetlisters.ResetOffsetLister) func(types.UID) bool {
	return func(uid types.UID) bool {
		all, err := resets.List(labels.Everything())
		if err != nil {
			return false // a cache does not fail
		}
		for _, o := range all {
			if o.Status.Annotations[TargetStatusAnnotation] == string(uid) && rests(o) {
				return true
			}
		}
		return false
	}
}

func rests(o *kafkav1alpha1.ResetOffset) bool {
	return o.DeletionTimestamp == nil && is(o, acquired) && !is(o, updated)
}

func is(o *kafkav1alpha1.ResetOffset, step apis.ConditionType) bool {
	return o.Status.GetCondition(step).IsTrue()
}

// run is one reconcile of one ResetOffset.
type run struct {
	*Reconciler
	o      *kafkav1alpha1.ResetOffset
	status *kafkav1alpha1.ResetOffsetStatus
	flags  entries.Flags
	target target
}

// ReconcileKind implements resetreconciler.Interface.
func (r *Reconciler) ReconcileKind(ctx context.Context, o *kafkav1alpha1.ResetOffset) reconciler.Event {
	x := &run{Reconciler: r, o: o, status: &o.Status, flags: entries.FlagsOf(ctx)}
	if o.Status.IsSucceeded() {
		r.in.Rollout.Forget(x.who())
		return reconciler.NewEvent(corev1.EventTypeNormal, kafkav1alpha1.ResetOffsetSkipped, "The offsets were moved already")
	}
	o.Status.InitializeConditions()
	if earlier := x.earlier(); earlier != "" {
		o.Status.MarkWaiting(refMapped, fmt.Sprintf("waiting for ResetOffset %s, which is about the same object", earlier))
		return nil // its event comes
	}
	if err := x.resolve(); err != nil {
		o.Status.MarkFailed(refMapped, err)
		return err
	}
	o.Status.MarkDone(refMapped)
	for _, step := range []struct {
		what apis.ConditionType
		do   func(context.Context) error
	}{{acquired, x.acquire}, {stopped, x.stop}, {updated, x.move}, {started, x.start}} {
		if is(o, step.what) {
			continue
		}
		err := step.do(ctx)
		var wait *waitError
		switch {
		case errors.As(err, &wait):
			wait.mark(&o.Status, step.what)
			return wait.event()
		case err != nil:
			o.Status.MarkFailed(step.what, err)
			return err
		}
		o.Status.MarkDone(step.what)
		if step.what != started {
			return nil // recorded before the next begins; the event of that comes
		}
	}
	r.in.Rollout.Forget(x.who())
	return reconciler.NewEvent(corev1.EventTypeNormal, kafkav1alpha1.ResetOffsetReconciled,
		"Consumer group %s was moved to %s in %d partitions", o.Status.Group, o.Spec.Offset.Time, len(o.Status.Partitions))
}

// FinalizeKind implements resetreconciler.Finalizer. It never fails: the group goes on by itself when its pods read in the
// contract that nobody keeps it any more (RO-08).
func (r *Reconciler) FinalizeKind(_ context.Context, o *kafkav1alpha1.ResetOffset) reconciler.Event {
	r.in.Rollout.Forget((&run{o: o}).who())
	return reconciler.NewEvent(corev1.EventTypeNormal, kafkav1alpha1.ResetOffsetFinalized, "The consumer group is left as it is")
}

func (x *run) who() rollout.Object {
	return rollout.Object{Kind: kafka.ResetOffsetKind, NamespacedName: types.NamespacedName{Namespace: x.o.Namespace, Name: x.o.Name}}
}

// earlier names the ResetOffset about the same object that has to be done with it first, "" for none: they take turns in
// the order in which they were created.
func (x *run) earlier() string {
	all, err := x.resets.List(labels.Everything())
	if err != nil {
		return "" // a cache does not fail
	}
	var first *kafkav1alpha1.ResetOffset
	for _, other := range all {
		if other.UID == x.o.UID || other.DeletionTimestamp != nil || is(other, updated) || refOf(other) != refOf(x.o) {
			continue
		}
		if before(other, x.o) && (first == nil || before(other, first)) {
			first = other
		}
	}
	if first == nil {
		return ""
	}
	return first.Namespace + "/" + first.Name
}

func before(a, b *kafkav1alpha1.ResetOffset) bool {
	return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), strings.Compare(string(a.UID), string(b.UID))) < 0
}

// waitError says what a step waits for.
type waitError struct {
	message string
	// after is when to look again; 0 is when somebody tells.
	after time.Duration
	// failed: it was waited for too long.
	failed bool
}

func (e *waitError) mark(s *kafkav1alpha1.ResetOffsetStatus, step apis.ConditionType) {
	if e.failed {
		s.MarkFailed(step, e)
		return
	}
	s.MarkWaiting(step, e.message)
}

func (e *waitError) Error() string { return e.message }

func (e *waitError) event() reconciler.Event {
	if e.after == 0 {
		return nil
	}
	return controller.NewRequeueAfter(e.after)
}

func waitFor(after time.Duration, format string, args ...any) *waitError {
	return &waitError{message: fmt.Sprintf(format, args...), after: after}
}
