package channel

import (
	"cmp"
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"knative.dev/eventing/pkg/client/injection/informers/eventing/v1/broker"
	"knative.dev/eventing/pkg/client/injection/informers/eventing/v1alpha1/eventpolicy"
	"knative.dev/eventing/pkg/client/injection/informers/messaging/v1/subscription"
	kubeclient "knative.dev/pkg/client/injection/kube/client"
	"knative.dev/pkg/client/injection/kube/informers/core/v1/configmap"
	"knative.dev/pkg/client/injection/kube/informers/core/v1/secret"
	"knative.dev/pkg/client/injection/kube/informers/core/v1/service"
	kconfigmap "knative.dev/pkg/configmap"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/logging"
	"knative.dev/pkg/resolver"

	messagingv1 "knative.dev/eventing/pkg/apis/messaging/v1"

	"knative.dev/eventing-kafka-go/control-plane/apis/messaging"
	messagingv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/messaging/v1beta1"
	"knative.dev/eventing-kafka-go/control-plane/client/injection/informers/messaging/v1beta1/kafkachannel"
	channelreconciler "knative.dev/eventing-kafka-go/control-plane/client/injection/reconciler/messaging/v1beta1/kafkachannel"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/entries"
	"knative.dev/eventing-kafka-go/control-plane/features"
	"knative.dev/eventing-kafka-go/control-plane/following"
	"knative.dev/eventing-kafka-go/control-plane/installation"
	"knative.dev/eventing-kafka-go/control-plane/topics"
)

// NewController makes the reconciler of KafkaChannels.
func NewController(ctx context.Context, cmw kconfigmap.Watcher) *controller.Impl {
	in := installation.Get(ctx)
	channels := kafkachannel.Get(ctx)
	r := &Reconciler{
		in: in, kube: kubeclient.Get(ctx), services: service.Get(ctx).Lister(), policies: eventpolicy.Get(ctx).Lister(),
		owners: topics.Owners{Channels: channels.Lister(), Brokers: broker.Get(ctx).Lister(), Entries: in.Entries},
		now:    time.Now,
	}
	impl := channelreconciler.NewImpl(ctx, r, func(impl *controller.Impl) controller.Options {
		stores := features.Follow(cmw, logging.FromContext(ctx).Named("features"), func(string, any) {
			impl.GlobalResync(channels.Informer())
		})
		return controller.Options{ConfigStore: stores}
	})
	r.later = impl.EnqueueKeyAfter
	r.resolver = resolver.NewURIResolverFromTracker(ctx, impl.Tracker)
	r.following = following.New(impl.EnqueueKey)
	in.Rollout.Notify(messaging.KafkaChannelKind, impl.EnqueueKey)
	in.Scaler.Notify(messaging.KafkaChannelKind, impl.EnqueueKey)
	r.watch(ctx, impl)
	return impl
}

// watch has channels reconciled when something changes that they depend on.
func (r *Reconciler) watch(ctx context.Context, impl *controller.Impl) {
	channels := kafkachannel.Get(ctx)
	store := channels.Informer().GetStore()
	for informer, handler := range map[cache.SharedIndexInformer]cache.ResourceEventHandler{
		channels.Informer(): controller.HandleAll(impl.Enqueue),
		service.Get(ctx).Informer(): cache.FilteringResourceEventHandler{
			FilterFunc: controller.FilterController(&messagingv1beta1.KafkaChannel{}), Handler: controller.HandleAll(impl.EnqueueControllerOf),
		},
		subscription.Get(ctx).Informer(): controller.HandleAll(ofSubscription(impl.EnqueueKey)),
		eventpolicy.Get(ctx).Informer():  controller.HandleAll(following.Namespace(store, impl.EnqueueKey)),
		configmap.Get(ctx).Informer(): controller.HandleAll(
			following.Contract(r.in.DataPlanes[dataplane.Channel], store, pending, impl.EnqueueKey)),
		secret.Get(ctx).Informer(): r.in.Accounts.News(r.ofAccount(ctx, impl.EnqueueKey)),
	} {
		if _, err := informer.AddEventHandler(handler); err != nil {
			logging.FromContext(ctx).Fatalw("Informer cannot be followed", "error", err)
		}
	}
	for kind, informer := range map[string]cache.SharedIndexInformer{
		following.ConfigMap: configmap.Get(ctx).Informer(), following.Secret: secret.Get(ctx).Informer(),
	} {
		if err := r.following.Watch(kind, informer); err != nil {
			logging.FromContext(ctx).Fatal(err)
		}
	}
}

// ofAccount enqueues the channel of the Subscription that a ServiceAccount belongs to.
func (r *Reconciler) ofAccount(ctx context.Context, enqueue func(types.NamespacedName)) func(*corev1.ServiceAccount) {
	subscriptions := subscription.Get(ctx).Lister()
	return func(a *corev1.ServiceAccount) {
		owner := metav1.GetControllerOf(a)
		if owner == nil {
			return
		}
		if s, err := subscriptions.Subscriptions(a.Namespace).Get(owner.Name); err == nil && s.UID == owner.UID {
			ofSubscription(enqueue)(s)
		}
	}
}

// pending is true for a channel that waits for the contract: it is not ready, goes, or has subscribers that went.
func pending(object any) bool {
	c, ok := object.(*messagingv1beta1.KafkaChannel)
	if !ok {
		return false
	}
	recorded, _ := entries.Partitions(&c.Status.Status)
	return !c.IsReady() || c.DeletionTimestamp != nil || len(recorded) > len(c.Spec.Subscribers)
}

// ofSubscription: order and scope of its deliveries are annotations of the Subscription. The channel that it names is ours,
// or a Channel with one of ours under the same name.
func ofSubscription(enqueue func(types.NamespacedName)) func(any) {
	return func(object any) {
		if s, ok := object.(*messagingv1.Subscription); ok {
			enqueue(types.NamespacedName{Namespace: cmp.Or(s.Spec.Channel.Namespace, s.Namespace), Name: s.Spec.Channel.Name})
		}
	}
}
