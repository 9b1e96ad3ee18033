package namespacedbroker

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"knative.dev/pkg/controller"
)

// The resources that a data plane is made of.
var (
	deployments     = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	statefulSets    = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "statefulsets"}
	services        = schema.GroupVersionResource{Version: "v1", Resource: "services"}
	serviceAccounts = schema.GroupVersionResource{Version: "v1", Resource: "serviceaccounts"}
	budgets         = schema.GroupVersionResource{Group: "policy", Version: "v1", Resource: "poddisruptionbudgets"}
	configMaps      = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
)

// followed are those that nobody else has a cache of.
func followed() []schema.GroupVersionResource {
	return []schema.GroupVersionResource{deployments, statefulSets, services, serviceAccounts, budgets}
}

// objectCache has what data planes are made of: of the system namespace everything, of the others what was made here.
type objectCache struct {
	system            string
	installed, copies dynamicinformer.DynamicSharedInformerFactory
	configMap         func(namespace, name string) (*corev1.ConfigMap, error)
}

// newCache returns a cache whose informers do not run yet.
func newCache(client dynamic.Interface, system string, configMap func(namespace, name string) (*corev1.ConfigMap, error)) *objectCache {
	const resync = 10 * time.Hour // nothing depends on it
	return &objectCache{
		system: system, configMap: configMap,
		installed: dynamicinformer.NewFilteredDynamicSharedInformerFactory(client, resync, system, nil),
		copies: dynamicinformer.NewFilteredDynamicSharedInformerFactory(client, resync, metav1.NamespaceAll, func(o *metav1.ListOptions) {
			o.LabelSelector = namespacedLabel + "=true"
		}),
	}
}

// watch has installed called with every change in the system namespace, copied with every one of a copy.
func (c *objectCache) watch(installed, copied func(any)) error {
	for _, resource := range followed() {
		if _, err := c.installed.ForResource(resource).Informer().AddEventHandler(controller.HandleAll(installed)); err != nil {
			return fmt.Errorf("follow %s: %w", resource.Resource, err)
		}
		if _, err := c.copies.ForResource(resource).Informer().AddEventHandler(controller.HandleAll(copied)); err != nil {
			return fmt.Errorf("follow copies of %s: %w", resource.Resource, err)
		}
	}
	return nil
}

// start has the informers run until ctx ends. It does not wait for them: see synced.
func (c *objectCache) start(ctx context.Context) {
	c.installed.Start(ctx.Done())
	c.copies.Start(ctx.Done())
}

// synced says whether the cache has everything.
func (c *objectCache) synced() bool {
	for _, resource := range followed() {
		if !c.installed.ForResource(resource).Informer().HasSynced() || !c.copies.ForResource(resource).Informer().HasSynced() {
			return false
		}
	}
	return true
}

// get returns an object, which must not be changed. One that is in no cache is not found.
func (c *objectCache) get(resource schema.GroupVersionResource, namespace, name string) (*unstructured.Unstructured, error) {
	if resource == configMaps {
		cm, err := c.configMap(namespace, name)
		if err != nil {
			return nil, err
		}
		return generic(cm, "v1", "ConfigMap")
	}
	factory := c.copies
	if namespace == c.system {
		factory = c.installed
	}
	object, err := factory.ForResource(resource).Lister().ByNamespace(namespace).Get(name)
	if err != nil {
		return nil, err
	}
	u, ok := object.(*unstructured.Unstructured)
	if !ok {
		return nil, apierrors.NewNotFound(resource.GroupResource(), name)
	}
	return u, nil
}

// generic returns an object of a cache without a type of its own.
func generic(object runtime.Object, apiVersion, kind string) (*unstructured.Unstructured, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return nil, err
	}
	u := &unstructured.Unstructured{Object: content}
	u.SetAPIVersion(apiVersion)
	u.SetKind(kind)
	return u, nil
}
