package namespacedbroker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/template"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	"knative.dev/pkg/logging"
	"sigs.k8s.io/yaml"
)

const (
	// extrasName is the ConfigMap of the installation that says what else each namespace gets (BR-19, CFG-43), under
	// extrasKey.
	extrasName = "config-namespaced-broker-resources"
	extrasKey  = "resources"
)

// extra is an object that the installation adds to each data plane.
type extra struct {
	object *unstructured.Unstructured
	client dynamic.ResourceInterface
	// inside says that it is in the namespace of the data plane; one that is not cannot belong to Brokers.
	inside, clusterScoped bool
}

// extrasOf returns what the installation adds to the data plane of a namespace.
func (p *planes) extrasOf(namespace string) ([]extra, error) {
	cm, err := p.cached(configMaps, p.system, extrasName)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	text, _, _ := unstructured.NestedString(cm.Object, "data", extrasKey)
	objects, err := render(text, namespace)
	if err != nil {
		return nil, fmt.Errorf("ConfigMap %s/%s: key %s: %w", p.system, extrasName, extrasKey, err)
	}
	all := make([]extra, 0, len(objects))
	for _, o := range objects {
		e, err := p.extra(o, namespace)
		if err != nil {
			return nil, fmt.Errorf("ConfigMap %s/%s: %s: %w", p.system, extrasName, describe(o), err)
		}
		all = append(all, e)
	}
	return all, nil
}

// render makes objects of a template of a YAML list.
func render(text, namespace string) ([]*unstructured.Unstructured, error) {
	t, err := template.New(extrasKey).Option("missingkey=error").Parse(text)
	if err != nil {
		return nil, err
	}
	var out strings.Builder
	if err := t.Execute(&out, struct{ Namespace string }{namespace}); err != nil {
		return nil, err
	}
	asJSON, err := yaml.YAMLToJSON([]byte(out.String()))
	if err != nil {
		return nil, err
	}
	var list []json.RawMessage
	if err := json.Unmarshal(asJSON, &list); err != nil {
		return nil, fmt.Errorf("not a list of objects: %w", err)
	}
	objects := make([]*unstructured.Unstructured, 0, len(list))
	for i, item := range list {
		o := &unstructured.Unstructured{}
		if err := o.UnmarshalJSON(item); err != nil {
			return nil, fmt.Errorf("object %d: %w", i+1, err)
		}
		if o.GetName() == "" {
			return nil, fmt.Errorf("object %d, a %s, has no name", i+1, o.GetKind())
		}
		objects = append(objects, o)
	}
	return objects, nil
}

// extra finds out where an object belongs: the API server knows (BR-26).
func (p *planes) extra(o *unstructured.Unstructured, namespace string) (extra, error) {
	gvk := o.GroupVersionKind()
	mapping, err := p.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if meta.IsNoMatchError(err) {
		if m, ok := p.mapper.(meta.ResettableRESTMapper); ok {
			m.Reset() // its kind may have been installed since
		}
		mapping, err = p.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	}
	if err != nil {
		return extra{}, err
	}
	resource := p.client.Resource(mapping.Resource)
	if mapping.Scope.Name() == meta.RESTScopeNameRoot {
		o.SetNamespace("")
		return extra{o, resource, false, true}, nil
	}
	if o.GetNamespace() == "" {
		return extra{}, errors.New(`no namespace: write "namespace: {{.Namespace}}"`)
	}
	return extra{o, resource.Namespace(o.GetNamespace()), o.GetNamespace() == namespace, false}, nil
}

// extras makes what the installation adds, and brings it to what it says. What it said before and says no more goes.
func (p *planes) extras(ctx context.Context, b *eventingv1.Broker, owners []metav1.OwnerReference) error {
	namespace := b.Namespace
	all, err := p.extrasOf(namespace)
	if err != nil {
		return err
	}
	failed := []error{p.prune(ctx, b, all)}
	for _, e := range all {
		switch {
		case e.clusterScoped:
			of, err := p.ownerOf(ctx, namespace)
			if err != nil {
				return err
			}
			mark(e.object, of)
		case e.inside:
			mark(e.object, owners)
		default:
			mark(e.object, nil) // an owner must be in the same namespace
		}
		failed = append(failed, e.apply(ctx))
	}
	return errors.Join(failed...)
}

// extrasStatusAnnotation of a Broker names what was added for its namespace: a JSON list.
const extrasStatusAnnotation = "kafka.eventing.knative.dev/namespaced.resources"

// name is how the status of a Broker names an object.
type name struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Namespace  string `json:"namespace,omitempty"`
	Name       string `json:"name"`
}

