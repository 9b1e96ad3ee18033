package namespacedbroker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"knative.dev/pkg/controller"
)

// contentAnnotation, on what is made here, tells what it was made after: whatever is removed there is removed here too.
const contentAnnotation = "kafka.eventing.knative.dev/made-after"

// mark says of an object whose it is, and what it was made after.
func mark(o *unstructured.Unstructured, owners []metav1.OwnerReference) {
	o.SetOwnerReferences(owners)
	with := maps.Clone(o.GetLabels())
	if with == nil {
		with = map[string]string{}
	}
	with[namespacedLabel] = "true"
	o.SetLabels(with)
	text, _ := json.Marshal(o.Object) // what comes from an API server or from YAML can be written as JSON
	sum := sha256.Sum256(text)
	annotations := maps.Clone(o.GetAnnotations())
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[contentAnnotation] = hex.EncodeToString(sum[:8])
	o.SetAnnotations(annotations)
}

func isOurs(o *unstructured.Unstructured) bool { return o.GetLabels()[namespacedLabel] == "true" }

// apply makes an object, or brings it to what it should be. have is the one that is there as far as is known, nil for
// none. What somebody else has made stays as it is, and is an error.
func (p *planes) apply(ctx context.Context, resource schema.GroupVersionResource, want, have *unstructured.Unstructured) error {
	client := p.client.Resource(resource).Namespace(want.GetNamespace())
	var err error
	if have == nil {
		if have, err = createOrGet(ctx, client, want); have == nil {
			return err
		}
	}
	switch {
	case !isOurs(have):
		return fmt.Errorf("%s exists, and was not made for a Broker of class KafkaNamespaced (label %s)", describe(want), namespacedLabel)
	case have.GetAnnotations()[contentAnnotation] == want.GetAnnotations()[contentAnnotation] && holds(have.Object, want.Object):
		return nil
	case !sameSelector(want, have):
		return p.recreate(ctx, client, have)
	}
	if _, err := client.Update(ctx, adapted(want, have), metav1.UpdateOptions{}); err != nil {
		return fmt.Errorf("update %s: %w", describe(want), err)
	}
	return nil
}

// createOrGet makes an object, and returns the one that is there already and that no cache has shown.
func createOrGet(ctx context.Context, client dynamic.ResourceInterface, want *unstructured.Unstructured) (have *unstructured.Unstructured, err error) {
	_, err = client.Create(ctx, want, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		have, err = client.Get(ctx, want.GetName(), metav1.GetOptions{})
	}
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", describe(want), err)
	}
	return have, nil
}

// adapted is what replaces an object: it keeps what the API server or users of the copy have decided about it, such as its
// address and how many pods there are.
func adapted(want, have *unstructured.Unstructured) *unstructured.Unstructured {
	out := want.DeepCopy()
	out.SetResourceVersion(have.GetResourceVersion())
	out.SetFinalizers(have.GetFinalizers())
	spec, _ := out.Object["spec"].(map[string]any)
	was, _ := have.Object["spec"].(map[string]any)
	for _, kept := range []string{"replicas", "clusterIP", "clusterIPs"} {
		if value, ok := was[kept]; ok && spec != nil {
			spec[kept] = value
		}
	}
	if secrets, ok := have.Object["secrets"]; ok {
		out.Object["secrets"] = secrets
	}
	return out
}

// recreate deletes a workload that selects other pods, which cannot be changed; it comes back at once.
func (p *planes) recreate(ctx context.Context, client dynamic.ResourceInterface, have *unstructured.Unstructured) error {
	if err := deleteExactly(ctx, client, have); err != nil {
		return err
	}
	return controller.NewRequeueAfter(soon)
}

// deleteExactly deletes an object if it is still that one.
func deleteExactly(ctx context.Context, client dynamic.ResourceInterface, o *unstructured.Unstructured) error {
	uid, background := o.GetUID(), metav1.DeletePropagationBackground
	err := client.Delete(ctx, o.GetName(), metav1.DeleteOptions{
		Preconditions: &metav1.Preconditions{UID: &uid}, PropagationPolicy: &background,
	})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("delete %s: %w", describe(o), err)
	}
	return nil
}

func sameSelector(a, b *unstructured.Unstructured) bool {
	of := func(o *unstructured.Unstructured) any {
		if podOf(o) == nil {
			return nil
		}
		selector, _, _ := unstructured.NestedFieldNoCopy(o.Object, "spec", "selector")
		return selector
	}
	return reflect.DeepEqual(of(a), of(b))
}

// holds says whether everything that is wanted is there. What the API server has filled in does not matter, nor how many
// pods there are.
func holds(have, want any) bool {
	switch w := want.(type) {
	case nil:
		return true
	case map[string]any:
		h, ok := have.(map[string]any)
		if !ok {
			return len(w) == 0 && have == nil
		}
		for key, value := range w {
			if key != "replicas" && !holds(h[key], value) {
				return false
			}
		}
		return true
	case []any:
		h, ok := have.([]any)
		return ok && slices.EqualFunc(h, w, holds) || len(w) == 0 && have == nil
	default:
		return reflect.DeepEqual(have, want)
	}
}

// removeObsolete deletes what a controller before this one has made in place of what is made now: workloads of the other
// kind, whose pods would deliver beside ours.
func (p *planes) removeObsolete(ctx context.Context, sources []source, namespace string) error {
	for _, s := range sources {
		other := statefulSets
		switch s.resource {
		case deployments:
		case statefulSets:
			other = deployments
		default:
			continue
		}
		have, err := p.cached(other, namespace, s.object.GetName())
		if err == nil && isOurs(have) {
			err = deleteExactly(ctx, p.client.Resource(other).Namespace(namespace), have)
		}
		if err != nil && !apierrors.IsNotFound(err) {
			return err
		}
	}
	return nil
}
