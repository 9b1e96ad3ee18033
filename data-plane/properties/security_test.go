package properties

import (
	"crypto/tls"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"knative.dev/eventing-kafka-go/data-plane/kafka"
	"knative.dev/eventing-kafka-go/data-plane/kafka/credentials"
)

func TestHowConnectionsAreOpened(t *testing.T) {
	const (
		twelve   = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
		thirteen = "TLS_AES_128_GCM_SHA256,TLS_AES_256_GCM_SHA384,TLS_CHACHA20_POLY1305_SHA256"
	)
	for text, want := range map[string]kafka.Transport{
		"socket.connection.setup.timeout.ms=2500":                         {SetupTimeout: 2500 * time.Millisecond},
		"enable.metrics.push=true":                                        {PushMetrics: true},
		"enable.metrics.push=false":                                       {},
		"ssl.enabled.protocols=TLSv1.2,TLSv1.3":                           {TLSMin: tls.VersionTLS12, TLSMax: tls.VersionTLS13},
		"ssl.enabled.protocols=TLSv1.3":                                   {TLSMin: tls.VersionTLS13, TLSMax: tls.VersionTLS13},
		"ssl.enabled.protocols=TLSv1.2":                                   {TLSMin: tls.VersionTLS12, TLSMax: tls.VersionTLS12},
		"ssl.cipher.suites=":                                              {},
		"ssl.cipher.suites=" + twelve + "," + thirteen:                    {CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}},
		"ssl.cipher.suites=" + twelve:                                     {CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}, TLSMax: tls.VersionTLS12},
		"ssl.cipher.suites=" + thirteen:                                   {TLSMin: tls.VersionTLS13},
		"ssl.cipher.suites=" + twelve + "\nssl.enabled.protocols=TLSv1.2": {CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}, TLSMin: tls.VersionTLS12, TLSMax: tls.VersionTLS12},
	} {
		t.Run(text, func(t *testing.T) {
			producer, warnings, err := Producer(kafka.DefaultProducerConfig(), "f", []byte(text))
			if err != nil || len(warnings) != 0 || !reflect.DeepEqual(producer.Transport, want) {
				t.Errorf("producer: %+v, %v, %v", producer.Transport, warnings, err)
			}
			consumer, warnings, err := Consumer(defaultConsumer(), "f", []byte(text))
			if err != nil || len(warnings) != 0 || !reflect.DeepEqual(consumer.Transport, want) {
				t.Errorf("consumer: %+v, %v, %v", consumer.Transport, warnings, err)
			}
		})
	}
	for text, allowed := range map[string]string{
		"ssl.enabled.protocols=SSLv9":                                     "TLSv1.2 and TLSv1.3",
		"ssl.enabled.protocols=TLSv1":                                     "TLSv1.2, TLSv1.3 or both",
		"ssl.cipher.suites=TLS_RSA_WITH_RC4_128_SHA":                      "at least one suite",
		"ssl.cipher.suites=" + twelve + "\nssl.enabled.protocols=TLSv1.3": "a suite of",
		"enable.metrics.push=maybe":                                       "true or false",
	} {
		if _, _, err := Producer(kafka.DefaultProducerConfig(), "f", []byte(text)); err == nil || !strings.Contains(err.Error(), allowed) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestWhatCompletesSecrets(t *testing.T) { // SEC-13
	iam := "sasl.mechanism=AWS_MSK_IAM\nsasl.client.callback.handler.class=" + iamHandler + "\nsasl.jaas.config=software.amazon.msk.auth.iam.IAMLoginModule required"
	for text, want := range map[string]credentials.Fallback{
		"linger.ms=0": nil,
		iam + ";":     {"tokenProvider": credentials.MSKAccessToken},
		iam + ` awsRoleArn="arn:aws:iam::1:role/r" awsStsRegion=eu-west-1 ;`: {
			"tokenProvider": credentials.MSKRoleAccessToken, "roleARN": "arn:aws:iam::1:role/r", "awsRegion": "eu-west-1"},
		`sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username='al ice' password="s;e=c\\"zq";`: {
			"user": "al ice", "password": `s;e=c"zq`},
		"ssl.truststore.type=PEM\nssl.truststore.certificates=-----BEGIN CERTIFICATE-----\\\n  MIIB AAAA \\\n-----END CERTIFICATE-----": {
			"ca.crt": "\n-----BEGIN CERTIFICATE-----\nMIIB AAAA \n-----END CERTIFICATE-----\n"},
		"ssl.keystore.certificate.chain=c\nssl.keystore.key=k": {"user.crt": "c", "user.key": "k"},
		"ssl.keystore.certificate.chain=c":                     {},
	} {
		t.Run(text, func(t *testing.T) {
			producer, _, err := Producer(kafka.DefaultProducerConfig(), "f", []byte(text))
			if err != nil || !maps.Equal(producer.Fallback, want) {
				t.Errorf("producer: %q, %v", map[string]string(producer.Fallback), err)
			}
			consumer, warnings, err := Consumer(defaultConsumer(), "f", []byte(text))
			if err != nil || !maps.Equal(consumer.Fallback, want) {
				t.Errorf("consumer: %q, %v", map[string]string(consumer.Fallback), err)
			}
			if said := fmt.Sprintf("%+v %#v %v", producer, producer.Fallback, warnings); strings.Contains(said, "zq") || strings.Contains(said, "MIIB") {
				t.Errorf("%s holds a secret", said)
			}
		})
	}
}