func nameOf(o *unstructured.Unstructured) name {
	return name{o.GetAPIVersion(), o.GetKind(), o.GetNamespace(), o.GetName()}
}

// prune deletes what the Broker's status names and is not to be there any more, and records what is. It is recorded before
// it is made: who finds a record of nothing does nothing.
func (p *planes) prune(ctx context.Context, b *eventingv1.Broker, all []extra) error {
	var recorded, left []name
	if text := b.Status.Annotations[extrasStatusAnnotation]; text != "" && json.Unmarshal([]byte(text), &recorded) != nil {
		recorded = nil // somebody else wrote it; it is about to be put right
	}
	for _, e := range all {
		left = append(left, nameOf(e.object))
	}
	var failed []error
	for _, n := range recorded {
		if slices.Contains(left, n) {
			continue
		}
		err := p.deleteNamed(ctx, n, b.Namespace)
		switch {
		case apierrors.IsForbidden(err): // who lets us make it need not let us delete it, and no Broker is worse off
			logging.FromContext(ctx).Warnw("What is not added to data planes any more stays", "object", n, "error", err)
		case err != nil:
			failed, left = append(failed, err), append(left, n) // tried again
		}
	}
	if len(left) == 0 {
		delete(b.Status.Annotations, extrasStatusAnnotation)
		return errors.Join(failed...)
	}
	text, err := json.Marshal(left)
	if err != nil {
		return err
	}
	if b.Status.Annotations == nil {
		b.Status.Annotations = map[string]string{}
	}
	b.Status.Annotations[extrasStatusAnnotation] = string(text)
	return errors.Join(failed...)
}

// deleteNamed deletes an object that was made for Brokers, if it is there.
func (p *planes) deleteNamed(ctx context.Context, n name, namespace string) error {
	o := &unstructured.Unstructured{}
	o.SetAPIVersion(n.APIVersion)
	o.SetKind(n.Kind)
	o.SetNamespace(n.Namespace)
	o.SetName(n.Name)
	e, err := p.extra(o, namespace)
	if meta.IsNoMatchError(err) {
		return nil // its kind is gone, and with it the object
	}
	if err != nil {
		return err
	}
	return e.remove(ctx)
}

// remove deletes an object that was made for Brokers, if it is there.
func (e extra) remove(ctx context.Context) error {
	have, err := e.client.Get(ctx, e.object.GetName(), metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return fmt.Errorf("get %s: %w", describe(e.object), err)
	case !isOurs(have):
		return nil
	}
	return deleteExactly(ctx, e.client, have)
}

// apply makes an object, or merges what is wanted of it into the one that is there: others may have a part in it.
func (e extra) apply(ctx context.Context) error {
	have, err := e.client.Get(ctx, e.object.GetName(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		have, err = createOrGet(ctx, e.client, e.object)
	}
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", describe(e.object), err)
	case have == nil:
		return nil
	case !isOurs(have):
		return fmt.Errorf("%s exists, and was not made for a Broker of class KafkaNamespaced (label %s)", describe(e.object), namespacedLabel)
	case have.GetAnnotations()[contentAnnotation] == e.object.GetAnnotations()[contentAnnotation] && holds(have.Object, e.object.Object):
		return nil
	}
	patch, err := e.object.MarshalJSON()
	if err != nil {
		return err
	}
	if _, err := e.client.Patch(ctx, e.object.GetName(), types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		return fmt.Errorf("patch %s: %w", describe(e.object), err)
	}
	return nil
}

// ownerOf is the Namespace as the owner of what is in none (BR-21).
func (p *planes) ownerOf(ctx context.Context, namespace string) ([]metav1.OwnerReference, error) {
	resource := schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
	ns, err := p.client.Resource(resource).Get(ctx, namespace, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("get Namespace %s: %w", namespace, err)
	}
	yes := true
	return []metav1.OwnerReference{{APIVersion: "v1", Kind: "Namespace", Name: namespace, UID: ns.GetUID(), Controller: &yes}}, nil
}

// deleteExtras deletes what the data plane of a namespace has outside of it. What cannot be found out any more stays.
func (p *planes) deleteExtras(ctx context.Context, namespace string) error {
	all, err := p.extrasOf(namespace)
	if err != nil {
		return nil //nolint:nilerr // a ConfigMap that is wrong by now must not keep Brokers; what it named belongs to the Namespace
	}
	for _, e := range all {
		if e.inside {
			continue // it belongs to Brokers
		}
		if err := e.remove(ctx); err != nil {
			return err
		}
	}
	return nil
}
