// Package contract is the one writer of contracts: whatever changes, it makes the whole contract of a data plane from
// cached objects, and writes it if it means something else than the one that is there.
//
// It needs no other reconciler to lead and is handed nothing in memory: a key is a data plane, and reconciling it twice
// writes once. It never takes away what works because something is wrong now; an entry goes when its object goes. It must
// not write into objects: what it has to say about one stands beside the contract, and is read by the object's own
// reconciler. A key is reconciled by one goroutine at a time; what keys share is guarded by mutexes.
package contract

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/logging"
	"knative.dev/pkg/reconciler"

	"knative.dev/eventing-kafka-go/control-plane/contractmap"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/translate"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// Reconciler writes contracts and the credentials that go with them, and has pods take them up.
type Reconciler struct {
	reconciler.LeaderAwareFuncs

	kube   kubernetes.Interface
	source source
	// systemNamespace has the Secrets that filters name.
	systemNamespace string
	pods            func(namespace, app string) ([]*corev1.Pod, error)
	// loaded says whether a pod has told that it runs this generation.
	loaded func(d dataplane.DataPlane, pod string, generation uint64) bool
	// certificate is the version of the Secret that the receivers of a data plane serve HTTPS with, "" without one.
	certificate func(d dataplane.DataPlane) string
	// issuers are those of tokens, false as long as they are not found.
	issuers func() ([]*contract.TokenIssuer, bool)
	now     func() time.Time
	size    func(ctx context.Context, d dataplane.DataPlane, bytes int) // a gauge (CT-14)
	poked   pokes
	holdOff holdOff
	last    memory
	flags   moment // when flags of core have changed
}

var (
	_ controller.Reconciler  = (*Reconciler)(nil)
	_ reconciler.LeaderAware = (*Reconciler)(nil)
)

// Reconcile brings the contract of the data plane that key names to what the objects say.
func (r *Reconciler) Reconcile(ctx context.Context, key string) error {
	namespace, name, err := cache.SplitMetaNamespaceKey(key)
	if err != nil {
		return controller.NewPermanentError(err)
	}
	id := types.NamespacedName{Namespace: namespace, Name: name}
	if !r.IsLeaderFor(id) {
		return controller.NewSkipKey(key)
	}
	d, ok := r.source.dataPlane(id)
	if !ok {
		r.last.remove(key)
		r.holdOff.forget(key)
		r.source.memos.forget(key)
		return nil
	}
	before, err := r.read(ctx, d)
	if err != nil {
		return err
	}
	members, err := r.dispatchers(d, before.Contract.GetDispatchers())
	if err != nil {
		return err
	}
	want, err := r.desired(ctx, d, before, members.names)
	if err != nil {
		return err
	}
	// First, so that no pod looks for what is not there yet.
	if err := r.writeCredentials(ctx, d, want); err != nil {
		return err
	}
	if err := r.write(ctx, d, before, want); err != nil {
		return err
	}
	pokeNext, err := r.poke(ctx, d, want.Contract.GetGeneration())
	if err != nil {
		return err
	}
	if next := sooner(pokeNext, members.until); next > 0 {
		return controller.NewRequeueAfter(next)
	}
	return nil
}

// sooner is the shorter of two durations, of which zero is never.
func sooner(a, b time.Duration) time.Duration {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}

// current is the ConfigMap as it is.
type current struct {
	cm *corev1.ConfigMap // nil: there is none
	*contractmap.Snapshot
	missing bool // it holds no contract; that of the Snapshot is what it held last, as far as this process knows
}

// read gets the ConfigMap from the API server: what is kept of it must not be older than what was written last. One that
// is gone or cannot be read is made anew, with what this process knows to have been in it (CT-27).
func (r *Reconciler) read(ctx context.Context, d dataplane.DataPlane) (current, error) {
	known := r.last.get(d.Key())
	remembered := &contractmap.Snapshot{Contract: known.contract()}
	cm, err := r.kube.CoreV1().ConfigMaps(d.Namespace).Get(ctx, d.ContractName, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return current{nil, remembered, true}, nil
	case err != nil:
		return current{}, fmt.Errorf("get ConfigMap %s: %w", d.Key(), err)
	case len(cm.BinaryData[contractmap.Key]) == 0:
		return current{cm, remembered, true}, nil
	case known != nil && cm.ResourceVersion != "" && known.Version == cm.ResourceVersion:
		return current{cm, (*contractmap.Snapshot)(known), false}, nil
	}
	s, err := contractmap.Parse(cm)
	if err != nil {
		logging.FromContext(ctx).Warnw("Contract cannot be read, it is made anew", "error", err)
		return current{cm, remembered, true}, nil
	}
	r.last.set(d.Key(), s)
	return current{cm, s, false}, nil
}

// desired is the contract that the objects ask for, as far as it fits.
type desired struct {
	*contract.Contract
	encoded     []byte
	credentials []byte
	refused     map[string]string
	owners      []metav1.OwnerReference
}

