// Package kafka is how the project connects to Kafka: the connection of a contract resource, what producers and
// consumers are set to, one shared producer for each connection, and the wait of idle consumers.
//
// It owns every kgo option, so that nobody else chooses one by accident, and the life of producers. It must not know
// CloudEvents, HTTP or Kubernetes, and it must not read credentials from anywhere but the [Credentials] it is given.
//
// Connection and the configurations are values. [Producers], [Producer] and [FetchWait] may be used by any goroutine.
package kafka

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/data-plane/kafka/credentials"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// ClientID is what brokers see as the client of every connection, e.g. in quotas and request logs.
const ClientID = "knative-eventing-kafka"

// placeholderServer is what shipped ConfigMaps and guides have where the user must put the address of the cluster.
const placeholderServer = "REPLACE_WITH_CLUSTER_URL"

const (
	dialTimeout     = 10 * time.Second
	metadataMinAge  = 250 * time.Millisecond
	metadataMaxAge  = 5 * time.Minute
	retryBackoffMin = 100 * time.Millisecond
	retryBackoffMax = time.Second
)

// DialFunc opens a network connection, as net.Dialer.DialContext does.
type DialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// Connection is a Kafka cluster and how to be admitted to it. It is a value; two connections with equal [Connection.Key]
// are the same and may share a client.
type Connection struct {
	// Servers are the bootstrap servers in the order given, HOST:PORT, none twice.
	Servers []string
	// Security is how the connection is encrypted and authenticated.
	Security Security

	transport Transport
	secrets   []string // "namespace/name"
}

// ConnectionOf returns the connection that a resource asks for. It is an error when the resource names no servers, when
// the credentials that it names are not in creds (a *[SecretError] that names them), or when this build cannot use them:
// a connection is never weaker than what was asked for.
func ConnectionOf(r *contract.Resource, creds Credentials) (Connection, error) {
	servers := ParseServers(r.GetBootstrapServers())
	if len(servers) == 0 {
		return Connection{}, errors.New("no bootstrap servers")
	}
	if slices.Contains(servers, placeholderServer) {
		return Connection{}, fmt.Errorf("bootstrap servers: %s is a placeholder and was not replaced", placeholderServer)
	}
	security, err := securityOf(r, creds)
	if err != nil {
		return Connection{}, err
	}
	c := Connection{Servers: servers, Security: security}
	for _, ref := range credentials.References(r) {
		c.secrets = append(c.secrets, credentials.Name(ref))
	}
	return c, nil
}

// ParseServers splits a comma separated list of servers: entries are trimmed, blank ones and repetitions dropped, the
// order kept.
func ParseServers(list string) []string {
	var servers []string
	for server := range strings.SplitSeq(list, ",") {
		if server = strings.TrimSpace(server); server != "" && !slices.Contains(servers, server) {
			servers = append(servers, server)
		}
	}
	return servers
}

// Key identifies the cluster and the credentials, whatever the order of the servers. It holds no secret value and may
// be logged.
func (c Connection) Key() string {
	servers := slices.Clone(c.Servers)
	slices.Sort(servers)
	return strings.Join(servers, ",") + c.Security.identity
}

// Blame adds to what is said about a connection that fails which Secrets it was made with; they are the resource's own also
// where it shares a client with others.
func (c Connection) Blame(trouble string) string {
	if trouble == "" || len(c.secrets) == 0 {
		return trouble
	}
	return trouble + " (Secret " + strings.Join(c.secrets, ", ") + ")"
}

// Dial returns how the connection is opened, up to the point where Kafka's frames are written in clear. It is meant for
// wrappers such as [FetchWait.Dialer]; [Connection.Options] has it already.
func (c Connection) Dial() DialFunc {
	dialer := &net.Dialer{Timeout: c.transport.setupTimeout()}
	return c.Security.dial(dialer.DialContext, c.transport)
}

// Options returns what every client of this connection needs: servers, security, times of metadata and of retries. It
// is complete for an admin client; options of [ProducerConfig] and [ConsumerConfig] come after it and win.
func (c Connection) Options() []kgo.Opt {
	options := []kgo.Opt{
		kgo.SeedBrokers(c.Servers...),
		kgo.ClientID(ClientID),
		// A Dialer and not DialTimeout or DialTLSConfig: both are ignored beside a Dialer, which a wrapper needs.
		kgo.Dialer(c.Dial()),
		// Errors that wait for new metadata (not leader, not enough replicas) wait at least this long; kgo's 5 s would
		// be felt by every sender.
		kgo.MetadataMinAge(metadataMinAge),
		kgo.MetadataMaxAge(metadataMaxAge),
		kgo.RetryBackoffFn(backoff(retryBackoffMin, retryBackoffMax)),
	}
	if !c.transport.PushMetrics {
		// Otherwise each client asks its broker for a telemetry subscription and keeps a goroutine for it.
		options = append(options, kgo.DisableClientMetrics())
	}
	return append(options, c.Security.options()...)
}

// backoff doubles from first up to limit, plus or minus a fifth, so that clients do not come back in step.
func backoff(first, limit time.Duration) func(attempt int) time.Duration {
	return func(attempt int) time.Duration {
		wait := limit
		if shift := max(attempt-1, 0); shift < 16 && first<<shift < limit {
			wait = first << shift
		}
		return time.Duration(float64(wait) * (0.8 + 0.4*rand.Float64()))
	}
}
