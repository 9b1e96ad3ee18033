// Package kube reads and writes the objects of older installations, whose types this project does not have.
//
// It owns how that is done safely: lists are read to their last page, what cannot be read is an error and never taken for
// what is not there, changes are made of data and not of text, and only to the version that was read. It keeps no state;
// a Client may be used by any goroutine.
package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
)

// Resource is a kind of objects, as a path of the API names it.
type Resource = schema.GroupVersionResource

// The resources that migrations know.
var (
	ConfigMaps          = core("configmaps")
	Secrets             = core("secrets")
	Services            = core("services")
	ServiceAccounts     = core("serviceaccounts")
	Pods                = core("pods")
	Deployments         = Resource{Group: "apps", Version: "v1", Resource: "deployments"}
	StatefulSets        = Resource{Group: "apps", Version: "v1", Resource: "statefulsets"}
	HPAs                = Resource{Group: "autoscaling", Version: "v2", Resource: "horizontalpodautoscalers"}
	PDBs                = Resource{Group: "policy", Version: "v1", Resource: "poddisruptionbudgets"}
	Leases              = Resource{Group: "coordination.k8s.io", Version: "v1", Resource: "leases"}
	ClusterRoles        = rbac("clusterroles")
	ClusterRoleBindings = rbac("clusterrolebindings")
	Roles               = rbac("roles")
	RoleBindings        = rbac("rolebindings")
	MutatingWebhooks    = Resource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "mutatingwebhookconfigurations"}
	ValidatingWebhooks  = Resource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingwebhookconfigurations"}
	CRDs                = Resource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	KafkaChannels       = Resource{Group: "messaging.knative.dev", Version: "v1beta1", Resource: "kafkachannels"}
	Consumers           = Resource{Group: "internal.kafka.eventing.knative.dev", Version: "v1alpha1", Resource: "consumers"}
	ConsumerGroups      = Resource{Group: "internal.kafka.eventing.knative.dev", Version: "v1alpha1", Resource: "consumergroups"}
	ScaledObjects       = Resource{Group: "keda.sh", Version: "v1alpha1", Resource: "scaledobjects"}
	KafkaBindings       = Resource{Group: "bindings.knative.dev", Version: "v1beta1", Resource: "kafkabindings"}
	KafkaSources        = Resource{Group: "sources.knative.dev", Version: "v1", Resource: "kafkasources"}
	accessReviews       = Resource{Group: "authorization.k8s.io", Version: "v1", Resource: "selfsubjectaccessreviews"}
)

func core(resource string) Resource { return Resource{Version: "v1", Resource: resource} }

func rbac(resource string) Resource {
	return Resource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: resource}
}

// Object is any object.
type Object = unstructured.Unstructured

// page is how many objects a list asks for at once.
const page = 500

// Client reads and writes objects.
type Client struct {
	Dynamic dynamic.Interface
	// Page is how many objects a list asks for at once; 0 is 500.
	Page int64
}

// Get returns an object, nil where there is none or no such kind.
func (c Client) Get(ctx context.Context, r Resource, namespace, name string) (*Object, error) {
	o, err := c.of(r, namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		// A path that leads nowhere says nothing of the object.
		if apierrors.HasStatusCause(err, metav1.CauseTypeUnexpectedServerResponse) {
			err = c.noKind(ctx, r, err)
		} else {
			err = nil
		}
		if err == nil {
			return nil, nil //nolint:nilnil // what is not there is an answer
		}
	}
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", Name(r, namespace, name), err)
	}
	return o, nil
}

// Select says which objects a list shall have. All fields may be empty.
type Select struct{ Namespace, Name, Labels string }

// List returns objects, to the last page; none where there is no such kind.
func (c Client) List(ctx context.Context, r Resource, s Select) ([]*Object, error) {
	options := metav1.ListOptions{LabelSelector: s.Labels, Limit: c.Page}
	if options.Limit == 0 {
		options.Limit = page
	}
	if s.Name != "" {
		options.FieldSelector = fields.OneTermEqualSelector("metadata.name", s.Name).String()
	}
	var all []*Object
	for {
		got, err := c.of(r, s.Namespace).List(ctx, options)
		if apierrors.IsNotFound(err) {
			if err = c.noKind(ctx, r, err); err == nil {
				return nil, nil
			}
		}
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", r.GroupResource(), err)
		}
		for i := range got.Items {
			if s.Name == "" || got.Items[i].GetName() == s.Name {
				all = append(all, &got.Items[i])
			}
		}
		if options.Continue = got.GetContinue(); options.Continue == "" {
			return all, nil
		}
	}
}

// noKind is nil when there is no such kind. A definition whose objects cannot be read, as of a version that is not served,
// is the error that was met: what it has would be taken for nothing.
func (c Client) noKind(ctx context.Context, r Resource, met error) error {
	if r == CRDs || !strings.Contains(r.Group, ".") || strings.HasSuffix(r.Group, ".k8s.io") {
		return nil // of Kubernetes itself
	}
	definition, err := c.Get(ctx, CRDs, "", r.GroupResource().String())
	if err != nil || definition == nil {
		return err
	}
	return fmt.Errorf("its definition is there: %w", met)
}

