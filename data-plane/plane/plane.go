// Package plane puts a data plane together: the contract file, ingress, egress, their listeners and the status
// address, as one thing that is started and ends with its context. It owns no behaviour of its own. kafka-data-plane
// runs it in a cluster and kn-kafka dev on a workstation, so both run the same code.
package plane

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"knative.dev/eventing-kafka-go/data-plane/budget"
	"knative.dev/eventing-kafka-go/data-plane/contractfile"
	"knative.dev/eventing-kafka-go/data-plane/delivery"
	"knative.dev/eventing-kafka-go/data-plane/egress"
	"knative.dev/eventing-kafka-go/data-plane/ingress"
	"knative.dev/eventing-kafka-go/data-plane/kafka"
	"knative.dev/eventing-kafka-go/data-plane/kafka/credentials"
	"knative.dev/eventing-kafka-go/data-plane/oidc"
	"knative.dev/eventing-kafka-go/data-plane/properties"
	"knative.dev/eventing-kafka-go/data-plane/server"
	"knative.dev/eventing-kafka-go/data-plane/status"
	"knative.dev/eventing-kafka-go/data-plane/telemetry"
	"knative.dev/eventing-kafka-go/data-plane/tracing"
)

// Config says what to run and where.
type Config struct {
	// Name is the process's in the contract's list of dispatchers, the name of its pod; "" for one that joins every group.
	Name string
	// Ingress and Egress are the roles; at least one.
	Ingress, Egress bool
	// ContractPath is the mounted file; LastGoodPath a file that survives a restart of the process, "" for none.
	ContractPath, LastGoodPath string
	// CredentialsPath is the folder that the Secrets of Kafka connections are mounted into, "" for none.
	CredentialsPath string
	// TokensPath is the folder that the tokens shown to subscribers are mounted into, "" for none.
	TokensPath string
	// IngressAddress takes CloudEvents, StatusAddress people and probes, MetricsAddress scrapes ("" for none: the
	// status address serves them too). HOST:PORT, port 0 picks one.
	IngressAddress, StatusAddress, MetricsAddress string
	// Producer and Consumer are the settings of Kafka clients where the files of Settings say nothing.
	Producer kafka.ProducerConfig
	Consumer kafka.ConsumerConfig
	// Backoff bounds and spreads the waits before retries, of every egress.
	Backoff delivery.Backoff
	// Settings are files of users.
	Settings SettingsPaths
	// KindConsumers are files that replace Settings.Consumer for resources of a kind, e.g. KafkaSource, in a process that
	// serves several kinds.
	KindConsumers map[string]string
	// IngressTLSAddress takes CloudEvents over TLS while CertFile and KeyFile are there; "" for none.
	IngressTLSAddress, CertFile, KeyFile string
	// MetricsCertFile and MetricsKeyFile make the metrics address one with TLS, if both are set.
	MetricsCertFile, MetricsKeyFile string
	// ObservabilityPath is the folder that config-observability is mounted into, "" for none.
	ObservabilityPath string
	// ServiceName and ServiceNamespace name the process in what it exports.
	ServiceName, ServiceNamespace string
	// DisableEventTypeTag leaves the event type out of the metrics.
	DisableEventTypeTag bool
	// PushGoMetrics adds the figures of the Go runtime to what is pushed; scrapes always have them.
	PushGoMetrics bool
	// NoKafkaMetrics leaves the figures of Kafka clients out.
	NoKafkaMetrics bool
	// LedgerOff is egress.Options.LedgerOff.
	LedgerOff bool
	// EventMemory is how many bytes of events the process may hold. Default: half of GOMEMLIMIT or of the limit of its
	// control group, else 512 MiB.
	EventMemory int64
	// LivenessPath and ReadinessPath are where the ingress answers probes. Default: /healthz, /readyz.
	LivenessPath, ReadinessPath string
	// ShutdownGrace is how long requests and deliveries under way may take when the plane ends. Default 25 s.
	ShutdownGrace time.Duration
	// Version is reported.
	Version string
	Log     *slog.Logger
}

const (
	// defaultGrace leaves the rest of a pod's 30 s for closing.
	defaultGrace = 25 * time.Second
	// closeTime is what closing may take beyond the grace: everything has had its time before, and what still waits for
	// a Kafka that does not answer was promised to nobody.
	closeTime = 3 * time.Second
)

