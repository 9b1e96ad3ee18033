package tracing

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	v1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
)

const (
	sampled   = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	unsampled = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
	traceID   = "0af7651916cd43dd8448eb211c80319c"
)

// received collects what exporters send.
type received struct {
	collector.UnimplementedTraceServiceServer
	mu       sync.Mutex
	requests []*collector.ExportTraceServiceRequest
}

// Export is called with gRPC.
func (r *received) Export(_ context.Context, q *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests = append(r.requests, q)
	return &collector.ExportTraceServiceResponse{}, nil
}

// ServeHTTP is called with HTTP.
func (r *received) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, _ := io.ReadAll(q.Body)
	request := new(collector.ExportTraceServiceRequest)
	if proto.Unmarshal(body, request) != nil || q.URL.Path != "/v1/traces" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.Export(q.Context(), request) //nolint:errcheck // it has none
}

// spans are those that came, by kind.
func (r *received) spans() (named map[string]*v1.Span, resource map[string]string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	named, resource = map[string]*v1.Span{}, map[string]string{}
	for _, q := range r.requests {
		for _, rs := range q.GetResourceSpans() {
			for _, a := range rs.GetResource().GetAttributes() {
				resource[a.GetKey()] = a.GetValue().GetStringValue()
			}
			for _, ss := range rs.GetScopeSpans() {
				for _, s := range ss.GetSpans() {
					named[strings.TrimPrefix(s.GetKind().String(), "SPAN_KIND_")] = s
				}
			}
		}
	}
	return named, resource
}

func attributes(s *v1.Span) map[string]string {
	all := map[string]string{}
	for _, a := range s.GetAttributes() {
		all[a.GetKey()] = a.GetValue().GetStringValue()
	}
	return all
}

func newTracer(t *testing.T, c Config) *Tracer {
	t.Helper()
	tr := New(slog.New(slog.DiscardHandler), io.Discard)
	if err := tr.Configure(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return tr
}

func TestSpansReachACollector(t *testing.T) { // OBS-28 to OBS-32
	for _, protocol := range []string{HTTP, GRPC} {
		t.Run(protocol, func(t *testing.T) {
			got := new(received)
			tr := newTracer(t, Config{Protocol: protocol, Endpoint: serve(t, protocol, got), Service: "kafka-broker-receiver", Namespace: "ns"})
			m := Message{ID: "1", Source: "/s", Type: "t", ConsumerUUID: "u", ConsumerName: "n", Topic: "topic", Servers: "k-0:9092, k-1:9093"}
			server := tr.Server(sampled, "a=b", time.Now(), "POST", "/ns/b")
			send := tr.Send(server, m)
			parent, state := send.Headers()
			receive := tr.Receive(parent, state, time.Now(), m)
			client := tr.Client(receive, "http://sub/", m)
			client.Answered(503, "")
			receive.Ended(nil)
			send.Ended(nil)
			server.Answered(202, "")
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			tr.Close(ctx)
			spans, resource := got.spans()
			if resource["service.name"] != "kafka-broker-receiver" || resource["service.namespace"] != "ns" || len(spans) != 4 {
				t.Fatalf("%v %v", resource, spans)
			}
			for child, of := range map[string]string{"PRODUCER": "SERVER", "CONSUMER": "PRODUCER", "CLIENT": "CONSUMER"} {
				if !bytes.Equal(spans[child].GetParentSpanId(), spans[of].GetSpanId()) {
					t.Errorf("%s is not part of %s", child, of)
				}
			}
			if spans["PRODUCER"].GetName() != "kafka_send" || spans["CONSUMER"].GetName() != "kafka_receive" ||
				spans["CLIENT"].GetStatus().GetCode() != v1.Status_STATUS_CODE_ERROR {
				t.Errorf("%v", spans)
			}
			for name, s := range spans {
				if got := hexOf(s.GetTraceId()); got != traceID || s.GetTraceState() != "a=b" {
					t.Errorf("%s belongs to trace %s with state %q", name, got, s.GetTraceState())
				}
			}
			a := attributes(spans["CONSUMER"])
			for key, want := range map[string]string{
				"messaging.message_id": "1", "messaging.message_source": "/s", "messaging.message_type": "t",
				"consumer.uuid": "u", "consumer.name": "n", "peer.service": "kafka", "message_bus.destination": "topic",
				"peer.address": "k-0:9092, k-1:9093", "peer.hostname": "k-0", "peer.port": "9092",
			} {
				if a[key] != want {
					t.Errorf("%s: %q, want %q", key, a[key], want)
				}
			}
		})
	}
}

func hexOf(b []byte) string {
	const digits = "0123456789abcdef"
	var s strings.Builder
	for _, c := range b {
		s.WriteByte(digits[c>>4])
		s.WriteByte(digits[c&15])
	}
	return s.String()
}

// serve starts a collector and returns its endpoint.
func serve(t *testing.T, protocol string, to *received) string {
	t.Helper()
	if protocol == HTTP {
		s := httptest.NewServer(to)
		t.Cleanup(s.Close)
		return s.URL + "/v1/traces"
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer()
	collector.RegisterTraceServiceServer(s, to)
	go s.Serve(l) //nolint:errcheck // it ends with the test
	t.Cleanup(s.Stop)
	return "http://" + l.Addr().String()
}

func TestWhatIsSampled(t *testing.T) {
	for name, row := range map[string]struct {
		ratio           float64
		parent          string
		server, receive bool
	}{
		"no trace, rate 0":               {0, "", false, false},
		"no trace, rate 1":               {1, "", true, false}, // a record without a trace begins none
		"a parent that is sampled":       {0, sampled, true, true},
		"a parent that is not, rate 1":   {1, unsampled, false, false},
		"a parent that cannot be read":   {1, "00-x-y-01", false, false},
		"a parent of a future version":   {0, "cc" + sampled[2:], true, true},
		"a parent with a trace of zeros": {1, "00-00000000000000000000000000000000-b7ad6b7169203331-01", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			tr := newTracer(t, Config{Protocol: Stdout, Ratio: row.ratio})
			defer tr.Close(t.Context())
			if got := tr.Server(row.parent, "", time.Now(), "POST", "/").Recorded(); got != row.server {
				t.Errorf("a request: %v, want %v", got, row.server)
			}
			if got := tr.Receive(row.parent, "", time.Now(), Message{}).Recorded(); got != row.receive {
				t.Errorf("a record: %v, want %v", got, row.receive)
			}
		})
	}
}

func TestOffIsOff(t *testing.T) {
	var none *Tracer
	off := New(slog.New(slog.DiscardHandler), io.Discard)
	if none.On() || off.On() {
		t.Error("on")
	}
	s := off.Server(sampled, "", time.Now(), "POST", "/")
	s.Answered(202, "")
	off.Send(s, Message{}).Ended(nil)
	off.Client(s, "http://x/", Message{}).Answered(0, "gone")
	if s.Recorded() {
		t.Error("recorded")
	}
	if n := testing.AllocsPerRun(100, func() { _ = off.On() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if err := off.Configure(t.Context(), Config{Protocol: "zipkin"}); err == nil || off.On() {
		t.Error("an unknown protocol was taken")
	}
}

func TestSettingsChangeWhileSpansAreMade(t *testing.T) {
	tr := New(slog.New(slog.DiscardHandler), io.Discard)
	var working sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		working.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				server := tr.Server(sampled, "", time.Now(), "POST", "/")
				tr.Send(server, Message{ID: "1"}).Ended(nil)
				server.Answered(202, "")
			}
		})
	}
	for i := range 20 {
		c := Config{Protocol: Stdout, Ratio: float64(i) / 20}
		if i%3 == 0 {
			c = Config{}
		}
		if err := tr.Configure(t.Context(), c); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	working.Wait()
	tr.Close(t.Context())
}

