package integration

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log/slog"
	"maps"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/data-plane/kafka"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// Security is tested on a real Kafka that hack/kafka.sh has started with --sasl; KAFKA_DIR is its folder, where the key
// of its certificate authority is. Without a listener that demands client certificates, whose address KAFKA_SSL has, the
// case of mutual TLS is skipped. On kfake both are tested beside the code.
//
//	export KAFKA_DIR=$(mktemp -d) KAFKA_PORT=29092
//	trust=listener.name.ssl.ssl.truststore
//	KAFKA_PROPERTIES="listeners=PLAINTEXT://127.0.0.1:29092,CONTROLLER://127.0.0.1:29093,SASL_SSL://127.0.0.1:29094,SSL://127.0.0.1:29095
//	advertised.listeners=PLAINTEXT://127.0.0.1:29092,SASL_SSL://127.0.0.1:29094,SSL://127.0.0.1:29095
//	listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL
//	listener.name.ssl.ssl.client.auth=required
//	$trust.type=PEM
//	$trust.location=$KAFKA_DIR/tls/ca.crt" hack/kafka.sh up --sasl
//	KAFKA=127.0.0.1:29092 KAFKA_SSL=127.0.0.1:29095 go test -run Security ./test/integration
type securedKafka struct {
	plain, sasl string // addresses
	ca          []byte
	dir         string
}

// securityWait bounds single operations on Kafka.
const securityWait = time.Minute

func findSecured(t *testing.T) *securedKafka {
	t.Helper()
	dir, servers := os.Getenv("KAFKA_DIR"), os.Getenv("KAFKA")
	if dir == "" || servers == "" {
		t.Skip("TLS and SASL of a real Kafka need KAFKA and KAFKA_DIR of one that hack/kafka.sh has started with --sasl")
	}
	ca, err := os.ReadFile(filepath.Join(dir, "tls", "ca.crt"))
	if os.IsNotExist(err) {
		t.Skip("this Kafka was started without --sasl")
	}
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(servers, ",")
	host, text, err := net.SplitHostPort(first)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return &securedKafka{plain: servers, sasl: net.JoinHostPort(host, strconv.Itoa(port+2)), ca: ca, dir: dir}
}

// admin is a client of the listener that asks nobody anything.
func (k *securedKafka) admin(t *testing.T) *kadm.Client {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(k.plain, ",")...), kgo.DisableClientMetrics())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return kadm.NewClient(client)
}

func (k *securedKafka) topic(t *testing.T, admin *kadm.Client) string {
	t.Helper()
	name := fmt.Sprintf("it-security-%d", time.Now().UnixNano())
	ctx, cancel := context.WithTimeout(t.Context(), securityWait)
	defer cancel()
	if _, err := admin.CreateTopic(ctx, 2, 1, nil, name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), securityWait)
		defer cancel()
		if _, err := admin.DeleteTopic(ctx, name); err != nil {
			t.Logf("topic %q is left behind: %v", name, err)
		}
	})
	return name
}

// secretOf resolves a Secret as the contract refers to it.
func secretOf(t *testing.T, servers string, data map[string]string) kafka.Connection {
	t.Helper()
	secret := map[string][]byte{}
	for key, value := range data {
		secret[key] = []byte(value)
	}
	connection, err := kafka.ConnectionOf(&contract.Resource{BootstrapServers: servers,
		Auth: &contract.Resource_AuthSecret{AuthSecret: &contract.Reference{Namespace: "ns", Name: "kafka"}}},
		kafka.Credentials{"ns/kafka": secret})
	if err != nil {
		t.Fatal(err)
	}
	return connection
}

func other(data map[string]string, pairs ...string) map[string]string {
	all := maps.Clone(data)
	for i := 0; i < len(pairs); i += 2 {
		all[pairs[i]] = pairs[i+1]
	}
	return all
}

