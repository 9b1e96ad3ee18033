package resolve

import (
	bindingsv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/bindings/v1beta1"
	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/manifest"
	"knative.dev/eventing-kafka-go/data-plane/kafka/credentials"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// net is how the contract refers to the Secrets of spec.net, nil when it asks for none (SEC-22 to SEC-27). ok is false
// when one is not among the manifests.
func (p *planner) net(o *manifest.Object, spec *bindingsv1beta1.KafkaNetSpec) (auth *contract.MultiSecretReference, ok bool) {
	if !spec.SASL.Enable && !spec.TLS.Enable {
		return nil, true
	}
	if p.Embedded {
		p.note("spec.net of %s is not used: the embedded Kafka asks nobody for credentials", o.ID)
		return nil, true
	}
	var keys []credentials.Key
	ok = true
	add := func(enabled bool, field contract.SecretField, path string, from bindingsv1beta1.SecretValueFromSource) {
		ref := from.SecretKeyRef
		if !enabled || ref == nil {
			return
		}
		secret, failed := p.secret(o, "spec.net."+path+".secretKeyRef.name", o.ID.Namespace, ref.Name)
		if failed != nil {
			ok = false
			return
		}
		keys = append(keys, credentials.Key{Field: field, Secret: secret, Name: ref.Key})
	}
	add(spec.SASL.Enable, contract.SecretField_SASL_MECHANISM, "sasl.type", spec.SASL.Type)
	add(spec.SASL.Enable, contract.SecretField_USER, "sasl.user", spec.SASL.User)
	add(spec.SASL.Enable, contract.SecretField_PASSWORD, "sasl.password", spec.SASL.Password)
	add(spec.SASL.Enable, contract.SecretField_TOKEN_PROVIDER, "sasl.tokenProvider", spec.SASL.TokenProvider)
	add(spec.SASL.Enable, contract.SecretField_ROLE_ARN, "sasl.roleARN", spec.SASL.RoleARN)
	add(spec.TLS.Enable, contract.SecretField_USER_CRT, "tls.cert", spec.TLS.Cert)
	add(spec.TLS.Enable, contract.SecretField_USER_KEY, "tls.key", spec.TLS.Key)
	add(spec.TLS.Enable, contract.SecretField_CA_CRT, "tls.caCert", spec.TLS.CACert)
	return credentials.Net(spec.SASL.Enable, spec.TLS.Enable, keys...), ok
}
