package eventtype

import (
	"context"
	"net/http"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	"knative.dev/eventing/pkg/apis/feature"
	eventingclient "knative.dev/eventing/pkg/client/injection/client"
	"knative.dev/eventing/pkg/client/injection/informers/eventing/v1/broker"
	eventtypeinformer "knative.dev/eventing/pkg/client/injection/informers/eventing/v1beta2/eventtype"
	eventinglisters "knative.dev/eventing/pkg/client/listers/eventing/v1"
	"knative.dev/pkg/client/injection/kube/informers/core/v1/configmap"
	kconfigmap "knative.dev/pkg/configmap"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/kmeta"
	"knative.dev/pkg/logging"
	"knative.dev/pkg/reconciler"

	"knative.dev/eventing-kafka-go/control-plane/apis/eventing"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/features"
	"knative.dev/eventing-kafka-go/control-plane/installation"
	"knative.dev/eventing-kafka-go/control-plane/rollout"
)

const (
	workQueue = "eventtypes"
	// askLimit bounds a question to a pod.
	askLimit = 5 * time.Second
)

// NewController makes what creates EventTypes.
func NewController(ctx context.Context, cmw kconfigmap.Watcher) *controller.Impl {
	in := installation.Get(ctx)
	planes := planes{in.DataPlanes, broker.Get(ctx).Lister()}
	asking := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute}, Timeout: askLimit}
	var impl *controller.Impl
	everything := func() {
		for _, id := range planes.all() {
			impl.EnqueueKey(id)
		}
	}
	core := feature.NewStore(logging.FromContext(ctx).Named("config-features"), func(string, any) {
		if impl != nil { // the first values come while it is made
			everything()
		}
	})
	features.Watch(cmw, core.UntypedStore)
	r := &Reconciler{
		enabled: func() bool { return core.Load().IsEnabled(feature.EvenTypeAutoCreate) },
		plane:   planes.of, pods: in.Pods, contracts: in.Contracts,
		ask: func(ctx context.Context, pod *corev1.Pod) (rollout.EventTypes, error) {
			return rollout.AskEventTypes(ctx, asking, pod)
		},
		lister: eventtypeinformer.Get(ctx).Lister(), client: eventingclient.Get(ctx).EventingV1beta2(),
	}
	r.PromoteFunc = func(b reconciler.Bucket, enqueue func(reconciler.Bucket, types.NamespacedName)) error {
		for _, id := range planes.all() {
			enqueue(b, id)
		}
		return nil
	}
	impl = controller.NewContext(ctx, r, controller.ControllerOptions{WorkQueueName: workQueue, Logger: logging.FromContext(ctx), Concurrency: 1})
	// A data plane of a namespace is known by its contract.
	if _, err := configmap.Get(ctx).Informer().AddEventHandler(controller.HandleAll(func(object any) {
		if cm, err := kmeta.DeletionHandlingAccessor(object); err == nil {
			id := types.NamespacedName{Namespace: cm.GetNamespace(), Name: cm.GetName()}
			if _, ok := planes.of(id); ok {
				impl.EnqueueKeyAfter(id, interval)
			}
		}
	})); err != nil {
		logging.FromContext(ctx).Fatalw("Informer cannot be followed", "error", err)
	}
	return impl
}

// planes are the data planes of the installation, and those of the namespaces with Brokers of class KafkaNamespaced.
type planes struct {
	installed map[dataplane.Kind]dataplane.DataPlane
	brokers   eventinglisters.BrokerLister
}

func (p planes) all() []types.NamespacedName {
	var ids []types.NamespacedName
	for _, d := range p.installed {
		ids = append(ids, types.NamespacedName{Namespace: d.Namespace, Name: d.ContractName})
	}
	brokers, err := p.brokers.List(labels.Everything())
	if err != nil {
		return ids // a cache does not fail
	}
	for _, b := range brokers {
		id := types.NamespacedName{Namespace: b.Namespace, Name: p.installed[dataplane.Broker].ContractName}
		if isNamespaced(b) && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// of is the data plane whose contract has this name.
func (p planes) of(id types.NamespacedName) (dataplane.DataPlane, bool) {
	for _, d := range p.installed {
		if d.Key() == id.String() {
			return d, true
		}
	}
	shared := p.installed[dataplane.Broker]
	brokers, err := p.brokers.Brokers(id.Namespace).List(labels.Everything())
	if err != nil || id.Name != shared.ContractName || !slices.ContainsFunc(brokers, isNamespaced) {
		return dataplane.DataPlane{}, false
	}
	return shared.In(id.Namespace), true
}

func isNamespaced(b *eventingv1.Broker) bool {
	return b.Annotations[eventing.BrokerClassAnnotation] == eventing.NamespacedKafkaBrokerClass
}
