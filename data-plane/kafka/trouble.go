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

	"github.com/twmb/franz-go/pkg/kgo"
)

// Trouble is a hook that remembers why a client could not speak with a broker, until one answers it. Clients try again for
// as long as they live, and what fails in the end is a time limit that says nothing about the reason. Any goroutine may
// ask.
type Trouble struct {
	encrypted, authenticated bool
	last                     atomic.Pointer[trouble]
}

type trouble struct {
	text string
	at   time.Time
}

// NewTrouble returns the hook for a client of a connection.
func NewTrouble(c Connection) *Trouble {
	return &Trouble{encrypted: c.Security.tls != nil, authenticated: c.Security.mechanism != nil}
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
	}
}

// OnBrokerE2E is called by clients after an answer, or its failure.
func (t *Trouble) OnBrokerE2E(meta kgo.BrokerMetadata, _ int16, e2e kgo.BrokerE2E) {
	if err := e2e.Err(); err != nil {
		t.note(meta, err, false)
	} else if t.last.Load() != nil {
		t.last.Store(nil)
	}
}

func (t *Trouble) note(meta kgo.BrokerMetadata, err error, opening bool) {
	if errors.Is(err, net.ErrClosed) || errors.Is(err, kgo.ErrClientClosed) { // by the client itself
		return
	}
	text := fmt.Sprintf("broker %s:%d: %v", meta.Host, meta.Port, err)
	if hint := t.explain(err, opening); hint != "" {
		text += ": " + hint
	}
	t.last.Store(&trouble{text: text, at: time.Now()})
}

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
