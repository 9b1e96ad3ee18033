package kafka

import (
	"crypto/tls"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/data-plane/kafka/kafkatest"
)

func TestATransportNarrowsTLSDown(t *testing.T) {
	authority := kafkatest.NewAuthority(t)
	data := secretData("protocol", "SSL", "user.skip", "true", "ca.crt", string(authority.CA))
	for _, test := range []struct {
		name      string
		transport Transport
		broker    uint16 // the latest version that it speaks
		refused   bool
	}{
		{name: "any version", broker: tls.VersionTLS12},
		{name: "the older version", transport: Transport{TLSMax: tls.VersionTLS12}, broker: tls.VersionTLS13},
		{name: "a suite of the older version", broker: tls.VersionTLS12, transport: Transport{
			TLSMax: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384}}},
		{name: "a broker that is too old", transport: Transport{TLSMin: tls.VersionTLS13}, broker: tls.VersionTLS12, refused: true},
		{name: "versions before 1.2 cannot be asked for", transport: Transport{TLSMin: tls.VersionTLS10}, broker: tls.VersionTLS11, refused: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := authority.Server(t, "127.0.0.1", false)
			server.MinVersion, server.MaxVersion = tls.VersionTLS10, test.broker
			server.VerifyConnection = func(state tls.ConnectionState) error {
				want := test.transport
				if want.TLSMax != 0 && state.Version > want.TLSMax || len(want.CipherSuites) > 0 && state.CipherSuite != want.CipherSuites[0] {
					t.Errorf("version %x, suite %s", state.Version, tls.CipherSuiteName(state.CipherSuite))
				}
				return nil
			}
			cluster := kafkatest.StartFor(t, admitted(connect(t, "a:1", data).With(test.transport)), kfake.TLS(server))
			connection := connect(t, cluster.Bootstrap(), data)
			client, err := kgo.NewClient(connection.With(test.transport).Options()...)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			if err := client.Ping(t.Context()); (err != nil) != test.refused {
				t.Errorf("got %v", err)
			}
			if connection.With(test.transport).Key() != connection.Key() {
				t.Error("a transport makes another connection")
			}
		})
	}
}

func TestWhenCertificatesEnd(t *testing.T) { // SEC-31
	authority := kafkatest.NewAuthority(t)
	cert, key := authority.Issue(t, "client")
	data := secretData("protocol", "SSL", "ca.crt", string(authority.CA), "user.crt", string(cert), "user.key", string(key))
	client, authorities := connect(t, "a:1", data).Expiry()
	if until := time.Until(client); until < 23*time.Hour || until > 25*time.Hour {
		t.Errorf("the client certificate ends in %v", until)
	}
	if until := time.Until(authorities); until < 23*time.Hour || until > 25*time.Hour {
		t.Errorf("the authority ends in %v", until)
	}
	client, authorities = connect(t, "a:1", secretData("protocol", "SASL_SSL", "user", "u", "password", "p")).Expiry()
	if !client.IsZero() || !authorities.IsZero() {
		t.Errorf("without certificates they end at %v, %v", client, authorities)
	}
}
