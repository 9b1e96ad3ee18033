// Package eventtype creates an EventType for every type of event that pods of data planes report, where the flag
// eventtype-auto-create is on.
//
// It asks pods again and again, and only while it leads. It never changes or deletes an EventType, and an EventType that
// cannot be created is no failure of anything: it is logged once. What is in the contract says which resources there are;
// what pods say of others counts for nothing. A Reconciler may be used by any goroutine.
package eventtype

import (
	"context"
	"crypto/md5" //nolint:gosec // it names objects as eventing-kafka-broker does, and protects nothing
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	eventingv1beta2 "knative.dev/eventing/pkg/apis/eventing/v1beta2"
	eventingclient "knative.dev/eventing/pkg/client/clientset/versioned/typed/eventing/v1beta2"
	eventinglisters "knative.dev/eventing/pkg/client/listers/eventing/v1beta2"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/logging"
	"knative.dev/pkg/reconciler"

	"knative.dev/eventing-kafka-go/control-plane/contractmap"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/rollout"
	"knative.dev/eventing-kafka-go/proto/contract"
)

const (
	// interval is between two rounds of questions to the pods of a data plane.
	interval = 10 * time.Second
	// maxName is the longest name of an object.
	maxName     = 253
	description = "Event Type auto-created by controller"
	// maxTold bounds what is remembered of failures, so as not to log them with every round.
	maxTold = 10_000
)

// Reconciler asks the pods of a data plane; its keys are contracts.
type Reconciler struct {
	reconciler.LeaderAwareFuncs

	enabled func() bool
	plane   func(types.NamespacedName) (dataplane.DataPlane, bool)
	pods    func(namespace, app string) ([]*corev1.Pod, error)
	// ask asks a pod which types of events its resources have seen.
	ask       func(context.Context, *corev1.Pod) (rollout.EventTypes, error)
	contracts *contractmap.Reader
	lister    eventinglisters.EventTypeLister
	client    eventingclient.EventingV1beta2Interface

	mu   sync.Mutex
	told map[types.NamespacedName]bool // what failed and was logged
}

var (
	_ controller.Reconciler  = (*Reconciler)(nil)
	_ reconciler.LeaderAware = (*Reconciler)(nil)
)

// Reconcile creates what is missing for the resources of one data plane, and comes again.
func (r *Reconciler) Reconcile(ctx context.Context, key string) error {
	namespace, name, err := cache.SplitMetaNamespaceKey(key)
	if err != nil {
		return controller.NewPermanentError(err)
	}
	id := types.NamespacedName{Namespace: namespace, Name: name}
	if !r.IsLeaderFor(id) {
		return controller.NewSkipKey(key)
	}
	d, ok := r.plane(id)
	if !ok || !r.enabled() {
		return nil // when it is switched on somebody tells
	}
	if snapshot, err := r.contracts.Get(d); err != nil {
		logging.FromContext(ctx).Debugw("EventTypes wait for the contract", "error", err)
	} else {
		r.round(ctx, d, owners(snapshot.Contract))
	}
	return controller.NewRequeueAfter(interval)
}

// owners are the objects that have EventTypes, by the UID that pods know them under.
func owners(c *contract.Contract) map[string]*contract.Reference {
	by := map[string]*contract.Reference{}
	for _, resource := range c.GetResources() {
		if !resource.GetFeatureFlags().GetEnableEventTypeAutocreate() {
			continue
		}
		by[resource.GetUid()] = resource.GetReference()
		for _, e := range resource.GetEgresses() {
			by[e.GetUid()] = e.GetReference()
		}
	}
	return by
}

// round asks all pods of a data plane at once, and creates what they have seen.
func (r *Reconciler) round(ctx context.Context, d dataplane.DataPlane, owners map[string]*contract.Reference) {
	if len(owners) == 0 {
		return
	}
	log := logging.FromContext(ctx)
	var mu sync.Mutex
	seen := map[types.NamespacedName]*eventingv1beta2.EventType{}
	var all sync.WaitGroup
	for _, app := range []string{d.Receiver, d.Dispatcher} {
		pods, err := r.podsOf(d, app)
		if err != nil {
			log.Warnw("EventTypes: pods not listed", "error", err)
		}
		for _, pod := range pods {
			all.Go(func() {
				report, err := r.ask(ctx, pod)
				if err != nil {
					log.Debugw("EventTypes: pod does not answer", "pod", pod.Name, "error", err)
					return // it is asked again soon
				}
				mu.Lock()
				defer mu.Unlock()
				r.collect(ctx, report, owners, seen)
			})
		}
	}
	all.Wait()
	for _, t := range seen {
		r.create(ctx, t)
	}
}

