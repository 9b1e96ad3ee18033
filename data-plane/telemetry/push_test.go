package telemetry

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	collector "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	v1 "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
)

// pushed collects what is pushed.
type pushed struct {
	collector.UnimplementedMetricsServiceServer
	mu      sync.Mutex
	metrics map[string]*v1.Metric
	service string
	pushes  int
}

// Export is called with gRPC.
func (p *pushed) Export(_ context.Context, q *collector.ExportMetricsServiceRequest) (*collector.ExportMetricsServiceResponse, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.metrics = map[string]*v1.Metric{}
	p.pushes++
	for _, rm := range q.GetResourceMetrics() {
		for _, a := range rm.GetResource().GetAttributes() {
			if a.GetKey() == "service.name" {
				p.service = a.GetValue().GetStringValue()
			}
		}
		for _, sm := range rm.GetScopeMetrics() {
			for _, m := range sm.GetMetrics() {
				p.metrics[m.GetName()] = m
			}
		}
	}
	return &collector.ExportMetricsServiceResponse{}, nil
}

// ServeHTTP is called with HTTP.
func (p *pushed) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, _ := io.ReadAll(q.Body)
	request := new(collector.ExportMetricsServiceRequest)
	if q.URL.Path != "/v1/metrics" || proto.Unmarshal(body, request) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	p.Export(q.Context(), request) //nolint:errcheck // it has none
}

func (p *pushed) get(name string) (*v1.Metric, string, int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.metrics[name], p.service, p.pushes
}

// collect starts a collector and returns its endpoint.
func collect(t *testing.T, protocol string, to *pushed) string {
	t.Helper()
	if protocol == PushHTTP {
		s := httptest.NewServer(to)
		t.Cleanup(s.Close)
		return s.URL + "/v1/metrics"
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer()
	collector.RegisterMetricsServiceServer(s, to)
	go s.Serve(l) //nolint:errcheck // it ends with the test
	t.Cleanup(s.Stop)
	return "http://" + l.Addr().String()
}

func TestFiguresArePushedUnderTheNamesOfTheirMeters(t *testing.T) { // OBS-01, OBS-18, OBS-29
	for _, protocol := range []string{PushHTTP, PushGRPC} {
		t.Run(protocol, func(t *testing.T) {
			r := NewRegistry(Options{})
			got := new(pushed)
			where := Push{
				Protocol: protocol, Endpoint: collect(t, protocol, got), Interval: 10 * time.Millisecond,
				GoRuntime: protocol == PushHTTP,
				Resource:  resource.NewSchemaless(attribute.String("service.name", "kafka-broker-receiver")),
			}
			r.Ingress("uid", Labels{Kind: "broker", Namespace: "ns", Name: "b"}).Answered(202, "t", 70*time.Millisecond)
			r.Egress("e", Labels{Kind: "trigger", Namespace: "ns", Name: "x"}).Discarded(TypeInvalid, 3)
			if err := r.Push(t.Context(), where); err != nil {
				t.Fatal(err)
			}
			for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
				if _, _, n := got.get(""); n > 1 {
					break
				}
				if time.Now().After(end) {
					t.Fatal("nothing was pushed")
				}
			}
			latency, service, _ := got.get("kn.eventing.dispatch.latency")
			points := latency.GetHistogram().GetDataPoints()
			if service != "kafka-broker-receiver" || latency.GetUnit() != "ms" || len(points) != 1 || points[0].GetCount() != 1 ||
				points[0].GetSum() != 70 || points[0].GetTimeUnixNano() == 0 || points[0].GetStartTimeUnixNano() == 0 {
				t.Errorf("%s: %v", service, latency)
			}
			if discarded, _, _ := got.get("kn.eventing.kafka.discarded_events"); discarded.GetSum().GetDataPoints()[0].GetAsInt() != 3 {
				t.Errorf("%v", discarded)
			}
			for _, name := range []string{"go.memory.used", "go.goroutine.count", "go.schedule.duration"} { // OBS-14
				if m, _, _ := got.get(name); (m != nil) != where.GoRuntime {
					t.Errorf("%s: %v, asked for: %v", name, m, where.GoRuntime)
				}
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if err := r.Push(ctx, Push{}); err != nil {
				t.Error(err)
			}
			if err := r.Close(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	if err := NewRegistry(Options{}).Push(t.Context(), Push{Protocol: "opencensus"}); err == nil {
		t.Error("an unknown protocol was taken")
	}
}
