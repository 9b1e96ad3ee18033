package observability

import (
	"context"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestWhatTheKeysSay(t *testing.T) { // CFG-50, CFG-51, OBS-17, OBS-18
	for name, row := range map[string]struct {
		values  map[string]string
		want    Config
		warning string // part of the only one; "" = none
	}{
		"nothing":                     {nil, Config{MetricsInterval: time.Minute}, ""},
		"none, in any case":           {map[string]string{"metrics-protocol": " None\n", "tracing-protocol": "NONE"}, Config{MetricsInterval: time.Minute}, ""},
		"prometheus":                  {map[string]string{"metrics-protocol": "Prometheus"}, Config{MetricsProtocol: Prometheus, MetricsInterval: time.Minute}, ""},
		"prometheus at another port":  {map[string]string{"metrics-protocol": "prometheus", "metrics-endpoint": ":9099"}, Config{MetricsProtocol: Prometheus, MetricsPort: 9099, MetricsInterval: time.Minute}, ""},
		"prometheus at a URL":         {map[string]string{"metrics-protocol": "prometheus", "metrics-endpoint": "http://localhost:9099/m"}, Config{MetricsProtocol: Prometheus, MetricsPort: 9099, MetricsPath: "/m", MetricsInterval: time.Minute}, ""},
		"prometheus at a path":        {map[string]string{"metrics-protocol": "prometheus", "metrics-endpoint": "/m"}, Config{MetricsProtocol: Prometheus, MetricsPath: "/m", MetricsInterval: time.Minute}, ""},
		"prometheus at no port":       {map[string]string{"metrics-protocol": "prometheus", "metrics-endpoint": "host:x"}, Config{MetricsProtocol: Prometheus, MetricsInterval: time.Minute}, `metrics-endpoint: "host:x" is not used: with prometheus, a port`},
		"push with HTTP":              {map[string]string{"metrics-protocol": "http/protobuf", "metrics-endpoint": "https://c:4318", "metrics-export-interval": "15s"}, Config{MetricsProtocol: HTTP, MetricsEndpoint: "https://c:4318/v1/metrics", MetricsInterval: 15 * time.Second}, ""},
		"push with gRPC":              {map[string]string{"metrics-protocol": "grpc", "metrics-endpoint": "c:4317"}, Config{MetricsProtocol: GRPC, MetricsEndpoint: "http://c:4317", MetricsInterval: time.Minute}, ""},
		"push nowhere":                {map[string]string{"metrics-protocol": "grpc"}, Config{MetricsInterval: time.Minute}, "metrics-endpoint"},
		"an interval that is none":    {map[string]string{"metrics-export-interval": "60"}, Config{MetricsInterval: time.Minute}, "a duration"},
		"traces with a path":          {map[string]string{"tracing-protocol": "http/protobuf", "tracing-endpoint": "http://c:4318/t", "tracing-sampling-rate": "0.5"}, Config{MetricsInterval: time.Minute, TracingProtocol: HTTP, TracingEndpoint: "http://c:4318/t", SamplingRate: 0.5}, ""},
		"traces on standard output":   {map[string]string{"tracing-protocol": "stdout", "tracing-sampling-rate": "1"}, Config{MetricsInterval: time.Minute, TracingProtocol: Stdout, SamplingRate: 1}, ""},
		"a rate above 1":              {map[string]string{"tracing-sampling-rate": "10"}, Config{MetricsInterval: time.Minute}, "from 0 to 1"},
		"an unknown protocol is none": {map[string]string{"metrics-protocol": "opencensus"}, Config{MetricsInterval: time.Minute}, "one of none, prometheus, http/protobuf, grpc"},
	} {
		t.Run(name, func(t *testing.T) {
			got, warnings := Parse(row.values)
			if got != row.want {
				t.Errorf("got %+v, want %+v", got, row.want)
			}
			if text := strings.Join(warnings, "; "); (text == "") != (row.warning == "") || !strings.Contains(text, row.warning) {
				t.Errorf("warnings %q, want %q", text, row.warning)
			}
		})
	}
}

func TestChangesAreSeen(t *testing.T) {
	dir := t.TempDir()
	write := func(key, value string) {
		path := filepath.Join(dir, key)
		if err := os.WriteFile(path+".new", []byte(value), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	write("metrics-protocol", "none")
	before := Read(dir)
	seen := make(chan map[string]string, 10)
	ctx, cancel := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	watching.Go(func() {
		if err := Watch(ctx, dir, before, slog.New(slog.DiscardHandler), func(now map[string]string) { seen <- now }); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); watching.Wait() })
	want := map[string]string{"metrics-protocol": "none"}
	for _, change := range [][2]string{{"tracing-protocol", "grpc"}, {"metrics-protocol", "prometheus"}, {"unknown-key", "x"}, {"tracing-protocol", "none"}} {
		write(change[0], change[1])
		if change[0] == "unknown-key" {
			continue
		}
		want[change[0]] = change[1]
		select {
		case now := <-seen:
			if !maps.Equal(now, want) {
				t.Errorf("got %v, want %v", now, want)
			}
		case <-time.After(40 * time.Second):
			t.Fatalf("%v was not seen", change)
		}
	}
}
