package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// abortTimeout bounds how long Close waits for clients that were told to give up.
const abortTimeout = 5 * time.Second

// ErrClosed is returned by Acquire once the producers of the process are being closed.
var ErrClosed = errors.New("kafka producers are closed")

// Producers holds one producer for each connection that somebody uses. Any goroutine may use it.
type Producers struct {
	// config is what new clients get; it is written under mu.
	config atomic.Pointer[ProducerConfig]
	log    *slog.Logger

	mu       sync.Mutex
	open     map[string]*Producer
	closed   bool
	switched func() // of the last Configure, or nil
	// closing counts producers that drain in the background. It is added to under mu and only while not closed.
	closing sync.WaitGroup
	// abort is cancelled when Close gives up waiting.
	abort  context.Context
	cancel context.CancelFunc
}

// NewProducers returns an empty set. Close ends it.
func NewProducers(config ProducerConfig, log *slog.Logger) *Producers {
	// The lifetime of producers is that of the set, which outlives any caller's context: Close ends it.
	abort, cancel := context.WithCancel(context.Background())
	p := &Producers{log: log, open: map[string]*Producer{}, abort: abort, cancel: cancel}
	p.config.Store(&config)
	return p
}

// Configure gives all producers other settings. Each gets a new client, which takes over once Kafka answers it; until then,
// and if the new settings make no client, the old one goes on. The old one sends what it has and closes, so no record
// fails. switched, if not nil, is called on goroutines of the set after a producer went over, when its MaxRecordBytes may
// be another one. Configure returns at once.
func (p *Producers) Configure(config ProducerConfig, switched func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.config.Store(&config)
	p.switched = switched
	for _, producer := range p.open {
		producer.renewWithin(0)
	}
}

// announce tells whoever configured the set that a producer went over.
func (p *Producers) announce() {
	p.mu.Lock()
	switched := p.switched
	p.mu.Unlock()
	if switched != nil {
		switched()
	}
}

// Acquire returns the producer of a connection and makes it when there is none. It does not wait for Kafka: a cluster
// that is away or refuses the credentials shows in the errors of [Producer.Produce]. Each Acquire needs one Release.
func (p *Producers) Acquire(c Connection) (*Producer, error) {
	key := c.Key()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, ErrClosed
	}
	if producer, ok := p.open[key]; ok {
		producer.users++
		return producer, nil
	}
	producer, err := newProducer(p, key, c)
	if err != nil {
		return nil, fmt.Errorf("create Kafka producer for %s: %w", key, err)
	}
	p.open[key] = producer
	return producer, nil
}

// release gives back one use. The last one takes the producer out of the set at once, so that a new Acquire gets a new
// one, and lets it drain.
func (p *Producers) release(producer *Producer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if producer.users == 0 {
		return
	}
	if producer.users--; producer.users > 0 || p.closed {
		return
	}
	delete(p.open, producer.key)
	p.closing.Go(producer.drain)
}

// Close drains all producers, also those that are still in use, and waits for them and for those that are closing
// already. When ctx ends first, what they still hold fails and its error is returned.
func (p *Producers) Close(ctx context.Context) error {
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		for _, producer := range p.open {
			p.closing.Go(producer.drain)
		}
		clear(p.open)
	}
	p.mu.Unlock()

	done := make(chan struct{})
	go func() {
		p.closing.Wait()
		p.cancel()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	p.cancel()
	select {
	case <-done: // failing what is left takes no time, unless a client hangs
	case <-time.After(abortTimeout):
	}
	return fmt.Errorf("close Kafka producers: %w", ctx.Err())
}

// background runs f and lets Close wait for it. It does nothing once the producers are being closed.
func (p *Producers) background(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.closing.Go(f)
	}
}
