package credentials

import (
	"fmt"
	"strings"

	"knative.dev/eventing-kafka-go/proto/contract"
)

// Mechanism is a SASL mechanism as users name it.
type Mechanism string

// The mechanisms that there are. Plain is the default.
const (
	Plain       Mechanism = "PLAIN"
	ScramSHA256 Mechanism = "SCRAM-SHA-256"
	ScramSHA512 Mechanism = "SCRAM-SHA-512"
	OAuthBearer Mechanism = "OAUTHBEARER"
)

// What fetches OAUTHBEARER tokens.
const (
	// MSKAccessToken signs tokens with the identity of the process.
	MSKAccessToken = "MSKAccessTokenProvider"
	// MSKRoleAccessToken signs tokens with a role that the process assumes.
	MSKRoleAccessToken = "MSKRoleAccessTokenProvider"
	// ClientCredentials gets tokens from an endpoint of OAuth 2 by the grant for clients.
	ClientCredentials = "ClientCredentialsTokenProvider"
)

// Settings are how to encrypt and authenticate a connection, complete and checked but for the TLS material, which
// [Settings.TLS] parses.
type Settings struct {
	Protocol contract.Protocol

	// Of TLS. Source says which keys of which Secret they came from, for errors.
	CA, Cert, Key []byte // PEM; nil: the authorities of the system, no client certificate
	Source        Source

	// Of SASL.
	Mechanism                         Mechanism
	User, Password                    string
	TokenProvider, RoleARN, AWSRegion string
	OAuth                             OAuth
}

// OAuth is what ClientCredentials needs.
type OAuth struct {
	// Endpoint is the https URL of the token endpoint; http is for this machine alone.
	Endpoint, ClientID, ClientSecret, Scope string
	// CA are the endpoint's authorities as PEM; nil: those of the system.
	CA []byte
	// Extensions are SASL extensions that the brokers ask for.
	Extensions map[string]string
}

// Source are the Secret and key of values that may turn out to be unusable.
type Source struct{ CA, Cert, Key, TokenProvider, RoleARN, AWSRegion Place }

// Place is one key of one Secret.
type Place struct{ Secret, Key string }

// Wrong returns an *[Error] that names the place. The reason must not hold the value.
func (p Place) Wrong(reason string) error {
	return &Error{p.Secret, fmt.Sprintf("key %q: %s", p.Key, reason)}
}

// Encrypted and Authenticated split a protocol in two.
func (s *Settings) Encrypted() bool {
	return s.Protocol == contract.Protocol_SSL || s.Protocol == contract.Protocol_SASL_SSL
}

// Authenticated is whether SASL is spoken.
func (s *Settings) Authenticated() bool {
	return s.Protocol == contract.Protocol_SASL_PLAINTEXT || s.Protocol == contract.Protocol_SASL_SSL
}

// Resolve returns what a resource asks for. The errors about Secrets are of type *[Error].
func Resolve(r *contract.Resource, secrets Secrets) (Settings, error) {
	switch auth := r.GetAuth().(type) {
	case nil, *contract.Resource_AbsentAuth:
		return Settings{}, nil
	case *contract.Resource_AuthSecret:
		data, err := secrets.get(auth.AuthSecret)
		if err != nil {
			return Settings{}, err
		}
		return FromSecret(Name(auth.AuthSecret), data)
	case *contract.Resource_MultiAuthSecret:
		return fromReferences(auth.MultiAuthSecret, secrets)
	default:
		return Settings{}, fmt.Errorf("unknown authentication %T", auth)
	}
}

// FromSecret reads one Secret in either format: with key "protocol", or the older one without, whose protocol follows
// from the keys that it has (SEC-15). name is "namespace/name", for errors.
func FromSecret(name string, data map[string][]byte) (Settings, error) {
	if len(data[keyProtocol]) > 0 {
		return fromProtocol(name, data)
	}
	return fromReferences(Legacy(split(name), data), Secrets{name: data})
}

func split(name string) *contract.Reference {
	namespace, name, _ := strings.Cut(name, "/")
	return &contract.Reference{Namespace: namespace, Name: name}
}

// fields are values by meaning, and where they are from.
type fields struct {
	values map[contract.SecretField][]byte
	places map[contract.SecretField]Place
	// secrets names all Secrets, for what none of them has.
	secrets string
}

