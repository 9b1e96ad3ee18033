// Package credentials is what Secrets mean for connections to Kafka: the formats that users write, the settings that a
// resource of the contract gets out of them, and how Secrets travel to the data plane in one mounted file.
//
// Both planes use it, so that what a controller finds wrong is what a data plane would refuse. It does no I/O, reads no
// environment, and never writes a value into an error. Everything here is a value or a function of values.
package credentials

import (
	"fmt"
	"maps"
	"slices"

	"knative.dev/eventing-kafka-go/proto/contract"
)

// Secrets are the Secrets that a process may use: "namespace/name" to data. Nil means that none were given to it. They
// are shared and must not be changed.
type Secrets map[string]map[string][]byte

// Equal reports whether the Secrets and all of their data are the same.
func (s Secrets) Equal(other Secrets) bool {
	return (s == nil) == (other == nil) && maps.EqualFunc(s, other, func(a, b map[string][]byte) bool {
		return maps.EqualFunc(a, b, slices.Equal[[]byte])
	})
}

// Error says why the credentials that a resource names cannot be used.
type Error struct {
	// Secret is "namespace/name".
	Secret string
	// Reason is a sentence without a capital. It names keys and never holds values.
	Reason string
}

func (e *Error) Error() string {
	return fmt.Sprintf("credentials for Kafka: secret %s: %s", e.Secret, e.Reason)
}

// Name is how [Secrets] and errors call a Secret.
func Name(ref *contract.Reference) string { return ref.GetNamespace() + "/" + ref.GetName() }

// get returns the data of a Secret, or an error that says why there is none.
func (s Secrets) get(ref *contract.Reference) (map[string][]byte, error) {
	if data, ok := s[Name(ref)]; ok {
		return data, nil
	}
	if s == nil {
		return nil, &Error{Name(ref), "not available: no credentials are mounted into this process"}
	}
	return nil, &Error{Name(ref), "not among the mounted credentials"}
}

// References returns the Secrets that a resource needs, none twice. Beside the protocol PLAINTEXT they mean nothing, so
// there it needs none.
func References(r *contract.Resource) []*contract.Reference {
	if auth := r.GetAuthSecret(); auth != nil {
		return []*contract.Reference{auth}
	}
	multi := r.GetMultiAuthSecret()
	if multi.GetProtocol() == contract.Protocol_PLAINTEXT {
		return nil
	}
	var refs []*contract.Reference
	for _, s := range multi.GetReferences() {
		ref := s.GetReference()
		if !slices.ContainsFunc(refs, func(r *contract.Reference) bool { return Name(r) == Name(ref) }) {
			refs = append(refs, ref)
		}
	}
	return refs
}
