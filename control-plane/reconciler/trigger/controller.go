package trigger

import (
	"context"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/tools/cache"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	brokerinformer "knative.dev/eventing/pkg/client/injection/informers/eventing/v1/broker"
	triggerinformer "knative.dev/eventing/pkg/client/injection/informers/eventing/v1/trigger"
	triggerreconciler "knative.dev/eventing/pkg/client/injection/reconciler/eventing/v1/trigger"
	eventinglisters "knative.dev/eventing/pkg/client/listers/eventing/v1"
	"knative.dev/pkg/client/injection/kube/informers/core/v1/configmap"
	kconfigmap "knative.dev/pkg/configmap"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/kmeta"
	"knative.dev/pkg/logging"
	"knative.dev/pkg/resolver"

	"knative.dev/eventing-kafka-go/control-plane/apis/eventing"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/features"
	"knative.dev/eventing-kafka-go/control-plane/groups"
	"knative.dev/eventing-kafka-go/control-plane/installation"
)

const (
	// finalizer that our Triggers carry (TR-07).
	finalizer = "kafka.triggers.eventing.knative.dev"
	// agent is the component of events (ST-09).
	agent = "kafka-trigger-controller"
)

// NewController makes the reconciler of Triggers of class Kafka.
func NewController(ctx context.Context, cmw kconfigmap.Watcher) *controller.Impl {
	in := installation.Get(ctx)
	brokers := brokerinformer.Get(ctx)
	triggers := triggerinformer.Get(ctx)
	r := &Reconciler{in: in, brokers: brokers.Lister(), groups: groups.NewStarter(time.Now), now: time.Now}
	ours := func(object any) bool { return isOurs(r.brokers, object) }
	var impl *controller.Impl
	stores := features.Follow(cmw, logging.FromContext(ctx), func(string, any) {
		if impl != nil { // the first values come while it is made
			impl.FilteredGlobalResync(ours, triggers.Informer())
		}
	})
	impl = triggerreconciler.NewImpl(ctx, r, func(*controller.Impl) controller.Options {
		return controller.Options{FinalizerName: finalizer, AgentName: agent, ConfigStore: stores, PromoteFilterFunc: ours}
	})
	r.resolver = resolver.NewURIResolverFromTracker(ctx, impl.Tracker)
	r.later = func(t *eventingv1.Trigger, after time.Duration) { impl.EnqueueAfter(t, after) }
	in.Rollout.Notify(kind, impl.EnqueueKey)
	for informer, handler := range map[cache.SharedIndexInformer]cache.ResourceEventHandler{
		triggers.Informer(): cache.FilteringResourceEventHandler{FilterFunc: ours, Handler: controller.HandleAll(impl.Enqueue)},
		brokers.Informer():  controller.HandleAll(ofBroker(triggers.Lister(), impl)),
		configmap.Get(ctx).Informer(): cache.FilteringResourceEventHandler{
			FilterFunc: isContract(in.DataPlanes[dataplane.Broker]), Handler: controller.HandleAll(func(any) { waiting(r.brokers, triggers.Lister(), impl) }),
		},
	} {
		if _, err := informer.AddEventHandler(handler); err != nil {
			logging.FromContext(ctx).Fatalw("Informer cannot be followed", "error", err)
		}
	}
	return impl
}

// isOurs: a Trigger whose Broker has our class, or that carries our finalizer (TR-01).
func isOurs(brokers eventinglisters.BrokerLister, object any) bool {
	if gone, ok := object.(cache.DeletedFinalStateUnknown); ok {
		object = gone.Obj
	}
	t, ok := object.(*eventingv1.Trigger)
	if !ok {
		return false
	}
	if slices.Contains(t.Finalizers, finalizer) {
		return true
	}
	b, err := brokers.Brokers(t.Namespace).Get(t.Spec.Broker)
	return err == nil && b.Annotations[eventing.BrokerClassAnnotation] == eventing.KafkaBrokerClass
}

// ofBroker enqueues the Triggers of a Broker.
func ofBroker(triggers eventinglisters.TriggerLister, impl *controller.Impl) func(any) {
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
			if t.Spec.Broker == b.GetName() && (b.GetAnnotations()[eventing.BrokerClassAnnotation] == eventing.KafkaBrokerClass ||
				slices.Contains(t.Finalizers, finalizer)) {
				impl.Enqueue(t)
			}
		}
	}
}

// waiting enqueues the Triggers that may wait for the contract that was just written.
func waiting(brokers eventinglisters.BrokerLister, triggers eventinglisters.TriggerLister, impl *controller.Impl) {
	all, err := triggers.List(labels.Everything())
	if err != nil {
		return
	}
	for _, t := range all {
		unready := !t.Status.GetCondition(eventingv1.TriggerConditionDependency).IsTrue() || t.DeletionTimestamp != nil
		if unready && isOurs(brokers, t) {
			impl.Enqueue(t)
		}
	}
}

func isContract(d dataplane.DataPlane) func(any) bool {
	return func(object any) bool {
		cm, err := kmeta.DeletionHandlingAccessor(object)
		return err == nil && cm.GetNamespace() == d.Namespace && cm.GetName() == d.ContractName
	}
}
