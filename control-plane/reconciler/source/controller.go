package source

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/cache"
	kubeclient "knative.dev/pkg/client/injection/kube/client"
	"knative.dev/pkg/client/injection/kube/informers/core/v1/configmap"
	"knative.dev/pkg/client/injection/kube/informers/core/v1/secret"
	serviceaccount "knative.dev/pkg/client/injection/kube/informers/core/v1/serviceaccount/filtered"
	kconfigmap "knative.dev/pkg/configmap"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/injection/clients/dynamicclient"
	"knative.dev/pkg/logging"
	"knative.dev/pkg/resolver"

	"knative.dev/eventing-kafka-go/control-plane/apis/sources"
	sourcesv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/sources/v1beta1"
	"knative.dev/eventing-kafka-go/control-plane/autoscale/keda"
	"knative.dev/eventing-kafka-go/control-plane/client/injection/informers/sources/v1beta1/kafkasource"
	sourcereconciler "knative.dev/eventing-kafka-go/control-plane/client/injection/reconciler/sources/v1beta1/kafkasource"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/features"
	"knative.dev/eventing-kafka-go/control-plane/following"
	"knative.dev/eventing-kafka-go/control-plane/groups"
	"knative.dev/eventing-kafka-go/control-plane/identity"
	"knative.dev/eventing-kafka-go/control-plane/installation"
)

// NewController makes the reconciler of KafkaSources.
func NewController(ctx context.Context, cmw kconfigmap.Watcher) *controller.Impl {
	in := installation.Get(ctx)
	all := kafkasource.Get(ctx)
	r := &Reconciler{in: in, sources: all.Lister(), groups: groups.NewStarter(time.Now), now: time.Now,
		keda: &keda.Client{Dynamic: dynamicclient.Get(ctx), Kube: kubeclient.Get(ctx), Now: time.Now}}
	impl := sourcereconciler.NewImpl(ctx, r, func(impl *controller.Impl) controller.Options {
		stores := features.Follow(cmw, logging.FromContext(ctx).Named("features"), func(string, any) { impl.GlobalResync(all.Informer()) })
		return controller.Options{ConfigStore: stores}
	})
	r.later = impl.EnqueueKeyAfter
	r.resolver = resolver.NewURIResolverFromTracker(ctx, impl.Tracker)
	r.following = following.New(impl.EnqueueKey)
	in.Rollout.Notify(sources.KafkaSourceKind, impl.EnqueueKey)
	in.Scaler.Notify(sources.KafkaSourceKind, impl.EnqueueKey)
	for informer, handle := range map[cache.SharedIndexInformer]func(any){
		all.Informer():                impl.Enqueue,
		configmap.Get(ctx).Informer(): following.Contract(in.DataPlanes[dataplane.Source], all.Informer().GetStore(), r.pending, impl.EnqueueKey),
	} {
		if _, err := informer.AddEventHandler(controller.HandleAll(handle)); err != nil {
			logging.FromContext(ctx).Fatalw("Informer cannot be followed", "error", err)
		}
	}
	isSources := controller.FilterController(&sourcesv1beta1.KafkaSource{})
	for informer, handler := range map[cache.SharedIndexInformer]cache.ResourceEventHandler{
		serviceaccount.Get(ctx, identity.Label).Informer(): cache.FilteringResourceEventHandler{
			FilterFunc: isSources, Handler: controller.HandleAll(impl.EnqueueControllerOf),
		},
		secret.Get(ctx).Informer(): in.Accounts.News(func(a *corev1.ServiceAccount) {
			if isSources(a) {
				impl.EnqueueControllerOf(a)
			}
		}),
	} {
		if _, err := informer.AddEventHandler(handler); err != nil {
			logging.FromContext(ctx).Fatalw("Informer cannot be followed", "error", err)
		}
	}
	if err := r.following.Watch(following.Secret, secret.Get(ctx).Informer()); err != nil {
		logging.FromContext(ctx).Fatal(err)
	}
	return impl
}
