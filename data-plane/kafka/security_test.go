package kafka

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/plain"

	"knative.dev/eventing-kafka-go/data-plane/kafka/kafkatest"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// secretData is the data of a Secret: key, value, key, value …
func secretData(pairs ...string) map[string][]byte {
	data := map[string][]byte{}
	for i := 0; i < len(pairs); i += 2 {
		data[pairs[i]] = []byte(pairs[i+1])
	}
	return data
}

func with(data map[string][]byte, pairs ...string) map[string][]byte {
	all := maps.Clone(data)
	maps.Copy(all, secretData(pairs...))
	return all
}

// connect resolves a Secret as the contract of a Broker refers to it.
func connect(t testing.TB, servers string, data map[string][]byte) Connection {
	t.Helper()
	connection, err := connectionTo(servers, data)
	if err != nil {
		t.Fatal(err)
	}
	return connection
}

func connectionTo(servers string, data map[string][]byte) (Connection, error) {
	return ConnectionOf(&contract.Resource{BootstrapServers: servers,
		Auth: &contract.Resource_AuthSecret{AuthSecret: &contract.Reference{Namespace: "ns", Name: "kafka"}}},
		Credentials{"ns/kafka": data})
}

// write produces one record, or says why it cannot.
func write(t testing.TB, c Connection, topic string) error { return writeWithin(t, patience, c, topic) }

// writeWithin is write for a record that is given up after a time, in which a machine may do anything or nothing.
func writeWithin(t testing.TB, limit time.Duration, c Connection, topic string) error {
	t.Helper()
	config := DefaultProducerConfig()
	config.DeliveryTimeout = limit
	producer, err := newProducers(t, config).Acquire(c)
	if err != nil {
		t.Fatal(err)
	}
	return produce(t, producer, &kgo.Record{Topic: topic, Value: []byte("value")})[0]
}

// admitted are the options of the test's own client.
func admitted(c Connection) []kgo.Opt { return append(c.Security.options(), kgo.Dialer(c.Dial())) }

func TestSASLMechanisms(t *testing.T) {
	password := `p"a\s=s,w;rd` // SEC-09
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		t.Run(mechanism, func(t *testing.T) {
			right := secretData("protocol", "SASL_PLAINTEXT", "sasl.mechanism", mechanism, "user", "al,i=ce", "password", password)
			cluster := kafkatest.StartFor(t, admitted(connect(t, "a:1", right)),
				kfake.EnableSASL(), kfake.Superuser(mechanism, "al,i=ce", password), kfake.SeedTopics(1, "topic"))
			if err := write(t, connect(t, cluster.Bootstrap(), right), "topic"); err != nil {
				t.Errorf("with the password: %v", err)
			}
			if records := cluster.Records(t, "topic", 1); len(records) != 1 {
				t.Errorf("%d records", len(records))
			}
			if err := writeWithin(t, time.Second, connect(t, cluster.Bootstrap(), with(right, "password", "another")), "topic"); err == nil {
				t.Error("written with another password")
			}
			if err := writeWithin(t, time.Second, Connection{Servers: cluster.Addrs()}, "topic"); err == nil {
				t.Error("written without authentication")
			}
		})
	}
}

