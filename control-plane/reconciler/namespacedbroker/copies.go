package namespacedbroker

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// namespacedLabel, with the value true, marks what is made here (BR-20).
const namespacedLabel = "eventing.knative.dev/namespaced"

// source is an object of the installed data plane.
type source struct {
	resource schema.GroupVersionResource
	object   *unstructured.Unstructured // of a cache; not changed
}

// sources returns the installed data plane: its workloads, the Service that events enter at, and what the pods mount but
// the contract. The error names what is not installed.
func (p *planes) sources() ([]source, error) {
	var all []source
	add := func(resource schema.GroupVersionResource, name string, optional bool) error {
		if name == "" || slices.ContainsFunc(all, func(s source) bool { return s.resource == resource && s.object.GetName() == name }) {
			return nil
		}
		o, err := p.cached(resource, p.system, name)
		switch {
		case apierrors.IsNotFound(err) && optional:
			return nil
		case err != nil:
			return fmt.Errorf("what the data plane is made after: %w", err)
		}
		all = append(all, source{resource, o})
		return nil
	}
	var needs []need
	for _, app := range []string{p.shared.Receiver, p.shared.Dispatcher} {
		w, err := p.workload(app)
		if err != nil {
			return nil, err
		}
		all = append(all, w)
		more, err := needsOf(w.object)
		if err != nil {
			return nil, err
		}
		needs = append(append(needs, more...), need{budgets, app, true})
	}
	needs = append(needs, need{services, p.shared.Ingress, false}, need{configMaps, p.shared.SettingsName, true})
	for _, n := range needs {
		if n.resource == configMaps && n.name == p.shared.ContractName {
			continue // there is one for each namespace
		}
		if err := add(n.resource, n.name, n.optional); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// workload returns what runs the pods of an app.
func (p *planes) workload(app string) (source, error) {
	for _, resource := range []schema.GroupVersionResource{deployments, statefulSets} {
		o, err := p.cached(resource, p.system, app)
		if err == nil {
			return source{resource, o}, nil
		}
		if !apierrors.IsNotFound(err) {
			return source{}, err
		}
	}
	return source{}, fmt.Errorf("neither Deployment nor StatefulSet %s/%s exists", p.system, app)
}

// need is an object that a workload cannot run without, unless it is optional.
type need struct {
	resource schema.GroupVersionResource
	name     string
	optional bool
}

// needsOf are the ServiceAccount of a workload, its headless Service, and the ConfigMaps that its pods use.
func needsOf(workload *unstructured.Unstructured) ([]need, error) {
	var spec struct {
		ServiceName string                 `json:"serviceName"`
		Template    corev1.PodTemplateSpec `json:"template"`
	}
	content, _, err := unstructured.NestedMap(workload.Object, "spec")
	if err == nil {
		err = runtime.DefaultUnstructuredConverter.FromUnstructured(content, &spec)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", describe(workload), err)
	}
	pod := spec.Template.Spec
	needs := []need{{services, spec.ServiceName, true}, {serviceAccounts, pod.ServiceAccountName, false}}
	configMap := func(name string, optional *bool) {
		needs = append(needs, need{configMaps, name, optional != nil && *optional})
	}
	for _, v := range pod.Volumes {
		if v.ConfigMap != nil {
			configMap(v.ConfigMap.Name, v.ConfigMap.Optional)
		}
		if v.Projected != nil {
			for _, s := range v.Projected.Sources {
				if s.ConfigMap != nil {
					configMap(s.ConfigMap.Name, s.ConfigMap.Optional)
				}
			}
		}
	}
	for _, c := range slices.Concat(pod.InitContainers, pod.Containers) {
		for _, e := range c.EnvFrom {
			if e.ConfigMapRef != nil {
				configMap(e.ConfigMapRef.Name, e.ConfigMapRef.Optional)
			}
		}
		for _, e := range c.Env {
			if e.ValueFrom != nil && e.ValueFrom.ConfigMapKeyRef != nil {
				configMap(e.ValueFrom.ConfigMapKeyRef.Name, e.ValueFrom.ConfigMapKeyRef.Optional)
			}
		}
	}
	return needs, nil
}

// copyOf is an object in another namespace, without what belongs to the one instance.
func copyOf(s source, namespace string, owners []metav1.OwnerReference) *unstructured.Unstructured {
	out := &unstructured.Unstructured{Object: map[string]any{}}
	for key, value := range s.object.Object {
		if key != "metadata" && key != "status" {
			out.Object[key] = runtime.DeepCopyJSONValue(value)
		}
	}
	out.SetNamespace(namespace)
	out.SetName(s.object.GetName())
	out.SetLabels(travelling(s.object.GetLabels()))
	out.SetAnnotations(travelling(s.object.GetAnnotations()))
	switch s.resource {
	case services:
		unplaced(out)
	case serviceAccounts:
		delete(out.Object, "secrets")
		out.Object["automountServiceAccountToken"] = false
	case deployments, statefulSets:
		unstructured.RemoveNestedField(out.Object, "spec", "replicas") // who scales the copy decides
	}
	mark(out, owners)
	return out
}

// travelling are the labels and annotations that are copied (BR-20).
func travelling(all map[string]string) map[string]string {
	some := maps.Clone(all)
	maps.DeleteFunc(some, func(key, _ string) bool {
		return key != "app" && key != "name" &&
			!strings.Contains(key, "knative") && !strings.Contains(key, "cert") && !strings.Contains(key, "monitoring")
	})
	return some
}

// unplaced takes from a Service what the API server has given to it.
func unplaced(service *unstructured.Unstructured) {
	spec, ok := service.Object["spec"].(map[string]any)
	if !ok {
		return
	}
	if spec["clusterIP"] != corev1.ClusterIPNone {
		delete(spec, "clusterIP")
		delete(spec, "clusterIPs")
	}
	delete(spec, "healthCheckNodePort")
	ports, _ := spec["ports"].([]any)
	for _, port := range ports {
		if p, ok := port.(map[string]any); ok {
			delete(p, "nodePort")
		}
	}
}

// podOf is the pod that a workload runs; nil for something else.
func podOf(workload *unstructured.Unstructured) map[string]any {
	spec, _ := workload.Object["spec"].(map[string]any)
	template, _ := spec["template"].(map[string]any)
	pod, _ := template["spec"].(map[string]any)
	return pod
}
