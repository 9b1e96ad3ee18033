package trigger

import (
	"context"
	"fmt"

	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	"knative.dev/pkg/reconciler"

	"knative.dev/eventing-kafka-go/control-plane/entries"
	"knative.dev/eventing-kafka-go/control-plane/finalize"
	"knative.dev/eventing-kafka-go/control-plane/topics"
	"knative.dev/eventing-kafka-go/control-plane/translate"
)

// FinalizeKind implements the generated interface: it deletes the consumer group when its members have left, and gives
// that up after a while, with a Warning event.
func (r *Reconciler) FinalizeKind(ctx context.Context, t *eventingv1.Trigger) reconciler.Event {
	err := finalize.Do(ctx, r.in.Checker(), r.now(), finalize.Finalization{
		Object: t, Status: &t.Status.Status, Who: r.who(t), UIDs: []string{string(t.UID)},
		DataPlane: r.class.dataPlane(t.Namespace), Deletion: r.deletion(t),
		Waiting: func(why string) { t.Status.MarkDependencyUnknown(finalize.ReasonDeleting, "%s", why) },
	})
	if err != nil {
		return err
	}
	r.groups.Forget(t.UID)
	r.in.Scaler.Forget(string(t.UID))
	return nil
}

// deletion is what a Trigger leaves in Kafka. Where its Kafka is, its Broker says, and its own status once that is gone.
func (r *Reconciler) deletion(t *eventingv1.Trigger) topics.Deletion {
	d := topics.Deletion{Annotations: t.Annotations}
	if group := t.Status.Annotations[translate.GroupStatusAnnotation]; group != "" {
		d.Groups = []string{group}
	}
	recorded := entries.RecordedCluster(&t.Status.Status)
	d.Admin, d.Bare = r.in.ConnectForDeletion(func() (translate.Settings, error) {
		b, err := r.brokers.Brokers(t.Namespace).Get(t.Spec.Broker)
		switch {
		case err == nil:
			return r.in.Entries.BrokerSettings(b)
		case len(recorded.BootstrapServers) > 0:
			return recorded, nil
		}
		return translate.Settings{}, fmt.Errorf("where Kafka is, Broker %s/%s knew: %w", t.Namespace, t.Spec.Broker, err)
	}, recorded.BootstrapServers)
	return d
}
