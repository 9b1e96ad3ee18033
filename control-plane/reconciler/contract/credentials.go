package contract

import (
	"bytes"
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	kafkacredentials "knative.dev/eventing-kafka-go/data-plane/kafka/credentials"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// writeCredentials gathers what the entries of a contract authenticate with into the one Secret that the pods mount. It
// comes before the contract, so that no pod looks for what is not there yet; a pod that sees them the other way round
// takes the entry up when the credentials come.
func (r *Reconciler) writeCredentials(ctx context.Context, d dataplane.DataPlane, c *contract.Contract) error {
	bundle := kafkacredentials.Collect(c, func(namespace, name string) (kafkacredentials.Secret, bool) {
		secret, err := r.source.builder.Secret(namespace, name)
		if err != nil {
			return kafkacredentials.Secret{}, false // the objects that need it say so
		}
		return kafkacredentials.Secret{Namespace: namespace, Name: name, Version: secret.ResourceVersion, Data: secret.Data}, true
	})
	content, err := kafkacredentials.Encode(bundle)
	if err != nil {
		return fmt.Errorf("credentials of data plane %s: %w", d.Key(), err)
	}
	client := r.kube.CoreV1().Secrets(d.Namespace)
	secret, err := r.source.builder.Secret(d.Namespace, d.CredentialsName)
	switch {
	case apierrors.IsNotFound(err):
		secret = &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: d.Namespace, Name: d.CredentialsName}}
		secret.Data = map[string][]byte{kafkacredentials.File: content}
		_, err = client.Create(ctx, secret, metav1.CreateOptions{})
	case err != nil:
	case bytes.Equal(secret.Data[kafkacredentials.File], content):
		return nil
	default:
		secret = secret.DeepCopy()
		secret.Data = map[string][]byte{kafkacredentials.File: content}
		_, err = client.Update(ctx, secret, metav1.UpdateOptions{})
	}
	if err != nil {
		return fmt.Errorf("write Secret %s/%s: %w", d.Namespace, d.CredentialsName, err)
	}
	return nil
}
