package credentials

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"knative.dev/eventing-kafka-go/proto/contract"
)

const secret = "ns/kafka"

// values are the data of a Secret, as text.
type values map[string]string

func (v values) data() map[string][]byte {
	data := map[string][]byte{}
	for key, value := range v {
		data[key] = []byte(value)
	}
	return data
}

// with returns a copy with some keys replaced.
func (v values) with(more values) values {
	all := maps.Clone(v)
	maps.Copy(all, more)
	return all
}

func (v values) without(keys ...string) values {
	less := maps.Clone(v)
	for _, key := range keys {
		delete(less, key)
	}
	return less
}

// got is what tests compare of Settings.
type got struct {
	protocol                         contract.Protocol
	mechanism                        Mechanism
	user, password, provider, region string
	ca, client                       bool
}

func gotten(s Settings) got {
	return got{s.Protocol, s.Mechanism, s.User, s.Password, s.TokenProvider, s.AWSRegion, s.CA != nil, s.Cert != nil}
}

// refused checks that an error is about the Secret, says what it should, and quotes no value.
func refused(t *testing.T, err error, data map[string][]byte, parts ...string) {
	t.Helper()
	var wrong *Error
	if !errors.As(err, &wrong) || !strings.Contains(wrong.Secret, secret) {
		t.Fatalf("got error %v, want one about Secret %s", err, secret)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
	for key, value := range data {
		if known := []string{string(OAuthBearer), MSKAccessToken, MSKRoleAccessToken}; slices.Contains(known, string(value)) {
			continue // a word of ours by then
		}
		if len(value) > 7 && strings.Contains(err.Error(), string(value)) {
			t.Errorf("error %q holds the value of %s", err, key)
		}
	}
}

func TestSecretsWithProtocol(t *testing.T) {
	m := newMaterial(t)
	login := values{"protocol": "SASL_PLAINTEXT", "user": "alice-the-user", "password": `p"a,s=s;w'ö` + "\n"}
	mutual := values{"protocol": "SSL", "ca.crt": m.ca, "user.crt": m.cert, "user.key": m.pkcs8}
	tokens := values{"protocol": "SASL_SSL", "sasl.mechanism": "OAUTHBEARER", "tokenProvider": "MSKAccessTokenProvider"}
	endpoint := tokens.with(values{"tokenProvider": "ClientCredentialsTokenProvider", "tokenEndpoint": "https://idp.example.com/", "clientId": "c",
		"clientSecret": "secret-of-the-client"})
	loggedIn := got{protocol: contract.Protocol_SASL_PLAINTEXT, mechanism: Plain, user: login["user"], password: login["password"]}
	mechanism := func(m Mechanism) got { g := loggedIn; g.mechanism = m; return g }
	ssl := contract.Protocol_SSL

	for _, test := range []struct {
		name string
		data values
		want got
		err  []string
	}{
		{name: "plain text ignores every other key", data: mutual.with(values{"protocol": "PLAINTEXT", "user.skip": "?"})},
		{name: "another protocol lists the supported ones", data: values{"protocol": "TLS-or-so"},
			err: []string{`"protocol"`, "PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL"}},
		{name: "a protocol with a line break says so", data: values{"protocol": "SSL\n"}, err: []string{"white space"}},
		{name: "a protocol in small letters says so", data: values{"protocol": "sasl_ssl"}, err: []string{"capitals"}},

		{name: "SSL with a client certificate", data: mutual, want: got{protocol: ssl, ca: true, client: true}},
		{name: "SSL trusts the system without ca.crt", data: mutual.without("ca.crt"), want: got{protocol: ssl, client: true}},
		{name: "SSL with a PKCS #1 key", data: mutual.with(values{"user.key": m.pkcs1}), want: got{protocol: ssl, ca: true, client: true}},
		{name: "SSL with an EC key", data: mutual.with(values{"user.crt": m.ecCert, "user.key": m.ecKey}),
			want: got{protocol: ssl, ca: true, client: true}},
		{name: "SSL with an EC key in PKCS #8", data: mutual.with(values{"user.crt": m.ecCert, "user.key": m.ecPKCS8}),
			want: got{protocol: ssl, ca: true, client: true}},
		{name: "SSL with parameters before an EC key",
			data: mutual.with(values{"user.crt": m.ecCert, "user.key": m.ecParameters + m.ecKey}), want: got{protocol: ssl, ca: true, client: true}},
		{name: "several authorities", data: mutual.with(values{"ca.crt": m.ca + "\n" + m.otherCA}), want: got{protocol: ssl, ca: true, client: true}},
		{name: "SSL without user.crt", data: mutual.without("user.crt"), err: []string{`"user.crt"`, "user.skip"}},
		{name: "SSL with an empty user.crt", data: mutual.with(values{"user.crt": ""}), err: []string{`"user.crt"`}},
		{name: "SSL without user.key", data: mutual.without("user.key"), err: []string{`"user.key"`}},
		{name: "SSL without both", data: mutual.without("user.key", "user.crt"), err: []string{`"user.crt"`}},
		{name: "user.skip leaves the client certificate out", data: mutual.with(values{"user.skip": "true"}), want: got{protocol: ssl, ca: true}},
		{name: "user.skip needs no client certificate", data: values{"protocol": "SSL", "user.skip": "1"}, want: got{protocol: ssl}},
		{name: "user.skip that says no", data: values{"protocol": "SSL", "user.skip": "false"}, err: []string{`"user.crt"`}},
		{name: "user.skip that is neither", data: mutual.with(values{"user.skip": "perhaps-not"}), err: []string{`"user.skip"`}},
		{name: "ca.crt that is none", data: mutual.with(values{"ca.crt": "garbage-garbage"}), err: []string{`"ca.crt"`}},
		{name: "ca.crt that is empty is not absent", data: mutual.with(values{"ca.crt": ""}), err: []string{`"ca.crt"`}},
		{name: "ca.crt that is a key", data: mutual.with(values{"ca.crt": m.pkcs8}), err: []string{`"ca.crt"`}},
		{name: "user.crt that is none", data: mutual.with(values{"user.crt": "garbage-garbage"}), err: []string{`"user.crt"`, "no certificate in PEM"}},
		{name: "user.crt that is torn", data: mutual.with(values{"user.crt": torn(m.cert)}), err: []string{`"user.crt"`}},
		{name: "user.key that is none", data: mutual.with(values{"user.key": "no key at all"}), err: []string{`"user.key"`, "no private key"}},
		{name: "user.key that is a certificate", data: mutual.with(values{"user.key": m.cert}), err: []string{`"user.key"`, "no private key"}},
		{name: "user.key that is torn", data: mutual.with(values{"user.key": torn(m.pkcs8)}), err: []string{`"user.key"`, "cannot be read"}},
		{name: "user.key that is encrypted", data: mutual.with(values{"user.key": m.encrypted}), err: []string{`"user.key"`, "encrypted"}},
		{name: "user.key of another certificate", data: mutual.with(values{"user.key": m.ecKey}), err: []string{`"user.key"`, "user.crt"}},

		{name: "SASL is PLAIN by default and takes any bytes", data: login, want: loggedIn},
		{name: "SASL PLAIN", data: login.with(values{"sasl.mechanism": "PLAIN"}), want: loggedIn},
		{name: "SCRAM-SHA-256", data: login.with(values{"sasl.mechanism": "SCRAM-SHA-256"}), want: mechanism(ScramSHA256)},
		{name: "SCRAM-SHA-512", data: login.with(values{"sasl.mechanism": "SCRAM-SHA-512"}), want: mechanism(ScramSHA512)},
		{name: "another mechanism", data: login.with(values{"sasl.mechanism": "GSSAPI-or-so"}), err: []string{`"sasl.mechanism"`, "SCRAM-SHA-512"}},
		{name: "an empty mechanism", data: login.with(values{"sasl.mechanism": ""}), err: []string{`"sasl.mechanism"`}},
		{name: "SASL without user", data: login.without("user"), err: []string{`"user"`, "required"}},
		{name: "SASL with an empty user", data: login.with(values{"user": ""}), err: []string{`"user"`, "required"}},
		{name: "SASL without password", data: login.without("password"), err: []string{`"password"`, "required"}},
		{name: "SASL with an empty password", data: login.with(values{"password": ""}), err: []string{`"password"`, "required"}},
		{name: "SASL without encryption reads no certificates", data: login.with(values{"ca.crt": "garbage-garbage", "user.skip": "?"}), want: loggedIn},
		{name: "the older names of this format's keys mean nothing", data: login.without("user").with(values{"username": "x"}), err: []string{`"user"`}},
		{name: "keys that nobody knows mean nothing", data: login.with(values{"type": "SCRAM-SHA-512", "more": "x"}), want: loggedIn},

		{name: "SASL over TLS", data: login.with(values{"protocol": "SASL_SSL", "ca.crt": m.ca}),
			want: got{protocol: contract.Protocol_SASL_SSL, mechanism: Plain, user: loggedIn.user, password: loggedIn.password, ca: true}},
		{name: "SASL over TLS with a client certificate", data: mutual.with(login).with(values{"protocol": "SASL_SSL"}),
			want: got{protocol: contract.Protocol_SASL_SSL, mechanism: Plain, user: loggedIn.user, password: loggedIn.password, ca: true, client: true}},
		{name: "SASL over TLS with half a client certificate", data: mutual.with(login).with(values{"protocol": "SASL_SSL"}).without("user.key"),
			err: []string{`"user.key"`}},

		{name: "tokens need neither user nor password", data: tokens.with(values{"awsRegion": "eu-west-1"}),
			want: got{protocol: contract.Protocol_SASL_SSL, mechanism: OAuthBearer, provider: MSKAccessToken, region: "eu-west-1"}},
		{name: "tokens without encryption too", data: tokens.with(values{"protocol": "SASL_PLAINTEXT"}),
			want: got{protocol: contract.Protocol_SASL_PLAINTEXT, mechanism: OAuthBearer, provider: MSKAccessToken}},
		{name: "tokens without provider", data: tokens.without("tokenProvider"), err: []string{`"tokenProvider"`, "required"}},
		{name: "tokens of another provider", data: tokens.with(values{"tokenProvider": "SomeProvider"}),
			err: []string{`"tokenProvider"`, "MSKAccessTokenProvider, MSKRoleAccessTokenProvider"}},
		{name: "tokens of an endpoint without it", data: endpoint.without("tokenEndpoint"), err: []string{`"tokenEndpoint"`, "required"}},
		{name: "tokens of an endpoint without a client", data: endpoint.without("clientId"), err: []string{`"clientId"`, "required"}},
		{name: "tokens of an endpoint without a secret", data: endpoint.without("clientSecret"), err: []string{`"clientSecret"`, "required"}},
		{name: "tokens of an endpoint in clear", data: endpoint.with(values{"tokenEndpoint": "http://idp.example.com/"}), err: []string{`"tokenEndpoint"`, "https"}},
		{name: "tokens of an endpoint with extensions that are none", data: endpoint.with(values{"saslExtensions": "auth=x"}), err: []string{`"saslExtensions"`}},
		{name: "tokens of an endpoint with an authority that is none", data: endpoint.with(values{"tokenEndpoint.ca.crt": "x"}), err: []string{`"tokenEndpoint.ca.crt"`}},
		{name: "tokens of a role without the role", data: tokens.with(values{"tokenProvider": "MSKRoleAccessTokenProvider"}),
			err: []string{`"roleARN"`, "required"}},
		{name: "tokens of a role", data: tokens.with(values{"tokenProvider": "MSKRoleAccessTokenProvider", "roleARN": "arn:x"}),
			want: got{protocol: contract.Protocol_SASL_SSL, mechanism: OAuthBearer, provider: MSKRoleAccessToken}},
	} {
		t.Run(test.name, func(t *testing.T) {
			data := test.data.data()
			settings, err := FromSecret(secret, data)
			if test.err != nil {
				refused(t, err, data, test.err...)
				return
			}
			if err != nil || gotten(settings) != test.want {
				t.Errorf("got %+v, %v, want %+v", gotten(settings), err, test.want)
			}
		})
	}
}

func TestSecretsWithoutProtocol(t *testing.T) {
	m := newMaterial(t)
	for _, test := range []struct {
		name string
		data values
		want got
		err  []string
	}{
		{name: "nothing is plain text", data: values{}},
		{name: "an empty protocol is none", data: values{"protocol": "", "ca.crt": m.ca}, want: got{protocol: contract.Protocol_SSL, ca: true}},
		{name: "an authority is TLS without a client certificate", data: values{"ca.crt": m.ca}, want: got{protocol: contract.Protocol_SSL, ca: true}},
		{name: "an empty authority is nothing", data: values{"ca.crt": ""}},
		{name: "tls.enabled trusts the system", data: values{"tls.enabled": "true"}, want: got{protocol: contract.Protocol_SSL}},
		{name: "tls.enabled that says no", data: values{"tls.enabled": "false"}},
		{name: "tls.enabled that is neither is no", data: values{"tls.enabled": "on"}},
		{name: "TLS with a client certificate", data: values{"ca.crt": m.ca, "user.crt": m.cert, "user.key": m.pkcs1},
			want: got{protocol: contract.Protocol_SSL, ca: true, client: true}},
		{name: "TLS with half a client certificate", data: values{"ca.crt": m.ca, "user.crt": m.cert}, err: []string{"key of the client certificate"}},
		{name: "a password and a user are SASL", data: values{"password": "p", "user": "u"},
			want: got{protocol: contract.Protocol_SASL_PLAINTEXT, mechanism: Plain, user: "u", password: "p"}},
		{name: "a password and a username are SASL", data: values{"password": "p", "username": "n"},
			want: got{protocol: contract.Protocol_SASL_PLAINTEXT, mechanism: Plain, user: "n", password: "p"}},
		{name: "user wins over username", data: values{"password": "p", "username": "n", "user": "u"},
			want: got{protocol: contract.Protocol_SASL_PLAINTEXT, mechanism: Plain, user: "u", password: "p"}},
		{name: "a password alone is nothing", data: values{"password": "p"}},
		{name: "an empty password is missing", data: values{"password": "", "user": "u"}, err: []string{"password", "required"}},
		{name: "an empty user is missing", data: values{"password": "p", "user": ""}, err: []string{"user", "required"}},
		{name: "both are SASL over TLS", data: values{"password": "p", "user": "u", "ca.crt": m.ca},
			want: got{protocol: contract.Protocol_SASL_SSL, mechanism: Plain, user: "u", password: "p", ca: true}},
		{name: "sasltype is the mechanism", data: values{"password": "p", "user": "u", "sasltype": "SCRAM-SHA-256"},
			want: got{protocol: contract.Protocol_SASL_PLAINTEXT, mechanism: ScramSHA256, user: "u", password: "p"}},
		{name: "saslType wins over sasltype", data: values{"password": "p", "user": "u", "sasltype": "PLAIN", "saslType": "SCRAM-SHA-512"},
			want: got{protocol: contract.Protocol_SASL_PLAINTEXT, mechanism: ScramSHA512, user: "u", password: "p"}},
		{name: "another mechanism", data: values{"password": "p", "user": "u", "saslType": "GSSAPI-or-so"}, err: []string{`"saslType"`}},
		{name: "an authority that is none", data: values{"ca.crt": "garbage-garbage"}, err: []string{`"ca.crt"`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			data := test.data.data()
			settings, err := FromSecret(secret, data)
			if test.err != nil {
				refused(t, err, data, test.err...)
				return
			}
			if err != nil || gotten(settings) != test.want {
				t.Errorf("got %+v, %v, want %+v", gotten(settings), err, test.want)
			}
		})
	}
}

func reference(name string) *contract.Reference {
	return &contract.Reference{Namespace: "ns", Name: name, Version: "7"}
}

// keysOfSecret names keys: field, key, field, key …
func keysOfSecret(name string, pairs map[contract.SecretField]string) *contract.SecretReference {
	s := &contract.SecretReference{Reference: reference(name)}
	for field, key := range pairs {
		s.KeyFieldReferences = append(s.KeyFieldReferences, &contract.KeyFieldReference{SecretKey: key, Field: field})
	}
	return s
}

func TestReferencesToKeys(t *testing.T) {
	m := newMaterial(t)
	type keys = map[contract.SecretField]string
	secrets := Secrets{
		"ns/kafka": values{"ca": m.ca, "crt": m.cert, "key": m.pkcs8, "u": "alice-the-user", "empty": "", "bad": "garbage-garbage"}.data(),
		"ns/other": values{"p": "secret-password", "m": "SCRAM-SHA-512", "tokens": "MSKRoleAccessTokenProvider", "role": "arn:x", "bearer": "OAUTHBEARER"}.data(),
	}
	login := []*contract.SecretReference{
		keysOfSecret("kafka", keys{contract.SecretField_USER: "u"}),
		keysOfSecret("other", keys{contract.SecretField_PASSWORD: "p", contract.SecretField_TYPE: "m"}),
	}
	for _, test := range []struct {
		name     string
		protocol contract.Protocol
		refs     []*contract.SecretReference
		want     got
		err      []string
	}{
		{name: "plain text ignores references", refs: []*contract.SecretReference{keysOfSecret("absent", keys{contract.SecretField_USER: "u"})}},
		{name: "TLS without references trusts the system", protocol: contract.Protocol_SSL, want: got{protocol: contract.Protocol_SSL}},
		{name: "TLS without a client certificate", protocol: contract.Protocol_SSL,
			refs: []*contract.SecretReference{keysOfSecret("kafka", keys{contract.SecretField_CA_CRT: "ca"})}, want: got{protocol: contract.Protocol_SSL, ca: true}},
		{name: "TLS with a client certificate", protocol: contract.Protocol_SSL,
			refs: []*contract.SecretReference{keysOfSecret("kafka", keys{
				contract.SecretField_CA_CRT: "ca", contract.SecretField_USER_CRT: "crt", contract.SecretField_USER_KEY: "key"})},
			want: got{protocol: contract.Protocol_SSL, ca: true, client: true}},
		{name: "several Secrets are mixed", protocol: contract.Protocol_SASL_PLAINTEXT, refs: login,
			want: got{protocol: contract.Protocol_SASL_PLAINTEXT, mechanism: ScramSHA512, user: "alice-the-user", password: "secret-password"}},
		{name: "tokens of a role", protocol: contract.Protocol_SASL_SSL,
			refs: []*contract.SecretReference{keysOfSecret("kafka", keys{contract.SecretField_CA_CRT: "ca"}),
				keysOfSecret("other", keys{contract.SecretField_TYPE: "bearer",
					contract.SecretField_TOKEN_PROVIDER: "tokens", contract.SecretField_ROLE_ARN: "role"})},
			want: got{protocol: contract.Protocol_SASL_SSL, mechanism: OAuthBearer, provider: MSKRoleAccessToken, ca: true}},
		{name: "tokens without the mechanism that uses them", protocol: contract.Protocol_SASL_SSL,
			refs: []*contract.SecretReference{keysOfSecret("kafka", keys{contract.SecretField_CA_CRT: "ca"}),
				keysOfSecret("other", keys{contract.SecretField_TOKEN_PROVIDER: "tokens"})},
			err: []string{"SASL user"}}, // PLAIN is the default
		{name: "a key that is missing", protocol: contract.Protocol_SSL,
			refs: []*contract.SecretReference{keysOfSecret("kafka", keys{contract.SecretField_CA_CRT: "nowhere"})},
			err:  []string{"missing secret key or empty secret value (ns/kafka.nowhere)"}},
		{name: "a key that is empty", protocol: contract.Protocol_SASL_SSL,
			refs: []*contract.SecretReference{keysOfSecret("kafka", keys{contract.SecretField_USER: "empty"})},
			err:  []string{"missing secret key or empty secret value (ns/kafka.empty)"}},
		{name: "an authority that is none", protocol: contract.Protocol_SSL,
			refs: []*contract.SecretReference{keysOfSecret("kafka", keys{contract.SecretField_CA_CRT: "bad"})}, err: []string{`key "bad"`}},
		{name: "SASL without a password", protocol: contract.Protocol_SASL_SSL, refs: login[:1], err: []string{"SASL password", "no key is named"}},
		{name: "a mechanism that is none", protocol: contract.Protocol_SASL_SSL,
			refs: append(login[:1:1], keysOfSecret("kafka", keys{contract.SecretField_SASL_MECHANISM: "u"})), err: []string{`key "u"`, "SCRAM-SHA-256"}},
		{name: "a Secret that is missing", protocol: contract.Protocol_SASL_SSL,
			refs: append(login[:1:1], keysOfSecret("kafka2", keys{contract.SecretField_PASSWORD: "p"})), err: []string{"ns/kafka2", "not among"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			resource := &contract.Resource{Auth: &contract.Resource_MultiAuthSecret{
				MultiAuthSecret: &contract.MultiSecretReference{Protocol: test.protocol, References: test.refs}}}
			settings, err := Resolve(resource, secrets)
			if test.err != nil {
				refused(t, err, secrets["ns/kafka"], test.err...)
				return
			}
			if err != nil || gotten(settings) != test.want {
				t.Errorf("got %+v, %v, want %+v", gotten(settings), err, test.want)
			}
		})
	}
}

func TestAValueThatNobodyNames(t *testing.T) {
	resource := &contract.Resource{Auth: &contract.Resource_MultiAuthSecret{
		MultiAuthSecret: &contract.MultiSecretReference{Protocol: contract.Protocol_SASL_SSL}}}
	if _, err := Resolve(resource, nil); err == nil || !strings.Contains(err.Error(), "SASL user") {
		t.Errorf("SASL without references: %v", err)
	}
}

func TestTheReferenceToASecretIsTheSameForEveryKind(t *testing.T) {
	ref := reference("kafka")
	if auth, multi := Auth(ref, values{"protocol": "SSL"}.data()); auth != ref || multi != nil {
		t.Errorf("with protocol: %v, %v", auth, multi)
	}
	data := values{"username": "n", "user": "u", "password": "p", "saslType": "PLAIN", "ca.crt": "c", "user.crt": "", "more": "x"}
	auth, multi := Auth(ref, data.data())
	if auth != nil || multi.GetProtocol() != contract.Protocol_SASL_SSL || len(multi.GetReferences()) != 1 {
		t.Fatalf("without protocol: %v, %v", auth, multi)
	}
	want := map[contract.SecretField]string{contract.SecretField_CA_CRT: "ca.crt", contract.SecretField_PASSWORD: "password",
		contract.SecretField_USER: "user", contract.SecretField_SASL_MECHANISM: "saslType"}
	found := map[contract.SecretField]string{}
	for _, key := range multi.GetReferences()[0].GetKeyFieldReferences() {
		found[key.GetField()] = key.GetSecretKey()
	}
	if !maps.Equal(found, want) {
		t.Errorf("refers to %v, want %v", found, want)
	}
	if _, multi = Auth(ref, nil); multi.GetProtocol() != contract.Protocol_PLAINTEXT || len(multi.GetReferences()) != 0 {
		t.Errorf("an empty Secret: %v", multi)
	}
}

func TestTheSwitchesOfANetDecideAndKeysAreGrouped(t *testing.T) {
	one, two := reference("one"), reference("two")
	keys := []Key{
		{contract.SecretField_USER, one, "u"}, {contract.SecretField_PASSWORD, two, "p"}, {contract.SecretField_TYPE, one, "t"},
		{contract.SecretField_CA_CRT, nil, "ca"}, {contract.SecretField_USER_CRT, two, ""},
	}
	for _, test := range []struct {
		sasl, tls bool
		want      contract.Protocol
	}{
		{false, false, contract.Protocol_PLAINTEXT}, {true, false, contract.Protocol_SASL_PLAINTEXT},
		{false, true, contract.Protocol_SSL}, {true, true, contract.Protocol_SASL_SSL},
	} {
		multi := Net(test.sasl, test.tls, keys...)
		if multi.GetProtocol() != test.want {
			t.Errorf("sasl %v, tls %v: %v", test.sasl, test.tls, multi.GetProtocol())
		}
		if test.want == contract.Protocol_PLAINTEXT {
			if len(multi.GetReferences()) != 0 {
				t.Errorf("references of plain text: %v", multi)
			}
			continue
		}
		refs := multi.GetReferences()
		if len(refs) != 2 || refs[0].GetReference() != one || len(refs[0].GetKeyFieldReferences()) != 2 ||
			refs[1].GetReference() != two || len(refs[1].GetKeyFieldReferences()) != 1 {
			t.Errorf("references %v", refs)
		}
	}
	// SEC-25: TLS without any reference is TLS.
	settings, err := Resolve(&contract.Resource{Auth: &contract.Resource_MultiAuthSecret{MultiAuthSecret: Net(false, true)}}, nil)
	if err != nil || settings.Protocol != contract.Protocol_SSL {
		t.Errorf("got %v, %v", settings.Protocol, err)
	}
}