func (r *Reconciler) desired(ctx context.Context, d dataplane.DataPlane, before current, dispatchers []string) (desired, error) {
	resources, err := r.source.resources(ctx, d, before.Contract)
	if err != nil {
		return desired{}, err
	}
	bundles, err := r.source.trustBundles()
	if err != nil {
		return desired{}, err
	}
	owners, err := r.source.owners(d)
	if err != nil {
		return desired{}, err
	}
	shared := translate.Shared{TrustBundles: bundles, Dispatchers: dispatchers, Issuers: r.tokenIssuers(d, before.Contract)}
	collect := r.collector(d)
	putTogether := func(resources []*contract.Resource) (want desired, err error) {
		want.owners = owners
		want.Contract = translate.Contract(before.Contract, resources, shared)
		if d.Format == contract.FormatJSON {
			want.Contract = ownless(before.Contract, want.Contract)
		}
		want.credentials, err = collect(want.Contract)
		return want, err
	}
	if want, err := putTogether(resources); err == nil && before.says(d, want) {
		return want, nil // it needs no encoding to know that it fits
	}
	return fit(before.Contract, resources, func(fitting []*contract.Resource) (desired, error) {
		want, err := putTogether(fitting)
		if err == nil {
			want.encoded, err = contract.Encode(want.Contract, d.Format)
		}
		return want, err
	})
}

// says is true for a ConfigMap that has everything as it is wanted. The generation is another one where a contract means
// something else than before.
func (c current) says(d dataplane.DataPlane, want desired) bool {
	return !c.missing && c.Format == d.Format && c.Contract.GetGeneration() == want.GetGeneration() &&
		maps.Equal(c.Refused, want.refused) && want.belongs(c.cm)
}

// tokenIssuers are those that a data plane needs where events enter; those of before until they are found.
func (r *Reconciler) tokenIssuers(d dataplane.DataPlane, before *contract.Contract) []*contract.TokenIssuer {
	if d.Receiver == "" {
		return nil
	}
	if known, ok := r.issuers(); ok {
		return known
	}
	return before.GetTokenIssuers()
}

// belongs says whether an object has the owners that it should have. Who owns one of an installation is not our matter.
func (w desired) belongs(o metav1.Object) bool {
	return len(w.owners) == 0 || equality.Semantic.DeepEqual(o.GetOwnerReferences(), w.owners)
}

// ownless leaves out what the contract of eventing-kafka-broker has no fields for, and decides anew whether that
// differs from what was before.
func ownless(before, c *contract.Contract) *contract.Contract {
	c = contract.WithoutOwnFields(c)
	if c.Generation = before.GetGeneration(); before == nil || !contract.Equivalent(before, c) {
		c.Generation = contract.NextGeneration(before.GetGeneration())
	}
	return c
}

// write writes the ConfigMap if it does not say what it should.
func (r *Reconciler) write(ctx context.Context, d dataplane.DataPlane, before current, want desired) error {
	want.refused = contractmap.Bounded(want.refused)
	if before.says(d, want) {
		r.size(ctx, d, before.Size)
		return nil
	}
	r.size(ctx, d, len(want.encoded))
	cm := contractmap.Make(d, want.encoded, want.refused, before.cm)
	if len(want.owners) > 0 {
		cm.OwnerReferences = want.owners
	}
	client := r.kube.CoreV1().ConfigMaps(d.Namespace)
	var err error
	if before.cm == nil {
		cm, err = client.Create(ctx, cm, metav1.CreateOptions{})
	} else {
		cm, err = client.Update(ctx, cm, metav1.UpdateOptions{})
	}
	if err != nil {
		return fmt.Errorf("write contract into ConfigMap %s: %w", d.Key(), err)
	}
	r.last.set(d.Key(), &contractmap.Snapshot{
		Contract: want.Contract, Version: cm.ResourceVersion, Size: len(want.encoded), Format: d.Format, Refused: want.refused,
	})
	r.holdOff.written(d.Key(), r.now())
	logging.FromContext(ctx).Infow("Contract written", "dataPlane", d.Key(), "generation", want.Contract.GetGeneration(),
		"bytes", len(want.encoded), "resources", len(want.GetResources()), "refused", len(want.refused))
	return nil
}

// memory is what ConfigMaps held last. It serves to restore a contract that was deleted or overwritten, and spares the
// decoding of one that is still the same.
type memory struct {
	mu   sync.Mutex
	last map[string]*held // by data plane; they are not changed
}

type held contractmap.Snapshot

// contract is what was held, nil for nothing.
func (h *held) contract() *contract.Contract {
	if h == nil {
		return nil
	}
	return h.Contract
}

func (m *memory) get(key string) *held {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.last[key]
}

func (m *memory) set(key string, s *contractmap.Snapshot) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.last == nil {
		m.last = map[string]*held{}
	}
	m.last[key] = (*held)(s)
}

// remove is for a data plane that is gone.
func (m *memory) remove(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.last, key)
}

// forget is for who leads no more: somebody else writes from now on.
func (m *memory) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last = nil
}

// isTooLarge says whether an error is about the size of a contract.
func isTooLarge(err error) bool {
	var large *contract.TooLargeError
	return errors.As(err, &large)
}
