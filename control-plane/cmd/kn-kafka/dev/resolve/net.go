package resolve

import (
	bindingsv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/bindings/v1beta1"
	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/manifest"
	"knative.dev/eventing-kafka-go/control-plane/credentials"
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
	auth, err := credentials.Net(spec, func(path, name string) (*contract.Reference, error) {
		secret, failed := p.secret(o, path, o.ID.Namespace, name)
		if failed != nil {
			return nil, failed // it was reported
		}
		return secret, nil
	})
	return auth, err == nil
}
