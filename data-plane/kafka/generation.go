package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// sharedBatchBytes bounds the batches of usual records. A broker refuses a batch that is larger than the topic allows
// with all records in it, and kgo does not split it as Java does. So where larger records are allowed they have a client
// of their own, and the usual ones never share a batch that only few topics take.
const sharedBatchBytes = 1 << 20

// warmTimeout bounds how long a new generation may take to prepare itself.
const warmTimeout = 2 * time.Second

const (
	// admissionTimeout bounds one question whether a connection is admitted.
	admissionTimeout = 10 * time.Second
	// admissionPause is the first wait until the next one, maxAdmissionPause the longest.
	admissionPause, maxAdmissionPause = 250 * time.Millisecond, 2 * time.Second
	// refusalGrace is how long a new connection may be refused before its records are: brokers take up certificates and
	// passwords one after the other.
	refusalGrace = 5 * time.Second
)

// generation is what a producer writes with until it is renewed.
type generation struct {
	producer *Producer
	config   *ProducerConfig // never changed
	usual    *kgo.Client
	trouble  *Trouble
	life     context.Context // ends when it is drained
	end      context.CancelFunc
	asks     sync.WaitGroup
	asking   atomic.Bool
	admitted atomic.Bool           // by a broker, at some time
	refused  atomic.Pointer[error] // why records fail at once
	// entering counts calls of Produce that may be about to hand over a record.
	entering atomic.Int64

	mu      sync.Mutex
	large   *kgo.Client // for records that do not fit into sharedBatchBytes; nil until there is one
	drained bool        // large is not made any more
}

func newGeneration(p *Producer) (*generation, error) {
	g := &generation{producer: p, config: p.set.config.Load(), trouble: NewTrouble(p.connection)}
	g.life, g.end = context.WithCancel(p.set.abort)
	g.trouble.suspect = g.ask
	usual, err := g.newClient(min(g.config.MaxRequestSize, sharedBatchBytes))
	if err != nil {
		g.end()
		return nil, err
	}
	g.usual = usual
	g.ask()
	return g, nil
}

// ask begins to ask brokers whether they admit the connection, unless that is under way: clients try refused credentials
// again for as long as their records may wait, and say nothing (KF-26).
func (g *generation) ask() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.drained || g.producer.connection.Security.identity == "" || !g.asking.CompareAndSwap(false, true) {
		return
	}
	g.asks.Go(func() {
		defer g.asking.Store(false)
		began := time.Now()
		for pause := admissionPause; !g.settled(began); pause = min(2*pause, maxAdmissionPause) {
			select {
			case <-g.life.Done():
				return
			case <-time.After(pause):
			}
		}
	})
}

// settled asks once, and reports whether there is nothing to find out: the connection is admitted, or Kafka is away, for
// which records wait. began is when it was asked first.
func (g *generation) settled(began time.Time) bool {
	ctx, cancel := context.WithTimeout(g.life, admissionTimeout)
	defer cancel()
	err := g.usual.Ping(ctx)
	switch {
	case g.life.Err() != nil:
		return true
	case err == nil:
		g.admitted.Store(true)
		g.refused.Store(nil)
		return true
	case isRefusal(err):
		if time.Since(began) >= refusalGrace {
			g.refuse(err)
		}
		return false
	}
	return g.refused.Load() == nil
}

// refuse has records fail from now on, and those that wait. A connection that was admitted before goes on to wait: while
// passwords are exchanged, Kafka often has the new one first, and connections that are open stay so.
func (g *generation) refuse(err error) {
	if g.admitted.Load() {
		return
	}
	err = fmt.Errorf("Kafka refuses what the Secret says: %w", err)
	g.refused.Store(&err)
	for _, client := range g.clients() {
		_ = client.AbortBufferedRecords(g.life) // its error is that the producer is closed
	}
}

func (g *generation) newClient(batchBytes int32) (*kgo.Client, error) {
	options := append(g.producer.connection.With(g.config.Transport).Options(), g.config.Options()...)
	return kgo.NewClient(append(options,
		kgo.ProducerBatchMaxBytes(batchBytes), kgo.WithHooks(g, g.trouble), Logger(g.producer.set.log))...)
}

// client returns the client for a record.
func (g *generation) client(record *kgo.Record) *kgo.Client {
	if g.config.MaxRequestSize <= sharedBatchBytes || batchBytes(record) <= sharedBatchBytes {
		return g.usual
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.large == nil && !g.drained {
		large, err := g.newClient(g.config.MaxRequestSize)
		if err != nil { // the same options made the other client
			g.producer.set.log.Error("Kafka producer for large records could not be created", "error", err)
			return g.usual
		}
		g.large = large
	}
	if g.large == nil {
		return g.usual
	}
	return g.large
}

// batchBytes is at least the size of a batch with nothing but the record.
func batchBytes(record *kgo.Record) int {
	size := batchOverhead + len(record.Key) + len(record.Value)
	for i := range record.Headers {
		size += headerOverhead + len(record.Headers[i].Key) + len(record.Headers[i].Value)
	}
	return size
}

// OnProduceRecordUnbuffered is called by kgo with the fate of every record, before its promise. A topic that was deleted
// and made again has another id, which a client never takes up by itself. As a hook this costs no allocation; a wrapped
// promise would.
func (g *generation) OnProduceRecordUnbuffered(_ *kgo.Record, err error) {
	if err != nil && errors.Is(err, kerr.UnknownTopicID) && g.producer.current.Load() == g {
		g.producer.renewWithin(0)
	}
}

// warm opens what the first record would have to wait for. It is an error when Kafka does not answer; a single broker may
// be away.
func (g *generation) warm(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, warmTimeout)
	defer cancel()
	if err := g.usual.Ping(ctx); err != nil {
		return err
	}
	if _, _, err := g.usual.ProducerID(ctx); err != nil {
		return err
	}
	_ = g.usual.EnsureProduceConnectionIsOpen(ctx) // it has errors for brokers that are away
	return nil
}

// buffered returns the records and bytes that wait for Kafka.
func (g *generation) buffered() (records, bytes int64) {
	for _, client := range g.clients() {
		records += client.BufferedProduceRecords()
		bytes += client.BufferedProduceBytes()
	}
	return records, bytes
}

func (g *generation) clients() []*kgo.Client {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.large == nil {
		return []*kgo.Client{g.usual}
	}
	return []*kgo.Client{g.usual, g.large}
}

// drain sends what is buffered, for a limited time, and closes; what is left then fails.
func (g *generation) drain(limit time.Duration) {
	set := g.producer.set
	ctx, cancel := context.WithTimeout(set.abort, limit)
	defer cancel()
	// Calls that saw this generation before it was replaced hand over their record first. They never wait for Kafka.
	for g.entering.Load() > 0 && ctx.Err() == nil {
		time.Sleep(time.Millisecond)
	}
	g.mu.Lock()
	g.drained = true
	g.mu.Unlock()
	clients := g.clients()
	for _, client := range clients {
		if err := client.Flush(ctx); err != nil && client.BufferedProduceRecords() > 0 {
			set.log.Warn("Kafka producer closed before all records were written", "connection", g.producer.key,
				"records", client.BufferedProduceRecords(), "error", err)
		}
	}
	g.end()
	g.asks.Wait()
	for _, client := range clients {
		client.Close()
	}
}
