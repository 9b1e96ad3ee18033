package plane

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"knative.dev/eventing-kafka-go/data-plane/delivery"
	"knative.dev/eventing-kafka-go/data-plane/egress"
	"knative.dev/eventing-kafka-go/data-plane/filewatch"
	"knative.dev/eventing-kafka-go/data-plane/properties"
	"knative.dev/eventing-kafka-go/data-plane/server"
	"knative.dev/eventing-kafka-go/data-plane/status"
)

// SettingsPaths are the mounted .properties files of users, "" for none.
type SettingsPaths struct{ Producer, Consumer, WebClient, HTTPServer string }

// setting is one such file. The latest content that can be used is in force.
type setting struct {
	path string
	log  *slog.Logger
	// parse keeps what the content says, use brings what was kept into force. Neither is called concurrently.
	parse func(name string, content []byte) ([]properties.Warning, error)
	use   func(ctx context.Context)

	values  map[string]string // in force; nil: the defaults
	refused string            // the content that was refused last
	warned  map[properties.Warning]bool

	mu     sync.Mutex
	report status.Setting
}

func newSetting(path string, log *slog.Logger, parse func(string, []byte) ([]properties.Warning, error), use func(context.Context)) *setting {
	return &setting{
		path: path, log: log, parse: parse, use: use,
		warned: map[properties.Warning]bool{}, report: status.Setting{File: path},
	}
}

// take parses a content and reports whether it is another one that is now in force.
func (s *setting) take(content []byte) bool {
	name := filepath.Base(s.path)
	values, err := properties.Effective(content)
	if err == nil && s.values != nil && maps.Equal(values, s.values) {
		return false // comments, or back to what is in force
	}
	if s.refused != "" && string(content) == s.refused {
		return false
	}
	warnings, err := s.parse(name, content)
	if err != nil {
		s.refused = string(content)
		s.log.Error("Settings not used, those before stay in force", "file", s.path, "error", err)
		s.note(func(r *status.Setting) { r.Rejected++; r.LastError, r.LastErrorAt = err.Error(), time.Now() })
		return false
	}
	s.values, s.refused = values, ""
	var texts []string
	for _, w := range warnings {
		texts = append(texts, w.String())
		if !s.warned[w] {
			s.warned[w] = true
			s.log.Warn("Setting without the effect that it asks for", "file", s.path, "key", w.Key, "reason", w.Text)
		}
	}
	s.note(func(r *status.Setting) { r.LoadedAt, r.Warnings, r.Values = time.Now(), texts, shown(values) })
	return true
}

// shown are values as everybody may see them.
func shown(values map[string]string) map[string]string {
	hidden := []string{"password", "jaas", "secret", "token", "keystore.key", "credential"}
	next := maps.Clone(values)
	for key := range next {
		if slices.ContainsFunc(hidden, func(word string) bool { return strings.Contains(strings.ToLower(key), word) }) {
			next[key] = "(not shown)"
		}
	}
	return next
}

func (s *setting) note(change func(*status.Setting)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.report)
}

// start reads the file before anything uses its settings. One that is missing means the defaults until it appears.
func (s *setting) start() {
	content, err := os.ReadFile(s.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s.log.Warn("No settings, the defaults are used until there are some", "file", s.path)
	case err != nil:
		s.log.Error("Settings cannot be read, the defaults are used", "file", s.path, "error", err)
		s.note(func(r *status.Setting) { r.Rejected++; r.LastError, r.LastErrorAt = err.Error(), time.Now() })
	default:
		s.take(content)
	}
}

// watch takes up changes until ctx ends.
func (s *setting) watch(ctx context.Context) error {
	o := filewatch.Options{MaxBytes: 1 << 20, Log: s.log}
	return filewatch.Watch(ctx, s.path, o, func(content []byte) {
		if s.take(content) {
			s.log.Info("New settings", "file", s.path)
			s.use(ctx)
		}
	})
}

// ourCommits is how long an egress lets a finished event wait by itself; a longer time is an upper bound.
const ourCommits = 250 * time.Millisecond