// missing is the error of a value that nobody gave.
func (f *fields) missing(what string, field contract.SecretField) error {
	if p, ok := f.places[field]; ok {
		return p.Wrong(what + " is required and missing or empty")
	}
	if f.secrets == "" {
		return fmt.Errorf("credentials for Kafka: %s is required, and no key of a Secret is named for it", what)
	}
	return &Error{f.secrets, what + " is required, and no key is named for it"}
}

// settings makes and checks the settings of a protocol.
func (f *fields) settings(protocol contract.Protocol) (Settings, error) {
	s := Settings{Protocol: protocol}
	if s.Encrypted() {
		if err := f.encryption(&s); err != nil {
			return Settings{}, err
		}
	}
	if s.Authenticated() {
		if err := f.authentication(&s); err != nil {
			return Settings{}, err
		}
	}
	return s, nil
}

// encryption takes what TLS needs. A client certificate is there with its key or not at all.
func (f *fields) encryption(s *Settings) error {
	s.CA, s.Cert, s.Key = f.values[contract.SecretField_CA_CRT], f.values[contract.SecretField_USER_CRT],
		f.values[contract.SecretField_USER_KEY]
	s.Source.CA, s.Source.Cert, s.Source.Key = f.places[contract.SecretField_CA_CRT],
		f.places[contract.SecretField_USER_CRT], f.places[contract.SecretField_USER_KEY]
	switch {
	case s.Cert != nil && s.Key == nil:
		return f.missing("the key of the client certificate", contract.SecretField_USER_KEY)
	case s.Key != nil && s.Cert == nil:
		return f.missing("the certificate of the client key", contract.SecretField_USER_CRT)
	}
	_, err := s.TLS() // found here, wrong material stops one resource; found when dialing, it would look like a network fault
	return err
}

// authentication takes what SASL needs.
func (f *fields) authentication(s *Settings) error {
	s.Mechanism = Plain
	for _, field := range []contract.SecretField{contract.SecretField_TYPE, contract.SecretField_SASL_MECHANISM} {
		if v, ok := f.values[field]; ok {
			s.Mechanism = Mechanism(v)
			if err := s.Mechanism.check(f.places[field]); err != nil {
				return err
			}
		}
	}
	if s.Mechanism == OAuthBearer {
		return f.tokens(s)
	}
	s.User, s.Password = string(f.values[contract.SecretField_USER]), string(f.values[contract.SecretField_PASSWORD])
	if s.User == "" {
		return f.missing("the SASL user", contract.SecretField_USER)
	}
	if s.Password == "" {
		return f.missing("the SASL password", contract.SecretField_PASSWORD)
	}
	return nil
}

func (m Mechanism) check(p Place) error {
	all := []string{string(Plain), string(ScramSHA256), string(ScramSHA512), string(OAuthBearer)}
	return oneOf(string(m), all, p)
}

// oneOf refuses any other value, without repeating it: it may be a password in the wrong place.
func oneOf(value string, all []string, p Place) error {
	hint := ""
	for _, one := range all {
		switch {
		case value == one:
			return nil
		case strings.TrimSpace(value) == one:
			hint = "; there is white space around it"
		case strings.EqualFold(strings.TrimSpace(value), one):
			hint = "; capitals count"
		}
	}
	return p.Wrong("not supported, supported are " + strings.Join(all, ", ") + hint)
}

// tokens takes what OAUTHBEARER needs (SEC-12).
func (f *fields) tokens(s *Settings) error {
	s.TokenProvider = string(f.values[contract.SecretField_TOKEN_PROVIDER])
	s.RoleARN = string(f.values[contract.SecretField_ROLE_ARN])
	s.AWSRegion = string(f.values[fieldRegion])
	s.Source.TokenProvider, s.Source.AWSRegion = f.places[contract.SecretField_TOKEN_PROVIDER], f.places[fieldRegion]
	s.Source.RoleARN = f.places[contract.SecretField_ROLE_ARN]
	if s.TokenProvider == "" {
		return f.missing("the token provider of "+string(OAuthBearer), contract.SecretField_TOKEN_PROVIDER)
	}
	all := []string{MSKAccessToken, MSKRoleAccessToken, ClientCredentials}
	if err := oneOf(s.TokenProvider, all, f.places[contract.SecretField_TOKEN_PROVIDER]); err != nil {
		return err
	}
	if s.TokenProvider == MSKRoleAccessToken && s.RoleARN == "" {
		return f.missing("the role of "+MSKRoleAccessToken, contract.SecretField_ROLE_ARN)
	}
	if s.TokenProvider == ClientCredentials {
		return f.oauth(&s.OAuth)
	}
	return nil
}