func TestSpansAreLoggedAtDebug(t *testing.T) { // OBS-34
	var said bytes.Buffer
	level := new(slog.LevelVar)
	tr := New(slog.New(slog.NewJSONHandler(&said, &slog.HandlerOptions{Level: level})), io.Discard)
	if err := tr.Configure(t.Context(), Config{Protocol: Stdout}); err != nil {
		t.Fatal(err)
	}
	defer tr.Close(t.Context())
	tr.Server(sampled, "", time.Now(), "POST", "/quiet").Answered(202, "")
	if said.Len() > 0 {
		t.Errorf("logged at INFO: %s", &said)
	}
	level.Set(slog.LevelDebug)
	tr.Server(sampled, "", time.Now(), "POST", "/ns/b").Answered(503, "Kafka is away")
	var line struct {
		Msg, Name, Trace, Parent, Error string
		Attributes                      map[string]string
	}
	if err := json.Unmarshal(said.Bytes(), &line); err != nil {
		t.Fatalf("%v: %s", err, &said)
	}
	if line.Msg != "Span" || line.Name != "HTTP POST" || line.Trace != traceID || line.Parent != "b7ad6b7169203331" ||
		line.Error != "Kafka is away" || line.Attributes["url.path"] != "/ns/b" || line.Attributes["http.response.status_code"] != "503" {
		t.Errorf("%s", &said)
	}
}

func TestASpanOutlivesTheMemoryOfItsRequest(t *testing.T) {
	var said bytes.Buffer
	tr := New(slog.New(slog.NewJSONHandler(&said, &slog.HandlerOptions{Level: slog.LevelDebug})), io.Discard)
	if err := tr.Configure(t.Context(), Config{Protocol: Stdout}); err != nil {
		t.Fatal(err)
	}
	defer tr.Close(t.Context())
	memory := []byte("POST/ns/ba=b")
	text := unsafe.String(&memory[0], len(memory))
	span := tr.Server(sampled, text[9:], time.Now(), text[:4], text[4:9])
	copy(memory, "XXXXXXXXXXXX")
	_, state := span.Headers()
	span.Answered(202, "")
	for _, want := range []string{`"HTTP POST"`, `"/ns/b"`, `"POST"`} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("no %s in %s", want, &said)
		}
	}
	if state != "a=b" {
		t.Errorf("state %q", state)
	}
}
