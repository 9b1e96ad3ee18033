package properties

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/data-plane/kafka"
	"knative.dev/eventing-kafka-go/data-plane/kafka/credentials"
)

// Words of warnings that several keys share.
const (
	notConfigurable = "there is nothing to choose here"
	socketBuffers   = "the operating system sizes the buffers of sockets"
	ownMetrics      = "see the metrics address for what this data plane measures of Kafka"
	ownCode         = "classes for Java cannot be loaded"
	secretDecides   = "the Secret of the resource decides, by its keys protocol, sasl.mechanism, user, password, ca.crt, user.crt and user.key"
	secretFirst     = "used only for what the Secret of a resource lacks; put it there"
	pemOnly         = "put the certificates as PEM into the Secret of the resource, under ca.crt, user.crt and user.key"
	tokenKeys       = "OAUTHBEARER is configured by the Secret of the resource, with its keys tokenProvider, tokenEndpoint, clientId, clientSecret and scope"
)

// iamHandler is the callback handler that AWS has for its login module.
const iamHandler = "software.amazon.msk.auth.iam.IAMClientCallbackHandler"

// ignoredSecurity are settings of encryption and authentication without a meaning here.
var ignoredSecurity = map[string]string{
	"sasl.mechanism":                   secretDecides,
	"sasl.login.class":                 ownCode,
	"ssl.truststore.location":          pemOnly,
	"ssl.truststore.password":          pemOnly,
	"ssl.keystore.location":            pemOnly,
	"ssl.keystore.password":            pemOnly,
	"ssl.key.password":                 pemOnly,
	"ssl.protocol":                     "ssl.enabled.protocols chooses the versions of TLS",
	"ssl.provider":                     ownCode,
	"ssl.engine.factory.class":         ownCode,
	"ssl.keymanager.algorithm":         notConfigurable,
	"ssl.trustmanager.algorithm":       notConfigurable,
	"ssl.secure.random.implementation": notConfigurable,
	"security.providers":               ownCode,
}

// securityPrefixes are families of such keys, whose members depend on the version of the Java client.
var securityPrefixes = map[string]string{
	"sasl.oauthbearer.": tokenKeys,
	"sasl.kerberos.":    "Kerberos is not supported; the Secret of the resource may ask for PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER",
	"sasl.login.":       "tokens are renewed before they end, which cannot be configured",
}

