package broker

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/tools/cache"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	brokerinformer "knative.dev/eventing/pkg/client/injection/informers/eventing/v1/broker"
	"knative.dev/eventing/pkg/client/injection/informers/eventing/v1alpha1/eventpolicy"
	brokerreconciler "knative.dev/eventing/pkg/client/injection/reconciler/eventing/v1/broker"
	kubeclient "knative.dev/pkg/client/injection/kube/client"
	"knative.dev/pkg/client/injection/kube/informers/core/v1/configmap"
	podinformer "knative.dev/pkg/client/injection/kube/informers/core/v1/pod/filtered"
	"knative.dev/pkg/client/injection/kube/informers/core/v1/secret"
	kconfigmap "knative.dev/pkg/configmap"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/kmeta"
	"knative.dev/pkg/logging"
	"knative.dev/pkg/reconciler"
	"knative.dev/pkg/resolver"

	"knative.dev/eventing-kafka-go/control-plane/apis/eventing"
	"knative.dev/eventing-kafka-go/control-plane/client/injection/informers/messaging/v1beta1/kafkachannel"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/features"
	"knative.dev/eventing-kafka-go/control-plane/following"
	"knative.dev/eventing-kafka-go/control-plane/installation"
	"knative.dev/eventing-kafka-go/control-plane/topics"
)

// agent is the component of events (ST-09).
const agent = "broker-controller"

// NewController makes the reconciler of Brokers of class Kafka. It registers the conditions of our Brokers, for the whole
// process.
func NewController(ctx context.Context, cmw kconfigmap.Watcher) *controller.Impl {
	eventingv1.RegisterAlternateBrokerConditionSet(Conditions())
	in := installation.Get(ctx)
	brokers := brokerinformer.Get(ctx)
	r := &Reconciler{
		in: in, kube: kubeclient.Get(ctx), policies: eventpolicy.Get(ctx).Lister(), now: time.Now,
		owners: topics.Owners{Channels: kafkachannel.Get(ctx).Lister(), Brokers: brokers.Lister(), Entries: in.Entries},
	}
	ours := reconciler.AnnotationFilterFunc(eventing.BrokerClassAnnotation, eventing.KafkaBrokerClass, false)
	impl := brokerreconciler.NewImpl(ctx, r, eventing.KafkaBrokerClass, func(impl *controller.Impl) controller.Options {
		stores := features.Follow(cmw, logging.FromContext(ctx).Named("features"), func(string, any) {
			impl.FilteredGlobalResync(ours, brokers.Informer())
		})
		return controller.Options{ConfigStore: stores, AgentName: agent, PromoteFilterFunc: ours}
	})
	r.resolver = resolver.NewURIResolverFromTracker(ctx, impl.Tracker)
	r.later = impl.EnqueueKeyAfter
	r.following = following.New(impl.EnqueueKey)
	in.Rollout.Notify(kind, impl.EnqueueKey)
	d := in.DataPlanes[dataplane.Broker]
	for informer, handler := range map[cache.SharedIndexInformer]cache.ResourceEventHandler{
		brokers.Informer(): cache.FilteringResourceEventHandler{FilterFunc: ours, Handler: controller.HandleAll(impl.Enqueue)},
		eventpolicy.Get(ctx).Informer(): controller.HandleAll(func(object any) {
			ofNamespace(brokers, ours, object, impl)
		}),
		configmap.Get(ctx).Informer(): cache.FilteringResourceEventHandler{FilterFunc: isContract(d),
			Handler: controller.HandleAll(func(any) { impl.FilteredGlobalResync(pending, brokers.Informer()) })},
		podinformer.Get(ctx, installation.PodSelector).Informer(): cache.FilteringResourceEventHandler{FilterFunc: isReceiver(d),
			Handler: controller.HandleAll(func(any) { impl.FilteredGlobalResync(pending, brokers.Informer()) })},
	} {
		if _, err := informer.AddEventHandler(handler); err != nil {
			logging.FromContext(ctx).Fatalw("Informer cannot be followed", "error", err)
		}
	}
	for what, informer := range map[string]cache.SharedIndexInformer{
		following.Secret: secret.Get(ctx).Informer(), following.ConfigMap: configmap.Get(ctx).Informer(),
	} {
		if err := r.following.Watch(what, informer); err != nil {
			logging.FromContext(ctx).Fatal(err)
		}
	}
	return impl
}

// ofNamespace enqueues our Brokers of an object's namespace.
func ofNamespace(brokers interface {
	Informer() cache.SharedIndexInformer
}, ours func(any) bool, object any, impl *controller.Impl) {
	o, err := kmeta.DeletionHandlingAccessor(object)
	if err != nil {
		return
	}
	_ = cache.ListAllByNamespace(brokers.Informer().GetIndexer(), o.GetNamespace(), labels.Everything(), func(b any) {
		if ours(b) {
			impl.Enqueue(b)
		}
	})
}

func isContract(d dataplane.DataPlane) func(any) bool {
	return func(object any) bool {
		cm, err := kmeta.DeletionHandlingAccessor(object)
		return err == nil && cm.GetNamespace() == d.Namespace && cm.GetName() == d.ContractName
	}
}

func isReceiver(d dataplane.DataPlane) func(any) bool {
	return func(object any) bool {
		pod, ok := object.(*corev1.Pod)
		return ok && pod.Namespace == d.Namespace && pod.Labels["app"] == d.Receiver
	}
}
