package trigger

import (
	"context"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/tools/cache"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	brokerinformer "knative.dev/eventing/pkg/client/injection/informers/eventing/v1/broker"
	triggerinformer "knative.dev/eventing/pkg/client/injection/informers/eventing/v1/trigger"
	triggerreconciler "knative.dev/eventing/pkg/client/injection/reconciler/eventing/v1/trigger"
	eventinglisters "knative.dev/eventing/pkg/client/listers/eventing/v1"
	"knative.dev/pkg/client/injection/kube/informers/core/v1/configmap"
	"knative.dev/pkg/client/injection/kube/informers/core/v1/secret"
	serviceaccount "knative.dev/pkg/client/injection/kube/informers/core/v1/serviceaccount/filtered"
	kconfigmap "knative.dev/pkg/configmap"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/kmeta"
	"knative.dev/pkg/logging"
	"knative.dev/pkg/resolver"

	"knative.dev/eventing-kafka-go/control-plane/apis/eventing"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/features"
	"knative.dev/eventing-kafka-go/control-plane/groups"
	"knative.dev/eventing-kafka-go/control-plane/identity"
	"knative.dev/eventing-kafka-go/control-plane/installation"
)

// NamespacedReconciler reconciles Triggers of class KafkaNamespaced. It is a type of its own because that names its Lease.
type NamespacedReconciler struct {
	*Reconciler
}

var (
	_ triggerreconciler.Interface = (*Reconciler)(nil)
	_ triggerreconciler.Finalizer = (*NamespacedReconciler)(nil)
)

func kafka(in *installation.Installation) class {
	return class{
		broker: eventing.KafkaBrokerClass, finalizer: "kafka.triggers.eventing.knative.dev", agent: "kafka-trigger-controller",
		asker: "Trigger", dataPlane: func(string) dataplane.DataPlane { return in.DataPlanes[dataplane.Broker] },
	}
}

func namespaced(in *installation.Installation) class {
	return class{
		broker: eventing.NamespacedKafkaBrokerClass, finalizer: "kafka.namespaced.triggers.eventing.knative.dev",
		agent: "kafka-namespaced-trigger-controller", asker: eventing.NamespacedKafkaBrokerClass + " Trigger",
		dataPlane: in.DataPlanes[dataplane.Broker].In,
	}
}

// NewController makes the reconciler of Triggers of class Kafka.
func NewController(ctx context.Context, cmw kconfigmap.Watcher) *controller.Impl {
	r := newReconciler(ctx, kafka(installation.Get(ctx)))
	return r.controller(ctx, cmw, r)
}

// NewNamespacedController makes the reconciler of Triggers of class KafkaNamespaced.
func NewNamespacedController(ctx context.Context, cmw kconfigmap.Watcher) *controller.Impl {
	r := newReconciler(ctx, namespaced(installation.Get(ctx)))
	return r.controller(ctx, cmw, &NamespacedReconciler{r})
}

func newReconciler(ctx context.Context, c class) *Reconciler {
	return &Reconciler{
		class: c, in: installation.Get(ctx), brokers: brokerinformer.Get(ctx).Lister(), groups: groups.NewStarter(time.Now), now: time.Now,
	}
}

