// Package keda has KEDA scale KafkaSources by their scale subresource, where KEDA is installed (EG-98 to EG-106).
//
// It owns the ScaledObject of a source, its TriggerAuthentication and a Secret beside them, and writes nothing else. It
// needs none of KEDA's types. Its state is whether KEDA was there a moment ago; a Client may be used by any goroutine.
package keda

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	sourcesv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/sources/v1beta1"
)

// trust is how long it is believed that KEDA is there, or not.
const trust = time.Minute

var (
	groupVersion    = schema.GroupVersion{Group: "keda.sh", Version: "v1alpha1"}
	scaledObjects   = groupVersion.WithResource("scaledobjects")
	authentications = groupVersion.WithResource("triggerauthentications")
)

// Client writes objects for KEDA.
type Client struct {
	Dynamic dynamic.Interface
	Kube    kubernetes.Interface
	Now     func() time.Time

	mu    sync.Mutex
	until time.Time
	there bool
}

// Available says whether ScaledObjects can be listed (EG-98).
func (c *Client) Available(ctx context.Context) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.Now(); now.After(c.until) {
		_, err := c.Dynamic.Resource(scaledObjects).List(ctx, metav1.ListOptions{Limit: 1})
		c.there, c.until = err == nil, now.Add(trust)
	}
	return c.there
}

// Apply brings the objects of a source to what they should be.
func (c *Client) Apply(ctx context.Context, s *sourcesv1beta1.KafkaSource, o Objects) error {
	if o.Secret != nil {
		if err := c.secret(ctx, s, o); err != nil {
			return err
		}
		if err := c.apply(ctx, s, authentications, o.Authentication); err != nil {
			return err
		}
	}
	return c.apply(ctx, s, scaledObjects, o.ScaledObject)
}

// Delete has KEDA let go of a source, which keeps the number of consumers that it has. The Secret, which says nothing worth
// keeping, goes with the source: that needs no right to delete Secrets.
func (c *Client) Delete(ctx context.Context, s *sourcesv1beta1.KafkaSource) error {
	for _, resource := range []schema.GroupVersionResource{scaledObjects, authentications} {
		err := c.Dynamic.Resource(resource).Namespace(s.Namespace).Delete(ctx, Name(s), metav1.DeleteOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("delete %s %s/%s: %w", resource.Resource, s.Namespace, Name(s), err)
		}
	}
	return nil
}

// apply writes an object that says something else than wanted; what is not wanted either way is KEDA's.
func (c *Client) apply(ctx context.Context, s *sourcesv1beta1.KafkaSource, resource schema.GroupVersionResource, want *unstructured.Unstructured) error {
	client := c.Dynamic.Resource(resource).Namespace(s.Namespace)
	have, err := client.Get(ctx, want.GetName(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		_, err = client.Create(ctx, want, metav1.CreateOptions{})
	} else if err == nil {
		switch {
		case !metav1.IsControlledBy(have, s):
			err = errors.New("it belongs to somebody else")
		case covers(want.Object["spec"], have.Object["spec"]):
		default:
			have = have.DeepCopy()
			have.Object["spec"] = want.Object["spec"]
			_, err = client.Update(ctx, have, metav1.UpdateOptions{})
		}
	}
	if err != nil {
		return fmt.Errorf("%s %s/%s: %w", want.GetKind(), s.Namespace, want.GetName(), err)
	}
	return nil
}

// covers says whether have says everything that want does.
func covers(want, have any) bool {
	switch w := want.(type) {
	case map[string]any:
		h, ok := have.(map[string]any)
		for key, value := range w {
			ok = ok && covers(value, h[key])
		}
		return ok
	case []any:
		h, ok := have.([]any)
		return ok && slices.EqualFunc(w, h, covers)
	}
	return want == have
}

func (c *Client) secret(ctx context.Context, s *sourcesv1beta1.KafkaSource, o Objects) error {
	client := c.Kube.CoreV1().Secrets(s.Namespace)
	have, err := client.Get(ctx, o.Secret.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		_, err = client.Create(ctx, o.Secret, metav1.CreateOptions{})
	} else if err == nil {
		switch {
		case !metav1.IsControlledBy(have, s):
			err = errors.New("it belongs to somebody else")
		case maps.EqualFunc(have.Data, o.Secret.Data, bytes.Equal):
		default:
			have = have.DeepCopy()
			have.Data = o.Secret.Data
			_, err = client.Update(ctx, have, metav1.UpdateOptions{})
		}
	}
	if err != nil {
		return fmt.Errorf("Secret %s/%s: %w", s.Namespace, o.Secret.Name, err)
	}
	return nil
}
