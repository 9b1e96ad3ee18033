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
	"knative.dev/eventing-kafka-go/test/integration/cluster"
)

// Security is tested on a real Kafka that hack/kafka.sh has started with --sasl, as hack/integration.sh does; KAFKA_DIR is
// its folder, where the key of its certificate authority is. On kfake the same is tested beside the code.
//
//	export KAFKA_DIR=$(mktemp -d) KAFKA_PORT=29092
//	hack/kafka.sh up --sasl
//	KAFKA=127.0.0.1:29092 go test -run Security ./test/integration
type securedKafka struct {
	plain, sasl, ssl string // addresses
	authority        *authority
	dir              string
}

// securityWait bounds single operations on Kafka.
const securityWait = time.Minute

func findSecured(t *testing.T) *securedKafka {
	t.Helper()
	dir, servers := os.Getenv("KAFKA_DIR"), os.Getenv("KAFKA")
	if dir == "" || servers == "" {
		t.Skip("TLS and SASL of a real Kafka need KAFKA and KAFKA_DIR of one that hack/kafka.sh has started with --sasl")
	}
	if _, err := os.Stat(filepath.Join(dir, "tls", "ca.crt")); os.IsNotExist(err) {
		t.Skip("this Kafka was started without --sasl")
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
	at := func(listener int) string { return net.JoinHostPort(host, strconv.Itoa(port+listener)) }
	return &securedKafka{plain: servers, sasl: at(2), ssl: at(3), authority: loadAuthority(t, filepath.Join(dir, "tls")), dir: dir}
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
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 20*time.Second)
	defer cancel()
	return client.Ping(ctx)
}

func TestSecurityOfARealKafkaBySASLOverTLS(t *testing.T) {
	k := findSecured(t)
	right := map[string]string{"protocol": "SASL_SSL", "ca.crt": k.authority.ca, "user": "bench", "password": "bench-secret"}
	stranger := newAuthority(t).ca
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
		{name: "the older format", data: map[string]string{"ca.crt": k.authority.ca, "username": "bench", "password": "bench-secret", "saslType": "SCRAM-SHA-512"}},
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
	t.Cleanup(func() { removeUser(t, admin, user) })
	data := map[string]string{"protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-512", "ca.crt": k.authority.ca, "user": user}
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
	setPassword(t, admin, user, "password-0")
	allow(t, admin, "User:"+user, kadm.NewACLs().Topics(topic).Operations(kadm.OpWrite))
	current := acquire("password-0")
	send(current)
	settle(burst)
	for i := range 3 {
		password := fmt.Sprintf("password-%d", i+1)
		setPassword(t, admin, user, password)
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
	certificate, key := k.authority.client(t, "client")
	stranger, strangersKey := newAuthority(t).client(t, "client")
	right := map[string]string{"protocol": "SSL", "ca.crt": k.authority.ca, "user.crt": certificate, "user.key": key}
	if err := reaches(t, secretOf(t, k.ssl, right)); err != nil {
		t.Errorf("with the certificate: %v", err)
	}
	if err := reaches(t, secretOf(t, k.ssl, other(right, "user.skip", "true"))); err == nil {
		t.Error("admitted without a certificate")
	}
	if err := reaches(t, secretOf(t, k.ssl, other(right, "user.crt", stranger, "user.key", strangersKey))); err == nil {
		t.Error("admitted with a certificate of another authority")
	}
}

// authority signs certificates.
type authority struct {
	ca          string // PEM
	certificate *x509.Certificate
	key         any
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{Subject: pkix.Name{CommonName: cluster.Name("authority")}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign}
	a := &authority{certificate: template, key: private}
	a.ca = a.sign(t, template, private)
	block, _ := pem.Decode([]byte(a.ca))
	if a.certificate, err = x509.ParseCertificate(block.Bytes); err != nil {
		t.Fatal(err)
	}
	return a
}

// loadAuthority reads ca.crt and ca.key.
func loadAuthority(t *testing.T, dir string) *authority {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "ca.crt"), filepath.Join(dir, "ca.key"))
	if err != nil {
		t.Fatal(err)
	}
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]})
	return &authority{string(ca), pair.Leaf, pair.PrivateKey}
}

// client is a certificate and an EC key in PEM. Brokers call who has them by the name.
func (a *authority) client(t *testing.T, name string) (certificate, key string) {
	t.Helper()
	return a.issue(t, &x509.Certificate{Subject: pkix.Name{CommonName: name}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
}

// issue completes and signs a certificate with a new key.
func (a *authority) issue(t *testing.T, template *x509.Certificate) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return a.sign(t, template, private), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func (a *authority) sign(t *testing.T, template *x509.Certificate, private *ecdsa.PrivateKey) string {
	t.Helper()
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, private.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}
