package contract

import (
	"cmp"
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"knative.dev/eventing/pkg/client/injection/informers/eventing/v1/broker"
	"knative.dev/eventing/pkg/client/injection/informers/eventing/v1/trigger"
	"knative.dev/eventing/pkg/client/injection/informers/eventing/v1alpha1/eventpolicy"
	"knative.dev/eventing/pkg/client/injection/informers/messaging/v1/subscription"
	"knative.dev/pkg/client/injection/kube/informers/core/v1/configmap"
	podinformer "knative.dev/pkg/client/injection/kube/informers/core/v1/pod/filtered"
	"knative.dev/pkg/client/injection/kube/informers/core/v1/secret"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/kmeta"
	"knative.dev/pkg/logging"

	kafkav1alpha1 "knative.dev/eventing-kafka-go/control-plane/apis/kafka/v1alpha1"
	"knative.dev/eventing-kafka-go/control-plane/client/injection/informers/eventing/v1alpha1/kafkasink"
	"knative.dev/eventing-kafka-go/control-plane/client/injection/informers/kafka/v1alpha1/resetoffset"
	"knative.dev/eventing-kafka-go/control-plane/client/injection/informers/messaging/v1beta1/kafkachannel"
	"knative.dev/eventing-kafka-go/control-plane/client/injection/informers/sources/v1beta1/kafkasource"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/installation"
)

// queue says which contracts an event is about, and lets events gather for a moment.
type queue struct {
	impl    *controller.Impl
	source  *source
	holdOff *holdOff
	now     func() time.Time
}

// watch follows everything that contracts are made from.
func (q *queue) watch(ctx context.Context) {
	for informer, handle := range map[cache.SharedIndexInformer]func(any){
		broker.Get(ctx).Informer():                                q.ofBroker,
		trigger.Get(ctx).Informer():                               q.ofBroker,
		kafkachannel.Get(ctx).Informer():                          q.of(dataplane.Channel),
		subscription.Get(ctx).Informer():                          q.of(dataplane.Channel),
		kafkasink.Get(ctx).Informer():                             q.of(dataplane.Sink),
		kafkasource.Get(ctx).Informer():                           q.of(dataplane.Source),
		eventpolicy.Get(ctx).Informer():                           q.everything,
		resetoffset.Get(ctx).Informer():                           q.ofResetOffset,
		configmap.Get(ctx).Informer():                             q.ofConfigMap,
		secret.Get(ctx).Informer():                                q.ofSecret,
		podinformer.Get(ctx, installation.PodSelector).Informer(): q.ofPod,
	} {
		if _, err := informer.AddEventHandler(controller.HandleAll(handle)); err != nil {
			logging.FromContext(ctx).Fatalw("Informer cannot be followed", "error", err)
		}
	}
}

// all are the contracts that there should be.
func (q *queue) all() []types.NamespacedName {
	var ids []types.NamespacedName
	for _, d := range q.source.builder.DataPlanes {
		ids = append(ids, idOf(d))
	}
	for _, namespace := range q.source.namespaces() {
		ids = append(ids, idOf(q.source.builder.DataPlanes[dataplane.Broker].In(namespace)))
	}
	return ids
}

func idOf(d dataplane.DataPlane) types.NamespacedName {
	return types.NamespacedName{Namespace: d.Namespace, Name: d.ContractName}
}

func (q *queue) add(d dataplane.DataPlane) {
	q.impl.EnqueueKeyAfter(idOf(d), q.holdOff.delay(d.Key(), q.now()))
}

func (q *queue) everything(any) {
	for _, id := range q.all() {
		q.impl.EnqueueKeyAfter(id, q.holdOff.delay(id.String(), q.now()))
	}
}

func (q *queue) of(kind dataplane.Kind) func(any) {
	return func(any) { q.add(q.source.builder.DataPlanes[kind]) }
}

// brokers are the contracts that hold Brokers of a namespace.
func (q *queue) brokers(namespace string) {
	shared := q.source.builder.DataPlanes[dataplane.Broker]
	q.add(shared)
	q.add(shared.In(namespace)) // nothing comes of it where there is none
}

// ofBroker is for Brokers and Triggers.
func (q *queue) ofBroker(object any) {
	if o, err := kmeta.DeletionHandlingAccessor(object); err == nil {
		q.brokers(o.GetNamespace())
	}
}

// ofConfigMap: one that was used, one with a trust bundle, or a contract that somebody else has changed.
func (q *queue) ofConfigMap(object any) {
	o, err := kmeta.DeletionHandlingAccessor(object)
	if err != nil {
		return
	}
	id := types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}
	if _, ours := q.source.dataPlane(id); ours {
		q.impl.EnqueueKeyAfter(id, q.holdOff.delay(id.String(), q.now()))
		return
	}
	if o.GetNamespace() == q.source.builder.SystemNamespace && o.GetLabels()[trustBundleLabel] == "true" || q.source.used.configMap(id) {
		q.everything(nil)
	}
}

func (q *queue) ofSecret(object any) {
	o, err := kmeta.DeletionHandlingAccessor(object)
	if err != nil {
		return
	}
	id := types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}
	if d, ours := q.source.mounts(id); ours {
		q.add(d)
	} else if q.source.used.secret(id) {
		q.everything(nil)
	}
}

// ofResetOffset: the group of what it names leaves, and comes back.
func (q *queue) ofResetOffset(object any) {
	if gone, ok := object.(cache.DeletedFinalStateUnknown); ok {
		object = gone.Obj
	}
	reset, ok := object.(*kafkav1alpha1.ResetOffset)
	switch {
	case !ok:
	case reset.Spec.Ref.Kind == "Trigger":
		q.brokers(cmp.Or(reset.Spec.Ref.Namespace, reset.Namespace))
	case reset.Spec.Ref.Kind == "KafkaSource":
		q.of(dataplane.Source)(nil)
	default:
		q.of(dataplane.Channel)(nil)
	}
}

// ofPod: one that comes or goes changes who delivers, and a new one has to be told.
func (q *queue) ofPod(object any) {
	pod, ok := object.(*corev1.Pod)
	if !ok {
		q.everything(nil) // it is gone, and what is left says no more
		return
	}
	for _, id := range q.all() {
		if id.Namespace == pod.Namespace {
			q.impl.EnqueueKeyAfter(id, q.holdOff.delay(id.String(), q.now()))
		}
	}
}