// egressSettings are the settings in the words of package egress. Members are static under the name of the pod, if there
// is one: a container that is restarted after a crash gets its partitions back, and nobody else notices. All processes
// have the same files, so the name of the host, which is that of the pod, makes an id from there a member's own.
func egressSettings(c properties.ConsumerSettings, name string) egress.Settings {
	e := egress.Settings{Consumer: c.ConsumerConfig, Concurrency: c.Concurrency}
	e.Consumer.InstanceID = name
	if c.InstanceID != "" {
		host, err := os.Hostname()
		if err != nil { // without a name members are dynamic, which costs a rebalance more
			host = ""
		}
		e.Consumer.InstanceID = instanceID(c.InstanceID, host)
	}
	if c.CommitInterval < ourCommits {
		e.CommitInterval = c.CommitInterval
	}
	return e
}

// instanceID joins the parts of the id of a static member; "" without either.
func instanceID(id, host string) string {
	if id == "" || host == "" {
		return ""
	}
	return id + "-" + host
}

// loadSettings reads all files for the first time, into the fields of p that the parts are made with.
func (p *Plane) loadSettings() {
	paths, log := p.config.Settings, p.config.Log
	add := func(path string, parse func(string, []byte) ([]properties.Warning, error), use func(context.Context)) {
		if path != "" {
			s := newSetting(path, log, parse, use)
			s.start()
			p.settings = append(p.settings, s)
		}
	}
	add(paths.Producer, parser(properties.Producer, p.config.Producer, &p.producer), func(context.Context) {
		p.producers.Configure(p.producer, p.applyAgain)
		p.serve(p.takeProducer)
		p.complete(producerFallback, p.producer.Fallback)
	})
	p.complete(producerFallback, p.producer.Fallback)
	if p.config.Egress {
		p.loadConsumers(add)
		add(paths.WebClient, parser(properties.ReadWebClient, properties.WebClient{}, &p.webClient), func(context.Context) {
			p.clients.Configure(clientLimits(p.webClient))
		})
	}
	if p.config.Ingress {
		add(paths.HTTPServer, parser(properties.ReadHTTPServer, properties.HTTPServer{}, &p.httpServer), func(context.Context) {
			p.serve(p.takeHTTPServer)
		})
	}
}

func clientLimits(c properties.WebClient) delivery.Limits {
	return delivery.Limits{Idle: c.IdleTimeout, Connect: c.ConnectTimeout, PerHost: c.MaxPoolSize}
}

// serve changes the settings of the HTTP server.
func (p *Plane) serve(change func(*server.Settings)) {
	p.serving.Lock()
	defer p.serving.Unlock()
	change(&p.serverSettings)
	if p.front == nil {
		return
	}
	if err := p.front.Configure(p.serverSettings); err != nil {
		p.config.Log.Error("The HTTP server keeps its settings", "error", err)
	}
}

func (p *Plane) takeHTTPServer(s *server.Settings) {
	s.IdleTimeout, s.NoClearHTTP2 = p.httpServer.IdleTimeout, p.httpServer.NoClearHTTP2
	s.MaxHeaderBytes, s.MaxLineBytes = p.httpServer.MaxHeaderBytes, p.httpServer.MaxLineBytes
}

// answerMargin is how much longer than the producer a request waits, so that it hears from it why a record was not written.
const answerMargin = 5 * time.Second

func (p *Plane) takeProducer(s *server.Settings) {
	s.AnswerTimeout = 0 // the server's own
	if limit := p.producer.DeliveryTimeout; limit > 0 {
		s.AnswerTimeout = limit + answerMargin
	}
}

// parser keeps what read makes of a file in into. What is not in the file is as in base.
func parser[C any](read func(C, string, []byte) (C, []properties.Warning, error), base C, into *C,
) func(string, []byte) ([]properties.Warning, error) {
	return func(name string, content []byte) ([]properties.Warning, error) {
		c, warnings, err := read(base, name, content)
		if err == nil {
			*into = c
		}
		return warnings, err
	}
}

// watchSettings takes up changes of all files, each on a goroutine of its own, until ctx ends.
func (p *Plane) watchSettings(ctx context.Context) error {
	files, ctx := errgroup.WithContext(ctx)
	for _, s := range p.settings {
		files.Go(func() error { return s.watch(ctx) })
	}
	return files.Wait()
}

// settingsReport is what became of the files.
func (p *Plane) settingsReport() []status.Setting {
	var reports []status.Setting
	for _, s := range p.settings {
		s.mu.Lock()
		reports = append(reports, s.report)
		s.mu.Unlock()
	}
	p.exports.mu.Lock()
	defer p.exports.mu.Unlock()
	if p.exports.report.File != "" {
		reports = append(reports, p.exports.report)
	}
	return reports
}
