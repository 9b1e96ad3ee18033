package broker

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/reconciler"

	"knative.dev/eventing-kafka-go/control-plane/address"
	"knative.dev/eventing-kafka-go/control-plane/apis/annotation"
	"knative.dev/eventing-kafka-go/control-plane/apis/conditions"
	"knative.dev/eventing-kafka-go/control-plane/attempts"
	"knative.dev/eventing-kafka-go/control-plane/credentials"
	"knative.dev/eventing-kafka-go/control-plane/kafkaadmin"
	"knative.dev/eventing-kafka-go/control-plane/topics"
	"knative.dev/eventing-kafka-go/control-plane/translate"
)

const (
	// releasePause is between two looks at pods that still serve a Broker; they tell earlier themselves.
	releasePause = 5 * time.Second
	// releaseLimit is how long pods are waited for: one that does not answer must not hold an object for ever.
	releaseLimit = time.Minute
)

// FinalizeKind implements the generated interface: address, contract and pods, topic, Secret go in this order (KC-15). What
// Kafka does not delete in time is left behind, with a Warning event.
func (r *Reconciler) FinalizeKind(ctx context.Context, b *eventingv1.Broker) reconciler.Event {
	address.Withdraw(&b.Status.AddressStatus)
	x := r.run(ctx, b)
	record := attempts.Of(&b.Status.Status, r.now())
	released, waiting := r.in.Checker().Released(x.plane, x.who(), string(b.UID))
	if !released && record.Waiting("release", releaseLimit) {
		x.m.MarkUnknown(conditions.Addressable, "Deleting", "%s", waiting)
		return controller.NewRequeueAfter(releasePause)
	}
	deletion, kept := x.deletion()
	left, err := topics.Delete(ctx, record, deletion)
	if err != nil {
		return err
	}
	if kept != "" {
		left = append(left, "topic "+kept+": it existed before the Broker")
	}
	for _, what := range left {
		controller.GetEventRecorder(ctx).Event(b, corev1.EventTypeWarning, "LeftInKafka", what)
	}
	if err := x.releaseSecrets(ctx); err != nil {
		return err
	}
	r.in.Rollout.Forget(x.who())
	r.following.Forget(x.id())
	return nil
}

// deletion is what a Broker leaves in Kafka, and the topic that is kept because it was adopted.
func (x *run) deletion() (d topics.Deletion, kept string) {
	b := x.broker
	d.Annotations = b.Annotations
	if _, external := b.Annotations[annotation.ExternalTopic]; !external {
		d.Topic, kept = topics.OfStatus(&b.Status.Status, b.Status.Annotations[translate.TopicStatusAnnotation])
	}
	connect := func(authenticated bool) func() (*kafkaadmin.Admin, error) {
		return func() (*kafkaadmin.Admin, error) {
			s, err := x.in.Entries.BrokerSettings(b)
			if err != nil {
				return nil, err
			}
			if !authenticated {
				s.SecretName = ""
			}
			c, err := credentials.Connection(x.in.Secret, s.BootstrapServers, s.SecretNamespace, s.SecretName)
			if err != nil {
				return nil, err
			}
			return x.in.Admin(c)
		}
	}
	d.Admin, d.Bare = connect(true), connect(false)
	return d, kept
}
