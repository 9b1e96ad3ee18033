package dev

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience bounds what is waited for. Only a test that fails waits that long.
const patience = 2 * time.Minute

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", patience, what)
		}
	}
}

// folder is a folder of manifests.
type folder struct {
	t   *testing.T
	dir string
}

func newFolder(t *testing.T, nameAndContent ...string) folder {
	t.Helper()
	f := folder{t: t, dir: t.TempDir()}
	for i := 0; i < len(nameAndContent); i += 2 {
		f.write(nameAndContent[i], nameAndContent[i+1])
	}
	return f
}

// write replaces a file as editors do: in one step.
func (f folder) write(name, content string) {
	f.t.Helper()
	path := filepath.Join(f.dir, name)
	if err := os.WriteFile(path+".tmp", []byte(content), 0o600); err != nil {
		f.t.Fatal(err)
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		f.t.Fatal(err)
	}
}

func (f folder) remove(name string) {
	f.t.Helper()
	if err := os.Remove(filepath.Join(f.dir, name)); err != nil {
		f.t.Fatal(err)
	}
}

// output collects what is printed.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}
func (o *output) String() string { o.mu.Lock(); defer o.mu.Unlock(); return o.buf.String() }

// running is a kn-kafka dev in this process.
type running struct {
	t       *testing.T
	out     output
	address string
	stop    context.CancelFunc
	ended   chan error
}

var readyLine = regexp.MustCompile(`(?m)^ready: (http://\S+)$`)

// start runs kn-kafka dev with free ports and waits until it is ready. It is ended with the test.
func start(t *testing.T, args ...string) *running {
	t.Helper()
	r := launch(t, args...)
	eventually(t, "ready", func() bool {
		select {
		case err := <-r.ended:
			r.ended <- err
			t.Fatalf("ended: %v\n%s", err, r.out.String())
		default:
		}
		return readyLine.MatchString(r.out.String())
	})
	r.address = readyLine.FindStringSubmatch(r.out.String())[1]
	return r
}

func launch(t *testing.T, args ...string) *running {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	r := &running{t: t, stop: stop, ended: make(chan error, 1)}
	cmd := Command()
	cmd.SilenceErrors = true
	cmd.SetArgs(append([]string{"--listen", "127.0.0.1:0", "--status", "127.0.0.1:0"}, args...))
	cmd.SetOut(&r.out)
	cmd.SetErr(&r.out)
	go func() { r.ended <- cmd.ExecuteContext(ctx) }()
	t.Cleanup(func() {
		r.end()
		if t.Failed() {
			t.Logf("printed:\n%s", r.out.String())
		}
	})
	return r
}

// end ends it and fails the test if it does not end well.
func (r *running) end() {
	r.t.Helper()
	r.stop()
	select {
	case err := <-r.ended:
		r.ended <- nil
		if err != nil {
			r.t.Errorf("ended: %v", err)
		}
	case <-time.After(patience):
		r.t.Errorf("does not end")
	}
}

func (r *running) printed(text string) bool { return strings.Contains(r.out.String(), text) }

// post sends an event and returns the status and the body of the answer; 0 when there is none.
func (r *running) post(path, id string, change ...func(*http.Request)) (int, string) {
	r.t.Helper()
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, r.address+path, strings.NewReader(`{"n":1}`))
	if err != nil {
		r.t.Fatal(err)
	}
	for name, value := range map[string]string{"ce-specversion": "1.0", "ce-id": id, "ce-source": "/test", "ce-type": "test", "content-type": "application/json"} {
		request.Header.Set(name, value)
	}
	for _, c := range change {
		c(request)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		r.t.Error(err)
	}
	return response.StatusCode, string(body)
}

func (r *running) accepts(path, id string, change ...func(*http.Request)) {
	r.t.Helper()
	if status, body := r.post(path, id, change...); status != http.StatusAccepted {
		r.t.Fatalf("%s: %d %s", path, status, body)
	}
}

// subscriber takes events and keeps their ids.
type subscriber struct {
	*httptest.Server
	mu     sync.Mutex
	ids    []string
	answer func(id string, r *http.Request) int // nil: 202
}

func newSubscriber(t *testing.T) *subscriber {
	t.Helper()
	s := &subscriber{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get("ce-id")
		_, _ = io.Copy(io.Discard, r.Body)
		s.mu.Lock()
		s.ids = append(s.ids, id)
		answer := s.answer
		s.mu.Unlock()
		if answer != nil {
			w.WriteHeader(answer(id, r))
			return
		}
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *subscriber) got() []string { s.mu.Lock(); defer s.mu.Unlock(); return slices.Clone(s.ids) }

func (s *subscriber) count(id string) int {
	n := 0
	for _, got := range s.got() {
		if got == id {
			n++
		}
	}
	return n
}

func channel(name, spec string) string {
	return "apiVersion: messaging.knative.dev/v1\nkind: KafkaChannel\nmetadata: {name: " + name + "}\nspec: {" + spec + "}\n---\n"
}

func subscription(name, channel, subscriber string) string {
	return "apiVersion: messaging.knative.dev/v1\nkind: Subscription\nmetadata: {name: " + name + "}\nspec:\n" +
		"  channel: {apiVersion: messaging.knative.dev/v1, kind: KafkaChannel, name: " + channel + "}\n" +
		"  subscriber: " + subscriber + "\n---\n"
}

func broker(name string) string {
	return "apiVersion: eventing.knative.dev/v1\nkind: Broker\nmetadata: {name: " + name + ", annotations: {eventing.knative.dev/broker.class: Kafka}}\n" +
		"spec: {config: {apiVersion: v1, kind: ConfigMap, name: br}}\n---\n" +
		"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: br}\ndata: {bootstrap.servers: 'x:9092', default.topic.partitions: \"2\", default.topic.replication.factor: \"3\"}\n---\n"
}

func trigger(name, broker, subscriber, more string) string {
	return "apiVersion: eventing.knative.dev/v1\nkind: Trigger\nmetadata: {name: " + name + "}\nspec:\n  broker: " + broker + "\n  subscriber: " + subscriber + "\n" + more + "---\n"
}

func uri(s *subscriber) string { return "{uri: '" + s.URL + "'}" }
