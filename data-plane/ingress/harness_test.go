package ingress

import (
	"cmp"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/data-plane/cloudevent"
	"knative.dev/eventing-kafka-go/data-plane/kafka"
	"knative.dev/eventing-kafka-go/data-plane/telemetry"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// cluster stands for the producers of a process. What Kafka answers is up to the test.
type cluster struct {
	mu      sync.Mutex
	written []*kgo.Record
	uses    map[string]int // acquired and not released, by servers
	peak    int
	// answer decides on a record; nil means that it is written at once.
	answer func(servers string, r *kgo.Record, promise func(*kgo.Record, error))
	limit  int // of a record; 0: 64 KiB
	// trouble is what is wrong with the connection.
	trouble string
}

func (c *cluster) acquire(conn kafka.Connection) (Sink, error) {
	key := conn.Key()
	c.use(key, 1)
	return Sink{
		Produce: func(r *kgo.Record, promise func(*kgo.Record, error)) {
			if c.answer != nil {
				c.answer(key, r, promise)
				return
			}
			c.write(r)
			promise(r, nil)
		},
		MaxRecordBytes: cmp.Or(c.limit, 64<<10),
		Trouble:        func() string { return c.trouble },
		Release:        func() { c.use(key, -1) },
	}, nil
}

func (c *cluster) use(key string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.uses == nil {
		c.uses = map[string]int{}
	}
	c.uses[key] += n
	c.peak = max(c.peak, c.uses[key])
}

// write keeps a deep copy: the memory of a record is the request's.
func (c *cluster) write(r *kgo.Record) {
	w := &kgo.Record{Topic: r.Topic, Key: copied(r.Key), Value: copied(r.Value)}
	for _, h := range r.Headers {
		w.Headers = append(w.Headers, kgo.RecordHeader{Key: string(copied([]byte(h.Key))), Value: copied(h.Value)})
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.written = append(c.written, w)
}

func copied(b []byte) []byte {
	if b == nil {
		return nil
	}
	return append([]byte{}, b...)
}

func (c *cluster) used(key string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.uses[key]
}

func start(t testing.TB, c *cluster) *Ingress {
	t.Helper()
	registry := telemetry.NewRegistry(telemetry.Options{})
	t.Cleanup(func() { registry.Close(t.Context()) }) //nolint:errcheck // nothing is exported
	return New(Options{Acquire: c.acquire, Telemetry: registry, Log: slog.New(slog.DiscardHandler)})
}

// resource is an entry that is served at /ns/<uid>.
func resource(uid string, change ...func(*contract.Resource)) *contract.Resource {
	r := &contract.Resource{
		Uid: uid, Topics: []string{"topic-" + uid}, BootstrapServers: "kafka:9092",
		Ingress:   &contract.Ingress{Path: "/ns/" + uid},
		Reference: &contract.Reference{Kind: "Broker", Namespace: "ns", Name: uid},
	}
	for _, f := range change {
		f(r)
	}
	return r
}

func contractOf(resources ...*contract.Resource) *contract.Contract {
	return &contract.Contract{Resources: resources}
}

// call is what a test sends; its zero value is a good event to /ns/a.
type call struct {
	method, target, host, contentType string
	headers                           []cloudevent.Header
	body                              string
}

func event(extra ...string) []cloudevent.Header {
	pairs := append([]string{"Ce-Specversion", "1.0", "ce-id", "1", "CE-SOURCE", "/s", "Ce-Type", "t"}, extra...)
	var headers []cloudevent.Header
	for i := 0; i < len(pairs); i += 2 {
		headers = append(headers, cloudevent.Header{Name: pairs[i], Value: pairs[i+1]})
	}
	return headers
}

// submit does what a server does, without waiting; answers get every answer that is given.
func submit(i *Ingress, c call, answers chan<- Answer) {
	r := i.NewRequest()
	r.Received = time.Now()
	r.Method, r.Target, r.Host, r.ContentType = c.method, c.target, c.host, c.contentType
	if r.Method == "" {
		r.Method = "POST"
	}
	if r.Target == "" {
		r.Target = "/ns/a"
	}
	if c.headers == nil {
		c.headers = event()
	}
	r.Headers = append(r.Headers, c.headers...)
	a, ok := i.Admit(r)
	if ok && len(c.body) > r.Limit {
		a, ok = r.TooLarge(), false
	}
	if !ok {
		r.Discard()
		answers <- a
		return
	}
	r.Body = append(r.Body, c.body...)
	i.Handle(r, func(a Answer) { answers <- a })
}

func send(t testing.TB, i *Ingress, c call) Answer {
	t.Helper()
	answers := make(chan Answer, 2)
	submit(i, c, answers)
	select {
	case a := <-answers:
		return a
	case <-time.After(time.Minute):
		t.Fatal("no answer")
		return Answer{}
	}
}
