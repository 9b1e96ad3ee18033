// Package destination finds out where destinations of objects are.
//
// It writes nothing and keeps no state; its functions may be used by any goroutine.
package destination

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	duckv1 "knative.dev/pkg/apis/duck/v1"

	"knative.dev/eventing-kafka-go/control-plane/translate"
)

// Resolver finds the address of a destination, and has parent reconciled when that changes.
type Resolver interface {
	AddressableFromDestinationV1(ctx context.Context, dest duckv1.Destination, parent any) (*duckv1.Addressable, error)
}

// Owner is an object that has a destination.
type Owner interface {
	metav1.Object
	runtime.Object
}

// Resolve returns the address of a destination of an object; a reference without a namespace is to one in the object's.
func Resolve(ctx context.Context, r Resolver, dest *duckv1.Destination, of Owner) (*duckv1.Addressable, error) {
	dest = dest.DeepCopy()
	if dest.Ref != nil && dest.Ref.Namespace == "" {
		dest.Ref.Namespace = of.GetNamespace()
	}
	return r.AddressableFromDestinationV1(ctx, *dest, of)
}

// Target is an address as entries are made of it.
func Target(a *duckv1.Addressable) *translate.Target {
	t := &translate.Target{URI: a.URL.String()}
	if a.CACerts != nil {
		t.CACerts = *a.CACerts
	}
	if a.Audience != nil {
		t.Audience = *a.Audience
	}
	return t
}
