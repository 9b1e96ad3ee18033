package eventtype

import (
	"context"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"knative.dev/eventing/pkg/apis/feature"
	eventingclient "knative.dev/eventing/pkg/client/injection/client"
	eventtypeinformer "knative.dev/eventing/pkg/client/injection/informers/eventing/v1beta2/eventtype"
	"knative.dev/pkg/client/injection/kube/informers/core/v1/configmap"
	kconfigmap "knative.dev/pkg/configmap"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/kmeta"
	"knative.dev/pkg/logging"
	"knative.dev/pkg/reconciler"

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
	planes := in.Planes(ctx)
	asking := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute}, Timeout: askLimit}
	var impl *controller.Impl
	everything := func() {
		for _, id := range planes.All() {
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
		plane:   planes.Of, pods: in.Pods, contracts: in.Contracts,
		ask: func(ctx context.Context, pod *corev1.Pod) (rollout.EventTypes, error) {
			return rollout.AskEventTypes(ctx, asking, pod)
		},
		lister: eventtypeinformer.Get(ctx).Lister(), client: eventingclient.Get(ctx).EventingV1beta2(),
	}
	r.PromoteFunc = func(b reconciler.Bucket, enqueue func(reconciler.Bucket, types.NamespacedName)) error {
		for _, id := range planes.All() {
			enqueue(b, id)
		}
		return nil
	}
	impl = controller.NewContext(ctx, r, controller.ControllerOptions{WorkQueueName: workQueue, Logger: logging.FromContext(ctx), Concurrency: 1})
	// A data plane of a namespace is known by its contract.
	if _, err := configmap.Get(ctx).Informer().AddEventHandler(controller.HandleAll(func(object any) {
		if cm, err := kmeta.DeletionHandlingAccessor(object); err == nil {
			id := types.NamespacedName{Namespace: cm.GetNamespace(), Name: cm.GetName()}
			if _, ok := planes.Of(id); ok {
				impl.EnqueueKeyAfter(id, interval)
			}
		}
	})); err != nil {
		logging.FromContext(ctx).Fatalw("Informer cannot be followed", "error", err)
	}
	return impl
}
