package contract

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"knative.dev/eventing/pkg/apis/feature"
	"knative.dev/eventing/pkg/client/injection/informers/eventing/v1/broker"
	"knative.dev/eventing/pkg/client/injection/informers/eventing/v1/trigger"
	"knative.dev/eventing/pkg/client/injection/informers/eventing/v1alpha1/eventpolicy"
	"knative.dev/eventing/pkg/client/injection/informers/messaging/v1/subscription"
	kubeclient "knative.dev/pkg/client/injection/kube/client"
	"knative.dev/pkg/client/injection/kube/informers/core/v1/configmap"
	podinformer "knative.dev/pkg/client/injection/kube/informers/core/v1/pod/filtered"
	"knative.dev/pkg/client/injection/kube/informers/core/v1/secret"
	kconfigmap "knative.dev/pkg/configmap"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/kmeta"
	"knative.dev/pkg/logging"
	"knative.dev/pkg/reconciler"

	"knative.dev/eventing-kafka-go/control-plane/client/injection/informers/eventing/v1alpha1/kafkasink"
	"knative.dev/eventing-kafka-go/control-plane/client/injection/informers/messaging/v1beta1/kafkachannel"
	"knative.dev/eventing-kafka-go/control-plane/client/injection/informers/sources/v1beta1/kafkasource"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/entries"
	"knative.dev/eventing-kafka-go/control-plane/features"
	"knative.dev/eventing-kafka-go/control-plane/installation"
)

const workQueue = "contracts"

// NewController makes the reconciler of contracts.
func NewController(ctx context.Context, cmw kconfigmap.Watcher) *controller.Impl {
	in := installation.Get(ctx)
	used := newUsage()
	r := &Reconciler{
		kube: kubeclient.Get(ctx),
		source: source{
			builder:    used.following(in.Entries),
			used:       used,
			brokers:    broker.Get(ctx).Lister(),
			triggers:   trigger.Get(ctx).Lister(),
			channels:   kafkachannel.Get(ctx).Lister(),
			sinks:      kafkasink.Get(ctx).Lister(),
			sources:    kafkasource.Get(ctx).Lister(),
			configMaps: configmap.Get(ctx).Lister(),
		},
		pods: in.Pods, rollout: in.Rollout, now: time.Now,
	}
	logger := logging.FromContext(ctx)
	impl := controller.NewContext(ctx, r, controller.ControllerOptions{WorkQueueName: workQueue, Logger: logger, Concurrency: len(in.DataPlanes)})
	q := &queue{impl: impl, source: &r.source, holdOff: &r.holdOff, now: time.Now}
	r.PromoteFunc = func(b reconciler.Bucket, enqueue func(reconciler.Bucket, types.NamespacedName)) error {
		for _, id := range q.all() {
			enqueue(b, id)
		}
		return nil
	}
	changed := func(string, any) { q.everything(nil) }
	core := feature.NewStore(logger.Named("config-features"), changed)
	kafka := features.NewStore(logger.Named("config-kafka-features"), changed)
	features.Watch(cmw, core.UntypedStore, kafka.UntypedStore)
	r.source.flags = func() entries.Flags { return entries.Flags{Core: core.Load(), Kafka: kafka.Load()} }
	q.watch(ctx)
	return impl
}

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
		trigger.Get(ctx).Informer():                               q.ofTrigger,
		kafkachannel.Get(ctx).Informer():                          q.of(dataplane.Channel),
		subscription.Get(ctx).Informer():                          q.of(dataplane.Channel),
		kafkasink.Get(ctx).Informer():                             q.of(dataplane.Sink),
		kafkasource.Get(ctx).Informer():                           q.of(dataplane.Source),
		eventpolicy.Get(ctx).Informer():                           q.everything,
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

func (q *queue) ofBroker(object any) { q.ofTrigger(object) }

func (q *queue) ofTrigger(object any) {
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
	if q.source.used.secret(id) || q.source.holdsCredentials(id) {
		q.everything(nil)
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
