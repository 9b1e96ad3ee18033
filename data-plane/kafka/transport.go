package kafka

import (
	"cmp"
	"crypto/tls"
	"time"
)

// Transport is what users' files of Kafka properties say about connections, beside the Secret that protects them. The
// zero value is what there is without files. It never makes a connection weaker than the Secret asks for.
type Transport struct {
	// SetupTimeout bounds opening a connection, and again its TLS handshake. 0: 10 s.
	SetupTimeout time.Duration
	// TLSMin and TLSMax are versions of crypto/tls. 0: 1.2 and 1.3.
	TLSMin, TLSMax uint16
	// CipherSuites are those of TLS 1.2. Empty: those that are considered safe.
	CipherSuites []uint16
	// PushMetrics lets clients send the metrics to brokers that these subscribe to.
	PushMetrics bool
}

// With returns the connection to the same cluster with the same credentials, opened as t says. Its key is the same.
func (c Connection) With(t Transport) Connection {
	c.transport = t
	return c
}

func (t Transport) setupTimeout() time.Duration { return cmp.Or(t.SetupTimeout, dialTimeout) }

// restrict narrows a configuration down.
func (t Transport) restrict(config *tls.Config) {
	config.MinVersion, config.MaxVersion = max(config.MinVersion, t.TLSMin), min(config.MaxVersion, cmp.Or(t.TLSMax, config.MaxVersion))
	if len(t.CipherSuites) > 0 {
		config.CipherSuites = t.CipherSuites
	}
}

// Expiry is when certificates of the connection's Secret end: its client certificate (the first of the chain to end), and
// its authorities (the last of them, as a bundle may hold old ones). Zero: there is none, or those of the system count.
func (c Connection) Expiry() (client, authorities time.Time) {
	return c.Security.client, c.Security.authorities
}
