package properties

import (
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/data-plane/kafka"
)

// Words of warnings that several keys share.
const (
	notConfigurable = "there is nothing to choose here"
	socketBuffers   = "the operating system sizes the buffers of sockets"
	ownMetrics      = "see the metrics address for what this data plane measures of Kafka"
	ownCode         = "classes for Java cannot be loaded"
	secretDecides   = "the Secret of the resource decides, by its keys protocol, sasl.mechanism, user, password, ca.crt, user.crt and user.key"
	pemOnly         = "put the certificates as PEM into the Secret of the resource, under ca.crt, user.crt and user.key"
	tlsVersions     = "TLS 1.2 and later with the cipher suites that are considered safe are used"
)

// securityKeys are settings of encryption and authentication. Credentials belong into Secrets, and a connection is
// never less safe than the Secret asks for.
var securityKeys = map[string]string{
	"sasl.mechanism":                     secretDecides,
	"sasl.jaas.config":                   secretDecides,
	"sasl.client.callback.handler.class": ownCode + "; for AWS MSK the Secret has the key tokenProvider",
	"sasl.login.callback.handler.class":  ownCode + "; for AWS MSK the Secret has the key tokenProvider",
	"sasl.login.class":                   ownCode,
	"ssl.truststore.certificates":        pemOnly,
	"ssl.truststore.location":            pemOnly,
	"ssl.truststore.password":            pemOnly,
	"ssl.truststore.type":                pemOnly,
	"ssl.keystore.certificate.chain":     pemOnly,
	"ssl.keystore.key":                   pemOnly,
	"ssl.keystore.location":              pemOnly,
	"ssl.keystore.password":              pemOnly,
	"ssl.keystore.type":                  pemOnly,
	"ssl.key.password":                   pemOnly,
	"ssl.enabled.protocols":              tlsVersions,
	"ssl.protocol":                       tlsVersions,
	"ssl.cipher.suites":                  tlsVersions,
	"ssl.provider":                       ownCode,
	"ssl.engine.factory.class":           ownCode,
	"ssl.keymanager.algorithm":           notConfigurable,
	"ssl.trustmanager.algorithm":         notConfigurable,
	"ssl.secure.random.implementation":   notConfigurable,
	"security.providers":                 ownCode,
}

// securityPrefixes are families of such keys, whose members depend on the version of the Java client.
var securityPrefixes = map[string]string{
	"sasl.oauthbearer.": "OAUTHBEARER is configured by the Secret of the resource, with its key tokenProvider",
	"sasl.kerberos.":    "Kerberos is not supported; the Secret of the resource may ask for PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER",
	"sasl.login.":       "tokens are renewed before they end, which cannot be configured",
}

// withSecurity adds the rules of security keys, those of families as they occur in the file.
func withSecurity[C any](rules map[string]rule[C], content []byte) map[string]rule[C] {
	for key, instead := range securityKeys {
		rules[key] = ignored[C](instead)
	}
	rules["security.protocol"] = always[C]("PLAINTEXT", secretDecides)
	rules["ssl.endpoint.identification.algorithm"] = always[C]("https",
		"the names of brokers are always verified; give them certificates with the names that they are reached by")
	values, err := Effective(content)
	if err != nil {
		return rules // reported by whoever applies the rules
	}
	for key := range values {
		for prefix, instead := range securityPrefixes {
			if _, known := rules[key]; !known && strings.HasPrefix(key, prefix) {
				rules[key] = ignored[C](instead)
			}
		}
	}
	return rules
}

// validate asks the Kafka client whether it accepts the options (CFG-75). No connection is made.
func validate(name string, options []kgo.Opt) error {
	nowhere := kafka.Connection{Servers: []string{"localhost:9092"}}
	if err := kgo.ValidateOpts(append(nowhere.Options(), options...)...); err != nil {
		return fmt.Errorf("%s: the Kafka client refuses these settings: %w", name, err)
	}
	return nil
}
