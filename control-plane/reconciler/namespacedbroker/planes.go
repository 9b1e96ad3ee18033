// Package namespacedbroker reconciles Brokers of class KafkaNamespaced: what package broker does with one, and before it
// the data plane in the Broker's own namespace, which is made after the installed one and follows it.
//
// It owns the objects of those data planes but the contract and the credentials, which package contract writes; it must not
// touch what others have made under the same names. Everything belongs to the Brokers of the namespace and is collected
// with the last of them, but what is outside of it: that is deleted here. What a namespace has is read from the API server's
// objects each time. One goroutine at a time works on a namespace; planes may be used by any.
package namespacedbroker

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	eventinglisters "knative.dev/eventing/pkg/client/listers/eventing/v1"
	"knative.dev/pkg/apis"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/kmeta"

	"knative.dev/eventing-kafka-go/control-plane/apis/conditions"
	"knative.dev/eventing-kafka-go/control-plane/apis/eventing"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/reconciler/broker"
)

// Reasons of DataPlaneAvailable.
const (
	reasonNotInstalled = "DataPlaneNotInstalled"
	reasonNotMade      = "DataPlaneNotCreated"
	reasonStarting     = "DataPlaneStarting"
)

// soon is when it is looked again whether caches are filled, or whether an object that has to go is gone.
const soon = time.Second

// planes makes data planes in namespaces.
type planes struct {
	system  string
	shared  dataplane.DataPlane
	brokers eventinglisters.BrokerLister
	// cached returns an object of the system namespace, or one that was made here; it must not be changed.
	cached func(resource schema.GroupVersionResource, namespace, name string) (*unstructured.Unstructured, error)
	// ready says whether everything is cached.
	ready  func() bool
	client dynamic.Interface
	mapper meta.RESTMapper
	// reach asks at an address whether events are taken there; nil asks nobody.
	reach func(ctx context.Context, url string) error
	// locks are shared by namespaces, as many of them come and go (BR-23, BR-26).
	locks [64]sync.Mutex
}

func (p *planes) class() broker.Class {
	return broker.Class{
		Name: eventing.NamespacedKafkaBrokerClass, Asker: asker,
		DataPlane: p.shared.In, Prepare: p.prepare, Reach: p.reach, Release: p.release,
	}
}

func (p *planes) lock(namespace string) *sync.Mutex {
	h := fnv.New32a()
	_, _ = h.Write([]byte(namespace))
	return &p.locks[h.Sum32()%uint32(len(p.locks))]
}

// prepare brings the data plane of a Broker's namespace to what the installed one is.
func (p *planes) prepare(ctx context.Context, b *eventingv1.Broker, m apis.ConditionManager) error {
	if b.Namespace == p.shared.Namespace {
		return nil // it is the installed one
	}
	if !p.ready() {
		m.MarkUnknown(conditions.DataPlaneAvailable, reasonStarting, "the controller has not read yet what is installed")
		return controller.NewRequeueAfter(soon)
	}
	lock := p.lock(b.Namespace)
	lock.Lock()
	defer lock.Unlock()
	owners, err := p.owners(b.Namespace)
	if err != nil || len(owners) == 0 {
		return err // the last one has just been deleted: what nobody owns would stay for ever
	}
	sources, err := p.sources()
	if err != nil {
		m.MarkFalse(conditions.DataPlaneAvailable, reasonNotInstalled, "%v", err)
		return err
	}
	err = p.copies(ctx, sources, b.Namespace, owners)
	if err == nil {
		err = p.extras(ctx, b, owners)
	}
	if err != nil {
		m.MarkFalse(conditions.DataPlaneAvailable, reasonNotMade, "%v", err)
		return err
	}
	return nil
}

// copies brings what is copied to what the sources say, and removes what an earlier controller has left in its place.
func (p *planes) copies(ctx context.Context, sources []source, namespace string, owners []metav1.OwnerReference) error {
	var failed []error
	for _, s := range sources {
		want := copyOf(s, namespace, owners)
		have, err := p.cached(s.resource, namespace, s.object.GetName())
		if err != nil && !apierrors.IsNotFound(err) {
			return err
		}
		if err := p.apply(ctx, s.resource, want, have); err != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(append(failed, p.removeObsolete(ctx, sources, namespace))...)
}

// release deletes what the data plane of a namespace has outside of it, with the last Broker (BR-23).
func (p *planes) release(ctx context.Context, b *eventingv1.Broker) error {
	lock := p.lock(b.Namespace)
	lock.Lock()
	defer lock.Unlock()
	owners, err := p.owners(b.Namespace)
	if err != nil || len(owners) > 0 {
		return err
	}
	return p.deleteExtras(ctx, b.Namespace)
}

// owners are the Brokers of the class in a namespace that are not on their way out (BR-21).
func (p *planes) owners(namespace string) ([]metav1.OwnerReference, error) {
	all, err := p.brokers.Brokers(namespace).List(labels.Everything())
	if err != nil {
		return nil, err
	}
	return eventing.Owners(all), nil
}

// ofNamespace returns what to call with a copy that changed: one Broker of its namespace is reconciled, as any puts it
// right.
func (p *planes) ofNamespace(enqueue func(types.NamespacedName)) func(any) {
	return func(object any) {
		o, err := kmeta.DeletionHandlingAccessor(object)
		if err != nil {
			return
		}
		owners, err := p.owners(o.GetNamespace())
		if err != nil || len(owners) == 0 {
			return
		}
		enqueue(types.NamespacedName{Namespace: o.GetNamespace(), Name: owners[0].Name})
	}
}

// ofConfigMap returns what to call with a ConfigMap that changed: one that may be copied or names what else is made, or a
// copy.
func (p *planes) ofConfigMap(everybody, ofNamespace func(any)) func(any) {
	return func(object any) {
		o, err := kmeta.DeletionHandlingAccessor(object)
		switch {
		case err != nil:
		case o.GetLabels()[namespacedLabel] == "true":
			ofNamespace(object)
		case o.GetNamespace() == p.system && p.mayBeCopied(o.GetName()):
			everybody(object)
		}
	}
}

func (p *planes) mayBeCopied(configMap string) bool {
	if configMap == extrasName {
		return true
	}
	sources, err := p.sources()
	return err == nil && slices.ContainsFunc(sources, func(s source) bool {
		return s.resource == configMaps && s.object.GetName() == configMap
	})
}

// describe names an object for people.
func describe(o *unstructured.Unstructured) string {
	return strings.TrimSpace(fmt.Sprintf("%s %s", o.GetKind(), strings.TrimPrefix(o.GetNamespace()+"/"+o.GetName(), "/")))
}