// controller has Triggers reconciled by of, which is r or has it inside.
func (r *Reconciler) controller(ctx context.Context, cmw kconfigmap.Watcher, of triggerreconciler.Interface) *controller.Impl {
	brokers, triggers := brokerinformer.Get(ctx), triggerinformer.Get(ctx)
	var impl *controller.Impl
	stores := features.Follow(cmw, logging.FromContext(ctx), func(string, any) {
		if impl != nil { // the first values come while it is made
			impl.FilteredGlobalResync(r.isOurs, triggers.Informer())
		}
	})
	impl = triggerreconciler.NewImpl(ctx, of, func(*controller.Impl) controller.Options {
		return controller.Options{FinalizerName: r.class.finalizer, AgentName: r.class.agent, ConfigStore: stores, PromoteFilterFunc: r.isOurs}
	})
	r.resolver = resolver.NewURIResolverFromTracker(ctx, impl.Tracker)
	r.later = func(t *eventingv1.Trigger, after time.Duration) { impl.EnqueueAfter(t, after) }
	ofAccount, isTriggers := r.ofAccount(triggers.Lister(), impl), controller.FilterController(&eventingv1.Trigger{})
	r.in.Rollout.Notify(r.class.asker, impl.EnqueueKey)
	r.in.Scaler.Notify(r.class.asker, impl.EnqueueKey)
	for informer, handler := range map[cache.SharedIndexInformer]cache.ResourceEventHandler{
		triggers.Informer(): cache.FilteringResourceEventHandler{FilterFunc: r.isOurs, Handler: controller.HandleAll(impl.Enqueue)},
		brokers.Informer():  controller.HandleAll(r.ofBroker(triggers.Lister(), impl)),
		serviceaccount.Get(ctx, identity.Label).Informer(): cache.FilteringResourceEventHandler{
			FilterFunc: isTriggers, Handler: controller.HandleAll(ofAccount),
		},
		secret.Get(ctx).Informer(): r.in.Accounts.News(func(a *corev1.ServiceAccount) {
			if isTriggers(a) {
				ofAccount(a)
			}
		}),
		configmap.Get(ctx).Informer(): cache.FilteringResourceEventHandler{
			FilterFunc: r.isContract, Handler: controller.HandleAll(r.waiting(triggers.Lister(), impl)),
		},
	} {
		if _, err := informer.AddEventHandler(handler); err != nil {
			logging.FromContext(ctx).Fatalw("Informer cannot be followed", "error", err)
		}
	}
	return impl
}

// ofAccount enqueues the Trigger whose identity a ServiceAccount is, if it is ours.
func (r *Reconciler) ofAccount(triggers eventinglisters.TriggerLister, impl *controller.Impl) func(any) {
	return func(object any) {
		account, err := kmeta.DeletionHandlingAccessor(object)
		if err != nil {
			return
		}
		t, err := triggers.Triggers(account.GetNamespace()).Get(metav1.GetControllerOf(account).Name)
		if err == nil && r.isOurs(t) {
			impl.Enqueue(t)
		}
	}
}

// isOurs: a Trigger whose Broker has our class, or that carries our finalizer (TR-01).
func (r *Reconciler) isOurs(object any) bool {
	if gone, ok := object.(cache.DeletedFinalStateUnknown); ok {
		object = gone.Obj
	}
	t, ok := object.(*eventingv1.Trigger)
	if !ok {
		return false
	}
	if slices.Contains(t.Finalizers, r.class.finalizer) {
		return true
	}
	b, err := r.brokers.Brokers(t.Namespace).Get(t.Spec.Broker)
	return err == nil && b.Annotations[eventing.BrokerClassAnnotation] == r.class.broker
}

// ofBroker enqueues the Triggers of a Broker.
func (r *Reconciler) ofBroker(triggers eventinglisters.TriggerLister, impl *controller.Impl) func(any) {
	return func(object any) {
		b, err := kmeta.DeletionHandlingAccessor(object)
		if err != nil {
			return
		}
		all, err := triggers.Triggers(b.GetNamespace()).List(labels.Everything())
		if err != nil {
			return // a cache does not fail
		}
		for _, t := range all {
			if t.Spec.Broker == b.GetName() && (b.GetAnnotations()[eventing.BrokerClassAnnotation] == r.class.broker ||
				slices.Contains(t.Finalizers, r.class.finalizer)) {
				impl.Enqueue(t)
			}
		}
	}
}

// waiting enqueues the Triggers that may wait for a contract that was just written.
func (r *Reconciler) waiting(triggers eventinglisters.TriggerLister, impl *controller.Impl) func(any) {
	return func(object any) {
		cm, err := kmeta.DeletionHandlingAccessor(object)
		if err != nil {
			return
		}
		all, err := triggers.List(labels.Everything())
		if err != nil {
			return
		}
		for _, t := range all {
			unready := !t.Status.GetCondition(eventingv1.TriggerConditionDependency).IsTrue() || t.DeletionTimestamp != nil
			if unready && r.class.dataPlane(t.Namespace).Namespace == cm.GetNamespace() && r.isOurs(t) {
				impl.Enqueue(t)
			}
		}
	}
}

func (r *Reconciler) isContract(object any) bool {
	cm, err := kmeta.DeletionHandlingAccessor(object)
	if err != nil {
		return false
	}
	d := r.class.dataPlane(cm.GetNamespace())
	return cm.GetNamespace() == d.Namespace && cm.GetName() == d.ContractName
}
