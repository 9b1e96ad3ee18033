// Package contract is the one writer of contracts: whatever changes, it makes the whole contract of a data plane from
// cached objects, and writes it if it means something else than the one that is there.
//
// It hands nothing over in memory and needs no other reconciler to lead: a key is a data plane, and reconciling it twice
// writes once. It never takes away what works because something is wrong now; an entry goes when its object goes. It must
// not write into objects: what it has to say about one stands beside the contract, and is read by the object's own
// reconciler.
package contract

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
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
	"knative.dev/eventing-kafka-go/control-plane/rollout"
	"knative.dev/eventing-kafka-go/control-plane/translate"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// Reconciler writes contracts and the credentials that go with them, and has pods take them up.
type Reconciler struct {
	reconciler.LeaderAwareFuncs

	kube    kubernetes.Interface
	source  source
	pods    func(namespace, app string) ([]*corev1.Pod, error)
	rollout *rollout.Tracker
	now     func() time.Time
	poked   pokes
	holdOff holdOff
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
		return nil
	}
	before, err := r.read(ctx, d)
	if err != nil {
		return err
	}
	want, err := r.desired(ctx, d, before)
	if err != nil {
		return err
	}
	if err := r.writeCredentials(ctx, d, want.Contract); err != nil {
		return err
	}
	if err := r.write(ctx, d, before, want); err != nil {
		return err
	}
	return r.poke(ctx, d, want.Contract.GetGeneration())
}

// current is the ConfigMap as it is.
type current struct {
	cm *corev1.ConfigMap // nil: there is none
	*contractmap.Snapshot
}

// read gets the ConfigMap from the API server: what is kept of it must not be older than what was written last. One that
// cannot be read is as one that is empty, because pods keep what they have and everything is about to be made anew.
func (r *Reconciler) read(ctx context.Context, d dataplane.DataPlane) (current, error) {
	cm, err := r.kube.CoreV1().ConfigMaps(d.Namespace).Get(ctx, d.ContractName, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return current{nil, &contractmap.Snapshot{Contract: &contract.Contract{}}}, nil
	}
	if err != nil {
		return current{}, fmt.Errorf("get ConfigMap %s: %w", d.Key(), err)
	}
	s, err := contractmap.Parse(cm)
	if err != nil {
		logging.FromContext(ctx).Warnw("Contract cannot be read, it is made anew", "error", err)
		s = &contractmap.Snapshot{Contract: &contract.Contract{}, Version: cm.ResourceVersion}
	}
	return current{cm, s}, nil
}

// desired is the contract that the objects ask for, as far as it fits.
type desired struct {
	*contract.Contract
	encoded []byte
	refused map[string]string
}

func (r *Reconciler) desired(ctx context.Context, d dataplane.DataPlane, before current) (desired, error) {
	resources, err := r.source.resources(ctx, d, before.Contract)
	if err != nil {
		return desired{}, err
	}
	bundles, err := r.source.trustBundles()
	if err != nil {
		return desired{}, err
	}
	dispatchers, err := r.dispatchers(d, before.Contract.GetDispatchers())
	if err != nil {
		return desired{}, err
	}
	return fit(before.Contract, resources, func(fitting []*contract.Resource) *contract.Contract {
		c := translate.Contract(before.Contract, fitting, bundles, dispatchers)
		if d.Format == contract.FormatJSON {
			c = contract.WithoutOwnFields(c)
		}
		return c
	}, d.Format)
}

// write writes the ConfigMap if it does not say what it should.
func (r *Reconciler) write(ctx context.Context, d dataplane.DataPlane, before current, want desired) error {
	if before.cm != nil && before.Size > 0 && contract.Equivalent(before.Contract, want.Contract) && maps.Equal(before.Refused, want.refused) {
		return nil
	}
	cm := contractmap.Make(d, want.encoded, want.refused, before.cm)
	client := r.kube.CoreV1().ConfigMaps(d.Namespace)
	var err error
	if before.cm == nil {
		_, err = client.Create(ctx, cm, metav1.CreateOptions{})
	} else {
		_, err = client.Update(ctx, cm, metav1.UpdateOptions{})
	}
	if err != nil {
		return fmt.Errorf("write contract into ConfigMap %s: %w", d.Key(), err)
	}
	r.holdOff.written(d.Key(), r.now())
	logging.FromContext(ctx).Infow("Contract written", "dataPlane", d.Key(), "generation", want.Contract.GetGeneration(),
		"bytes", len(want.encoded), "resources", len(want.GetResources()), "refused", len(want.refused))
	return nil
}

// fit encodes the contract. When it is too large, entries that are not in force yet are left out, the largest part of
// what is new first, until the rest fits.
func fit(before *contract.Contract, resources []*contract.Resource, with func([]*contract.Resource) *contract.Contract, f contract.Format) (desired, error) {
	refused := map[string]string{}
	for {
		c := with(resources)
		encoded, err := contract.Encode(c, f)
		var large *contract.TooLargeError
		if !errors.As(err, &large) {
			return desired{c, encoded, refused}, err
		}
		var left bool
		if resources, left = leaveOut(before, resources, refused, large); !left {
			return desired{}, fmt.Errorf("what runs already does not fit any more: %w", err)
		}
	}
}
