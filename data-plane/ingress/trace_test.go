package ingress

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"knative.dev/eventing-kafka-go/data-plane/cloudevent"
	"knative.dev/eventing-kafka-go/data-plane/telemetry"
	"knative.dev/eventing-kafka-go/data-plane/tracing"
)

// logged is where spans are logged to, by any goroutine.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write takes a line of the log.
func (l *logged) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

// spans are those that ended, each as its name, path and status.
func (l *logged) spans(t *testing.T) []string {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []string
	for lines := bufio.NewScanner(&l.text); lines.Scan(); {
		var span struct {
			Msg, Name, Trace string
			Attributes       map[string]string
		}
		if err := json.Unmarshal(lines.Bytes(), &span); err != nil {
			t.Fatal(err)
		}
		if span.Msg != "Span" {
			continue
		}
		if !strings.HasPrefix(span.Trace, "0af7") {
			t.Errorf("%s is in trace %s", span.Name, span.Trace)
		}
		all = append(all, strings.TrimSpace(span.Name+" "+span.Attributes["url.path"]+" "+span.Attributes["http.response.status_code"]))
	}
	return all
}

// TestEveryRequestOfATraceHasASpan is OBS-30: also one that is refused before its body is read.
func TestEveryRequestOfATraceHasASpan(t *testing.T) {
	out := &logged{}
	tracer := tracing.New(slog.New(slog.NewJSONHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug})), io.Discard)
	if err := tracer.Configure(t.Context(), tracing.Config{Protocol: tracing.Stdout}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tracer.Close(t.Context()) })
	registry := telemetry.NewRegistry(telemetry.Options{})
	t.Cleanup(func() { registry.Close(t.Context()) }) //nolint:errcheck // nothing is exported
	i := New(Options{Acquire: new(cluster).acquire, Telemetry: registry, Tracer: tracer, Log: slog.New(slog.DiscardHandler)})
	i.Apply(contractOf(resource("a")), nil)
	sampled := cloudevent.Header{Name: "traceparent", Value: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
	for name, row := range map[string]struct {
		call
		want string
	}{
		"one that is accepted":         {call{target: "/ns/a", headers: event()}, "kafka_send|HTTP POST /ns/a 202"},
		"another method":               {call{method: "PUT", target: "/ns/a"}, "HTTP PUT /ns/a 405"},
		"an unknown path":              {call{target: "/ns/b?x=y"}, "HTTP POST /ns/b 404"},
		"no event":                     {call{target: "/ns/a"}, "HTTP POST /ns/a 400"},
		"a body that is too large":     {call{target: "/ns/a", headers: event(), body: strings.Repeat("x", 70_000)}, "HTTP POST /ns/a 413"},
		"a handshake":                  {call{method: "OPTIONS", target: "/ns/a"}, "HTTP OPTIONS /ns/a 200"},
		"the probe of a kubelet":       {call{method: "GET", target: "/healthz"}, ""},
		"the probe of a control plane": {call{method: "GET", target: "/ns/b", headers: []cloudevent.Header{{Name: "K-Network-Probe", Value: "probe"}}}, ""},
	} {
		row.headers = append(row.headers, sampled)
		send(t, i, row.call)
		if got := strings.Join(out.spans(t), "|"); got != row.want {
			t.Errorf("%s: %s, want %s", name, got, row.want)
		}
	}
	r := i.NewRequest()
	r.Method, r.Target, r.Headers = "POST", "/ns/a", append(r.Headers, sampled)
	if _, ok := i.Admit(r); !ok {
		t.Fatal("not admitted")
	}
	r.Discard() // its client has gone
	if got := strings.Join(out.spans(t), "|"); got != "HTTP POST /ns/a" {
		t.Errorf("cut off: %q", got)
	}
	r = i.NewRequest()
	r.Method, r.Target, r.Headers = "POST", "/ns/a", append(r.Headers, sampled)
	if _, ok := i.Admit(r); !ok {
		t.Fatal("not admitted")
	}
	r.Forget() // another request has all of it
	if got := out.spans(t); len(got) > 0 {
		t.Errorf("a request that goes on as another one: %q", got)
	}
}
