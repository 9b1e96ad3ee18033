package kafka

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"

	"knative.dev/eventing-kafka-go/data-plane/kafka/credentials"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// Credentials are the Secrets that a process may use for Kafka: "namespace/name" of the Secret to its data. Nil means
// that none were given to it.
type Credentials = credentials.Secrets

// SecretError says why the credentials that a resource names cannot be used.
type SecretError = credentials.Error

// Security is how a connection is encrypted and authenticated. The zero value is plain text without authentication.
//
// Encryption belongs into dial (what is above it writes Kafka's frames in clear), authentication into options;
// identity tells apart what must not share a client.
type Security struct {
	// identity names what was asked for, with a hash of everything in it. Empty for the zero value.
	identity  string
	tls       *tls.Config    // nil: not encrypted
	mechanism sasl.Mechanism // nil: not authenticated
	// When certificates end, see [Connection.Expiry].
	client, authorities time.Time
}

// securityOf resolves the authentication of a resource.
func securityOf(r *contract.Resource, creds Credentials) (Security, error) {
	settings, err := credentials.Resolve(r, creds)
	if err != nil || settings.Protocol == contract.Protocol_PLAINTEXT {
		return Security{}, err
	}
	s := Security{identity: identityOf(&settings)}
	if s.tls, err = settings.TLS(); err != nil {
		return Security{}, err
	}
	s.client, s.authorities = settings.Expiry()
	if settings.Authenticated() {
		if s.mechanism, err = mechanismOf(&settings); err != nil {
			return Security{}, err
		}
	}
	return s, nil
}

// identityKey keeps identities from telling anything about passwords, which could be guessed from a plain hash. They are
// compared within one process only.
var identityKey = sync.OnceValue(func() []byte {
	key := make([]byte, sha256.Size)
	_, _ = rand.Read(key) // never fails: crypto/rand ends the process instead
	return key
})

// identityOf is the same for the same settings and another one for any others, whatever Secrets they are from: a Secret
// that is written anew without a change opens no new connections, nor does a key that nothing reads.
func identityOf(s *credentials.Settings) string {
	hash := hmac.New(sha256.New, identityKey())
	for _, part := range [][]byte{
		s.CA, s.Cert, s.Key, []byte(s.User), []byte(s.Password),
		[]byte(s.TokenProvider), []byte(s.RoleARN), []byte(s.AWSRegion),
		[]byte(s.OAuth.Endpoint), []byte(s.OAuth.ClientID), []byte(s.OAuth.ClientSecret), []byte(s.OAuth.Scope), s.OAuth.CA,
		fmt.Append(nil, s.OAuth.Extensions), // fmt sorts maps
	} {
		hash.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		hash.Write(part)
	}
	return fmt.Sprintf("|%v|%s|%s", s.Protocol, s.Mechanism, hex.EncodeToString(hash.Sum(nil)[:16]))
}

// options returns the authentication of every connection.
func (s Security) options() []kgo.Opt {
	if s.mechanism == nil {
		return nil
	}
	return []kgo.Opt{kgo.SASL(s.mechanism)}
}

// handshake begins the errors of connections that could be opened, but not encrypted.
const handshake = "TLS handshake"

// dial wraps how connections are opened in what encrypts them.
func (s Security) dial(plain DialFunc, t Transport) DialFunc {
	if s.tls == nil {
		return plain
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, fmt.Errorf("broker address %q: %w", address, err)
		}
		conn, err := plain(ctx, network, address)
		if err != nil {
			return nil, err
		}
		config := s.tls.Clone()
		config.ServerName = host // brokers have different names, and each has to prove its own
		t.restrict(config)
		// A listener that is not TLS may just never answer.
		ctx, cancel := context.WithTimeout(ctx, t.setupTimeout())
		defer cancel()
		encrypted := tls.Client(conn, config)
		if err := encrypted.HandshakeContext(ctx); err != nil {
			_ = conn.Close()
			return nil, fmt.Errorf(handshake+" with broker %s: %w", address, err)
		}
		return encrypted, nil
	}
}