// Merge changes an object as it was read: somebody else's change since then is an error, apierrors.IsConflict.
func (c Client) Merge(ctx context.Context, r Resource, o *Object, change map[string]any, subresources ...string) error {
	change = maps.Clone(change)
	metadata, _ := change["metadata"].(map[string]any)
	metadata = maps.Clone(metadata)
	if metadata == nil {
		metadata = map[string]any{}
	}
	metadata["resourceVersion"] = o.GetResourceVersion()
	change["metadata"] = metadata
	body, err := json.Marshal(change)
	if err != nil {
		return fmt.Errorf("patch %s: %w", NameOf(r, o), err)
	}
	if _, err = c.of(r, o.GetNamespace()).Patch(ctx, o.GetName(), types.MergePatchType, body, metav1.PatchOptions{}, subresources...); err != nil {
		return fmt.Errorf("patch %s: %w", NameOf(r, o), err)
	}
	return nil
}

// Create makes an object. One that is there already is left as it is, and an error.
func (c Client) Create(ctx context.Context, r Resource, o *Object) error {
	if _, err := c.of(r, o.GetNamespace()).Create(ctx, o, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("create %s: %w", NameOf(r, o), err)
	}
	return nil
}

// Delete removes an object and, in the background, what it owns. One that is gone already is no error; another one that
// has the name now is.
func (c Client) Delete(ctx context.Context, r Resource, o *Object) error {
	uid, background := o.GetUID(), metav1.DeletePropagationBackground
	options := metav1.DeleteOptions{PropagationPolicy: &background}
	if uid != "" {
		options.Preconditions = &metav1.Preconditions{UID: &uid}
	}
	err := c.of(r, o.GetNamespace()).Delete(ctx, o.GetName(), options)
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("delete %s: %w", NameOf(r, o), err)
	}
	return nil
}

// DisarmedLabel is what a webhook selects that is to be asked of nothing.
const DisarmedLabel = "kafka.eventing.knative.dev/taken-over"

// Disarm returns the webhooks of a configuration as they are when they select nothing, and whether any did not yet. nil is
// one without.
func Disarm(configuration *Object) (hooks []any, armed bool) {
	if configuration == nil {
		return nil, false
	}
	hooks, _, _ = unstructured.NestedSlice(configuration.Object, "webhooks")
	for i, item := range hooks {
		hook, _ := item.(map[string]any)
		if _, done, _ := unstructured.NestedString(hook, "objectSelector", "matchLabels", DisarmedLabel); !done {
			armed = true
			hook = maps.Clone(hook)
			hook["objectSelector"] = map[string]any{"matchLabels": map[string]any{DisarmedLabel: "nothing-has-this-label"}}
			hooks[i] = hook
		}
	}
	return hooks, armed
}

// Right is something to be allowed to do. Namespace and Name are empty for all.
type Right struct {
	Verb            string
	Resource        Resource
	Namespace, Name string
}

// Missing tells of those rights that this program does not have.
func (c Client) Missing(ctx context.Context, rights []Right) (missing []string, err error) {
	for _, r := range rights {
		allowed, err := c.Allowed(ctx, r.Verb, r.Resource, r.Namespace, r.Name)
		if err != nil {
			return nil, err
		}
		if !allowed {
			missing = append(missing, fmt.Sprintf("the right to %s %s is missing", r.Verb, Name(r.Resource, r.Namespace, r.Name)))
		}
	}
	return missing, nil
}

// Allowed says whether this program may do something; namespace and name are empty for all.
func (c Client) Allowed(ctx context.Context, verb string, r Resource, namespace, name string) (bool, error) {
	review := &Object{Object: map[string]any{
		"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
		"spec": map[string]any{"resourceAttributes": map[string]any{
			"verb": verb, "group": r.Group, "resource": r.Resource, "namespace": namespace, "name": name,
		}},
	}}
	answer, err := c.Dynamic.Resource(accessReviews).Create(ctx, review, metav1.CreateOptions{})
	if err != nil {
		return false, fmt.Errorf("ask whether it is allowed to %s %s: %w", verb, Name(r, namespace, name), err)
	}
	allowed, _, err := unstructured.NestedBool(answer.Object, "status", "allowed")
	return allowed, err
}

func (c Client) of(r Resource, namespace string) dynamic.ResourceInterface {
	if namespace == "" {
		return c.Dynamic.Resource(r)
	}
	return c.Dynamic.Resource(r).Namespace(namespace)
}

// Name is how people are told of an object.
func Name(r Resource, namespace, name string) string {
	if namespace != "" {
		name = namespace + "/" + name
	}
	return strings.TrimSpace(r.GroupResource().String() + " " + name)
}

// NameOf is Name of an object.
func NameOf(r Resource, o *Object) string { return Name(r, o.GetNamespace(), o.GetName()) }

// ConfigMap is an object as a ConfigMap.
func ConfigMap(o *Object) (*corev1.ConfigMap, error) { return as[corev1.ConfigMap](o) }

// Secret is an object as a Secret.
func Secret(o *Object) (*corev1.Secret, error) { return as[corev1.Secret](o) }

// Pod is an object as a Pod.
func Pod(o *Object) (*corev1.Pod, error) { return as[corev1.Pod](o) }

func as[T any](o *Object) (*T, error) {
	into := new(T)
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, into); err != nil {
		return nil, fmt.Errorf("%s %s/%s: %w", o.GetKind(), o.GetNamespace(), o.GetName(), err)
	}
	return into, nil
}
