package broker

import (
	"context"

	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	"knative.dev/pkg/reconciler"

	"knative.dev/eventing-kafka-go/control-plane/address"
	"knative.dev/eventing-kafka-go/control-plane/apis/annotation"
	"knative.dev/eventing-kafka-go/control-plane/apis/conditions"
	"knative.dev/eventing-kafka-go/control-plane/finalize"
	"knative.dev/eventing-kafka-go/control-plane/topics"
	"knative.dev/eventing-kafka-go/control-plane/translate"
	"knative.dev/eventing-kafka-go/data-plane/kafka"
)

// FinalizeKind implements the generated interface: address, contract and pods, topic, Secret go in this order (KC-15), and
// what the class has for the Broker at last.
func (r *Reconciler) FinalizeKind(ctx context.Context, b *eventingv1.Broker) reconciler.Event {
	address.Withdraw(&b.Status.AddressStatus)
	x := r.run(ctx, b)
	deletion, kept := x.deletion()
	err := finalize.Do(ctx, r.In.Checker(), r.Now(), finalize.Finalization{
		Object: b, Status: &b.Status.Status, Who: x.who(), UIDs: []string{string(b.UID)}, DataPlane: x.plane,
		Deletion: deletion, KeptTopic: kept,
		Waiting: func(why string) { x.m.MarkUnknown(conditions.Addressable, finalize.ReasonDeleting, "%s", why) },
	})
	if err != nil {
		return err
	}
	if err := x.releaseSecrets(ctx); err != nil {
		return err
	}
	if r.Class.Release != nil {
		if err := r.Class.Release(ctx, b); err != nil {
			return err
		}
	}
	r.Following.Forget(x.id())
	return nil
}

// deletion is what a Broker leaves in Kafka, and the topic that is kept because it was adopted.
func (x *run) deletion() (d topics.Deletion, kept string) {
	b := x.broker
	d.Annotations = b.Annotations
	if _, external := b.Annotations[annotation.ExternalTopic]; !external {
		d.Topic, kept = topics.OfStatus(&b.Status.Status, b.Status.Annotations[translate.TopicStatusAnnotation])
	}
	d.Admin, d.Bare = x.In.ConnectForDeletion(func() (translate.Settings, error) { return x.In.Entries.BrokerSettings(b) },
		kafka.ParseServers(b.Status.Annotations[translate.ServersKey]))
	return d, kept
}
