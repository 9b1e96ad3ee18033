package credentials

import (
	"fmt"
	"strconv"
	"strings"

	"knative.dev/eventing-kafka-go/proto/contract"
)

// Keys of Secrets. Which of them count depends on the format.
const (
	keyProtocol      = "protocol"
	keyCA            = "ca.crt"
	keyCert          = "user.crt"
	keyKey           = "user.key"
	keySkip          = "user.skip"
	keyMechanism     = "sasl.mechanism"
	keyUser          = "user"
	keyPassword      = "password"
	keyTokenProvider = "tokenProvider"
	keyRole          = "roleARN"
	keyRegion        = "awsRegion"
	keyEndpoint      = "tokenEndpoint"
	keyEndpointCA    = "tokenEndpoint.ca.crt"
	keyClientID      = "clientId"
	keyClientSecret  = "clientSecret"
	keyScope         = "scope"
	keyExtensions    = "saslExtensions"

	// Of the older format only.
	keyTLSEnabled = "tls.enabled"
	keySASLType   = "saslType"
	keySASLType2  = "sasltype"
	keyUsername   = "username"
)

// knownKeys are all keys that a format reads when nobody names keys one by one.
var knownKeys = []string{
	keyProtocol, keyCA, keyCert, keyKey, keySkip, keyMechanism, keyUser, keyPassword, keyTokenProvider, keyRole, keyRegion,
	keyEndpoint, keyEndpointCA, keyClientID, keyClientSecret, keyScope, keyExtensions,
	keyTLSEnabled, keySASLType, keySASLType2, keyUsername,
}

// Meanings that the contract has no number for: only Secrets with key "protocol" can say them.
const (
	fieldRegion contract.SecretField = -1 - iota
	fieldEndpoint
	fieldEndpointCA
	fieldClientID
	fieldClientSecret
	fieldScope
	fieldExtensions
)

// protocolKeys is the format with key "protocol", without the keys that have rules of their own.
var protocolKeys = map[contract.SecretField]string{
	contract.SecretField_CA_CRT:         keyCA,
	contract.SecretField_USER_CRT:       keyCert,
	contract.SecretField_USER_KEY:       keyKey,
	contract.SecretField_SASL_MECHANISM: keyMechanism,
	contract.SecretField_USER:           keyUser,
	contract.SecretField_PASSWORD:       keyPassword,
	contract.SecretField_TOKEN_PROVIDER: keyTokenProvider,
	contract.SecretField_ROLE_ARN:       keyRole,
	fieldRegion:                         keyRegion,
	fieldEndpoint:                       keyEndpoint,
	fieldEndpointCA:                     keyEndpointCA,
	fieldClientID:                       keyClientID,
	fieldClientSecret:                   keyClientSecret,
	fieldScope:                          keyScope,
	fieldExtensions:                     keyExtensions,
}

// fromProtocol reads the format with key "protocol" (SEC-01 to SEC-12). Keys that the protocol has no use for mean
// nothing (SEC-11).
func fromProtocol(name string, data map[string][]byte) (Settings, error) {
	protocol, err := parseProtocol(name, data)
	if err != nil || protocol == contract.Protocol_PLAINTEXT {
		return Settings{}, err
	}
	f := fields{map[contract.SecretField][]byte{}, map[contract.SecretField]Place{}, name}
	for field, key := range protocolKeys {
		f.places[field] = Place{name, key}
		if value, ok := data[key]; ok {
			f.values[field] = value
		}
	}
	if protocol == contract.Protocol_SSL || protocol == contract.Protocol_SASL_SSL {
		if err := f.clientCertificate(protocol, data, name); err != nil {
			return Settings{}, err
		}
	}
	return f.settings(protocol)
}

func parseProtocol(name string, data map[string][]byte) (contract.Protocol, error) {
	all := []string{"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"}
	text := string(data[keyProtocol])
	if err := oneOf(text, all, Place{name, keyProtocol}); err != nil {
		return 0, err
	}
	return contract.Protocol(contract.Protocol_value[text]), nil
}

// clientCertificate applies the rules of user.crt, user.key and user.skip (SEC-03, SEC-08).
func (f *fields) clientCertificate(protocol contract.Protocol, data map[string][]byte, name string) error {
	skip := false
	if value, ok := data[keySkip]; ok {
		var err error
		if skip, err = strconv.ParseBool(string(value)); err != nil {
			return Place{name, keySkip}.Wrong("neither true nor false")
		}
	}
	for _, field := range []contract.SecretField{contract.SecretField_USER_CRT, contract.SecretField_USER_KEY} {
		if skip || len(f.values[field]) == 0 {
			delete(f.values, field)
		}
	}
	if skip || protocol == contract.Protocol_SASL_SSL {
		return nil
	}
	if f.values[contract.SecretField_USER_CRT] == nil {
		return f.missing("the client certificate (or "+keySkip+": true)", contract.SecretField_USER_CRT)
	}
	return nil
}

