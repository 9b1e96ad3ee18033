package credentials

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	bindingsv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/bindings/v1beta1"
	kafkacredentials "knative.dev/eventing-kafka-go/data-plane/kafka/credentials"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// Net is how the contract refers to the keys of Secrets in spec.net, nil when it asks for no authentication (SEC-22 to
// SEC-27). secret returns the reference to a Secret that the field at path names; it is asked about every field, and its
// errors come back together.
func Net(spec *bindingsv1beta1.KafkaNetSpec, secret func(path, name string) (*contract.Reference, error)) (*contract.MultiSecretReference, error) {
	if !spec.SASL.Enable && !spec.TLS.Enable {
		return nil, nil
	}
	var keys []kafkacredentials.Key
	var missing []error
	for _, k := range []struct {
		enabled bool
		field   contract.SecretField
		path    string
		from    *corev1.SecretKeySelector
	}{
		{spec.SASL.Enable, contract.SecretField_SASL_MECHANISM, "sasl.type", spec.SASL.Type.SecretKeyRef},
		{spec.SASL.Enable, contract.SecretField_USER, "sasl.user", spec.SASL.User.SecretKeyRef},
		{spec.SASL.Enable, contract.SecretField_PASSWORD, "sasl.password", spec.SASL.Password.SecretKeyRef},
		{spec.SASL.Enable, contract.SecretField_TOKEN_PROVIDER, "sasl.tokenProvider", spec.SASL.TokenProvider.SecretKeyRef},
		{spec.SASL.Enable, contract.SecretField_ROLE_ARN, "sasl.roleARN", spec.SASL.RoleARN.SecretKeyRef},
		{spec.TLS.Enable, contract.SecretField_USER_CRT, "tls.cert", spec.TLS.Cert.SecretKeyRef},
		{spec.TLS.Enable, contract.SecretField_USER_KEY, "tls.key", spec.TLS.Key.SecretKeyRef},
		{spec.TLS.Enable, contract.SecretField_CA_CRT, "tls.caCert", spec.TLS.CACert.SecretKeyRef},
	} {
		if !k.enabled || k.from == nil {
			continue
		}
		ref, err := secret("spec.net."+k.path+".secretKeyRef.name", k.from.Name)
		if err != nil {
			missing = append(missing, err)
			continue
		}
		keys = append(keys, kafkacredentials.Key{Field: k.field, Secret: ref, Name: k.from.Key})
	}
	if err := errors.Join(missing...); err != nil {
		return nil, err
	}
	return kafkacredentials.Net(spec.SASL.Enable, spec.TLS.Enable, keys...), nil
}

// NetOf is Net with the Secrets of a namespace. A key that is missing or empty is an error that names it (SEC-23).
func NetOf(get Get, namespace string, spec *bindingsv1beta1.KafkaNetSpec) (*contract.MultiSecretReference, error) {
	secrets := map[string]*corev1.Secret{}
	var first error // one Secret that is missing is named by several fields
	multi, err := Net(spec, func(_, name string) (*contract.Reference, error) {
		secret, err := get(namespace, name)
		if err != nil {
			first = cmp.Or(first, err)
			return nil, err
		}
		secrets[name] = secret
		return Reference(secret), nil
	})
	if err != nil {
		return nil, first
	}
	for _, ref := range multi.GetReferences() {
		name := ref.GetReference().GetName()
		for _, key := range ref.GetKeyFieldReferences() {
			if len(secrets[name].Data[key.GetSecretKey()]) == 0 {
				return nil, fmt.Errorf("missing secret key or empty secret value (%s/%s.%s)", namespace, name, key.GetSecretKey())
			}
		}
	}
	return multi, nil
}

// Names are the Secrets that spec.net names, each once.
func Names(spec *bindingsv1beta1.KafkaNetSpec) []string {
	var names []string
	_, err := Net(spec, func(_, name string) (*contract.Reference, error) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
		return &contract.Reference{Name: name}, nil
	})
	if err != nil {
		return nil // only what looks Secrets up fails
	}
	return names
}