// podsOf are those that can be asked.
func (r *Reconciler) podsOf(d dataplane.DataPlane, app string) (ready []*corev1.Pod, err error) {
	if app == "" {
		return nil, nil
	}
	pods, err := r.pods(d.Namespace, app)
	for _, pod := range pods {
		if rollout.IsReady(pod) {
			ready = append(ready, pod)
		}
	}
	return ready, err
}

func (r *Reconciler) collect(
	ctx context.Context, report rollout.EventTypes, owners map[string]*contract.Reference, into map[types.NamespacedName]*eventingv1beta2.EventType,
) {
	for uid, list := range report {
		owner := owners[uid]
		if owner == nil {
			continue
		}
		for _, seen := range list {
			id := types.NamespacedName{Namespace: owner.GetNamespace(), Name: nameOf(owner, seen)}
			if _, err := r.lister.EventTypes(id.Namespace).Get(id.Name); err == nil {
				continue
			}
			made, err := eventType(owner, seen)
			if err != nil {
				r.tell(ctx, id, err)
				continue
			}
			if known := into[id]; known == nil || known.Spec.Schema == nil {
				into[id] = made
			}
		}
	}
}

func (r *Reconciler) create(ctx context.Context, t *eventingv1beta2.EventType) {
	id := types.NamespacedName{Namespace: t.Namespace, Name: t.Name}
	_, err := r.client.EventTypes(t.Namespace).Create(ctx, t, metav1.CreateOptions{})
	switch {
	case err == nil:
		logging.FromContext(ctx).Infow("EventType created", "eventType", id.String(), "type", t.Spec.Type)
	case !apierrors.IsAlreadyExists(err):
		r.tell(ctx, id, err)
	}
}

// tell logs a failure once; it is tried again with every round.
func (r *Reconciler) tell(ctx context.Context, id types.NamespacedName, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.told[id] {
		return
	}
	if r.told == nil || len(r.told) >= maxTold {
		r.told = map[types.NamespacedName]bool{}
	}
	r.told[id] = true
	logging.FromContext(ctx).Warnw("EventType not created", "eventType", id.String(), "error", err)
}

// nameOf is the name of the EventType of a type and source at an object (IN-52).
func nameOf(owner *contract.Reference, seen rollout.EventType) string {
	sum := md5.Sum([]byte(seen.Type + seen.Source + owner.GetNamespace() + owner.GetName())) //nolint:gosec // see the import
	name := strings.ToLower("et-" + owner.GetName() + "-" + hex.EncodeToString(sum[:]))
	return name[:min(len(name), maxName)]
}

// eventType is the EventType of a type and source at an object (IN-53).
func eventType(owner *contract.Reference, seen rollout.EventType) (*eventingv1beta2.EventType, error) {
	source, err := apis.ParseURL(seen.Source)
	if err != nil {
		return nil, fmt.Errorf("source %q: %w", seen.Source, err)
	}
	t := &eventingv1beta2.EventType{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: owner.GetNamespace(), Name: nameOf(owner, seen),
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: owner.GetGroupVersion(), Kind: owner.GetKind(), Name: owner.GetName(), UID: types.UID(owner.GetUuid()),
			}},
		},
		Spec: eventingv1beta2.EventTypeSpec{
			Type: seen.Type, Source: source, Description: description,
			Reference: &duckv1.KReference{
				APIVersion: owner.GetGroupVersion(), Kind: owner.GetKind(), Namespace: owner.GetNamespace(), Name: owner.GetName(),
			},
		},
	}
	if seen.Schema == "" {
		return t, nil
	}
	if t.Spec.Schema, err = apis.ParseURL(seen.Schema); err != nil {
		return nil, fmt.Errorf("dataschema %q: %w", seen.Schema, err)
	}
	return t, nil
}
