package kafka

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/data-plane/kafka/kafkatest"
)

// plainListener does as Kafka does without TLS: what is no request of a possible size ends the connection.
func plainListener(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = conn.Read(make([]byte, 1<<10))
				_ = conn.Close()
			}()
		}
	}()
	return l.Addr().String()
}

func TestTroubleSaysWhatIsProbablyWrongWithTheSecret(t *testing.T) { // SEC-20, SEC-21
	authority, stranger := kafkatest.NewAuthority(t), kafkatest.NewAuthority(t)
	trusting := secretData("protocol", "SSL", "user.skip", "true", "ca.crt", string(authority.CA))
	secured := func(broker string) func(*testing.T) string {
		return func(t *testing.T) string {
			return kafkatest.StartFor(t, nil, kfake.TLS(authority.Server(t, broker, false))).Bootstrap()
		}
	}
	for _, test := range []struct {
		name  string
		start func(*testing.T) string
		data  map[string][]byte // nil: no Secret
		want  string
	}{
		{"no Secret for a listener with TLS", secured("127.0.0.1"), nil, "may ask for TLS; the Secret, or that there is none"},
		{"SASL without ca.crt for a listener with TLS", secured("127.0.0.1"),
			secretData("sasl.mechanism", "PLAIN", "user", "u", "password", "p"), "asks for SASL without TLS: without protocol, only ca.crt"},
		{"TLS for a listener without", plainListener, trusting, "the listener may speak no TLS"},
		{"a certificate for other names", secured("kafka.example.com"), trusting, "subject alternative names"},
		{"a certificate for other names, with the older format", secured("kafka.example.com"),
			secretData("ca.crt", string(authority.CA)), "subject alternative names"},
		{"a certificate of another authority", secured("127.0.0.1"),
			secretData("protocol", "SSL", "user.skip", "true", "ca.crt", string(stranger.CA)), "no authority in ca.crt of the Secret"},
	} {
		t.Run(test.name, func(t *testing.T) {
			connection := Connection{Servers: []string{test.start(t)}}
			if test.data != nil {
				connection = connect(t, connection.Servers[0], test.data)
			}
			config := DefaultProducerConfig()
			config.DeliveryTimeout = time.Second
			producer, err := newProducers(t, config).Acquire(connection)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for deadline := time.Now().Add(patience); got == ""; got = producer.Trouble() { // a second may be too short to get to it
				if time.Now().After(deadline) {
					t.Fatal("no trouble")
				}
				if err := produce(t, producer, &kgo.Record{Topic: "topic", Value: []byte("v")})[0]; err == nil {
					t.Fatal("written")
				}
			}
			if !strings.Contains(got, test.want) || !strings.Contains(got, connection.Servers[0]) {
				t.Errorf("got %q, want the address and %q", got, test.want)
			}
		})
	}
}

func TestTroubleEndsWithAnAnswer(t *testing.T) {
	cluster := kafkatest.StartFor(t, nil, kfake.SeedTopics(1, "topic"))
	producer, err := newProducers(t, DefaultProducerConfig()).Acquire(Connection{Servers: cluster.Addrs()})
	if err != nil {
		t.Fatal(err)
	}
	producer.current.Load().trouble.last.Store(&trouble{text: "away"})
	if err := produce(t, producer, &kgo.Record{Topic: "topic", Value: []byte("v")})[0]; err != nil {
		t.Fatal(err)
	}
	if got := producer.Trouble(); got != "" {
		t.Errorf("still %q", got)
	}
}
