package credentials

import (
	"maps"

	"knative.dev/eventing-kafka-go/proto/contract"
)

// Fallback are values for keys that a Secret has not, by key. They are those that users of eventing-kafka-broker had to
// write into the properties of Kafka clients (SEC-13). A Secret that is complete never sees them.
type Fallback map[string]string

// String hides the values.
func (f Fallback) String() string { return "[hidden]" }

// GoString hides the values.
func (f Fallback) GoString() string { return f.String() }

// fillable are the keys that may come from elsewhere, in groups that make sense together only: when a Secret has one of a
// group, the rest is not taken from anywhere else.
var fillable = [][]string{
	{keyCA}, {keyCert, keyKey, keySkip}, {keyUser, keyPassword}, {keyTokenProvider}, {keyRole}, {keyRegion},
}

// Complete returns the Secrets with what they lack. Only those in the format with key "protocol" are completed, and only
// by what their protocol and mechanism read: the older format says by its keys what it wants.
func (f Fallback) Complete(secrets Secrets) Secrets {
	if len(f) == 0 || len(secrets) == 0 {
		return secrets
	}
	all := maps.Clone(secrets)
	for name, data := range secrets {
		if completed := f.complete(data); completed != nil {
			all[name] = completed
		}
	}
	return all
}

// complete returns nil when there is nothing to add.
func (f Fallback) complete(data map[string][]byte) map[string][]byte {
	protocol, ok := contract.Protocol_value[string(data[keyProtocol])]
	if !ok {
		return nil
	}
	s := Settings{Protocol: contract.Protocol(protocol)}
	var completed map[string][]byte
	for _, group := range fillable {
		if !f.wanted(group, &s, data) {
			continue
		}
		for _, key := range group {
			if value := f[key]; value != "" {
				if completed == nil {
					completed = maps.Clone(data)
				}
				completed[key] = []byte(value)
			}
		}
	}
	return completed
}

// wanted reports whether a Secret reads a group of keys and has none of them.
func (f Fallback) wanted(group []string, s *Settings, data map[string][]byte) bool {
	tokens := Mechanism(data[keyMechanism]) == OAuthBearer
	switch group[0] {
	case keyCA, keyCert:
		if !s.Encrypted() {
			return false
		}
	case keyUser:
		if !s.Authenticated() || tokens {
			return false
		}
	default:
		if !s.Authenticated() || !tokens {
			return false
		}
	}
	for _, key := range group {
		if len(data[key]) > 0 {
			return false
		}
	}
	return true
}
