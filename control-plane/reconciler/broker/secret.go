package broker

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"knative.dev/eventing-kafka-go/control-plane/translate"
)

// secretFinalizer is in front of the UID of a Broker in the finalizer of its Secret (BR-13).
const secretFinalizer = "kafka.eventing/"

// protectSecret keeps the Secret of the Broker from being deleted before the topic is, and lets go of the one that was
// used before.
func (x *run) protectSecret(ctx context.Context, s translate.Settings) error {
	before := x.broker.Status.Annotations[translate.SecretNameKey]
	if before != "" && before != s.SecretName {
		if err := x.releaseSecret(ctx, before); err != nil {
			return err
		}
	}
	if s.SecretName == "" {
		return nil
	}
	secret, err := x.In.Secret(s.SecretNamespace, s.SecretName)
	if err != nil {
		return err
	}
	finalizer := secretFinalizer + string(x.broker.UID)
	if secret.DeletionTimestamp != nil || slices.Contains(secret.Finalizers, finalizer) {
		return nil
	}
	return x.setFinalizers(ctx, secret, append(slices.Clone(secret.Finalizers), finalizer))
}

// releaseSecrets lets go of the Secret that is recorded, and of the one that the ConfigMap names now: it may have been
// protected by a reconcile that did not come to record it.
func (x *run) releaseSecrets(ctx context.Context) error {
	recorded := x.broker.Status.Annotations[translate.SecretNameKey]
	if err := x.releaseSecret(ctx, recorded); err != nil {
		return err
	}
	s, err := x.In.Entries.BrokerSettings(x.broker)
	if err != nil || s.SecretName == recorded {
		return nil //nolint:nilerr // there is no other
	}
	return x.releaseSecret(ctx, s.SecretName)
}

// releaseSecret removes the Broker's finalizer from a Secret in the namespace of its ConfigMap.
func (x *run) releaseSecret(ctx context.Context, name string) error {
	if name == "" {
		return nil
	}
	config, err := x.In.Entries.BrokerConfig(x.broker)
	if err != nil {
		return nil //nolint:nilerr // without a ConfigMap there was no Secret
	}
	secret, err := x.In.Secret(config.Namespace, name)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	finalizer := secretFinalizer + string(x.broker.UID)
	if !slices.Contains(secret.Finalizers, finalizer) {
		return nil
	}
	return x.setFinalizers(ctx, secret, slices.DeleteFunc(slices.Clone(secret.Finalizers), func(f string) bool { return f == finalizer }))
}

// setFinalizers replaces the finalizers of a Secret that is still the one that was read.
func (x *run) setFinalizers(ctx context.Context, secret *corev1.Secret, finalizers []string) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"finalizers": finalizers, "resourceVersion": secret.ResourceVersion,
	}})
	if err != nil {
		return err
	}
	_, err = x.Kube.CoreV1().Secrets(secret.Namespace).Patch(ctx, secret.Name, types.MergePatchType, patch, metav1.PatchOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("finalizers of Secret %s/%s: %w", secret.Namespace, secret.Name, err)
	}
	return nil
}
