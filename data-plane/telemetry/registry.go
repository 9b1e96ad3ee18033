// Package telemetry counts what the data plane does and serves it in the text format of Prometheus.
//
// It owns the handles that the event path writes to, the names, labels and buckets of the metrics, and the bound on how
// many event types get series of their own. It must not know Kafka, HTTP requests or the contract: whoever builds a route
// or a group asks for a handle once, and passes it plain numbers from then on.
//
// Handles are safe for any number of goroutines. Recording an event is a few atomic additions; nothing is summed, named
// or allocated before somebody scrapes.
package telemetry

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
)

// defaultMaxEventTypes is how many event types of one resource get series of their own.
const defaultMaxEventTypes = 50

// Options of a Registry. The zero value is what an installation without settings gets.
type Options struct {
	// DisableEventTypeTag reports every event type as "unknown" (METRICS_DISABLE_EVENT_TYPE_TAG).
	DisableEventTypeTag bool
	// MaxEventTypes is how many event types of one resource get series of their own; the rarer ones share "other".
	// 0 means 50.
	MaxEventTypes int
	// Log gets what goes wrong while metrics are read. Nil means slog.Default().
	Log *slog.Logger
}

// Labels name the object that a person created, whose figures these are.
type Labels struct {
	// Kind in lower case: broker, kafkachannel, kafkasink, trigger or kafkasource. "" means that no object is meant, as
	// for requests that fit no route; Namespace and Name are then not reported.
	Kind, Namespace, Name string
	// Group is the id of the Kafka consumer group of an egress, "" at the ingress.
	Group string
}

// Registry hands out the handles that figures are recorded with and serves what they hold. All methods are safe for
// concurrent use.
type Registry struct {
	options  Options
	process  atomic.Pointer[func() ProcessGauges]
	exporter *exporter
	started  time.Time

	pushing sync.Mutex
	pusher  *sdkmetric.MeterProvider // nil: nowhere

	mu        sync.RWMutex
	ingresses map[string]*Ingress
	egresses  map[string]*Egress
	clients   []*KafkaClients
}

// ProcessGauges are figures of the whole process, read whenever metrics are.
type ProcessGauges struct {
	BufferedBytes      int64     // event data held in memory
	BudgetBytes        int64     // the most of it
	ContractGeneration uint64    // of the contract that is in force
	ContractBytes      int64     // its encoded size
	ContractLoadedAt   time.Time // zero when none was loaded yet
	ContractLastGood   bool      // the newest contract is unusable and an older one in force
	RejectedEntries    int64     // resources and egresses of the contract that cannot be served
	RejectedSettings   uint64    // contents of mounted settings that could not be used
	CertificateEnds    []CertificateEnd
}

// CertificateEnd is when a certificate of this process expires.
type CertificateEnd struct {
	Use string // what it is for: "ingress", or the Secret of a Kafka connection
	At  time.Time
}

// NewRegistry returns an empty registry. Close it when it is no longer scraped.
func NewRegistry(o Options) *Registry {
	if o.MaxEventTypes <= 0 {
		o.MaxEventTypes = defaultMaxEventTypes
	}
	if o.DisableEventTypeTag {
		o.MaxEventTypes = 1
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	r := &Registry{options: o, started: time.Now(), ingresses: map[string]*Ingress{}, egresses: map[string]*Egress{}}
	x, err := newExporter(producer{r})
	if err != nil {
		panic(err) // a mistake of this package: it cannot depend on what the caller passed
	}
	r.exporter = x
	return r
}

// Ingress returns the handle of an ingress. The same uid yields the same handle, with the labels of the latest call.
func (r *Registry) Ingress(uid string, l Labels) *Ingress {
	r.mu.Lock()
	defer r.mu.Unlock()
	i, ok := r.ingresses[uid]
	if !ok {
		i = newIngress(r.options)
		r.ingresses[uid] = i
	}
	i.labels.Store(&l)
	return i
}

// Egress returns the handle of an egress. The same uid yields the same handle, with the labels of the latest call.
func (r *Registry) Egress(uid string, l Labels) *Egress {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ok := r.egresses[uid]
	if !ok {
		e = newEgress(r.options)
		r.egresses[uid] = e
	}
	e.labels.Store(&l)
	return e
}

// Remove forgets the ingress and the egress of this uid: their series disappear at the next scrape (OBS-12). Handles
// that are still held can be used, but nobody sees what they record.
func (r *Registry) Remove(uid string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.ingresses, uid)
	delete(r.egresses, uid)
}

// Observe sets what is asked for the figures of the process at every scrape; nil ends it. f must not block.
func (r *Registry) Observe(f func() ProcessGauges) {
	if f == nil {
		r.process.Store(nil)
		return
	}
	r.process.Store(&f)
}

// Handler serves the metrics in the text format of Prometheus, with those of the Go runtime and the process.
func (r *Registry) Handler() http.Handler {
	return r.exporter.handler(slog.NewLogLogger(r.options.Log.Handler(), slog.LevelWarn))
}

// Close pushes a last time, where figures are pushed to, and ends the export: from then on the handler serves no figures of events.
func (r *Registry) Close(ctx context.Context) error {
	return errors.Join(r.Push(ctx, Push{}), r.exporter.close(ctx))
}
