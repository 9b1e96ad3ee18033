package plane

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"knative.dev/eventing-kafka-go/data-plane/kafka"
	"knative.dev/eventing-kafka-go/data-plane/kafka/kafkatest"
	"knative.dev/eventing-kafka-go/data-plane/status"
	"knative.dev/eventing-kafka-go/proto/contract"
)

const deadline = 2 * time.Minute

// running is a plane on a contract file of its own.
type running struct {
	*Plane
	t    *testing.T
	path string
	end  context.CancelFunc
}

func start(t *testing.T, c *contract.Contract) *running {
	t.Helper()
	return startWith(t, c, func(*Config) {})
}

// startWith is start with a configuration that was changed.
func startWith(t *testing.T, c *contract.Contract, change func(*Config)) *running {
	t.Helper()
	dir := t.TempDir()
	r := &running{t: t, path: filepath.Join(dir, "data")}
	r.write(c)
	ctx, cancel := context.WithCancel(context.Background())
	r.end = cancel
	config := Config{
		Ingress: true, Egress: true,
		ContractPath: r.path, LastGoodPath: filepath.Join(dir, "last-good"),
		IngressAddress: "127.0.0.1:0", StatusAddress: "127.0.0.1:0", MetricsAddress: "127.0.0.1:0",
		Producer: kafka.DefaultProducerConfig(), Consumer: kafka.DefaultConsumerConfig(),
		ShutdownGrace: 10 * time.Second, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	change(&config)
	p, err := Start(ctx, config)
	if err != nil {
		t.Fatal(err)
	}
	r.Plane = p
	t.Cleanup(func() {
		cancel()
		if err := p.Wait(); err != nil {
			t.Errorf("the plane ended with %v", err)
		}
	})
	r.eventually("the contract is loaded", func() bool { return p.Report().Ready })
	return r
}

// write puts the contract in place as one step, the way a file is replaced.
func (r *running) write(c *contract.Contract) {
	r.t.Helper()
	content, err := contract.Encode(c, contract.FormatZstd)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(r.path+".new", content, 0o600); err != nil {
		r.t.Fatal(err)
	}
	if err := os.Rename(r.path+".new", r.path); err != nil {
		r.t.Fatal(err)
	}
}

func (r *running) eventually(what string, holds func() bool) {
	r.t.Helper()
	for end := time.Now().Add(deadline); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if holds() {
			return
		}
	}
	r.t.Fatalf("not within %v: %s", deadline, what)
}

