package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Trouble is a hook that remembers why a client could not speak with a broker, until one answers it. Clients try again for
// as long as they live, and what fails in the end is a time limit that says nothing about the reason. Any goroutine may
// ask.
type Trouble struct {
	encrypted, authenticated bool
	last                     atomic.Pointer[trouble]
	// presented is the broker that credentials were shown to last, which has answered nothing else since.
	presented atomic.Pointer[string]
	suspect   func() // called when a broker may have refused what the Secret says; it must not block
}

type trouble struct {
	text string
	at   time.Time
}

// NewTrouble returns the hook for a client of a connection.
func NewTrouble(c Connection) *Trouble {
	return &Trouble{encrypted: c.Security.tls != nil, authenticated: c.Security.mechanism != nil, suspect: func() {}}
}

// Last is what went wrong and when; "" when nothing did since the last answer.
func (t *Trouble) Last() (text string, at time.Time) {
	if last := t.last.Load(); last != nil {
		return last.text, last.at
	}
	return "", time.Time{}
}

// OnBrokerConnect is called by clients after a connection was opened, or was not.
func (t *Trouble) OnBrokerConnect(meta kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	if err != nil {
		t.note(meta, err, true)
		if isRefusal(err) {
			t.suspect()
		}
	}
}

// OnBrokerE2E is called by clients after an answer, or its failure.
func (t *Trouble) OnBrokerE2E(meta kgo.BrokerMetadata, key int16, e2e kgo.BrokerE2E) {
	if err := e2e.Err(); err != nil {
		t.note(meta, err, false)
		return
	}
	switch kmsg.Key(key) {
	case kmsg.ApiVersions: // which brokers answer to anybody
	case kmsg.SASLHandshake, kmsg.SASLAuthenticate:
		broker := address(meta)
		t.presented.Store(&broker)
	default:
		if t.presented.Load() != nil {
			t.presented.Store(nil)
		}
		if t.last.Load() != nil {
			t.last.Store(nil)
		}
	}
}

// OnBrokerDisconnect is called by clients after a connection was closed. Of credentials that a broker refuses, and of
// mechanisms that it has not, hooks are told nothing else.
func (t *Trouble) OnBrokerDisconnect(meta kgo.BrokerMetadata, _ net.Conn) {
	if shown := t.presented.Load(); shown != nil && *shown == address(meta) {
		t.presented.Store(nil)
		text := fmt.Sprintf("broker %s: the connection ended while it was authenticated: ", address(meta)) + refusedHint
		t.last.Store(&trouble{text: text, at: time.Now()})
		t.suspect()
	}
}

func address(meta kgo.BrokerMetadata) string { return fmt.Sprintf("%s:%d", meta.Host, meta.Port) }

// isRefusal reports whether the Secret has to change before a broker is admitted, or admits us, rather than the broker.
func isRefusal(err error) bool {
	var stranger *tls.CertificateVerificationError
	return refusesLogin(err) || isAlert(err) || errors.As(err, &stranger)
}

// isAlert is true for what the broker's side of TLS says.
func isAlert(err error) bool {
	var alert *net.OpError
	return errors.As(err, &alert) && alert.Op == "remote error"
}

// refusesLogin is true for what brokers answer to SASL that fails.
func refusesLogin(err error) bool {
	for _, refused := range []error{kerr.SaslAuthenticationFailed, kerr.UnsupportedSaslMechanism, kerr.IllegalSaslState} {
		if errors.Is(err, refused) {
			return true
		}
	}
	return false
}

func (t *Trouble) note(meta kgo.BrokerMetadata, err error, opening bool) {
	if errors.Is(err, net.ErrClosed) || errors.Is(err, kgo.ErrClientClosed) { // by the client itself
		return
	}
	text := fmt.Sprintf("broker %s: %v", address(meta), err)
	if hint := t.explain(err, opening); hint != "" {
		text += ": " + hint
	}
	t.last.Store(&trouble{text: text, at: time.Now()})
}

// refusedHint is what is probably wrong where a broker is reached and admits nobody.
const refusedHint = "sasl.mechanism, user and password, or the token of the Secret are probably refused"

// explain says what is probably wrong with a Secret, or with what refers to the cluster; "" where the error says enough
// (SEC-20, SEC-21).
func (t *Trouble) explain(err error, opening bool) string {
	var (
		name     x509.HostnameError
		stranger x509.UnknownAuthorityError
		noTLS    tls.RecordHeaderError
		firstEOF *kgo.ErrFirstReadEOF
	)
	hungUp := errors.As(err, &firstEOF) || opening && (errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET))
	silent := opening && (errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded))
	switch {
	case refusesLogin(err):
		return refusedHint
	case isAlert(err):
		return "the broker probably refuses the client certificate in user.crt of the Secret, or that there is none"
	case errors.As(err, &name):
		return "the broker's certificate must have the address that clients use among its subject alternative names"
	case errors.As(err, &stranger):
		return "the broker's certificate is signed by no authority in ca.crt of the Secret, nor by one of the system"
	case errors.As(err, &noTLS), t.encrypted && (hungUp || silent && strings.Contains(err.Error(), handshake)):
		return "the listener may speak no TLS, or ask for another client certificate; the Secret asks for TLS"
	case !t.encrypted && (hungUp || strings.Contains(err.Error(), "tls endpoint")):
		return "the listener may ask for TLS; " + t.plainSecret()
	}
	return ""
}

// plainSecret says what makes a connection one without TLS.
func (t *Trouble) plainSecret() string {
	if t.authenticated {
		return "the Secret asks for SASL without TLS: without protocol, only ca.crt or tls.enabled ask for it"
	}
	return "the Secret, or that there is none, asks for no TLS"
}
