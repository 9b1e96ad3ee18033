package trigger

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/reconciler"

	"knative.dev/eventing-kafka-go/control-plane/attempts"
	"knative.dev/eventing-kafka-go/control-plane/kafkaadmin"
	"knative.dev/eventing-kafka-go/control-plane/topics"
	"knative.dev/eventing-kafka-go/control-plane/translate"
)

const (
	// releasePause is between two looks at pods that still serve a Trigger; they tell earlier themselves.
	releasePause = 5 * time.Second
	// releaseLimit is how long pods are waited for: one that does not answer must not hold an object for ever.
	releaseLimit = time.Minute
)

// FinalizeKind implements the generated interface: it deletes the consumer group when its members have left, and gives
// that up after a while, with a Warning event.
func (r *Reconciler) FinalizeKind(ctx context.Context, t *eventingv1.Trigger) reconciler.Event {
	record := attempts.Of(&t.Status.Status, r.now())
	released, waiting := r.in.Checker().Released(r.dataPlane(), r.who(t), string(t.UID))
	if !released && record.Waiting("release", releaseLimit) {
		t.Status.MarkDependencyUnknown("Deleting", "%s", waiting)
		return controller.NewRequeueAfter(releasePause)
	}
	left, err := topics.Delete(ctx, record, r.deletion(t))
	if err != nil {
		return err
	}
	for _, what := range left {
		controller.GetEventRecorder(ctx).Event(t, corev1.EventTypeWarning, "LeftInKafka", what)
	}
	r.in.Rollout.Forget(r.who(t))
	r.groups.Forget(t.UID)
	return nil
}

// deletion is what a Trigger leaves in Kafka. Where its Kafka is, only the Broker knows.
func (r *Reconciler) deletion(t *eventingv1.Trigger) topics.Deletion {
	d := topics.Deletion{Annotations: t.Annotations}
	if group := t.Status.Annotations[translate.GroupStatusAnnotation]; group != "" {
		d.Groups = []string{group}
	}
	d.Admin = func() (*kafkaadmin.Admin, error) {
		b, err := r.brokers.Brokers(t.Namespace).Get(t.Spec.Broker)
		if err != nil {
			return nil, fmt.Errorf("where Kafka is, Broker %s/%s knew: %w", t.Namespace, t.Spec.Broker, err)
		}
		return r.admin(b)
	}
	return d
}