// send posts one event and returns the status.
func (r *running) send(path, id string) int {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, "http://"+r.IngressAddr().String()+path, strings.NewReader("hello"))
	if err != nil {
		r.t.Fatal(err)
	}
	for name, value := range map[string]string{"ce-specversion": "1.0", "ce-id": id, "ce-source": "/test", "ce-type": "t", "Content-Type": "text/plain"} {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

// sendOf posts an event with so many bytes of data and returns the status, 0 when the connection was closed before.
func (r *running) sendOf(path string, size int) int {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, "http://"+r.IngressAddr().String()+path, strings.NewReader(strings.Repeat("x", size)))
	if err != nil {
		r.t.Fatal(err)
	}
	for name, value := range map[string]string{"ce-specversion": "1.0", "ce-id": "large", "ce-source": "/test", "ce-type": "t", "Content-Type": "text/plain"} {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0 // as a body that is too large may be
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

func (r *running) get(path string) (int, string) {
	r.t.Helper()
	resp, err := http.Get("http://" + r.StatusAddr().String() + path)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func broker(k *kafkatest.Cluster, name string, generation uint64, destinations ...string) *contract.Contract {
	r := &contract.Resource{
		Uid: "uid-" + name, Topics: []string{"topic-" + name}, BootstrapServers: k.Bootstrap(),
		Ingress:   &contract.Ingress{Path: "/ns/" + name},
		Reference: &contract.Reference{Namespace: "ns", Name: name, Kind: "Broker"},
	}
	for i, d := range destinations {
		r.Egresses = append(r.Egresses, &contract.Egress{
			Uid: fmt.Sprintf("trigger-%d", i), ConsumerGroup: fmt.Sprintf("group-%d", i), Destination: d,
			ReplyStrategy: &contract.Egress_DiscardReply{DiscardReply: &contract.Empty{}},
			Reference:     &contract.Reference{Namespace: "ns", Name: fmt.Sprintf("trigger-%d", i), Kind: "Trigger"},
		})
	}
	return &contract.Contract{Generation: generation, Resources: []*contract.Resource{r}}
}

func TestAnEventGoesInOverHTTPThroughKafkaAndOutOverHTTP(t *testing.T) {
	k := kafkatest.Start(t)
	k.CreateTopic(t, "topic-b", 3)
	var got atomic.Int64
	sink := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		got.Add(1)
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(sink.Close)
	r := start(t, broker(k, "b", 1, sink.URL))
	for i := range 20 {
		if code := r.send("/ns/b", fmt.Sprint(i)); code != http.StatusAccepted {
			t.Fatalf("answered %d", code)
		}
	}
	r.eventually("20 deliveries", func() bool { return got.Load() == 20 })
	report := r.Report()
	if len(report.Routes) != 1 || report.Routes[0].Accepted != 20 {
		t.Errorf("routes: %+v", report.Routes)
	}
	r.eventually("20 delivered in the report", func() bool { g := r.Report().Groups; return len(g) == 1 && g[0].Delivered == 20 })

	code, body := r.get("/status")
	var read status.Report
	if err := json.Unmarshal([]byte(body), &read); err != nil || code != http.StatusOK || len(read.Groups) != 1 {
		t.Errorf("/status: %d, %v, %s", code, err, body)
	}
	if code, body := r.get("/metrics"); code != http.StatusOK || !strings.Contains(body, "kn_eventing_dispatch_latency_ms_bucket") {
		t.Errorf("/metrics: %d %s", code, body)
	}
	if code, _ := r.get("/readyz"); code != http.StatusOK {
		t.Errorf("/readyz: %d", code)
	}
}

func TestANewContractIsServedWithoutARestart(t *testing.T) {
	k := kafkatest.Start(t)
	k.CreateTopic(t, "topic-b", 1)
	k.CreateTopic(t, "topic-c", 1)
	r := start(t, broker(k, "b", 1))
	if code := r.send("/ns/c", "1"); code != http.StatusNotFound {
		t.Fatalf("before: %d", code)
	}
	next := broker(k, "b", 2)
	next.Resources = append(next.Resources, broker(k, "c", 2).Resources...)
	r.write(next)
	r.eventually("the new route answers", func() bool { return r.send("/ns/c", "2") == http.StatusAccepted })
	if code := r.send("/ns/b", "3"); code != http.StatusAccepted {
		t.Errorf("the old route: %d", code)
	}
}

func TestAPlaneEndsWithItsContext(t *testing.T) {
	k := kafkatest.Start(t)
	k.CreateTopic(t, "topic-b", 1)
	r := start(t, broker(k, "b", 1, "http://127.0.0.1:1/"))
	r.end()
	if err := r.Wait(); err != nil {
		t.Error(err)
	}
	if _, err := http.Get("http://" + r.StatusAddr().String() + "/healthz"); err == nil {
		t.Error("the status address is still open")
	}
}

func TestWithoutARoleOrAPortNothingStarts(t *testing.T) {
	if _, err := Start(t.Context(), Config{}); err == nil {
		t.Error("started without a role")
	}
	c := Config{
		Ingress: true, ContractPath: "x", IngressAddress: "127.0.0.1:0", StatusAddress: "256.0.0.1:1",
		Producer: kafka.DefaultProducerConfig(), Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	if _, err := Start(t.Context(), c); err == nil {
		t.Error("started without a status address")
	}
}