// Plane is a running data plane.
type Plane struct {
	config    Config
	started   time.Time
	registry  *telemetry.Registry
	producers *kafka.Producers
	clients   *delivery.Clients
	ingress   *ingress.Ingress // nil without the role
	egress    *egress.Set      // nil without the role
	source    *contractfile.Source
	front     *server.Server // nil without ingress
	status    *listener
	metrics   *metricsPort // nil without an address of its own
	tracer    *tracing.Tracer
	tokens    *oidc.Tokens
	done      chan struct{}
	err       error

	events *budget.Budget // the memory for them; nil without egress

	settings []*setting
	// What the files say, each written and used by its setting alone.
	producer   kafka.ProducerConfig
	consumers  map[string]*properties.ConsumerSettings // by kind, "" for the rest
	webClient  properties.WebClient
	httpServer properties.HTTPServer

	serving        sync.Mutex // guards serverSettings, which come from two files
	serverSettings server.Settings

	exports exports

	applying sync.Mutex
	applied  *contractfile.Snapshot // nil before the first
	// fallbacks complete Secrets, by the file that they are from.
	fallbacks map[string]credentials.Fallback
}

// Start opens the listeners and begins to run the contract. The plane ends with ctx: it then stops taking requests
// and events, waits for what is under way, commits and leaves. An error means that nothing was started.
func Start(ctx context.Context, c Config) (*Plane, error) {
	if !c.Ingress && !c.Egress {
		return nil, errors.New("no role: ingress, egress or both")
	}
	if c.ShutdownGrace == 0 {
		c.ShutdownGrace = defaultGrace
	}
	p := &Plane{
		config: c, started: time.Now(), done: make(chan struct{}),
		registry:  telemetry.NewRegistry(telemetry.Options{DisableEventTypeTag: c.DisableEventTypeTag}),
		clients:   delivery.NewClients(),
		tracer:    tracing.New(c.Log, os.Stdout),
		tokens:    oidc.NewTokens(c.Log),
		fallbacks: map[string]credentials.Fallback{},
	}
	p.meterClients()
	p.producer = p.config.Producer
	p.loadSettings()
	p.serve(p.takeHTTPServer)
	p.serve(p.takeProducer)
	p.producers = kafka.NewProducers(p.producer, c.Log)
	p.clients.Configure(clientLimits(p.webClient))
	if err := p.assemble(); err != nil {
		p.abandon()
		return nil, err
	}
	go func() {
		defer close(p.done)
		p.err = p.run(ctx)
	}()
	return p, nil
}

func (p *Plane) assemble() error {
	c := p.config
	if c.Ingress {
		p.ingress = ingress.New(ingress.Options{
			Producers: p.producers, Telemetry: p.registry, Tracer: p.tracer, Log: c.Log,
			LivenessPath: c.LivenessPath, ReadinessPath: c.ReadinessPath,
		})
		front, err := server.Listen(server.Options{
			Ingress: p.ingress, Addr: c.IngressAddress, DrainTimeout: c.ShutdownGrace, Log: c.Log,
			TLSAddr: c.IngressTLSAddress, CertFile: c.CertFile, KeyFile: c.KeyFile, Settings: p.serverSettings,
		})
		if err != nil {
			return fmt.Errorf("listen for events: %w", err)
		}
		p.front = front
	}
	if c.Egress {
		if c.EventMemory == 0 {
			c.EventMemory = eventMemory()
		}
		p.events = budget.New(c.EventMemory)
		e := egressSettings(*p.consumers[""], c.Name)
		p.egress = egress.New(egress.Options{
			Name: c.Name, Producers: p.producers, Clients: p.clients, Telemetry: p.registry, Tracer: p.tracer, Log: c.Log,
			Consumer: e.Consumer, Concurrency: e.Concurrency, CommitInterval: e.CommitInterval, Kinds: p.kinds(),
			LedgerOff: c.LedgerOff, Backoff: c.Backoff, Budget: p.events, Token: p.tokens.Get,
		})
	}
	p.source = contractfile.New(contractfile.Options{
		Path: c.ContractPath, LastGood: c.LastGoodPath, CredentialsDir: c.CredentialsPath, Log: c.Log,
	}, p.apply)
	p.registry.Observe(p.gauges)
	var err error
	if p.status, err = listen(c.StatusAddress, status.Handler(p.Report, p.registry.Handler()), nil); err != nil {
		return fmt.Errorf("listen for status: %w", err)
	}
	if c.MetricsAddress != "" {
		if p.metrics, err = newMetricsPort(p.registry.Handler(), c); err != nil {
			return err
		}
	}
	p.startExports()
	return nil
}

