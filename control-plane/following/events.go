package following

import (
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"knative.dev/pkg/kmeta"

	"knative.dev/eventing-kafka-go/control-plane/dataplane"
)

// Contract returns what to call with every ConfigMap that changes: when it holds the contract of a data plane, the objects
// in a store that wait for it are reconciled.
func Contract(d dataplane.DataPlane, store cache.Store, waits func(any) bool, enqueue func(types.NamespacedName)) func(any) {
	return func(object any) {
		o, err := kmeta.DeletionHandlingAccessor(object)
		if err != nil || o.GetNamespace() != d.Namespace || o.GetName() != d.ContractName {
			return
		}
		for _, candidate := range store.List() {
			if waits(candidate) {
				enqueueObject(candidate, enqueue)
			}
		}
	}
}

// Namespace returns what to call with an object that says something about all those of its namespace, such as an
// EventPolicy: they are reconciled.
func Namespace(store cache.Store, enqueue func(types.NamespacedName)) func(any) {
	return func(object any) {
		o, err := kmeta.DeletionHandlingAccessor(object)
		if err != nil {
			return
		}
		for _, candidate := range store.List() {
			if c, err := kmeta.DeletionHandlingAccessor(candidate); err == nil && c.GetNamespace() == o.GetNamespace() {
				enqueueObject(candidate, enqueue)
			}
		}
	}
}

func enqueueObject(object any, enqueue func(types.NamespacedName)) {
	if o, err := kmeta.DeletionHandlingAccessor(object); err == nil {
		enqueue(types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()})
	}
}
