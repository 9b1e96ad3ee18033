package kafka

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"knative.dev/eventing-kafka-go/data-plane/kafka/credentials"
	"knative.dev/eventing-kafka-go/data-plane/kafka/kafkatest"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// Whatever is wrong with a Secret, in any format: the error that users see names the Secret and one of its keys, or one
// that it should have, and holds no value (SEC-52). Each run spoils complete Secrets in a few places.
func TestNoErrorAboutASecretTellsAValue(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 0))
	formats := secretFormats(t)
	refused := map[string]int{}
	for range 2500 {
		f := formats[rng.IntN(len(formats))]
		data := maps.Clone(f.data)
		var done []string
		for range 1 + rng.IntN(3) {
			done = append(done, spoil(rng, data))
		}
		_, err := ConnectionOf(f.resource(data), Credentials{"ns/kafka": data})
		if err == nil {
			continue // what was spoiled is not read
		}
		refused[f.name]++
		if problem := unsafe(err, data); problem != "" {
			t.Fatalf("%s: %s: %s: %v", f.name, problem, err, done)
		}
	}
	for _, f := range formats {
		if refused[f.name] < 50 {
			t.Errorf("%s: only %d Secrets were refused: nothing was tried", f.name, refused[f.name])
		}
	}
}

// secretFormat is one way to write credentials, with data that is complete.
type secretFormat struct {
	name     string
	data     map[string][]byte
	resource func(data map[string][]byte) *contract.Resource
}

func secretFormats(t *testing.T) []secretFormat {
	t.Helper()
	authority := kafkatest.NewAuthority(t)
	cert, key := authority.Issue(t, "client")
	ref := &contract.Reference{Namespace: "ns", Name: "kafka"}
	byName := func(map[string][]byte) *contract.Resource {
		return &contract.Resource{BootstrapServers: "a:1", Auth: &contract.Resource_AuthSecret{AuthSecret: ref}}
	}
	multi := func(m *contract.MultiSecretReference) *contract.Resource {
		return &contract.Resource{BootstrapServers: "a:1", Auth: &contract.Resource_MultiAuthSecret{MultiAuthSecret: m}}
	}
	material := secretData("ca.crt", string(authority.CA), "user.crt", string(cert), "user.key", string(key))
	login := secretData("user", "name-of-alice", "password", "words-that-nobody-knows")
	tokens := secretData("protocol", "SASL_SSL", "sasl.mechanism", "OAUTHBEARER", "ca.crt", string(authority.CA))
	all := func(parts ...map[string][]byte) map[string][]byte {
		data := map[string][]byte{}
		for _, p := range parts {
			maps.Copy(data, p)
		}
		return data
	}
	older := all(material, secretData("username", "name-of-alice", "password", "words-that-nobody-knows", "saslType", "SCRAM-SHA-512"))
	var fields []credentials.Key
	named := map[contract.SecretField]string{
		contract.SecretField_CA_CRT: "ca.crt", contract.SecretField_USER_CRT: "user.crt", contract.SecretField_USER_KEY: "user.key",
		contract.SecretField_USER: "user", contract.SecretField_PASSWORD: "password", contract.SecretField_TYPE: "kind",
	}
	for _, field := range slices.Sorted(maps.Keys(named)) {
		fields = append(fields, credentials.Key{Field: field, Secret: ref, Name: named[field]})
	}
	return []secretFormat{
		{"SSL", all(material, secretData("protocol", "SSL", "user.skip", "false")), byName},
		{"SASL_SSL", all(material, login, secretData("protocol", "SASL_SSL", "sasl.mechanism", "SCRAM-SHA-256")), byName},
		{"SASL_PLAINTEXT", all(login, secretData("protocol", "SASL_PLAINTEXT", "sasl.mechanism", "PLAIN")), byName},
		{"MSK", all(tokens, secretData("tokenProvider", credentials.MSKRoleAccessToken, "roleARN", "arn:aws:iam::1234:role/r", "awsRegion", "eu-west-1")), byName},
		{"tokens of an endpoint", all(tokens, secretData("tokenProvider", credentials.ClientCredentials, "tokenEndpoint", "https://idp.example.com/token",
			"tokenEndpoint.ca.crt", string(authority.CA), "clientId", "id-of-the-client", "clientSecret", "secret-of-the-client", "scope", "kafka-scope",
			"saslExtensions", "logicalCluster=lkc-12345")), byName},
		{"the older format", older, func(data map[string][]byte) *contract.Resource { return multi(credentials.Legacy(ref, data)) }},
		{"net of a KafkaSource", all(material, login, secretData("kind", "SCRAM-SHA-512")), func(map[string][]byte) *contract.Resource {
			return multi(credentials.Net(true, true, fields...))
		}},
	}
}

// spoil changes one key and says how.
func spoil(rng *rand.Rand, data map[string][]byte) string {
	keys := slices.Sorted(maps.Keys(data))
	if len(keys) == 0 {
		return "nothing is left"
	}
	key, other := keys[rng.IntN(len(keys))], keys[rng.IntN(len(keys))]
	value := data[key]
	switch rng.IntN(7) {
	case 0:
		delete(data, key)
		return "without " + key
	case 1:
		data[key] = nil
		return key + " empty"
	case 2:
		data[key] = fmt.Appendf(nil, "canary-%016x", rng.Uint64())
		return key + " is something else"
	case 3:
		data[key], data[other] = data[other], value
		return key + " for " + other
	case 4:
		data[key] = append(slices.Clone(value), '\n')
		return key + " with a line break"
	case 5:
		data[key] = slices.Clone(value[:rng.IntN(len(value)+1)])
		return key + " cut off"
	default:
		data[key] = slices.Clone(value)
		if len(value) > 0 {
			data[key][rng.IntN(len(value))] ^= byte(1 + rng.IntN(255))
		}
		return key + " with another byte"
	}
}

// keyInError is how errors name keys.
var keyInError = regexp.MustCompile(`key "([a-zA-Z.]+)"|ns/kafka\.([a-zA-Z.]+)\)`)

// unsafe says what is wrong with an error, "" for nothing.
func unsafe(err error, data map[string][]byte) string {
	var secret *SecretError
	if !errors.As(err, &secret) || secret.Secret != "ns/kafka" || !strings.Contains(err.Error(), "ns/kafka") {
		return "the Secret is not named"
	}
	if !keyInError.MatchString(err.Error()) && !strings.Contains(err.Error(), "no key is named for it") {
		return "no key is named"
	}
	// Words of ours may be the value of a key by then, or a part of them.
	const ours = "credentials for Kafka: secret ns/kafka: not supported, supported are PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL, PLAIN, " +
		"SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER, MSKAccessTokenProvider, MSKRoleAccessTokenProvider, ClientCredentialsTokenProvider false true"
	for _, value := range data {
		text := strings.TrimSpace(string(value))
		if len(text) < 6 || strings.Contains(ours, text) {
			continue
		}
		if strings.Contains(err.Error(), text) {
			return "a value is told"
		}
		for line := range strings.Lines(text) { // of PEM: no line but its boundaries
			if line = strings.TrimSpace(line); len(line) > 16 && !strings.HasPrefix(line, "-----") && !strings.Contains(ours, line) &&
				strings.Contains(err.Error(), line) {
				return "a line of a value is told"
			}
		}
	}
	return ""
}
