package contract

import (
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"knative.dev/eventing-kafka-go/control-plane/entries"
)

const (
	// gather is how long a change waits for others to be written with it; gatherMore the same while changes come one after
	// the other. Each write costs every pod a reload, and no change waits longer than that.
	gather     = 100 * time.Millisecond
	gatherMore = 700 * time.Millisecond
	// burst is how soon after a write a change is one of many.
	burst = 2 * time.Second
)

// holdOff decides how long changes gather.
type holdOff struct {
	mu    sync.Mutex
	wrote map[string]time.Time // by data plane
}

func (h *holdOff) written(key string, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.wrote == nil {
		h.wrote = map[string]time.Time{}
	}
	h.wrote[key] = now
}

// forget is for a data plane that is gone.
func (h *holdOff) forget(key string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.wrote, key)
}

func (h *holdOff) delay(key string, now time.Time) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	if now.Sub(h.wrote[key]) < burst {
		return gatherMore
	}
	return gather
}

// usage remembers which ConfigMaps and Secrets entries were made from, so that the events of all others cost nothing. It
// only grows, by names of things that exist or existed.
type usage struct {
	mu                  sync.Mutex
	configMaps, secrets map[types.NamespacedName]bool
}

func (u *usage) configMap(id types.NamespacedName) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.configMaps[id]
}

func (u *usage) secret(id types.NamespacedName) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.secrets[id]
}

// following returns a builder that has what it reads noted. The functions of b may still be exchanged until the first
// entry is made, as other reconcilers are constructed later.
func (u *usage) following(b *entries.Builder) *entries.Builder {
	noting := *b
	noting.ConfigMap = func(namespace, name string) (*corev1.ConfigMap, error) {
		u.note(u.configMaps, namespace, name)
		return b.ConfigMap(namespace, name)
	}
	noting.Secret = func(namespace, name string) (*corev1.Secret, error) {
		u.note(u.secrets, namespace, name)
		return b.Secret(namespace, name)
	}
	noting.Paused = func(uid types.UID) bool { return b.Paused(uid) }
	return &noting
}

func (u *usage) note(in map[types.NamespacedName]bool, namespace, name string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	in[types.NamespacedName{Namespace: namespace, Name: name}] = true
}

func newUsage() *usage {
	return &usage{configMaps: map[types.NamespacedName]bool{}, secrets: map[types.NamespacedName]bool{}}
}
