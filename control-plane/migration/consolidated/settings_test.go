package consolidated

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kfake"

	"knative.dev/eventing-kafka-go/control-plane/migration/kube"
	"knative.dev/eventing-kafka-go/data-plane/kafka/kafkatest"
)

func TestAllShapesOfConfigKafkaAreRead(t *testing.T) { // MIG-16 to MIG-18
	for _, tc := range []struct {
		name string
		data map[string]string
		want settings
		err  string
	}{
		{"version 1.0.0", map[string]string{
			"version":        "1.0.0",
			"sarama":         "enableLogging: true\nconfig: |\n  Net: {TLS: {Enable: true}, SASL: {Enable: true, Mechanism: SCRAM-SHA-512}}\n  Metadata: {RefreshFrequency: 300000000000}\n",
			"eventing-kafka": "channel: {adminType: azure}\nkafka: {brokers: 'a:1, b:2', authSecretName: s, authSecretNamespace: kafka}\n",
		}, settings{servers: []string{"a:1", "b:2"}, secretName: "s", secretNamespace: "kafka", tls: true, sasl: true, mechanism: "SCRAM-SHA-512",
			lost: []string{"eventing-kafka.channel.adminType", "sarama.config.Metadata.RefreshFrequency", "sarama.enableLogging"}}, ""},
		{"flat keys", map[string]string{"bootstrapServers": "a:1", "authSecretName": "s", "authSecretNamespace": "n", "maxIdleConns": "1000", "sarama": "Version: 2.0.0\n"},
			settings{servers: []string{"a:1"}, secretName: "s", secretNamespace: "n", lost: []string{"maxIdleConns", "sarama.config.Version"}}, ""},
		{"of a distributed channel", map[string]string{
			"sarama":         "Net: {TLS: {Config: {RootPEMs: [one, two]}}}\n",
			"eventing-kafka": "receiver: {cpuRequest: 100m}\nkafka: {brokers: 'a:1', adminType: kafka, topic: {defaultNumPartitions: 4}}\n",
		}, settings{servers: []string{"a:1"}, tls: true, roots: "one\ntwo\n",
			lost: []string{"eventing-kafka.kafka.adminType", "eventing-kafka.kafka.topic.defaultNumPartitions", "eventing-kafka.receiver.cpuRequest"}}, ""},
		{"brokers with a protocol", map[string]string{"bootstrapServers": "SASL_SSL://a:1,SASL_SSL://b:2"},
			settings{servers: []string{"a:1", "b:2"}, protocol: "SASL_SSL", tls: true, sasl: true}, ""},
		{"brokers with two protocols", map[string]string{"bootstrapServers": "SSL://a:1,PLAINTEXT://b:2"}, settings{}, "more than one protocol"},
		{"brokers with another protocol", map[string]string{"bootstrapServers": "http://a:1"}, settings{}, `"HTTP" is no protocol of Kafka`},
		{"YAML that is none", map[string]string{"sarama": "a: b: c"}, settings{}, `key "sarama"`},
		{"YAML in YAML that is none", map[string]string{"sarama": "config: '{'"}, settings{}, `key "sarama.config"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := parse(tc.data)
			if (err != nil) != (tc.err != "") || err != nil && !strings.Contains(err.Error(), tc.err) {
				t.Fatalf("%v, want %q", err, tc.err)
			}
			if err == nil && !cmp.Equal(got, tc.want, cmp.AllowUnexported(settings{})) {
				t.Error(cmp.Diff(tc.want, got, cmp.AllowUnexported(settings{})))
			}
		})
	}
}

func secretWith(data map[string]string) *kube.Object {
	return secretObject(secretOf("knative-eventing", "mine", data))
}

// MIG-19, MIG-28 (14): what a Secret does not say by itself is written into another one, proved by a connection.
func TestEncryptionThatASecretDoesNotTellIsWrittenDown(t *testing.T) {
	authority := kafkatest.NewAuthority(t)
	k := kafkatest.Start(t, kfake.TLS(authority.Server(t, "127.0.0.1", false)), kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-512", "me", "secret"))
	user := map[string]string{"username": "me", "password": "secret", "saslType": "SCRAM-SHA-512"}
	for _, tc := range []struct {
		name   string
		sarama string
		prefix string
		secret map[string]string
		want   map[string]string // of the Secret that is made; nil: none
		err    string
	}{
		{"the Secret has the authority", "", "", with(user, "ca.crt", string(authority.CA)), nil, ""},
		{"the settings of the client have the authority", "Net: {TLS: {Enable: true, Config: {RootPEMs: [" + quoted(string(authority.CA)) + "]}}}", "", user,
			map[string]string{"protocol": "SASL_SSL", "user": "me", "password": "secret", "sasl.mechanism": "SCRAM-SHA-512", "ca.crt": string(authority.CA)}, ""},
		{"the brokers' addresses say it, and nobody trusts the authority", "", "SASL_SSL://", user, nil, "cannot be spoken with"},
		{"the settings of the client say less than the Secret", "Net: {TLS: {Enable: false}, SASL: {Enable: false}}", "", with(user, "ca.crt", string(authority.CA)), nil, ""},
		{"SASL without a user", "Net: {SASL: {Enable: true}}", "", map[string]string{"ca.crt": string(authority.CA)}, nil, "asks for SASL, and Secret \"mine\" has no user and password"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			w.Set(secretWith(tc.secret))
			takeover := w.takeover(t.Context())
			s, err := parse(map[string]string{"bootstrapServers": tc.prefix + k.Bootstrap(), "authSecretName": "mine", "sarama": tc.sarama})
			if err != nil {
				t.Fatal(err)
			}
			to, err := takeover.connect(t.Context(), s)
			if (err != nil) != (tc.err != "") || err != nil && !strings.Contains(err.Error(), tc.err) {
				t.Fatalf("%v, want %q", err, tc.err)
			}
			if err != nil {
				return
			}
			if tc.want == nil {
				if to.secret != nil {
					t.Errorf("a Secret for nothing: %v", to.secret.Data)
				}
				return
			}
			got := map[string]string{}
			for key, value := range to.secret.Data {
				got[key] = string(value)
			}
			if !cmp.Equal(got, tc.want) {
				t.Error(cmp.Diff(tc.want, got))
			}
			if len(to.notes) == 0 {
				t.Error("nothing is said of the Secret")
			}
		})
	}
}

// The defaults of config-kafka ask for encryption and authentication that many a Kafka does not have.
func TestAKafkaWithoutEncryptionIsFoundOut(t *testing.T) {
	w := newWorld(t)
	s, err := parse(map[string]string{"bootstrapServers": w.kafka.Bootstrap(), "sarama": "Net: {TLS: {Enable: true}, SASL: {Enable: true}}"})
	if err != nil {
		t.Fatal(err)
	}
	to, err := w.takeover(t.Context()).connect(t.Context(), s)
	if err != nil || to.secret != nil || len(to.notes) != 1 || !strings.Contains(to.notes[0], "asks for TLS or SASL, which the Kafka at") {
		t.Errorf("%+v, %v", to, err)
	}
	s.protocol = "SASL_SSL" // the addresses say so: nobody is to find out that it works without
	if _, err := w.takeover(t.Context()).connect(t.Context(), s); err == nil {
		t.Error("it connects with less than the addresses ask for")
	}
}

// An authority of the system is trusted by everybody, which no key of a Secret tells. A process reads those authorities
// once, so that another one has to connect.
func TestBrokersThatSpeakTLSAreFoundOut(t *testing.T) {
	const address = "KAFKA_WITH_AN_AUTHORITY_OF_THE_SYSTEM"
	if servers := os.Getenv(address); servers != "" {
		w := newWorld(t)
		to, err := w.takeover(t.Context()).connect(t.Context(), settings{servers: []string{servers}})
		if err != nil {
			t.Fatal(err)
		}
		if to.secret == nil || string(to.secret.Data["protocol"]) != "SSL" || string(to.secret.Data["user.skip"]) != "true" {
			t.Errorf("%+v", to.secret)
		}
		if !slices.ContainsFunc(to.notes, func(n string) bool { return strings.Contains(n, "the brokers speak TLS") }) {
			t.Errorf("%v", to.notes)
		}
		return
	}
	authority := kafkatest.NewAuthority(t)
	file := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(file, authority.CA, 0o600); err != nil {
		t.Fatal(err)
	}
	k := kafkatest.Start(t, kfake.TLS(authority.Server(t, "127.0.0.1", false)))
	other := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestBrokersThatSpeakTLSAreFoundOut$", "-test.v")
	other.Env = append(os.Environ(), "SSL_CERT_FILE="+file, "SSL_CERT_DIR="+t.TempDir(), address+"="+k.Addrs()[0])
	out, err := other.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS") {
		t.Errorf("%v\n%s", err, out)
	}
}
