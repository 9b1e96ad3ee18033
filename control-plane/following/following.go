// Package following has objects reconciled again when a ConfigMap or Secret changes that they were reconciled with.
//
// It knows names alone and reads nothing. It is there beside the tracker of knative.dev/pkg because that refuses names
// with a dot, which ConfigMaps and Secrets may have. An Index may be used by any goroutine.
package following

import (
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/kmeta"
)

// Kinds that are followed.
const (
	ConfigMap = "ConfigMap"
	Secret    = "Secret"
)

type reference struct {
	kind string
	types.NamespacedName
}

// Index says which objects were reconciled with what.
type Index struct {
	enqueue func(types.NamespacedName)

	mu   sync.Mutex
	used map[reference]map[types.NamespacedName]bool
}

// New returns an Index that has objects reconciled by enqueue.
func New(enqueue func(types.NamespacedName)) *Index {
	return &Index{enqueue: enqueue, used: map[reference]map[types.NamespacedName]bool{}}
}

// Follow has an object reconciled again when something changes, comes or goes. An empty name is nothing.
func (x *Index) Follow(object types.NamespacedName, kind, namespace, name string) {
	if name == "" {
		return
	}
	ref := reference{kind, types.NamespacedName{Namespace: namespace, Name: name}}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.used[ref] == nil {
		x.used[ref] = map[types.NamespacedName]bool{}
	}
	x.used[ref][object] = true
}

// Forget ends what an object follows.
func (x *Index) Forget(object types.NamespacedName) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for ref, objects := range x.used {
		if delete(objects, object); len(objects) == 0 {
			delete(x.used, ref)
		}
	}
}

// Watch tells the Index of what an informer sees.
func (x *Index) Watch(kind string, informer cache.SharedIndexInformer) error {
	_, err := informer.AddEventHandler(controller.HandleAll(func(object any) {
		if o, err := kmeta.DeletionHandlingAccessor(object); err == nil {
			x.changed(reference{kind, types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}})
		}
	}))
	if err != nil {
		return fmt.Errorf("follow every %s: %w", kind, err)
	}
	return nil
}

func (x *Index) changed(ref reference) {
	x.mu.Lock()
	objects := make([]types.NamespacedName, 0, len(x.used[ref]))
	for object := range x.used[ref] {
		objects = append(objects, object)
	}
	x.mu.Unlock()
	for _, object := range objects {
		x.enqueue(object)
	}
}
