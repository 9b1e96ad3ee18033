package kafka

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/proto/contract"
)

func TestParseServers(t *testing.T) {
	for _, test := range []struct {
		name, list string
		want       []string
	}{
		{"one server", "a:9092", []string{"a:9092"}},
		{"keeps the order", "b:1,a:1", []string{"b:1", "a:1"}},
		{"trims entries", " a:1 ,\tb:1\n", []string{"a:1", "b:1"}},
		{"drops blanks", ",a:1,, ,b:1,", []string{"a:1", "b:1"}},
		{"drops repetitions", "a:1,b:1,a:1", []string{"a:1", "b:1"}},
		{"nothing in nothing", " , ", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := ParseServers(test.list); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestConnectionKey(t *testing.T) {
	key := func(list string) string { return Connection{Servers: ParseServers(list)}.Key() }
	if key("a:1,b:1") != key(" b:1,a:1,a:1") {
		t.Error("the order of the servers makes another key")
	}
	if key("a:1") == key("a:2") {
		t.Error("another server has the same key")
	}
	secret := Connection{Servers: []string{"a:1"}, Security: Security{identity: "|SSL|ns/name@7"}}
	if secret.Key() == key("a:1") {
		t.Error("other credentials have the same key")
	}
	servers := []string{"b:1", "a:1"}
	_ = Connection{Servers: servers}.Key()
	if servers[0] != "b:1" {
		t.Error("Key reorders the servers of the connection")
	}
}

func TestConnectionOf(t *testing.T) {
	secret := func(name string) *contract.Reference {
		return &contract.Reference{Namespace: "ns", Name: name, Version: "7"}
	}
	single := &contract.Resource{BootstrapServers: "a:1",
		Auth: &contract.Resource_AuthSecret{AuthSecret: secret("one")}}
	multi := func(protocol contract.Protocol, names ...string) *contract.Resource {
		m := &contract.MultiSecretReference{Protocol: protocol}
		for _, name := range names {
			m.References = append(m.References, &contract.SecretReference{Reference: secret(name)})
		}
		return &contract.Resource{BootstrapServers: "a:1", Auth: &contract.Resource_MultiAuthSecret{MultiAuthSecret: m}}
	}
	mounted := Credentials{"ns/one": {"protocol": []byte("SSL")}}

	for _, test := range []struct {
		name     string
		resource *contract.Resource
		creds    Credentials
		want     []string // parts of the error, none: no error
		secret   string   // of the SecretError
	}{
		{name: "plain text without authentication", resource: &contract.Resource{BootstrapServers: "a:1"}},
		{name: "plain text when no authentication is asked for",
			resource: &contract.Resource{BootstrapServers: "a:1", Auth: &contract.Resource_AbsentAuth{}}},
		{name: "plain text ignores references", resource: multi(contract.Protocol_PLAINTEXT, "absent")},
		{name: "no servers", resource: &contract.Resource{BootstrapServers: " ,"}, want: []string{"no bootstrap servers"}},
		{name: "servers that were never filled in",
			resource: &contract.Resource{BootstrapServers: "REPLACE_WITH_CLUSTER_URL"},
			want:     []string{"REPLACE_WITH_CLUSTER_URL", "placeholder"}},
		{name: "no credentials mounted", resource: single,
			want: []string{"ns/one", "no credentials are mounted"}, secret: "ns/one"},
		{name: "the Secret is not among the mounted ones", resource: single, creds: Credentials{"ns/other": nil},
			want: []string{"ns/one", "not among"}, secret: "ns/one"},
		{name: "one of several Secrets is missing", resource: multi(contract.Protocol_SSL, "one", "two"), creds: mounted,
			want: []string{"ns/two"}, secret: "ns/two"},
		{name: "incomplete credentials are never replaced by plain text", resource: single, creds: mounted,
			want: []string{"ns/one", "user.crt"}, secret: "ns/one"},
		{name: "plain text by a Secret", resource: single, creds: Credentials{"ns/one": {"protocol": []byte("PLAINTEXT")}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			connection, err := ConnectionOf(test.resource, test.creds)
			if len(test.want) == 0 {
				if err != nil || connection.Key() != "a:1" {
					t.Fatalf("got key %q, error %v", connection.Key(), err)
				}
				return
			}
			if err == nil {
				t.Fatal("no error")
			}
			for _, part := range test.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q does not say %q", err, part)
				}
			}
			var secretError *SecretError
			if errors.As(err, &secretError) != (test.secret != "") || secretError != nil && secretError.Secret != test.secret {
				t.Errorf("got secret error %v, want one for %q", secretError, test.secret)
			}
		})
	}
}

func TestOptionsMakeValidClients(t *testing.T) {
	connection := Connection{Servers: []string{"a:9092", "b"}}
	idempotenceOff := DefaultProducerConfig()
	idempotenceOff.Idempotence = false
	idempotenceOff.Acks = kgo.LeaderAck()
	huge := DefaultProducerConfig()
	huge.MaxRequestSize = 200 << 20
	for name, options := range map[string][]kgo.Opt{
		"connection alone":     nil,
		"producer":             DefaultProducerConfig().Options(),
		"without idempotence":  idempotenceOff.Options(),
		"with huge records":    huge.Options(),
		"consumer":             DefaultConsumerConfig().Options(),
		"consumer and waiting": append(DefaultConsumerConfig().Options(), kgo.Dialer(DefaultConsumerConfig().NewFetchWait().Dialer(connection.Dial()))),
	} {
		options = append(connection.Options(), options...)
		if strings.HasPrefix(name, "consumer") {
			options = append(options, kgo.ConsumerGroup("g"), kgo.ConsumeTopics("t"),
				RequireCommitted(func(string, int32) bool { return true }))
		}
		if err := kgo.ValidateOpts(options...); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestConfigurationWinsOverConnection(t *testing.T) {
	connection := Connection{Servers: []string{"127.0.0.1:1"}}
	consumer := DefaultConsumerConfig()
	consumer.ClientID = "users-choice"
	client, err := kgo.NewClient(append(append(connection.Options(), consumer.Options()...), kgo.ConsumerGroup("g"))...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for _, test := range []struct {
		name      string
		option    any
		got, want any
	}{
		{"metadata max age", kgo.MetadataMaxAge, client.OptValue(kgo.MetadataMaxAge), 10 * time.Minute},
		{"metadata min age", kgo.MetadataMinAge, client.OptValue(kgo.MetadataMinAge), 250 * time.Millisecond},
		{"fetch wait is the longest", kgo.FetchMaxWait, client.OptValue(kgo.FetchMaxWait), 5 * time.Second},
		{"session timeout", kgo.SessionTimeout, client.OptValue(kgo.SessionTimeout), 10 * time.Second},
		{"client id", kgo.ClientID, client.OptValue(kgo.ClientID), "users-choice"},
		{"no metrics for brokers", kgo.DisableClientMetrics, client.OptValue(kgo.DisableClientMetrics), true},
		{"start at the beginning", kgo.ConsumeStartOffset, client.OptValue(kgo.ConsumeStartOffset), kgo.NewOffset().AtStart()},
		{"reset to the beginning", kgo.ConsumeResetOffset, client.OptValue(kgo.ConsumeResetOffset), kgo.NewOffset().AtStart()},
	} {
		if test.got != test.want {
			t.Errorf("%s: got %v, want %v", test.name, test.got, test.want)
		}
	}
}

func TestBackoff(t *testing.T) {
	wait := backoff(100*time.Millisecond, time.Second)
	for attempt, want := range map[int]time.Duration{
		0: 100 * time.Millisecond, 1: 100 * time.Millisecond, 2: 200 * time.Millisecond, 4: 800 * time.Millisecond,
		5: time.Second, 1000: time.Second,
	} {
		for range 100 {
			if got := wait(attempt); got < want*4/5 || got > want*6/5 {
				t.Fatalf("attempt %d: waits %v, want %v give or take a fifth", attempt, got, want)
			}
		}
	}
}
