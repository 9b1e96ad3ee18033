// Package ingress takes CloudEvents from HTTP requests into Kafka: it finds the route of a request, makes a record of its
// event and answers when Kafka has acknowledged it.
//
// It owns the routing table and the meaning of every status code. It must not read from sockets, wait, or know which
// server drives it: a server hands over what it has read, piece by piece, and gets the answer by a callback.
//
// The table is immutable and replaced as a whole, so requests take no lock; Apply and Close are serialised. A Request
// belongs to its server until Handle, and to this package from then on.
package ingress

import (
	"cmp"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/data-plane/kafka"
	"knative.dev/eventing-kafka-go/data-plane/telemetry"
	"knative.dev/eventing-kafka-go/data-plane/tracing"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// Options of an Ingress. Telemetry and either Producers or Acquire are needed.
type Options struct {
	// Producers gives each route the producer of its connection.
	Producers *kafka.Producers
	// Acquire replaces Producers, for measurements without Kafka.
	Acquire func(kafka.Connection) (Sink, error)
	// Telemetry counts the answers of each route.
	Telemetry *telemetry.Registry
	// MaxPendingBytes bounds the bodies of one resource that wait for Kafka; more get 429. It should be less than the
	// producer's buffer, which all resources of a cluster share: otherwise one whose topic cannot be written fills it for
	// the others (IN-60). Default 16 MiB.
	MaxPendingBytes int64
	// LivenessPath and ReadinessPath are where probes are answered, whatever the host (IN-06). Where both are the same it is
	// liveness: who starts must not be ended for it. Default: /healthz, /readyz.
	LivenessPath, ReadinessPath string
	// Tracer makes spans of requests; nil makes none.
	Tracer *tracing.Tracer
	// Log gets what changes and what is wrong with routes. Nil means slog.Default().
	Log *slog.Logger
}

// Ingress answers requests with the routes of the contract that was applied last. Any goroutine may use it.
type Ingress struct {
	table      atomic.Pointer[table] // nil until the first Apply
	pending    int64                 // MaxPendingBytes
	liveness   string                // path
	readiness  string                // path
	acquire    func(kafka.Connection) (Sink, error)
	metrics    *telemetry.Registry
	tracer     *tracing.Tracer
	log        *slog.Logger
	requests   sync.Pool          // of *Request
	strays     *telemetry.Ingress // answers to what leads to no route
	complaints *complaints

	mu     sync.Mutex // serialises Apply and Close
	closed bool
}

// Sink is where the records of a route go. The functions are those of a kafka.Producer.
type Sink struct {
	Produce        func(*kgo.Record, func(*kgo.Record, error))
	MaxRecordBytes int
	// Trouble says why Kafka could not be spoken with lately, "" if it could; nil knows nothing.
	Trouble func() string
	// Key tells producers apart. Forget says that a topic is not produced to any more; nil does nothing.
	Key     string
	Forget  func(topic string)
	Release func()
}

// New returns an Ingress without routes, which is not ready.
func New(o Options) *Ingress {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Acquire == nil {
		o.Acquire = acquireFrom(o.Producers)
	}
	i := &Ingress{acquire: o.Acquire, metrics: o.Telemetry, tracer: o.Tracer, log: o.Log, pending: cmp.Or(o.MaxPendingBytes, 16<<20)}
	i.liveness, i.readiness = cmp.Or(o.LivenessPath, "/healthz"), cmp.Or(o.ReadinessPath, "/readyz")
	i.strays, i.complaints = o.Telemetry.Ingress("", telemetry.Labels{}), newComplaints(o.Log)
	i.requests.New = func() any { return newRequest(i) }
	return i
}

func acquireFrom(producers *kafka.Producers) func(kafka.Connection) (Sink, error) {
	return func(c kafka.Connection) (Sink, error) {
		p, err := producers.Acquire(c)
		if err != nil {
			return Sink{}, err
		}
		return Sink{Produce: p.Produce, MaxRecordBytes: p.MaxRecordBytes(), Trouble: p.Trouble,
			Key: p.Key(), Forget: p.Forget, Release: p.Release}, nil
	}
}

// Apply replaces the routes by those of a contract. The new table is built completely before requests see it, and what
// only the old one used is released afterwards, so a resource that is in both is served without a gap (IN-25).
// A resource that cannot be served keeps its places and answers 503 there; the others are not affected.
func (i *Ingress) Apply(c *contract.Contract, creds kafka.Credentials) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed {
		return
	}
	old := i.table.Load()
	next := i.build(c, creds, old)
	i.table.Store(next)
	next.observe()
	i.logChanges(old, next)
	i.retire(old, next)
}

// Ready tells whether a contract was applied and the Ingress is not closed (IN-06).
func (i *Ingress) Ready() bool {
	t := i.table.Load()
	return t != nil && !t.closed
}

// Close gives the producers back. Requests that come later get 503; those whose records are on the way are answered
// when Kafka has answered. It does not wait: the server has to be drained before, the producers are closed after.
func (i *Ingress) Close() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed {
		return
	}
	i.closed = true
	old := i.table.Swap(&table{closed: true})
	if old != nil {
		old.release()
	}
}

// retire ends what only the old table used.
func (i *Ingress) retire(old, next *table) {
	if old == nil {
		return
	}
	old.forget(next)
	old.release()
	for uid := range old.byUID {
		if next.byUID[uid] == nil {
			i.metrics.Remove(uid)
		}
	}
}

func (i *Ingress) logChanges(old, next *table) {
	for _, r := range next.routes {
		var before string
		if old != nil {
			if o := old.byUID[r.uid]; o != nil {
				before = o.trouble()
			}
		}
		switch now := r.trouble(); {
		case now != "" && now != before:
			i.log.Warn("Ingress cannot be served as the contract asks", "kind", r.labels.Kind,
				"namespace", r.labels.Namespace, "name", r.labels.Name, "uid", r.uid, "problem", now)
		case now == "" && before != "":
			i.log.Info("Ingress is served again", "kind", r.labels.Kind,
				"namespace", r.labels.Namespace, "name", r.labels.Name, "uid", r.uid)
		}
	}
}
