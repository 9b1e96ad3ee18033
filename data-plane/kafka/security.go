package kafka

import (
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/proto/contract"
)

// Credentials are the Secrets that a process may use for Kafka: "namespace/name" of the Secret to its data. Nil means
// that none were given to it.
type Credentials map[string]map[string][]byte

// Security is how a connection is encrypted and authenticated. The zero value is plain text without authentication.
//
// Encryption belongs into dial (what is above it writes Kafka's frames in clear), authentication into options;
// identity tells apart what must not share a client.
type Security struct {
	// identity names protocol and Secrets with their versions, never their content. Empty for the zero value.
	identity string
}

// SecretError says why the credentials that a resource names cannot be used.
type SecretError struct {
	// Secret is "namespace/name".
	Secret string
	// Reason is a sentence without a capital.
	Reason string
}

func (e *SecretError) Error() string {
	return fmt.Sprintf("credentials for Kafka: secret %s: %s", e.Secret, e.Reason)
}

// securityOf resolves the authentication of a resource. References beside the protocol PLAINTEXT mean nothing.
func securityOf(r *contract.Resource, creds Credentials) (Security, error) {
	switch auth := r.GetAuth().(type) {
	case nil, *contract.Resource_AbsentAuth:
		return Security{}, nil
	case *contract.Resource_AuthSecret:
		return secretSecurity("secret", []*contract.Reference{auth.AuthSecret}, creds)
	case *contract.Resource_MultiAuthSecret:
		protocol := auth.MultiAuthSecret.GetProtocol()
		if protocol == contract.Protocol_PLAINTEXT {
			return Security{}, nil
		}
		var secrets []*contract.Reference
		for _, reference := range auth.MultiAuthSecret.GetReferences() {
			secrets = append(secrets, reference.GetReference())
		}
		return secretSecurity(protocol.String(), secrets, creds)
	default:
		return Security{}, fmt.Errorf("unknown authentication %T", auth)
	}
}

// secretSecurity makes the security of one protocol from Secrets. This build reads no credentials, so it always ends
// in an error: first for Secrets that are missing, then for those that are there but cannot be used yet.
func secretSecurity(protocol string, secrets []*contract.Reference, creds Credentials) (Security, error) {
	names := make([]string, 0, len(secrets))
	for _, secret := range secrets {
		name := secret.GetNamespace() + "/" + secret.GetName()
		names = append(names, name)
		if _, ok := creds[name]; ok {
			continue
		}
		if creds == nil {
			return Security{}, &SecretError{name, "not available: no credentials are mounted into this process"}
		}
		return Security{}, &SecretError{name, "not among the mounted credentials"}
	}
	if len(names) == 0 {
		return Security{}, fmt.Errorf("kafka protocol %s is not supported by this build", protocol)
	}
	return Security{}, &SecretError{strings.Join(names, ", "), "this build supports neither TLS nor SASL"}
}

// options returns the authentication of every connection.
func (s Security) options() []kgo.Opt { return nil }

// dial wraps how connections are opened in what encrypts them.
func (s Security) dial(plain DialFunc) DialFunc { return plain }
