package namespacedbroker

import (
	"context"

	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/restmapper"
	brokerinformer "knative.dev/eventing/pkg/client/injection/informers/eventing/v1/broker"
	kubeclient "knative.dev/pkg/client/injection/kube/client"
	"knative.dev/pkg/client/injection/kube/informers/core/v1/configmap"
	kconfigmap "knative.dev/pkg/configmap"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/injection/clients/dynamicclient"
	"knative.dev/pkg/logging"
	"knative.dev/pkg/reconciler"

	"knative.dev/eventing-kafka-go/control-plane/apis/eventing"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/installation"
	"knative.dev/eventing-kafka-go/control-plane/reconciler/broker"
)

// asker is who is told when pods answer something else about Brokers of this class.
const asker = eventing.NamespacedKafkaBrokerClass + " Broker"

// Reconciler reconciles Brokers of class KafkaNamespaced.
type Reconciler struct {
	*broker.Reconciler
}

// NewController makes the reconciler of Brokers of class KafkaNamespaced.
func NewController(ctx context.Context, cmw kconfigmap.Watcher) *controller.Impl {
	in, brokers := installation.Get(ctx), brokerinformer.Get(ctx)
	objects := newCache(dynamicclient.Get(ctx), in.SystemNamespace, in.Entries.ConfigMap)
	p := &planes{
		system: in.SystemNamespace, shared: in.DataPlanes[dataplane.Broker], brokers: brokers.Lister(),
		cached: objects.get, ready: objects.synced, client: dynamicclient.Get(ctx),
		reach:  probe(prober()),
		mapper: restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(kubeclient.Get(ctx).Discovery())),
	}
	r := &Reconciler{broker.New(ctx, p.class())}
	impl := r.Controller(ctx, cmw, r)
	ours := reconciler.AnnotationFilterFunc(eventing.BrokerClassAnnotation, eventing.NamespacedKafkaBrokerClass, false)
	everybody := func(any) { impl.FilteredGlobalResync(ours, brokers.Informer()) }
	ofNamespace := p.ofNamespace(impl.EnqueueKey)
	if err := objects.watch(everybody, ofNamespace); err != nil {
		logging.FromContext(ctx).Fatal(err)
	}
	if _, err := configmap.Get(ctx).Informer().AddEventHandler(controller.HandleAll(p.ofConfigMap(everybody, ofNamespace))); err != nil {
		logging.FromContext(ctx).Fatalw("ConfigMaps cannot be followed", "error", err)
	}
	objects.start(ctx)
	return impl
}
