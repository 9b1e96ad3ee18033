package apiserver

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"

	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/test/apiserver/env"
	"knative.dev/eventing-kafka-go/test/apiserver/program"
	"knative.dev/eventing-kafka-go/test/apiserver/system"
)

// reconnected: a controller whose API server was away goes on soon when it is back. OUTAGE says for how many seconds.
func reconnected(t *testing.T, s *system.System) {
	const ns = "away"
	outage := time.Duration(number(t, "OUTAGE", 5)) * time.Second
	s.Namespace(t, ns)
	s.Apply(t, brokerConfig(s, ns))
	road := openRoad(t, s)
	s.Replica(t, "controller-1", "KUBECONFIG="+road.kubeconfig)
	b := s.Ready(t, brokerOf(ns, "events", ""))
	before := s.Ready(t, triggerOf(s, ns, "before", "events", "a", "/before", ""))
	road.close(t)
	meanwhile := s.Apply(t, triggerOf(s, ns, "meanwhile", "events", "a", "/meanwhile", ""))
	s.Accepted(t, dataplane.Broker, b, system.Event{ID: "away-1", Type: "a"})
	s.AwaitDelivery(t, "/before", "away-1")
	time.Sleep(outage) // it is what an outage is
	road.open(t)
	began := time.Now()
	s.AwaitReady(t, meanwhile)
	t.Logf("after %v without the API server a Trigger was Ready %v after its return", outage, since(began))
	after := s.Ready(t, triggerOf(s, ns, "after", "events", "a", "/after", ""))
	s.Accepted(t, dataplane.Broker, b, system.Event{ID: "away-2", Type: "a"})
	for _, path := range []string{"/before", "/meanwhile", "/after"} {
		s.AwaitDelivery(t, path, "away-2")
	}
	for _, o := range []*env.Object{before, meanwhile, after, b} {
		s.Gone(t, o)
	}
}

// road is a way to the API server that can be closed.
type road struct {
	kubeconfig string // of the controller, along it
	to, at     string

	mu       sync.Mutex
	listener net.Listener
	travels  []net.Conn
}

func openRoad(t *testing.T, s *system.System) *road {
	t.Helper()
	config, err := clientcmd.LoadFromFile(s.KubeconfigAs(t, "kafka-controller"))
	if err != nil {
		t.Fatal(err)
	}
	r := &road{kubeconfig: filepath.Join(t.TempDir(), "kubeconfig"), at: "127.0.0.1:0"}
	cluster := config.Clusters[config.Contexts[config.CurrentContext].Cluster]
	server, err := url.Parse(cluster.Server)
	if err != nil {
		t.Fatal(err)
	}
	r.to = server.Host
	r.open(t)
	t.Cleanup(func() { r.close(t) })
	server.Host = r.at
	cluster.Server = server.String()
	if err := clientcmd.WriteToFile(*config, r.kubeconfig); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *road) open(t *testing.T) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", r.at)
	if err != nil {
		t.Fatal(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.listener, r.at = listener, listener.Addr().String()
	go func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return // it was closed
			}
			go r.travel(from, listener)
		}
	}()
}

// travel carries bytes both ways until either end or the road is closed.
func (r *road) travel(from net.Conn, through net.Listener) {
	to, err := (&net.Dialer{}).Dial("tcp", r.to)
	if err != nil {
		_ = from.Close()
		return
	}
	r.mu.Lock()
	r.travels = append(r.travels, from, to)
	closed := r.listener != through
	r.mu.Unlock()
	carry := func(to, from net.Conn) {
		_, _ = io.Copy(to, from) // how it ended is seen by both
		_ = to.Close()
		_ = from.Close()
	}
	if closed {
		_ = from.Close()
	}
	go carry(to, from)
	carry(from, to)
}

func (r *road) close(t *testing.T) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.listener == nil {
		return
	}
	_ = r.listener.Close()
	for _, c := range r.travels {
		_ = c.Close()
	}
	r.listener, r.travels = nil, nil
}

// withoutWebhook: while the webhook is away, what there is goes on and what it has to judge is refused.
func withoutWebhook(t *testing.T, e *env.Env, webhook *program.Process) {
	const ns = "unjudged"
	s := system.Start(t, e, dataplane.Broker, dataplane.Sink)
	s.Replica(t, "controller-1")
	s.Namespace(t, ns)
	s.Apply(t, brokerConfig(s, ns))
	b := s.Ready(t, brokerOf(ns, "events", ""))
	one := s.Ready(t, triggerOf(s, ns, "one", "events", "a", "/unjudged-one", ""))
	webhook.Kill(t)
	sink := env.Parse(t, "{apiVersion: eventing.knative.dev/v1alpha1, kind: KafkaSink, metadata: {name: k, namespace: "+ns+"}, "+
		"spec: {topic: unjudged, bootstrapServers: ['"+s.Kafka.Servers+"'], numPartitions: 1, replicationFactor: 1}}")[0]
	if _, err := s.TryApply(t, sink); err == nil || !strings.Contains(err.Error(), "failed calling webhook") {
		t.Errorf("a KafkaSink that nobody has judged: %v", err)
	}
	two := s.Ready(t, triggerOf(s, ns, "two", "events", "a", "/unjudged-two", "")) // core's webhook judges Triggers
	if code, text := s.Send(t, dataplane.Broker, b, system.Event{ID: "unjudged-1", Type: "a"}); code != http.StatusAccepted {
		t.Errorf("it is answered %d %s", code, text)
	}
	s.AwaitDelivery(t, "/unjudged-one", "unjudged-1")
	s.AwaitDelivery(t, "/unjudged-two", "unjudged-1")
	e.StartWebhook(t)
	made, err := s.TryApply(t, sink)
	if err != nil {
		t.Fatal(err)
	}
	s.AwaitReady(t, made)
	for _, o := range []*env.Object{made, one, two, b} {
		s.Gone(t, o)
	}
}
