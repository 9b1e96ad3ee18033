package dev

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"knative.dev/eventing-kafka-go/data-plane/kafka"
)

const (
	// embeddedKafka is the value of --kafka for a Kafka in this process.
	embeddedKafka = "embedded"
	// embeddedRetention is how long the embedded Kafka keeps the events of a topic that does not say: a week, as Kafka
	// does by default. kfake itself keeps everything.
	embeddedRetention = 7 * 24 * time.Hour
	// retentionInterval is how often the embedded Kafka looks for events that are too old.
	retentionInterval = time.Minute
	// pingTime bounds one attempt to reach Kafka.
	pingTime = 5 * time.Second
	// pingPause is waited between two attempts.
	pingPause = time.Second
)

// cluster is the Kafka that is used.
type cluster struct {
	servers   []string
	embedded  *kfake.Cluster // nil for a real one
	retention string         // retention.ms of topics that say none, "" leaves it to Kafka
}

// openCluster starts the embedded Kafka with its data in a folder, or takes the servers given.
func openCluster(servers, data string) (*cluster, error) {
	if servers != embeddedKafka {
		c := &cluster{servers: kafka.ParseServers(servers)}
		for _, server := range c.servers {
			if _, _, err := net.SplitHostPort(server); err != nil {
				return nil, fmt.Errorf("--kafka %s: expected embedded or HOST:PORT,…: %w", servers, err)
			}
		}
		if len(c.servers) == 0 {
			return nil, fmt.Errorf("--kafka %q: expected embedded or HOST:PORT,…", servers)
		}
		return c, nil
	}
	fake, err := kfake.NewCluster(
		kfake.NumBrokers(1),
		kfake.DataDir(filepath.Join(data, "kafka")),
		kfake.ListenFn(listenLoopback),
		kfake.BrokerConfigs(map[string]string{"log.cleaner.backoff.ms": strconv.FormatInt(retentionInterval.Milliseconds(), 10)}),
	)
	if err != nil {
		return nil, fmt.Errorf("start the embedded Kafka: %w", err)
	}
	return &cluster{
		servers: fake.ListenAddrs(), embedded: fake,
		retention: strconv.FormatInt(embeddedRetention.Milliseconds(), 10),
	}, nil
}

// listenLoopback refuses any other address: the embedded Kafka trusts everybody who can connect.
func listenLoopback(network, address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("listen at %s: the embedded Kafka is reachable from this machine only", address)
	}
	return net.Listen(network, address) //nolint:noctx // the signature is kfake's
}

// String tells people where Kafka is.
func (c *cluster) String() string {
	servers := strings.Join(c.servers, ",")
	if c.embedded == nil {
		return servers
	}
	return "embedded, for development only, at " + servers
}

// reach waits until a server takes connections, telling why none does. It says nothing about credentials.
func (c *cluster) reach(ctx context.Context, waiting func(error)) error {
	dialer := net.Dialer{Timeout: pingTime}
	for i := 0; ; i++ {
		conn, err := dialer.DialContext(ctx, "tcp", c.servers[i%len(c.servers)])
		if err == nil {
			return conn.Close()
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		waiting(fmt.Errorf("no answer from Kafka: %w", err))
		pause(ctx, pingPause)
	}
}

func (c *cluster) close() {
	if c.embedded != nil {
		c.embedded.Close()
	}
}
