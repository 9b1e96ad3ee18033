package token

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/types"
	kubeclient "knative.dev/pkg/client/injection/kube/client"
	"knative.dev/pkg/client/injection/kube/informers/core/v1/configmap"
	"knative.dev/pkg/client/injection/kube/informers/core/v1/secret"
	kconfigmap "knative.dev/pkg/configmap"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/kmeta"
	"knative.dev/pkg/logging"
	"knative.dev/pkg/reconciler"

	"knative.dev/eventing-kafka-go/control-plane/installation"
)

const (
	workQueue = "tokens"
	// gather is how long changes of a contract wait for others.
	gather = 500 * time.Millisecond
)

// NewController makes what writes the tokens of data planes. Whether there are any is for the contract to say, which names
// ServiceAccounts only with the flag authentication-oidc.
func NewController(ctx context.Context, _ kconfigmap.Watcher) *controller.Impl {
	in := installation.Get(ctx)
	planes := in.Planes(ctx)
	r := &Reconciler{
		kube: kubeclient.Get(ctx), secret: in.Entries.Secret, contracts: in.Contracts, plane: planes.Of, pods: in.Pods, now: time.Now,
	}
	r.PromoteFunc = func(b reconciler.Bucket, enqueue func(reconciler.Bucket, types.NamespacedName)) error {
		for _, id := range planes.All() {
			enqueue(b, id)
		}
		return nil
	}
	r.DemoteFunc = func(reconciler.Bucket) { r.forget() }
	impl := controller.NewContext(ctx, r, controller.ControllerOptions{WorkQueueName: workQueue, Logger: logging.FromContext(ctx), Concurrency: 2})
	// A Secret that somebody else edits or deletes is put right.
	_, err := secret.Get(ctx).Informer().AddEventHandler(controller.HandleAll(func(object any) {
		if changed, err := kmeta.DeletionHandlingAccessor(object); err == nil && isToken(in, changed.GetName()) {
			for _, id := range planes.All() {
				if d, ok := planes.Of(id); ok && d.Namespace == changed.GetNamespace() && d.HoldsTokens(changed.GetName()) {
					r.changed(changed)
					impl.EnqueueKeyAfter(id, gather)
				}
			}
		}
	}))
	if err != nil {
		logging.FromContext(ctx).Fatalw("Informer cannot be followed", "error", err)
	}
	_, err = configmap.Get(ctx).Informer().AddEventHandler(controller.HandleAll(func(object any) {
		if cm, err := kmeta.DeletionHandlingAccessor(object); err == nil {
			id := types.NamespacedName{Namespace: cm.GetNamespace(), Name: cm.GetName()}
			if _, ok := planes.Of(id); ok {
				impl.EnqueueKeyAfter(id, gather)
			}
		}
	}))
	if err != nil {
		logging.FromContext(ctx).Fatalw("Informer cannot be followed", "error", err)
	}
	return impl
}

// isToken says whether a Secret is called like one with tokens, of which there are few among those of a cluster.
func isToken(in *installation.Installation, secret string) bool {
	for _, d := range in.DataPlanes {
		if d.HoldsTokens(secret) {
			return true
		}
	}
	return false
}
