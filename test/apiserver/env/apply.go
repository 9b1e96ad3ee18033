package env

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"
)

// FieldManager is who the objects that Apply writes belong to.
const FieldManager = "apiserver-test"

// Object is any object of the API.
type Object = unstructured.Unstructured

// Parse reads manifests, separated by lines of "---".
func Parse(tb testing.TB, manifests string) []*Object {
	tb.Helper()
	var objects []*Object
	reader := utilyaml.NewYAMLReader(bufio.NewReader(strings.NewReader(manifests)))
	for {
		text, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return objects
		}
		o := &Object{}
		if err == nil {
			err = yaml.Unmarshal(text, &o.Object)
		}
		if err != nil {
			tb.Fatalf("%v in %s", err, text)
		}
		if len(o.Object) > 0 {
			objects = append(objects, o)
		}
	}
}

// Apply writes manifests as "kubectl apply --server-side" does and returns what the API server made of the last one.
func (e *Env) Apply(tb testing.TB, manifests string) *Object {
	tb.Helper()
	var last *Object
	for _, o := range Parse(tb, manifests) {
		var err error
		if last, err = e.TryApply(tb, o); err != nil {
			tb.Fatalf("apply %s %s/%s: %v", o.GetKind(), o.GetNamespace(), o.GetName(), err)
		}
	}
	return last
}

// TryApply writes an object and returns what the API server made of it, or why it refused.
func (e *Env) TryApply(tb testing.TB, o *Object) (*Object, error) {
	tb.Helper()
	return e.Of(o.GroupVersionKind(), o.GetNamespace()).
		Apply(tb.Context(), o.GetName(), o, metav1.ApplyOptions{FieldManager: FieldManager, Force: true})
}

// Get returns an object in the version asked for.
func (e *Env) Get(tb testing.TB, kind schema.GroupVersionKind, namespace, name string) *Object {
	tb.Helper()
	o, err := e.Of(kind, namespace).Get(tb.Context(), name, metav1.GetOptions{})
	if err != nil {
		tb.Fatalf("get %s %s/%s: %v", kind.Kind, namespace, name, err)
	}
	return o
}

// Patch merges a manifest without name into an object or a subresource of it, and returns what became of it.
func (e *Env) Patch(tb testing.TB, o *Object, change string, subresources ...string) (*Object, error) {
	tb.Helper()
	body, err := yaml.YAMLToJSON([]byte(change))
	if err != nil {
		tb.Fatalf("%v in %s", err, change)
	}
	return e.Of(o.GroupVersionKind(), o.GetNamespace()).
		Patch(tb.Context(), o.GetName(), types.MergePatchType, body, metav1.PatchOptions{FieldManager: FieldManager}, subresources...)
}

// Delete removes an object; one that is gone already is gone.
func (e *Env) Delete(tb testing.TB, o *Object) {
	tb.Helper()
	err := e.Of(o.GroupVersionKind(), o.GetNamespace()).Delete(tb.Context(), o.GetName(), metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		tb.Fatalf("delete %s %s/%s: %v", o.GetKind(), o.GetNamespace(), o.GetName(), err)
	}
}

// Of returns the client for a kind in a namespace, "" for none. Resources are guessed from kinds, which holds for all
// kinds that tests use.
func (e *Env) Of(kind schema.GroupVersionKind, namespace string) dynamic.ResourceInterface {
	return Of(e.Dynamic, kind, namespace)
}

// Of returns a client for a kind in a namespace, for clients of other users than the administrator.
func Of(client dynamic.Interface, kind schema.GroupVersionKind, namespace string) dynamic.ResourceInterface {
	resource, _ := meta.UnsafeGuessKindToResource(kind)
	if namespace == "" {
		return client.Resource(resource)
	}
	return client.Resource(resource).Namespace(namespace)
}

// Acting returns the same API with the objects that another user may read and write, who may do what roles allow the user
// and the groups.
func (e *Env) Acting(tb testing.TB, user string, groups ...string) *Env {
	tb.Helper()
	config := *e.Config
	config.Impersonate.UserName, config.Impersonate.Groups = user, groups
	client, err := dynamic.NewForConfig(&config)
	if err != nil {
		tb.Fatal(err)
	}
	other := *e
	other.Dynamic = client
	return &other
}

// Until looks until nothing is lacking any more, and ends the test if that is not so within the limit. lacking says in a
// few words what is missing, "" for nothing.
func Until(tb testing.TB, limit time.Duration, lacking func() string) {
	tb.Helper()
	const pace = 50 * time.Millisecond // a look is a request
	for end := time.Now().Add(limit); ; time.Sleep(pace) {
		missing := lacking()
		if missing == "" {
			return
		}
		if time.Now().After(end) {
			tb.Fatalf("not within %v: %s", limit, missing)
		}
	}
}