func TestEncryption(t *testing.T) {
	authority, stranger := kafkatest.NewAuthority(t), kafkatest.NewAuthority(t)
	trusting := secretData("protocol", "SSL", "user.skip", "true", "ca.crt", string(authority.CA))
	cert, key := authority.Issue(t, "client")
	mutual := with(secretData("protocol", "SSL", "ca.crt", string(authority.CA)), "user.crt", string(cert), "user.key", string(key))
	otherCert, otherKey := stranger.Issue(t, "client")

	for _, test := range []struct {
		name   string
		broker string // what its certificate is for
		mutual bool
		data   map[string][]byte
		err    string // part of the error of dialing; "": none
	}{
		{name: "a broker of the authority", broker: "127.0.0.1", data: trusting},
		{name: "a client that shows a certificate though nobody asks", broker: "127.0.0.1", data: mutual},
		{name: "a client with the certificate that is asked for", broker: "127.0.0.1", mutual: true, data: mutual},
		{name: "a broker of another authority", broker: "127.0.0.1", data: with(trusting, "ca.crt", string(stranger.CA)), err: "certificate"},
		{name: "a broker that only the system could trust", broker: "127.0.0.1", data: secretData("protocol", "SSL", "user.skip", "true"), err: "certificate"},
		{name: "a broker with a certificate of another name", broker: "kafka.example.com", data: trusting, err: "certificate"},
		{name: "several authorities", broker: "127.0.0.1", data: with(trusting, "ca.crt", string(stranger.CA)+string(authority.CA))},
		{name: "the older format checks the name too", broker: "kafka.example.com", data: secretData("ca.crt", string(authority.CA)), err: "certificate"},
		{name: "the older format", broker: "127.0.0.1", data: secretData("ca.crt", string(authority.CA))},
		{name: "a client without the certificate that is asked for", broker: "127.0.0.1", mutual: true, data: trusting, err: "tls"},
		{name: "a client with a certificate of another authority", broker: "127.0.0.1", mutual: true,
			data: with(mutual, "user.crt", string(otherCert), "user.key", string(otherKey)), err: "tls"},
	} {
		t.Run(test.name, func(t *testing.T) {
			own := admitted(connect(t, "a:1", mutual))
			if test.broker != "127.0.0.1" {
				own = nil // nobody could connect
			}
			cluster := kafkatest.StartFor(t, own, kfake.TLS(authority.Server(t, test.broker, test.mutual)), kfake.SeedTopics(1, "topic"))
			connection := connect(t, cluster.Bootstrap(), test.data)
			client, err := kgo.NewClient(connection.Options()...)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			err = client.Ping(ctx)
			if test.err == "" {
				if err != nil {
					t.Fatal(err)
				}
				if err := write(t, connection, "topic"); err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestBothAtOnceAndTheConsumersWaitIsStillRewritten(t *testing.T) {
	authority := kafkatest.NewAuthority(t)
	cert, key := authority.Issue(t, "client")
	connection := func(servers string) Connection {
		return connect(t, servers, secretData("protocol", "SASL_SSL", "sasl.mechanism", "SCRAM-SHA-512", "user", "alice",
			"password", "secret", "ca.crt", string(authority.CA), "user.crt", string(cert), "user.key", string(key)))
	}
	cluster := kafkatest.StartFor(t, admitted(connection("a:1")), kfake.EnableSASL(), kfake.TLS(authority.Server(t, "127.0.0.1", true)),
		kfake.Superuser("SCRAM-SHA-512", "alice", "secret"), kfake.SeedTopics(1, "topic"))
	waits := make(chan int32, 100)
	cluster.Fake().ControlKey(int16(kmsg.Fetch), func(request kmsg.Request) (kmsg.Response, error, bool) {
		cluster.Fake().KeepControl()
		waits <- request.(*kmsg.FetchRequest).MaxWaitMillis
		return nil, nil, false
	})
	to := connection(cluster.Bootstrap())
	if err := write(t, to, "topic"); err != nil {
		t.Fatal(err)
	}
	wait := NewFetchWait(3*time.Second, 70*time.Millisecond)
	wait.SetPaused(true)
	wait.since.Store(0) // long ago: the wait is the longest of a pause
	client, err := kgo.NewClient(append(to.Options(), kgo.Dialer(wait.Dialer(to.Dial())), kgo.ConsumeTopics("topic"),
		kgo.FetchMaxWait(3*time.Second), kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()))...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if fetches := client.PollFetches(ctx); fetches.NumRecords() != 1 || fetches.Err() != nil {
		t.Fatalf("%d records, %v", fetches.NumRecords(), fetches.Err())
	}
	if got := <-waits; got != 70 {
		t.Errorf("the broker was asked to wait %d ms", got)
	}
}

func TestWhatACLsDoNotAllowIsAuth(t *testing.T) {
	allow := func(kind kmsg.ACLResourceType, name string, operation kmsg.ACLOperation) kfake.ACL {
		return kfake.ACL{Resource: kind, Name: name, Pattern: kmsg.ACLResourcePatternTypeLiteral, Operation: operation, Allow: true}
	}
	// SEC-33: what an ingress needs.
	cluster := kafkatest.StartFor(t, []kgo.Opt{kgo.SASL(plain.Auth{User: "admin", Pass: "admin"}.AsMechanism())},
		kfake.EnableSASL(), kfake.EnableACLs(), kfake.Superuser("PLAIN", "admin", "admin"),
		kfake.User("PLAIN", "ingress", "secret",
			allow(kmsg.ACLResourceTypeTopic, "mine", kmsg.ACLOperationWrite),
			allow(kmsg.ACLResourceTypeTopic, "mine", kmsg.ACLOperationDescribe)),
		kfake.SeedTopics(1, "mine", "yours"))
	connection := connect(t, cluster.Bootstrap(), secretData("protocol", "SASL_PLAINTEXT", "user", "ingress", "password", "secret"))
	if err := write(t, connection, "mine"); err != nil {
		t.Errorf("the topic that is allowed: %v", err)
	}
	if err := write(t, connection, "yours"); Classify(err) != Auth {
		t.Errorf("the topic that is not: %v (%v)", err, Classify(err))
	}
	if n := cluster.Records(t, "mine", 1); len(n) != 1 {
		t.Errorf("%d records", len(n))
	}
}

func TestIdentityFollowsWhatMattersAndTellsNothing(t *testing.T) {
	authority := kafkatest.NewAuthority(t)
	base := secretData("protocol", "SASL_SSL", "user", "alice-user", "password", "secret-password", "ca.crt", string(authority.CA))
	key := func(data map[string][]byte) string { return connect(t, "a:1", data).Key() }
	if key(base) != key(maps.Clone(base)) {
		t.Error("the same Secret has two keys")
	}
	if key(base) != key(with(base, "unrelated", "x", "user.skip", "false")) {
		t.Error("a key that nothing reads opens new connections")
	}
	seen := map[string]string{key(base): "base"}
	cert, private := authority.Issue(t, "client")
	for name, data := range map[string]map[string][]byte{
		"password":           with(base, "password", "another-password"),
		"user":               with(base, "user", "bob"),
		"mechanism":          with(base, "sasl.mechanism", "SCRAM-SHA-256"),
		"authority":          with(base, "ca.crt", string(kafkatest.NewAuthority(t).CA)),
		"client certificate": with(base, "user.crt", string(cert), "user.key", string(private)),
		"protocol":           with(base, "protocol", "SASL_PLAINTEXT"),
		"where a value ends": with(base, "user", "alice-users", "password", "ecret-password"),
		"nothing":            secretData("protocol", "PLAINTEXT"),
	} {
		k := key(data)
		if other, ok := seen[k]; ok {
			t.Errorf("%s has the key of %s", name, other)
		}
		seen[k] = name
		for _, value := range []string{"alice-user", "secret-password", "bob"} {
			if strings.Contains(k, value) {
				t.Errorf("key %q holds a value", k)
			}
		}
	}
}

// A password is changed at Kafka first and then in the Secret. Nothing that is sent meanwhile may fail: open connections
// go on, the new producer is there before the old one is released, and the old one still writes what it has.
func TestRotationOfAPasswordFailsNoRecord(t *testing.T) {
	data := secretData("protocol", "SASL_PLAINTEXT", "sasl.mechanism", "SCRAM-SHA-512", "user", "alice", "password", "first")
	admin := []kgo.Opt{kgo.SASL(plain.Auth{User: "admin", Pass: "admin"}.AsMechanism())}
	cluster := kafkatest.StartFor(t, admin, kfake.EnableSASL(), kfake.Superuser("PLAIN", "admin", "admin"),
		kfake.Superuser("SCRAM-SHA-512", "alice", "first"), kfake.SeedTopics(2, "topic"))
	producers := NewProducers(DefaultProducerConfig(), slog.New(slog.DiscardHandler))
	current, err := producers.Acquire(connect(t, cluster.Bootstrap(), data))
	if err != nil {
		t.Fatal(err)
	}
	const perRotation = 200
	results, sent := make(chan error, 10_000), 0
	send := func(n int) {
		for range n {
			current.Produce(&kgo.Record{Topic: "topic"}, func(_ *kgo.Record, err error) { results <- err })
			sent++
		}
	}
	settle := func(n int) { // until what was sent is written, and so connected before the next change
		for range n {
			if err := <-results; err != nil {
				t.Fatalf("a record failed: %v", err)
			}
		}
	}
	send(perRotation)
	settle(perRotation)
	for _, password := range []string{"second", "third", "fourth"} {
		cluster.SetPassword(t, kadm.ScramSha512, "alice", password)
		send(perRotation) // by connections of the old password
		next, err := producers.Acquire(connect(t, cluster.Bootstrap(), with(data, "password", password)))
		if err != nil {
			t.Fatal(err)
		}
		if next == current {
			t.Fatal("another password uses the producer of the old one")
		}
		send(perRotation)
		old := current
		current = next
		old.Release()
		send(perRotation)
		settle(3 * perRotation)
	}
	if err := closeWithin(producers, 20*time.Second); err != nil {
		t.Error(err)
	}
	if records := cluster.Records(t, "topic", sent); len(records) != sent {
		t.Errorf("%d of %d records are in the topic", len(records), sent)
	}
	if err := writeWithin(t, time.Second, connect(t, cluster.Bootstrap(), data), "topic"); err == nil || errors.Is(err, kerr.UnknownTopicOrPartition) {
		t.Errorf("the first password at the end: %v", err)
	}
}

// The other order of a rotation: the Secret is ahead of Kafka.
func TestWhatIsSentBeforeKafkaKnowsThePasswordWaitsForIt(t *testing.T) {
	data := secretData("protocol", "SASL_PLAINTEXT", "sasl.mechanism", "SCRAM-SHA-256", "user", "alice", "password", "second")
	admin := []kgo.Opt{kgo.SASL(plain.Auth{User: "admin", Pass: "admin"}.AsMechanism())}
	cluster := kafkatest.StartFor(t, admin, kfake.EnableSASL(), kfake.Superuser("PLAIN", "admin", "admin"),
		kfake.Superuser("SCRAM-SHA-256", "alice", "first"), kfake.SeedTopics(1, "topic"))
	refused := make(chan struct{}, 1000)
	cluster.Fake().ControlKey(int16(kmsg.SASLAuthenticate), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.Fake().KeepControl()
		select {
		case refused <- struct{}{}:
		default:
		}
		return nil, nil, false
	})
	producer, err := newProducers(t, DefaultProducerConfig()).Acquire(connect(t, cluster.Bootstrap(), data))
	if err != nil {
		t.Fatal(err)
	}
	results := make(chan error, 10)
	for range 10 {
		producer.Produce(&kgo.Record{Topic: "topic"}, func(_ *kgo.Record, err error) { results <- err })
	}
	for range 4 { // SCRAM takes two requests; the first attempt is over
		<-refused
	}
	cluster.SetPassword(t, kadm.ScramSha256, "alice", "second")
	for range 10 {
		if err := <-results; err != nil {
			t.Errorf("a record failed: %v", err)
		}
	}
}
