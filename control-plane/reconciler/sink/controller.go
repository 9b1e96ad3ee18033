package sink

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/cache"
	"knative.dev/eventing/pkg/client/injection/informers/eventing/v1alpha1/eventpolicy"
	"knative.dev/pkg/client/injection/kube/informers/core/v1/configmap"
	podinformer "knative.dev/pkg/client/injection/kube/informers/core/v1/pod/filtered"
	"knative.dev/pkg/client/injection/kube/informers/core/v1/secret"
	kconfigmap "knative.dev/pkg/configmap"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/logging"

	"knative.dev/eventing-kafka-go/control-plane/apis/eventing"
	eventingv1alpha1 "knative.dev/eventing-kafka-go/control-plane/apis/eventing/v1alpha1"
	"knative.dev/eventing-kafka-go/control-plane/client/injection/informers/eventing/v1alpha1/kafkasink"
	sinkreconciler "knative.dev/eventing-kafka-go/control-plane/client/injection/reconciler/eventing/v1alpha1/kafkasink"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/features"
	"knative.dev/eventing-kafka-go/control-plane/following"
	"knative.dev/eventing-kafka-go/control-plane/installation"
)

// NewController makes the reconciler of KafkaSinks.
func NewController(ctx context.Context, cmw kconfigmap.Watcher) *controller.Impl {
	in := installation.Get(ctx)
	sinks := kafkasink.Get(ctx).Informer()
	r := &Reconciler{in: in, policies: eventpolicy.Get(ctx).Lister(), now: time.Now}
	impl := sinkreconciler.NewImpl(ctx, r, func(impl *controller.Impl) controller.Options {
		stores := features.Follow(cmw, logging.FromContext(ctx).Named("features"), func(string, any) { impl.GlobalResync(sinks) })
		return controller.Options{ConfigStore: stores}
	})
	r.later = impl.EnqueueKeyAfter
	r.following = following.New(impl.EnqueueKey)
	in.Rollout.Notify(eventing.KafkaSinkKind, impl.EnqueueKey)
	d := in.DataPlanes[dataplane.Sink]
	for informer, handle := range map[cache.SharedIndexInformer]func(any){
		sinks:                           impl.Enqueue,
		eventpolicy.Get(ctx).Informer(): following.Namespace(sinks.GetStore(), impl.EnqueueKey),
		configmap.Get(ctx).Informer():   following.Contract(d, sinks.GetStore(), pending, impl.EnqueueKey),
		podinformer.Get(ctx, installation.PodSelector).Informer(): func(object any) {
			if pod, ok := object.(*corev1.Pod); ok && pod.Namespace == d.Namespace && pod.Labels["app"] == d.Receiver {
				impl.FilteredGlobalResync(pending, sinks)
			}
		},
	} {
		if _, err := informer.AddEventHandler(controller.HandleAll(handle)); err != nil {
			logging.FromContext(ctx).Fatalw("Informer cannot be followed", "error", err)
		}
	}
	if err := r.following.Watch(following.Secret, secret.Get(ctx).Informer()); err != nil {
		logging.FromContext(ctx).Fatal(err)
	}
	return impl
}

// pending is true for a sink that waits for the contract: it is not ready, or goes.
func pending(object any) bool {
	s, ok := object.(*eventingv1alpha1.KafkaSink)
	return ok && (!s.IsReady() || s.DeletionTimestamp != nil)
}
