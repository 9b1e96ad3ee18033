package resetoffset

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"knative.dev/eventing/pkg/client/injection/informers/eventing/v1/broker"
	"knative.dev/eventing/pkg/client/injection/informers/eventing/v1/trigger"
	"knative.dev/eventing/pkg/client/injection/informers/messaging/v1/subscription"
	"knative.dev/pkg/client/injection/kube/informers/core/v1/configmap"
	kconfigmap "knative.dev/pkg/configmap"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/kmeta"
	"knative.dev/pkg/logging"

	"knative.dev/eventing-kafka-go/control-plane/apis/kafka"
	kafkav1alpha1 "knative.dev/eventing-kafka-go/control-plane/apis/kafka/v1alpha1"
	client "knative.dev/eventing-kafka-go/control-plane/client/injection/client"
	"knative.dev/eventing-kafka-go/control-plane/client/injection/informers/kafka/v1alpha1/resetoffset"
	"knative.dev/eventing-kafka-go/control-plane/client/injection/informers/messaging/v1beta1/kafkachannel"
	"knative.dev/eventing-kafka-go/control-plane/client/injection/informers/sources/v1beta1/kafkasource"
	resetreconciler "knative.dev/eventing-kafka-go/control-plane/client/injection/reconciler/kafka/v1alpha1/resetoffset"
	"knative.dev/eventing-kafka-go/control-plane/features"
	"knative.dev/eventing-kafka-go/control-plane/installation"
)

// NewController makes the reconciler of ResetOffsets, and has the contract keep the groups that they stop.
func NewController(ctx context.Context, cmw kconfigmap.Watcher) *controller.Impl {
	in := installation.Get(ctx)
	resets := resetoffset.Get(ctx)
	in.Entries.Paused = Paused(resets.Lister())
	api := client.Get(ctx).KafkaV1alpha1()
	r := &Reconciler{
		in: in, resets: resets.Lister(), now: time.Now,
		refs: references{
			brokers: broker.Get(ctx).Lister(), triggers: trigger.Get(ctx).Lister(), subscriptions: subscription.Get(ctx).Lister(),
			channels: kafkachannel.Get(ctx).Lister(), sources: kafkasource.Get(ctx).Lister(),
		},
		version: func(ctx context.Context, namespace, name string) (string, error) {
			o, err := api.ResetOffsets(namespace).Get(ctx, name, metav1.GetOptions{})
			if err != nil {
				return "", err
			}
			return o.ResourceVersion, nil
		},
	}
	impl := resetreconciler.NewImpl(ctx, r, func(*controller.Impl) controller.Options {
		// Flags that change make another contract, and that is followed.
		stores := features.Follow(cmw, logging.FromContext(ctx).Named("features"), func(string, any) {})
		return controller.Options{ConfigStore: stores}
	})
	in.Rollout.Notify(kafka.ResetOffsetKind, impl.EnqueueKey)
	if err := watch(ctx, resets.Informer(), impl); err != nil {
		logging.FromContext(ctx).Fatalw("Informer cannot be followed", "error", err)
	}
	return impl
}

// watch has ResetOffsets that are not done reconciled when something changes that they wait for. One that is done is looked
// at when a controller begins, and then never again.
func watch(ctx context.Context, resets cache.SharedIndexInformer, impl *controller.Impl) error {
	waiting := func(of func(*kafkav1alpha1.ResetOffset) bool) {
		for _, object := range resets.GetStore().List() {
			if o, ok := object.(*kafkav1alpha1.ResetOffset); ok && !o.Status.IsSucceeded() && of(o) {
				impl.EnqueueKey(types.NamespacedName{Namespace: o.Namespace, Name: o.Name})
			}
		}
	}
	handlers := map[cache.SharedIndexInformer]cache.ResourceEventHandler{
		resets: cache.ResourceEventHandlerFuncs{
			AddFunc: impl.Enqueue,
			UpdateFunc: func(_, object any) {
				if o, ok := object.(*kafkav1alpha1.ResetOffset); ok {
					if !o.Status.IsSucceeded() || o.DeletionTimestamp != nil {
						impl.Enqueue(o)
					}
					waiting(func(other *kafkav1alpha1.ResetOffset) bool { return other.UID != o.UID && refOf(other) == refOf(o) })
				}
			},
			DeleteFunc: func(any) { waiting(func(*kafkav1alpha1.ResetOffset) bool { return true }) },
		},
		configmap.Get(ctx).Informer(): controller.HandleAll(func(object any) {
			waiting(func(o *kafkav1alpha1.ResetOffset) bool {
				return is(o, acquired) && isContract(object, installation.Get(ctx))
			})
		}),
	}
	for _, informer := range []cache.SharedIndexInformer{
		broker.Get(ctx).Informer(), trigger.Get(ctx).Informer(), subscription.Get(ctx).Informer(),
		kafkachannel.Get(ctx).Informer(), kafkasource.Get(ctx).Informer(),
	} {
		handlers[informer] = controller.HandleAll(func(object any) {
			if changed, err := kmeta.DeletionHandlingAccessor(object); err == nil {
				waiting(func(o *kafkav1alpha1.ResetOffset) bool { return refOf(o).namespace == changed.GetNamespace() })
			}
		})
	}
	for informer, handler := range handlers {
		if _, err := informer.AddEventHandler(handler); err != nil {
			return fmt.Errorf("follow what ResetOffsets wait for: %w", err)
		}
	}
	return nil
}

// isContract says whether a ConfigMap holds the contract of a data plane of the installation or of a namespace.
func isContract(object any, in *installation.Installation) bool {
	cm, err := kmeta.DeletionHandlingAccessor(object)
	if err != nil {
		return false
	}
	for _, d := range in.DataPlanes {
		if cm.GetName() == d.ContractName {
			return true
		}
	}
	return false
}