// reaches says whether Kafka admits a connection, by the request that every client begins with.
func reaches(t *testing.T, c kafka.Connection) error {
	t.Helper()
	client, err := kgo.NewClient(c.Options()...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return client.Ping(ctx)
}

func TestSecurityOfARealKafkaBySASLOverTLS(t *testing.T) {
	k := findSecured(t)
	right := map[string]string{"protocol": "SASL_SSL", "ca.crt": string(k.ca), "user": "bench", "password": "bench-secret"}
	stranger, _ := selfSigned(t)
	for _, test := range []struct {
		name    string
		data    map[string]string
		refused bool
	}{
		{name: "PLAIN", data: right},
		{name: "SCRAM-SHA-512", data: other(right, "sasl.mechanism", "SCRAM-SHA-512")},
		{name: "PLAIN with another password", data: other(right, "password", "x"), refused: true},
		{name: "SCRAM-SHA-512 with another password", data: other(right, "sasl.mechanism", "SCRAM-SHA-512", "password", "x"), refused: true},
		{name: "a mechanism that the broker has not", data: other(right, "sasl.mechanism", "SCRAM-SHA-256"), refused: true},
		{name: "the older format", data: map[string]string{"ca.crt": string(k.ca), "username": "bench", "password": "bench-secret", "saslType": "SCRAM-SHA-512"}},
		{name: "a broker of an authority that is not trusted", data: other(right, "ca.crt", stranger), refused: true},
		{name: "a broker that only the system could trust", data: map[string]string{
			"protocol": "SASL_SSL", "user": "bench", "password": "bench-secret"}, refused: true},
		{name: "no encryption", data: other(right, "protocol", "SASL_PLAINTEXT"), refused: true},
		{name: "no authentication", data: other(right, "protocol", "SSL", "user.skip", "true"), refused: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := reaches(t, secretOf(t, k.sasl, test.data)); (err != nil) != test.refused {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestSecurityOfARealKafkaByRotationOfAPassword(t *testing.T) {
	k := findSecured(t)
	admin := k.admin(t)
	topic := k.topic(t, admin)
	user := fmt.Sprintf("it-%d", time.Now().UnixNano())
	setPassword := func(password string) {
		ctx, cancel := context.WithTimeout(t.Context(), securityWait)
		defer cancel()
		altered, err := admin.AlterUserSCRAMs(ctx, nil, []kadm.UpsertSCRAM{
			{User: user, Mechanism: kadm.ScramSha512, Iterations: 4096, Password: password}})
		if err == nil {
			err = altered.Error()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), securityWait)
		defer cancel()
		_, _ = admin.AlterUserSCRAMs(ctx, []kadm.DeleteSCRAM{{User: user, Mechanism: kadm.ScramSha512}}, nil)
	})
	data := map[string]string{"protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-512", "ca.crt": string(k.ca), "user": user}
	producers := kafka.NewProducers(kafka.DefaultProducerConfig(), slog.New(slog.DiscardHandler))
	acquire := func(password string) *kafka.Producer {
		p, err := producers.Acquire(secretOf(t, k.sasl, other(data, "password", password)))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	const burst = 500
	results := make(chan error, 100*burst)
	send := func(p *kafka.Producer) {
		for range burst {
			p.Produce(&kgo.Record{Topic: topic}, func(_ *kgo.Record, err error) { results <- err })
		}
	}
	settle := func(n int) {
		for range n {
			if err := <-results; err != nil {
				t.Fatalf("a record failed: %v", err)
			}
		}
	}
	setPassword("password-0")
	current := acquire("password-0")
	send(current)
	settle(burst)
	for i := range 3 {
		password := fmt.Sprintf("password-%d", i+1)
		setPassword(password)
		send(current) // by connections of the old password
		next := acquire(password)
		send(next)
		current.Release()
		current = next
		send(current)
		settle(3 * burst)
	}
	ctx, cancel := context.WithTimeout(t.Context(), securityWait)
	defer cancel()
	if err := producers.Close(ctx); err != nil {
		t.Error(err)
	}
	ends, err := admin.ListEndOffsets(ctx, topic)
	if err != nil {
		t.Fatal(err)
	}
	written := int64(0)
	ends.Each(func(o kadm.ListedOffset) { written += o.Offset })
	if written != 10*burst {
		t.Errorf("%d records are in the topic, %d were sent", written, 10*burst)
	}
	if err := reaches(t, secretOf(t, k.sasl, other(data, "password", "password-0"))); err == nil {
		t.Error("the first password still admits")
	}
}

func TestSecurityOfARealKafkaByClientCertificates(t *testing.T) {
	k := findSecured(t)
	address := os.Getenv("KAFKA_SSL")
	if address == "" {
		t.Skip("KAFKA_SSL does not name a listener that demands client certificates")
	}
	authority, err := tls.LoadX509KeyPair(filepath.Join(k.dir, "tls", "ca.crt"), filepath.Join(k.dir, "tls", "ca.key"))
	if err != nil {
		t.Fatal(err)
	}
	certificate, key := issue(t, authority.Leaf, authority.PrivateKey)
	stranger, strangersKey := selfSigned(t)
	right := map[string]string{"protocol": "SSL", "ca.crt": string(k.ca), "user.crt": certificate, "user.key": key}
	if err := reaches(t, secretOf(t, address, right)); err != nil {
		t.Errorf("with the certificate: %v", err)
	}
	if err := reaches(t, secretOf(t, address, other(right, "user.skip", "true"))); err == nil {
		t.Error("admitted without a certificate")
	}
	if err := reaches(t, secretOf(t, address, other(right, "user.crt", stranger, "user.key", strangersKey))); err == nil {
		t.Error("admitted with a certificate of another authority")
	}
}

func selfSigned(t *testing.T) (certificate, key string) { return issue(t, nil, nil) }

// issue makes a certificate of an authority, or one that is its own, and an EC key.
func issue(t *testing.T, authority *x509.Certificate, signer any) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "client"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	if authority == nil {
		authority, signer = template, private
	}
	der, err := x509.CreateCertificate(rand.Reader, template, authority, private.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	ec, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: ec}))
}
