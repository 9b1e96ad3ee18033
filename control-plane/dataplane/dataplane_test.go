package dataplane

import (
	"strings"
	"testing"
	"time"

	"knative.dev/eventing-kafka-go/proto/contract"
	"knative.dev/eventing-kafka-go/proto/tokens"
)

func TestTheNamesAreThoseThatUsersKnow(t *testing.T) {
	all, err := FromEnvironment(func(string) string { return "" }, "knative-eventing")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		kind                                         Kind
		contract, ingress, receiver, dispatcher, tls string
	}{
		{Broker, "kafka-broker-brokers-triggers", "kafka-broker-ingress", "kafka-broker-receiver", "kafka-broker-dispatcher", "kafka-broker-ingress-server-tls"},
		{Channel, "kafka-channel-channels-subscriptions", "kafka-channel-ingress", "kafka-channel-receiver", "kafka-channel-dispatcher", "kafka-channel-ingress-server-tls"},
		{Sink, "kafka-sink-sinks", "kafka-sink-ingress", "kafka-sink-receiver", "", "kafka-sink-ingress-server-tls"},
		{Source, "kafka-source-sources", "", "", "kafka-source-dispatcher", ""},
	} {
		d := all[tc.kind]
		if d.ContractName != tc.contract || d.Ingress != tc.ingress || d.Receiver != tc.receiver || d.Dispatcher != tc.dispatcher || d.TLSSecretName != tc.tls {
			t.Errorf("%s: %+v", tc.kind, d)
		}
		if d.Namespace != "knative-eventing" || d.Format != contract.FormatZstd || d.BackoffDelay != time.Second {
			t.Errorf("%s: %+v", tc.kind, d)
		}
		if n := d.In("other"); n.Key() != "other/"+tc.contract || d.Key() != "knative-eventing/"+tc.contract {
			t.Errorf("keys %q, %q", n.Key(), d.Key())
		}
	}
}

func TestTheEnvironmentDecides(t *testing.T) {
	env := map[string]string{
		"BROKER_CONTRACT_CONFIG_MAP_NAME": "other", "BROKER_CONTRACT_CONFIG_MAP_FORMAT": "json",
		"BROKER_DEFAULT_BACKOFF_DELAY_MS": "250", "BROKER_INGRESS_NAME": "in", "BROKER_DATA_PLANE_CONFIG_MAP_NAMESPACE": "elsewhere",
	}
	all, err := FromEnvironment(func(k string) string { return env[k] }, "knative-eventing")
	if err != nil {
		t.Fatal(err)
	}
	d := all[Broker]
	if d.Key() != "elsewhere/other" || d.Format != contract.FormatJSON || d.BackoffDelay != 250*time.Millisecond || d.Ingress != "in" {
		t.Errorf("%+v", d)
	}
}

func TestAWrongValueIsNamed(t *testing.T) {
	for key, value := range map[string]string{
		"CHANNEL_CONTRACT_CONFIG_MAP_FORMAT": "yaml",
		"BROKER_DEFAULT_BACKOFF_DELAY_MS":    "0",
		"SINK_DEFAULT_BACKOFF_DELAY_MS":      "soon",
	} {
		_, err := FromEnvironment(func(k string) string {
			if k == key {
				return value
			}
			return ""
		}, "knative-eventing")
		if err == nil || !strings.Contains(err.Error(), key) || !strings.Contains(err.Error(), value) {
			t.Errorf("%s=%s: %v", key, value, err)
		}
	}
}

func TestSecretsWithTokensAreKnownByTheirNames(t *testing.T) {
	d := DataPlane{CredentialsName: "creds"}
	for name, want := range map[string]bool{
		d.TokensName(0): true, d.TokensName(tokens.Shards - 1): true, d.TokensName(tokens.Shards): false,
		"creds": false, "creds-tokens-": false, "creds-tokens-01": false, "creds-tokens-+1": false, "creds-tokens--1": false,
		"other-tokens-1": false, "1": false,
	} {
		if got := d.HoldsTokens(name); got != want {
			t.Errorf("%q: %t", name, got)
		}
	}
}
