package broker

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	brokerinformer "knative.dev/eventing/pkg/client/injection/informers/eventing/v1/broker"
	"knative.dev/eventing/pkg/client/injection/informers/eventing/v1alpha1/eventpolicy"
	brokerreconciler "knative.dev/eventing/pkg/client/injection/reconciler/eventing/v1/broker"
	"knative.dev/pkg/apis"
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

// NewController makes the reconciler of Brokers of class Kafka.
func NewController(ctx context.Context, cmw kconfigmap.Watcher) *controller.Impl {
	in := installation.Get(ctx)
	r := New(ctx, Class{
		Name: eventing.KafkaBrokerClass, Asker: kind,
		DataPlane: func(string) dataplane.DataPlane { return in.DataPlanes[dataplane.Broker] },
	})
	return r.Controller(ctx, cmw, r)
}

// New makes the reconciler of the Brokers of a class.
func New(ctx context.Context, c Class) *Reconciler {
	in, brokers := installation.Get(ctx), brokerinformer.Get(ctx)
	return &Reconciler{
		Class: c, In: in, Kube: kubeclient.Get(ctx), Policies: eventpolicy.Get(ctx).Lister(), Now: time.Now,
		Owners: topics.Owners{Channels: kafkachannel.Get(ctx).Lister(), Brokers: brokers.Lister(), Entries: in.Entries},
	}
}

// Controller has the Brokers of the class reconciled by impl, which is r or has it inside: its type names the Lease. It
// registers the conditions of our Brokers, for the whole process.
func (r *Reconciler) Controller(ctx context.Context, cmw kconfigmap.Watcher, of brokerreconciler.Interface) *controller.Impl {
	eventingv1.RegisterAlternateBrokerConditionSet(Conditions())
	brokers := brokerinformer.Get(ctx)
	ours := reconciler.AnnotationFilterFunc(eventing.BrokerClassAnnotation, r.Class.Name, false)
	impl := brokerreconciler.NewImpl(ctx, of, r.Class.Name, func(impl *controller.Impl) controller.Options {
		stores := features.Follow(cmw, logging.FromContext(ctx).Named("features"), func(string, any) {
			impl.FilteredGlobalResync(ours, brokers.Informer())
		})
		return controller.Options{ConfigStore: stores, AgentName: agent, PromoteFilterFunc: ours}
	})
	r.Resolver = resolver.NewURIResolverFromTracker(ctx, impl.Tracker)
	r.Later = impl.EnqueueKeyAfter
	r.Following = following.New(impl.EnqueueKey)
	r.In.Rollout.Notify(r.Class.Asker, impl.EnqueueKey)
	r.watch(ctx, impl, ours)
	return impl
}

// watch has Brokers reconciled when they change, and when something does that they wait for or were reconciled with.
func (r *Reconciler) watch(ctx context.Context, impl *controller.Impl, ours func(any) bool) {
	brokers := brokerinformer.Get(ctx).Informer()
	waiting := r.enqueue(brokers.GetStore(), impl.EnqueueKey, func(b *eventingv1.Broker, namespace string) bool {
		return isPending(b) && r.Class.DataPlane(b.Namespace).Namespace == namespace
	})
	neighbours := r.enqueue(brokers.GetStore(), impl.EnqueueKey, func(b *eventingv1.Broker, namespace string) bool {
		return b.Namespace == namespace
	})
	for informer, handler := range map[cache.SharedIndexInformer]cache.ResourceEventHandler{
		brokers:                         cache.FilteringResourceEventHandler{FilterFunc: ours, Handler: controller.HandleAll(impl.Enqueue)},
		eventpolicy.Get(ctx).Informer(): controller.HandleAll(neighbours),
		configmap.Get(ctx).Informer(): cache.FilteringResourceEventHandler{
			FilterFunc: r.isContract, Handler: controller.HandleAll(waiting)},
		podinformer.Get(ctx, installation.PodSelector).Informer(): cache.FilteringResourceEventHandler{
			FilterFunc: r.isReceiver, Handler: controller.HandleAll(waiting)},
	} {
		if _, err := informer.AddEventHandler(handler); err != nil {
			logging.FromContext(ctx).Fatalw("Informer cannot be followed", "error", err)
		}
	}
	for what, informer := range map[string]cache.SharedIndexInformer{
		following.Secret: secret.Get(ctx).Informer(), following.ConfigMap: configmap.Get(ctx).Informer(),
	} {
		if err := r.Following.Watch(what, informer); err != nil {
			logging.FromContext(ctx).Fatal(err)
		}
	}
}

// enqueue returns what to call with an object whose namespace says which Brokers of the class it is about.
func (r *Reconciler) enqueue(
	brokers cache.Store, add func(types.NamespacedName), about func(b *eventingv1.Broker, namespace string) bool,
) func(any) {
	return func(object any) {
		o, err := kmeta.DeletionHandlingAccessor(object)
		if err != nil {
			return
		}
		for _, candidate := range brokers.List() {
			b, ok := candidate.(*eventingv1.Broker)
			if ok && b.Annotations[eventing.BrokerClassAnnotation] == r.Class.Name && about(b, o.GetNamespace()) {
				add(types.NamespacedName{Namespace: b.Namespace, Name: b.Name})
			}
		}
	}
}

// isPending is true for a Broker that waits for something that is no object it follows: pods or the contract.
func isPending(b *eventingv1.Broker) bool {
	ready := Conditions().Manage(&b.Status).GetCondition(apis.ConditionReady)
	return b.DeletionTimestamp != nil || !ready.IsTrue()
}

func (r *Reconciler) isContract(object any) bool {
	cm, err := kmeta.DeletionHandlingAccessor(object)
	if err != nil {
		return false
	}
	d := r.Class.DataPlane(cm.GetNamespace())
	return cm.GetNamespace() == d.Namespace && cm.GetName() == d.ContractName
}

func (r *Reconciler) isReceiver(object any) bool {
	pod, err := kmeta.DeletionHandlingAccessor(object)
	if err != nil {
		return false
	}
	d := r.Class.DataPlane(pod.GetNamespace())
	return pod.GetNamespace() == d.Namespace && pod.GetLabels()["app"] == d.Receiver
}
