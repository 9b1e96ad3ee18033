// Package identity gives objects that send events a ServiceAccount, whose tokens subscribers know them by, where the flag
// authentication-oidc is on.
//
// It writes ServiceAccounts and nothing else, and keeps no state. Accounts may be used by any goroutine.
package identity

import (
	"context"
	"fmt"
	"maps"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes"
	corev1listers "k8s.io/client-go/listers/core/v1"
	"knative.dev/eventing/pkg/apis/feature"
	duckv1 "knative.dev/pkg/apis/duck/v1"
	"knative.dev/pkg/kmeta"
)

const (
	// Label is on every such ServiceAccount, so that nobody caches all of a cluster.
	Label = "eventing.knative.dev/oidc"
	// ReasonFailed is the reason of OIDCIdentityCreated when there is no ServiceAccount.
	ReasonFailed = "Unable to resolve service account for OIDC authentication"
	// ReasonDisabled is the reason of OIDCIdentityCreated when none is needed.
	ReasonDisabled = feature.OIDCAuthentication + " feature disabled"
)

// Accounts makes ServiceAccounts.
type Accounts struct {
	Kube   kubernetes.Interface
	Lister corev1listers.ServiceAccountLister
}

// Name is the ServiceAccount of an object (ST-18).
func Name(kind schema.GroupKind, object string) string {
	return strings.ToLower(kmeta.ChildName(object, fmt.Sprintf("-oidc-%s-%s", kind.Group, kind.Kind)))
}

// Ensure makes the ServiceAccount of an object, or removes it where the flag is off, and returns what to write into
// status.auth: nil without the flag. With an error it is what it would be without.
func (a Accounts) Ensure(ctx context.Context, flags feature.Flags, object kmeta.OwnerRefable) (*duckv1.AuthStatus, error) {
	want := account(object)
	have, err := a.Lister.ServiceAccounts(want.Namespace).Get(want.Name)
	if err != nil && !apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("get ServiceAccount %s/%s: %w", want.Namespace, want.Name, err)
	}
	found := err == nil
	if !flags.IsOIDCAuthentication() {
		if !found || !metav1.IsControlledBy(have, object.GetObjectMeta()) {
			return nil, nil
		}
		return nil, a.remove(ctx, have)
	}
	auth := &duckv1.AuthStatus{ServiceAccountName: &want.Name}
	if found {
		return auth, a.correct(ctx, have, want, object)
	}
	_, err = a.Kube.CoreV1().ServiceAccounts(want.Namespace).Create(ctx, want, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) { // the cache is behind; its event brings the object back
		return auth, fmt.Errorf("create ServiceAccount %s/%s: %w", want.Namespace, want.Name, err)
	}
	return auth, nil
}

func (a Accounts) remove(ctx context.Context, have *corev1.ServiceAccount) error {
	err := a.Kube.CoreV1().ServiceAccounts(have.Namespace).Delete(ctx, have.Name, metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("delete ServiceAccount %s/%s: %w", have.Namespace, have.Name, err)
	}
	return nil
}

// correct refuses a ServiceAccount of somebody else, whose rights tokens would carry, and puts ours right.
func (a Accounts) correct(ctx context.Context, have, want *corev1.ServiceAccount, object kmeta.OwnerRefable) error {
	if !metav1.IsControlledBy(have, object.GetObjectMeta()) {
		return fmt.Errorf("ServiceAccount %s/%s is not owned by %s %s", have.Namespace, have.Name,
			object.GetGroupVersionKind().Kind, object.GetObjectMeta().GetName())
	}
	if have.Labels[Label] == want.Labels[Label] {
		return nil
	}
	have = have.DeepCopy()
	if have.Labels == nil {
		have.Labels = map[string]string{}
	}
	maps.Copy(have.Labels, want.Labels)
	if _, err := a.Kube.CoreV1().ServiceAccounts(have.Namespace).Update(ctx, have, metav1.UpdateOptions{}); err != nil {
		return fmt.Errorf("update ServiceAccount %s/%s: %w", have.Namespace, have.Name, err)
	}
	return nil
}

// account is the ServiceAccount of an object.
func account(object kmeta.OwnerRefable) *corev1.ServiceAccount {
	meta, gvk := object.GetObjectMeta(), object.GetGroupVersionKind()
	owner := *kmeta.NewControllerRef(object)
	no := false
	owner.BlockOwnerDeletion = &no // else it would take the right to change finalizers
	return &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{
		Namespace: meta.GetNamespace(), Name: Name(gvk.GroupKind(), meta.GetName()),
		OwnerReferences: []metav1.OwnerReference{owner},
		Annotations:     map[string]string{"description": fmt.Sprintf("Service Account for OIDC Authentication for %s %q", gvk.Kind, meta.GetName())},
		Labels:          map[string]string{Label: "enabled"},
	}}
}