// apply hands a contract to the roles, one at a time.
func (p *Plane) apply(s contractfile.Snapshot) {
	p.applying.Lock()
	defer p.applying.Unlock()
	p.applied = &s
	p.handOver(s)
}

// handOver lets the roles run a contract. applying is held.
func (p *Plane) handOver(s contractfile.Snapshot) {
	if p.ingress != nil {
		p.ingress.Apply(s.Contract, p.completed(s.Credentials, isProducerFallback))
	}
	if p.egress != nil {
		p.egress.Apply(s.Contract, p.completed(s.Credentials, isConsumerFallback))
	}
}

// applyAgain lets the ingress see what became of the producers it uses.
func (p *Plane) applyAgain() {
	p.applying.Lock()
	defer p.applying.Unlock()
	if p.ingress != nil && p.applied != nil {
		p.ingress.Apply(p.applied.Contract, p.completed(p.applied.Credentials, isProducerFallback))
	}
}

// run lasts until ctx ends or a part fails, and then closes what was opened.
func (p *Plane) run(ctx context.Context) error {
	work, ctx := errgroup.WithContext(ctx)
	work.Go(func() error { return p.source.Run(ctx) })
	work.Go(func() error { return p.watchSettings(ctx) })
	work.Go(func() error { return p.status.fail(ctx) })
	if p.config.ObservabilityPath != "" {
		work.Go(func() error { return p.watchExports(ctx) })
	}
	if p.front != nil {
		work.Go(func() error { return p.front.Run(ctx) })
	}
	if p.egress != nil {
		if p.config.TokensPath != "" {
			work.Go(func() error { return p.tokens.Watch(ctx, p.config.TokensPath, 0) })
		}
		work.Go(func() error { return p.egress.Watch(ctx) })
		work.Go(func() error { <-ctx.Done(); p.leave(); return nil })
	}
	err := work.Wait()
	p.close()
	return err
}

// leave ends the consumer groups within the grace.
func (p *Plane) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), p.config.ShutdownGrace) // the parent has ended
	defer cancel()
	if err := p.egress.Close(ctx); err != nil {
		p.config.Log.Warn("Consumer groups not left in time, their partitions wait for the session timeout", "error", err)
	}
	p.clients.Abort()
}

// close ends what requests and events no longer use. That Kafka does not answer while it does is no failure of the plane:
// what waited for it has been answered, and is logged.
func (p *Plane) close() {
	ctx, cancel := context.WithTimeout(context.Background(), closeTime) // the parent has ended
	defer cancel()
	if p.ingress != nil {
		p.ingress.Close()
	}
	if err := p.producers.Close(ctx); err != nil {
		p.config.Log.Warn("Kafka did not take all events before the end", "error", err)
	}
	p.status.close(ctx)
	if p.metrics != nil {
		p.metrics.close(ctx)
	}
	p.tracer.Close(ctx)
	if err := p.registry.Close(ctx); err != nil {
		p.config.Log.Warn("Metrics not closed in time", "error", err)
	}
}

// abandon closes what a failed Start has opened.
func (p *Plane) abandon() {
	if p.front != nil {
		ended, end := context.WithCancel(context.Background()) // one that has ended, which is how the port is closed
		end()
		_ = p.front.Run(ended) // closes the port
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second) // nothing is under way
	defer cancel()
	if p.status != nil {
		p.status.close(ctx)
	}
	if p.metrics != nil {
		p.metrics.close(ctx)
	}
	_ = p.registry.Close(ctx)
}

// IngressAddr is where events are taken; nil without the role.
func (p *Plane) IngressAddr() net.Addr {
	if p.front == nil {
		return nil
	}
	return p.front.Addr()
}

// MetricsAddr is where metrics are scraped; nil without an address of their own.
func (p *Plane) MetricsAddr() net.Addr {
	if p.metrics == nil {
		return nil
	}
	return p.metrics.addr()
}

// StatusAddr is where the status is served.
func (p *Plane) StatusAddr() net.Addr { return p.status.addr() }

// Done is closed when the plane has ended.
func (p *Plane) Done() <-chan struct{} { return p.done }

// Wait blocks until the plane has ended, and says why if it was not by its context.
func (p *Plane) Wait() error {
	<-p.done
	return p.err
}