// withSecurity adds the rules of security keys, those of families as they occur in the file. Credentials belong into
// Secrets; those of a file complete them. A connection is never less safe than the Secret asks for.
func withSecurity[C any](rules map[string]rule[C], of func(*C) *kafkaSettings, content []byte) map[string]rule[C] {
	for key, instead := range ignoredSecurity {
		rules[key] = ignored[C](instead)
	}
	rules["security.protocol"] = always[C]("PLAINTEXT", secretDecides)
	rules["ssl.endpoint.identification.algorithm"] = always[C]("https",
		"the names of brokers are always verified; give them certificates with the names that they are reached by")
	rules["ssl.truststore.type"] = always[C]("PEM", pemOnly)
	rules["ssl.keystore.type"] = always[C]("PEM", pemOnly)
	rules["ssl.enabled.protocols"] = tlsVersions(of)
	rules["ssl.cipher.suites"] = cipherSuites(of)
	for key, secretKey := range map[string]string{
		"ssl.truststore.certificates": "ca.crt", "ssl.keystore.certificate.chain": "user.crt", "ssl.keystore.key": "user.key",
	} {
		rules[key] = completing(of, secretKey)
	}
	rules["sasl.jaas.config"] = jaas(of)
	for _, key := range []string{"sasl.client.callback.handler.class", "sasl.login.callback.handler.class"} {
		rules[key] = always[C](iamHandler, ownCode+"; "+tokenKeys)
	}
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

// complete keeps a value for Secrets that lack it.
func (k *kafkaSettings) complete(secretKey, value string) {
	if k.fallback == nil {
		k.fallback = credentials.Fallback{}
	}
	k.fallback[secretKey] = value
}

// boundary is the first or last line of a block of PEM, which a file may have written as one line with the rest.
var boundary = regexp.MustCompile(`-----(BEGIN|END) [A-Z0-9 ]+-----`)

// completing is for values in PEM that a Secret should have.
func completing[C any](of func(*C) *kafkaSettings, secretKey string) rule[C] {
	return func(f *file, c *C, value string) error {
		f.warn(secretFirst + " as " + secretKey)
		of(c).complete(secretKey, boundary.ReplaceAllString(value, "\n$0\n"))
		return nil
	}
}

// tlsVersions narrows the versions of TLS down. Older ones than 1.2 are not spoken.
func tlsVersions[C any](of func(*C) *kafkaSettings) rule[C] {
	return func(f *file, c *C, value string) error {
		known := map[string]uint16{"TLSv1.2": tls.VersionTLS12, "TLSv1.3": tls.VersionTLS13}
		var chosen []uint16
		for name := range strings.SplitSeq(value, ",") {
			switch version, ok := known[strings.TrimSpace(name)]; {
			case ok:
				chosen = append(chosen, version)
			case slices.Contains([]string{"TLSv1", "TLSv1.1", "SSLv3", "SSLv2Hello"}, strings.TrimSpace(name)):
				f.warn("versions before TLSv1.2 are not spoken")
			default:
				return errors.New("a list of TLSv1.2 and TLSv1.3")
			}
		}
		if len(chosen) == 0 {
			return errors.New("TLSv1.2, TLSv1.3 or both")
		}
		t := &of(c).transport // ssl.cipher.suites was read before
		t.TLSMin, t.TLSMax = max(t.TLSMin, slices.Min(chosen)), min(cmp.Or(t.TLSMax, tls.VersionTLS13), slices.Max(chosen))
		if t.TLSMin > t.TLSMax {
			return errors.New("a version that ssl.cipher.suites has a suite of")
		}
		return nil
	}
}

// cipherSuites chooses those of TLS 1.2. Those of TLS 1.3 are all on or, when none is in the list, off with it.
func cipherSuites[C any](of func(*C) *kafkaSettings) rule[C] {
	return func(f *file, c *C, value string) error {
		var older []uint16
		newer := 0
		for name := range strings.SplitSeq(value, ",") {
			if name = strings.TrimSpace(name); name == "" {
				continue
			}
			i := slices.IndexFunc(tls.CipherSuites(), func(s *tls.CipherSuite) bool { return s.Name == name })
			switch {
			case i < 0:
				f.warn("one of its suites is ignored: it is unknown or not safe")
			case slices.Contains(tls.CipherSuites()[i].SupportedVersions, tls.VersionTLS12):
				older = append(older, tls.CipherSuites()[i].ID)
			default:
				newer++
			}
		}
		if value == "" {
			return nil // all, as without the key
		}
		t := &of(c).transport
		switch t.CipherSuites = older; {
		case len(older) == 0 && newer == 0:
			return errors.New("at least one suite that is considered safe, e.g. TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 or TLS_AES_128_GCM_SHA256")
		case len(older) == 0:
			t.TLSMin = tls.VersionTLS13
		case newer == 0:
			t.TLSMax = tls.VersionTLS12
		case newer < 3:
			f.warn("the suites of TLS 1.3 are all used")
		}
		return nil
	}
}

// validate asks the Kafka client whether it accepts the options (CFG-75). No connection is made.
func validate(name string, options []kgo.Opt) error {
	nowhere := kafka.Connection{Servers: []string{"localhost:9092"}}
	if err := kgo.ValidateOpts(append(nowhere.Options(), options...)...); err != nil {
		return fmt.Errorf("%s: the Kafka client refuses these settings: %w", name, err)
	}
	return nil
}
