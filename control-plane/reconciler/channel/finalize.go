package channel

import (
	"context"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/reconciler"

	"knative.dev/eventing-kafka-go/control-plane/address"
	messagingv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/messaging/v1beta1"
	"knative.dev/eventing-kafka-go/control-plane/destination"
	"knative.dev/eventing-kafka-go/control-plane/finalize"
	"knative.dev/eventing-kafka-go/control-plane/topics"
	"knative.dev/eventing-kafka-go/control-plane/translate"
	"knative.dev/eventing-kafka-go/data-plane/kafka"
)

// FinalizeKind implements channelreconciler.Finalizer.
func (r *Reconciler) FinalizeKind(ctx context.Context, c *messagingv1beta1.KafkaChannel) reconciler.Event {
	address.Withdraw(&c.Status.AddressStatus)
	x := r.run(ctx, c)
	subscribers := x.recorded()
	for i := range c.Spec.Subscribers {
		subscribers[string(c.Spec.Subscribers[i].UID)] = 0
	}
	delete(subscribers, "")
	topic, kept := topics.OfStatus(&c.Status.Status, c.Status.Annotations[translate.TopicStatusAnnotation])
	d := topics.Deletion{Annotations: c.Annotations, Topic: topic}
	uids := []string{string(c.UID)}
	for _, uid := range slices.Sorted(maps.Keys(subscribers)) {
		uids = append(uids, uid)
		d.Groups = append(d.Groups, translate.ChannelGroup(c.Namespace, c.Name, types.UID(uid)))
	}
	d.Admin, d.Bare = r.in.ConnectForDeletion(func() (translate.Settings, error) { return r.in.Entries.ChannelSettings(c) },
		kafka.ParseServers(c.Status.Annotations[translate.ServersKey]))
	err := finalize.Do(ctx, r.in.Checker(), r.now(), finalize.Finalization{
		Object: c, Status: &c.Status.Status, Who: x.who(), UIDs: uids, DataPlane: x.plane, Deletion: d, KeptTopic: kept,
	})
	if err == nil {
		for uid := range subscribers {
			r.in.Scaler.Forget(uid)
		}
		r.following.Forget(x.id())
	}
	return err
}

// warn has an event name what is left behind.
func (x *run) warn(ctx context.Context, what string) {
	controller.GetEventRecorder(ctx).Eventf(x.channel, corev1.EventTypeWarning, finalize.ReasonLeftBehind, "Left in Kafka: %s", what)
}

// deadLetter resolves spec.delivery.deadLetterSink into the status. What was resolved before stays while that fails.
func (x *run) deadLetter(ctx context.Context) error {
	status := &x.channel.Status.DeliveryStatus
	if x.channel.Spec.Delivery == nil || x.channel.Spec.Delivery.DeadLetterSink == nil {
		status.DeadLetterSinkURI, status.DeadLetterSinkCACerts, status.DeadLetterSinkAudience = nil, nil, nil
		return nil
	}
	to, err := destination.Resolve(ctx, x.resolver, x.channel.Spec.Delivery.DeadLetterSink, x.channel)
	if err != nil {
		return fmt.Errorf("spec.delivery.deadLetterSink: %w", err)
	}
	status.DeadLetterSinkURI, status.DeadLetterSinkCACerts, status.DeadLetterSinkAudience = to.URL, to.CACerts, to.Audience
	return nil
}
