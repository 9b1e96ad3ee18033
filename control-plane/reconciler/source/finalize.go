package source

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/labels"
	"knative.dev/pkg/reconciler"

	sourcesv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/sources/v1beta1"
	"knative.dev/eventing-kafka-go/control-plane/entries"
	"knative.dev/eventing-kafka-go/control-plane/finalize"
	"knative.dev/eventing-kafka-go/control-plane/kafkaadmin"
	"knative.dev/eventing-kafka-go/control-plane/topics"
	"knative.dev/eventing-kafka-go/control-plane/translate"
)

// FinalizeKind implements sourcereconciler.Finalizer: the consumer group is deleted when its members have left.
func (r *Reconciler) FinalizeKind(ctx context.Context, s *sourcesv1beta1.KafkaSource) reconciler.Event {
	x := r.run(ctx, s)
	x.m.MarkUnknown(sourcesv1beta1.KafkaSourceConditionConsumerGroup, reasonDeleting, "the source is being deleted")
	groups, err := x.ownGroup()
	if err != nil {
		return err
	}
	err = finalize.Do(ctx, r.in.Checker(), r.now(), finalize.Finalization{
		Object: s, Status: &s.Status.Status, Who: x.who(), UIDs: []string{string(s.UID)}, DataPlane: x.plane,
		Deletion: topics.Deletion{Annotations: s.Annotations, Groups: groups, Admin: x.admin, Bare: x.bare},
	})
	if err == nil {
		r.following.Forget(x.id())
		r.groups.Forget(s.UID)
		r.in.Scaler.Forget(string(s.UID))
	}
	return err
}

// ownGroup is the consumer group, unless it was never started, or another source goes on with it.
func (x *run) ownGroup() ([]string, error) {
	recorded, err := entries.Partitions(&x.source.Status.Status)
	if err != nil || len(recorded) == 0 {
		return nil, nil //nolint:nilerr // what cannot be read says nothing about a group
	}
	all, err := x.sources.List(labels.Everything())
	if err != nil {
		return nil, fmt.Errorf("list KafkaSources: %w", err)
	}
	for _, other := range all {
		if other.UID != x.source.UID && other.DeletionTimestamp == nil && other.Spec.ConsumerGroup == x.source.Spec.ConsumerGroup &&
			slices.ContainsFunc(other.Spec.BootstrapServers, func(s string) bool { return slices.Contains(x.source.Spec.BootstrapServers, s) }) {
			return nil, nil
		}
	}
	return []string{x.source.Spec.ConsumerGroup}, nil
}

func (x *run) admin() (*kafkaadmin.Admin, error) {
	c, err := x.in.Entries.SourceConnection(x.source)
	if err != nil {
		return nil, err
	}
	return x.in.Admin(c)
}

// bare connects without authentication, for when the Secret is gone for good.
func (x *run) bare() (*kafkaadmin.Admin, error) {
	return x.in.Admin(translate.Connection{BootstrapServers: x.source.Spec.BootstrapServers})
}