// Legacy returns what a Secret without key "protocol" means (SEC-15 to SEC-17): the protocol that follows from its keys,
// and a reference for every key that has a value; none where it asks for nothing. ref is the Secret.
func Legacy(ref *contract.Reference, data map[string][]byte) *contract.MultiSecretReference {
	_, hasPassword := data[keyPassword]
	_, hasUser := data[keyUser]
	_, hasUsername := data[keyUsername]
	tlsEnabled, err := strconv.ParseBool(string(data[keyTLSEnabled]))
	encrypted := len(data[keyCA]) > 0 || err == nil && tlsEnabled
	multi := &contract.MultiSecretReference{}
	switch authenticated := hasPassword && (hasUser || hasUsername); {
	case encrypted && authenticated:
		multi.Protocol = contract.Protocol_SASL_SSL
	case encrypted:
		multi.Protocol = contract.Protocol_SSL
	case authenticated:
		multi.Protocol = contract.Protocol_SASL_PLAINTEXT
	}
	keys := legacyKeys(data)
	if len(keys) > 0 {
		multi.References = []*contract.SecretReference{{Reference: ref, KeyFieldReferences: keys}}
	}
	return multi
}

// legacyKeys are the keys of the older format that have a value. Where two mean the same, the first listed wins.
func legacyKeys(data map[string][]byte) []*contract.KeyFieldReference {
	var refs []*contract.KeyFieldReference
	for _, k := range []struct {
		field contract.SecretField
		keys  []string
	}{
		{contract.SecretField_USER_KEY, []string{keyKey}},
		{contract.SecretField_USER_CRT, []string{keyCert}},
		{contract.SecretField_CA_CRT, []string{keyCA}},
		{contract.SecretField_PASSWORD, []string{keyPassword}},
		{contract.SecretField_USER, []string{keyUser, keyUsername}},
		{contract.SecretField_SASL_MECHANISM, []string{keySASLType, keySASLType2}},
		{contract.SecretField_TOKEN_PROVIDER, []string{keyTokenProvider}},
		{contract.SecretField_ROLE_ARN, []string{keyRole}},
	} {
		for _, key := range k.keys {
			if len(data[key]) > 0 {
				refs = append(refs, &contract.KeyFieldReference{SecretKey: key, Field: k.field})
				break
			}
		}
	}
	return refs
}

// Auth returns how the contract refers to a Secret that a Broker, KafkaChannel or KafkaSink names; one of the two is nil.
// The rule is the same for every kind (SEC-18).
func Auth(ref *contract.Reference, data map[string][]byte) (*contract.Reference, *contract.MultiSecretReference) {
	if len(data[keyProtocol]) > 0 {
		return ref, nil
	}
	return nil, Legacy(ref, data)
}

// Key is one key of a Secret that somebody named for a field.
type Key struct {
	Field contract.SecretField
	// Secret is nil, or Name "", where nobody named one: the field is left out.
	Secret *contract.Reference
	Name   string
}

// Net is how the contract refers to the keys that a KafkaSource names in spec.net: its switches decide the protocol, and
// keys are grouped by Secret in the order of their first mention (SEC-22 to SEC-27).
func Net(sasl, tls bool, keys ...Key) *contract.MultiSecretReference {
	multi := &contract.MultiSecretReference{}
	switch {
	case sasl && tls:
		multi.Protocol = contract.Protocol_SASL_SSL
	case sasl:
		multi.Protocol = contract.Protocol_SASL_PLAINTEXT
	case tls:
		multi.Protocol = contract.Protocol_SSL
	default:
		return multi // references mean nothing then
	}
	bySecret := map[string]*contract.SecretReference{}
	for _, key := range keys {
		if key.Secret == nil || key.Name == "" {
			continue
		}
		group := bySecret[Name(key.Secret)]
		if group == nil {
			group = &contract.SecretReference{Reference: key.Secret}
			bySecret[Name(key.Secret)] = group
			multi.References = append(multi.References, group)
		}
		group.KeyFieldReferences = append(group.KeyFieldReferences,
			&contract.KeyFieldReference{SecretKey: key.Name, Field: key.Field})
	}
	return multi
}

// fromReferences reads keys that are named one by one, in one Secret or several (SEC-22 to SEC-27).
func fromReferences(multi *contract.MultiSecretReference, secrets Secrets) (Settings, error) {
	if multi.GetProtocol() == contract.Protocol_PLAINTEXT {
		return Settings{}, nil
	}
	f := fields{values: map[contract.SecretField][]byte{}, places: map[contract.SecretField]Place{}}
	var names []string
	for _, ref := range multi.GetReferences() {
		data, err := secrets.get(ref.GetReference())
		if err != nil {
			return Settings{}, err
		}
		name := Name(ref.GetReference())
		names = append(names, name)
		for _, key := range ref.GetKeyFieldReferences() {
			value := data[key.GetSecretKey()]
			if len(value) == 0 {
				return Settings{}, &Error{name, fmt.Sprintf("missing secret key or empty secret value (%s.%s)", name, key.GetSecretKey())}
			}
			f.values[key.GetField()] = value
			f.places[key.GetField()] = Place{name, key.GetSecretKey()}
		}
	}
	f.secrets = strings.Join(names, ", ")
	return f.settings(multi.GetProtocol())
}
