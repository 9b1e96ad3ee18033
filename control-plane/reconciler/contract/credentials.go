package contract

import (
	"bytes"
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/data-plane/filter"
	kafkacredentials "knative.dev/eventing-kafka-go/data-plane/kafka/credentials"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// collector returns a function that encodes what the entries of a contract authenticate with, and nothing else. A Secret
// that is gone is taken from what the pods have as long as an entry is kept that needs it: the entry works, and a pod that
// starts anew shall run it too (CT-27).
func (r *Reconciler) collector(d dataplane.DataPlane) func(*contract.Contract) ([]byte, error) {
	var held map[string]kafkacredentials.Secret // read when it is needed, which is seldom
	get := func(namespace, name string) (kafkacredentials.Secret, bool) {
		secret, err := r.source.builder.Secret(namespace, name)
		if err == nil {
			return kafkacredentials.Secret{Namespace: namespace, Name: name, Version: secret.ResourceVersion, Data: secret.Data}, true
		}
		if held == nil {
			held = r.held(d)
		}
		s, ok := held[namespace+"/"+name]
		if !ok && namespace == r.systemNamespace {
			s, ok = held[kafkacredentials.SystemNamespace+"/"+name] // a key of filters
		}
		return s, ok // without it the objects that need it say so
	}
	return func(c *contract.Contract) ([]byte, error) {
		bundle := kafkacredentials.Collect(c, get)
		bundle.Secrets = append(bundle.Secrets, r.filterKeys(c, get)...)
		content, err := kafkacredentials.Encode(bundle)
		if err != nil {
			return nil, fmt.Errorf("credentials of data plane %s: %w", d.Key(), err)
		}
		return content, nil
	}
}

// filterKeys are the Secrets of the system namespace that filters name (EG-09). They travel as those of a
// namespace that nobody has.
func (r *Reconciler) filterKeys(c *contract.Contract, get func(namespace, name string) (kafkacredentials.Secret, bool)) []kafkacredentials.Secret {
	seen := map[string]bool{}
	var keys []kafkacredentials.Secret
	for _, resource := range c.GetResources() {
		for _, e := range resource.GetEgresses() {
			for _, name := range filter.KeySecrets(e.GetDialectedFilter()) {
				if seen[name] {
					continue
				}
				seen[name] = true
				if secret, ok := get(r.systemNamespace, name); ok {
					secret.Namespace = kafkacredentials.SystemNamespace
					keys = append(keys, secret)
				}
			}
		}
	}
	return keys
}

// held are the credentials that a data plane has, by namespace and name; none when they cannot be read.
func (r *Reconciler) held(d dataplane.DataPlane) map[string]kafkacredentials.Secret {
	by := map[string]kafkacredentials.Secret{}
	secret, err := r.source.builder.Secret(d.Namespace, d.CredentialsName)
	if err != nil {
		return by
	}
	bundle, err := kafkacredentials.Decode(secret.Data[kafkacredentials.File])
	if err != nil {
		return by // somebody else wrote it; it is about to be put right
	}
	for _, s := range bundle.Secrets {
		by[s.Namespace+"/"+s.Name] = s
	}
	return by
}

// writeCredentials writes the one Secret that the pods of a data plane mount, if it holds something else. A pod that sees
// it later than the contract takes the entry up when the credentials come.
func (r *Reconciler) writeCredentials(ctx context.Context, d dataplane.DataPlane, want desired) error {
	content := want.credentials
	client := r.kube.CoreV1().Secrets(d.Namespace)
	secret, err := r.source.builder.Secret(d.Namespace, d.CredentialsName)
	switch {
	case apierrors.IsNotFound(err):
		secret = &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: d.Namespace, Name: d.CredentialsName, OwnerReferences: want.owners}}
		secret.Data = map[string][]byte{kafkacredentials.File: content}
		_, err = client.Create(ctx, secret, metav1.CreateOptions{})
	case err != nil:
	case len(secret.Data) == 1 && bytes.Equal(secret.Data[kafkacredentials.File], content) && want.belongs(secret):
		return nil
	default:
		secret = secret.DeepCopy()
		secret.Data = map[string][]byte{kafkacredentials.File: content}
		if len(want.owners) > 0 {
			secret.OwnerReferences = want.owners
		}
		_, err = client.Update(ctx, secret, metav1.UpdateOptions{})
	}
	if err != nil {
		return fmt.Errorf("write Secret %s/%s: %w", d.Namespace, d.CredentialsName, err)
	}
	return nil
}
