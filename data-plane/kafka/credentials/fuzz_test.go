package credentials

import (
	"errors"
	"strings"
	"testing"

	"knative.dev/eventing-kafka-go/proto/contract"
)

// FuzzFromSecret holds that no content of a Secret, in either format, brings the reader down: it is refused with the Secret
// named and its passwords kept, or complete for the protocol that it asks for.
func FuzzFromSecret(f *testing.F) {
	m := newMaterial(f)
	add := func(v values) {
		f.Add(v["protocol"], v["sasl.mechanism"], v["saslType"], v["tls.enabled"], v["user"], v["username"], v["password"],
			v["tokenProvider"], v["roleARN"], v["user.skip"], []byte(v["ca.crt"]), []byte(v["user.crt"]), []byte(v["user.key"]))
	}
	for _, v := range []values{
		{}, {"protocol": "PLAINTEXT"}, {"protocol": "SASL_PLAINTEXT", "user": "u", "password": "p"},
		{"protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-512", "user": "u", "password": "p", "user.skip": "true", "ca.crt": m.ca},
		{"protocol": "SSL", "ca.crt": m.ca, "user.crt": m.ecCert, "user.key": m.ecKey}, {"tls.enabled": "true"},
		{"protocol": "SASL_SSL", "sasl.mechanism": "OAUTHBEARER", "tokenProvider": MSKRoleAccessToken, "roleARN": "arn"},
		{"saslType": "PLAIN", "username": "u", "password": "p"}, {"user": "u", "password": "p", "ca.crt": m.ca}, {"protocol": "ssl "},
	} {
		add(v)
	}
	f.Fuzz(func(t *testing.T, protocol, mechanism, saslType, enabled, user, username, password, provider, role, skip string, ca, cert, key []byte) {
		data := map[string][]byte{}
		for name, value := range map[string]string{
			"protocol": protocol, "sasl.mechanism": mechanism, "saslType": saslType, "tls.enabled": enabled, "user": user,
			"username": username, "password": password, "tokenProvider": provider, "roleARN": role, "user.skip": skip,
			"ca.crt": string(ca), "user.crt": string(cert), "user.key": string(key),
		} {
			if value != "" {
				data[name] = []byte(value)
			}
		}
		s, err := FromSecret(secret, data)
		if err != nil {
			var wrong *Error
			if !errors.As(err, &wrong) || !strings.Contains(wrong.Secret, secret) {
				t.Fatalf("%v is no error about the Secret", err)
			}
			words := "supported are required and missing or empty " + MSKRoleAccessToken // of ours
			if len(password) > 12 && !strings.Contains(words, password) && strings.Contains(err.Error(), password) {
				t.Errorf("%q tells the password", err)
			}
			return
		}
		if config, err := s.TLS(); err != nil || (config != nil) != s.Encrypted() {
			t.Errorf("%v: TLS %v, %v", s.Protocol, config != nil, err)
		}
		if tokens := s.Mechanism == OAuthBearer; s.Authenticated() && (tokens && s.TokenProvider == "" || !tokens && (s.User == "" || s.Password == "")) {
			t.Errorf("accepted, but %v lacks a part", s.Protocol)
		}
		if s.Protocol == contract.Protocol_PLAINTEXT && (s.Password != "" || s.Key != nil) {
			t.Error("secrets for a connection that sends them in the clear")
		}
	})
}
