// Package kafkaadmin is what the control plane does to Kafka: topics, the start of consumer groups, their lag, and the
// end of both.
//
// It owns the admin clients, one for each cluster and set of credentials. It must not know Kubernetes objects or the
// contract; it never lets a broker create a topic by itself, and only [Admin.CommitMoves] changes a committed offset.
//
// [Pool] and [Admin] may be used by any goroutine. A client belongs to the pool, which closes it when it was not used
// for a while; an Admin opens it again when needed and stays valid until the pool is closed.
package kafkaadmin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/data-plane/kafka"
)

// ClientID is what brokers see as the client of every connection: another one than data planes have, whose requests it is
// worth to tell from these.
const ClientID = kafka.ClientID + "-admin"

const (
	// idleTime is how long a client is kept that nobody uses: credentials that were rotated never come back.
	idleTime = 10 * time.Minute
	// retryTime bounds how long a request is repeated while no broker answers or is ready, so that a reconcile gets an
	// error to report.
	retryTime = 10 * time.Second
	// retryWait is how long a broker that is not ready is given before it is asked again.
	retryWait = 100 * time.Millisecond
)

// ErrClosed is returned by every method after the pool was closed.
var ErrClosed = errors.New("the pool of Kafka admin clients is closed")

// Pool shares one admin client among all who use the same cluster with the same credentials.
type Pool struct {
	log  *slog.Logger
	idle time.Duration

	mu      sync.Mutex
	closed  bool
	clients map[string]*client // by kafka.Connection.Key
}

// client is an open admin client. Its last two fields are the pool's, under its lock.
type client struct {
	kgo     *kgo.Client
	kadm    *kadm.Client
	batches batches

	users int
	used  time.Time
}

// NewPool returns an empty pool; nothing is connected before it is needed.
func NewPool(log *slog.Logger) *Pool {
	return &Pool{log: log, idle: idleTime, clients: map[string]*client{}}
}

// Admin returns the admin of a cluster. It does not connect; the error is about the settings of the connection.
func (p *Pool) Admin(c kafka.Connection) (*Admin, error) {
	_, done, err := p.use(c)
	if err != nil {
		return nil, err
	}
	done()
	return &Admin{pool: p, connection: c}, nil
}

// Close closes all clients. Requests that are under way fail.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for key, c := range p.clients {
		c.kgo.Close()
		delete(p.clients, key)
	}
}

// use returns the client of a connection, opened if need be, and what to call when it is not needed any more.
func (p *Pool) use(connection kafka.Connection) (*client, func(), error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, nil, ErrClosed
	}
	key := connection.Key()
	c, ok := p.clients[key]
	if !ok {
		opened, err := kgo.NewClient(append(connection.Options(), kgo.ClientID(ClientID), kafka.Logger(p.log), kgo.RetryTimeout(retryTime))...)
		if err != nil {
			return nil, nil, fmt.Errorf("create an admin client for Kafka at %v: %w", connection.Servers, err)
		}
		c = &client{kgo: opened, kadm: kadm.NewClient(opened)}
		p.clients[key] = c
	}
	c.users++
	p.closeIdle()
	return c, func() { p.release(c) }, nil
}

func (p *Pool) release(c *client) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c.users--
	c.used = time.Now()
}

// closeIdle closes the clients that nobody has used for a while. The caller holds the lock.
func (p *Pool) closeIdle() {
	for key, c := range p.clients {
		if c.users == 0 && time.Since(c.used) >= p.idle {
			c.kgo.Close()
			delete(p.clients, key)
		}
	}
}

// Admin administrates one cluster with one set of credentials.
type Admin struct {
	pool       *Pool
	connection kafka.Connection
}

// Key is the same for all admins of a cluster with the same credentials.
func (a *Admin) Key() string { return a.connection.Key() }

// with runs f with the client, which stays open meanwhile. While brokers say that they are busy with themselves, f is
// run again: a new cluster makes its coordinators at the first request for a group, and kgo does not wait for them.
func (a *Admin) with(ctx context.Context, f func(*client) error) error {
	c, done, err := a.pool.use(a.connection)
	if err != nil {
		return err
	}
	defer done()
	ctx, cancel := context.WithTimeout(ctx, retryTime)
	defer cancel()
	for {
		err := f(c)
		if !isBusy(err) {
			return err
		}
		retry := time.NewTimer(retryWait)
		select {
		case <-ctx.Done():
			retry.Stop()
			return err
		case <-retry.C:
		}
	}
}

// isBusy is true for errors that pass by themselves, and soon.
func isBusy(err error) bool {
	for _, busy := range []error{
		kerr.CoordinatorNotAvailable, kerr.CoordinatorLoadInProgress, kerr.NotCoordinator,
		kerr.LeaderNotAvailable, kerr.NotLeaderForPartition, kerr.NotController, kerr.UnstableOffsetCommit,
	} {
		if errors.Is(err, busy) {
			return true
		}
	}
	return false
}
