package plane

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"knative.dev/eventing-kafka-go/data-plane/kafka/kafkatest"
	"knative.dev/eventing-kafka-go/data-plane/properties"
	"knative.dev/eventing-kafka-go/data-plane/status"
)

// mountSettings writes files of settings by name and returns where they are.
func mountSettings(t *testing.T, files map[string]string) (SettingsPaths, func(name, content string)) {
	t.Helper()
	dir := t.TempDir()
	write := func(name, content string) {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path+".new", []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range files {
		write(name, content)
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	return SettingsPaths{Producer: at("producer"), Consumer: at("consumer"), WebClient: at("webclient"), HTTPServer: at("httpserver")}, write
}

// setting is the report of one file.
func (r *running) setting(name string) status.Setting {
	for _, s := range r.Report().Settings {
		if filepath.Base(s.File) == name {
			return s
		}
	}
	r.t.Fatalf("no settings %s", name)
	return status.Setting{}
}

func TestSettingsThatChangeUnderLoadFailNoRequestAndLoseNoEvent(t *testing.T) { // CFG-15
	k := kafkatest.Start(t)
	k.CreateTopic(t, "topic-b", 2)
	var mu sync.Mutex
	got := map[string]bool{}
	sink := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		mu.Lock()
		if id := q.Header.Get("ce-id"); id != "large" {
			got[id] = true
		}
		mu.Unlock()
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(sink.Close)
	paths, write := mountSettings(t, map[string]string{"producer": "linger.ms=1", "consumer": "max.poll.records=50"})
	r := startWith(t, broker(k, "b", 1, sink.URL, sink.URL), func(c *Config) { c.Settings = paths })
	var sent atomic.Int64
	var senders sync.WaitGroup
	stop := make(chan struct{})
	for sender := range 4 {
		senders.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				if code := r.send("/ns/b", fmt.Sprint(sender, "-", i)); code != http.StatusAccepted {
					t.Errorf("answered %d", code)
					return
				}
				sent.Add(1)
			}
		})
	}
	for i := range 4 {
		size, want := 60_000, http.StatusRequestEntityTooLarge // of an event with 100,000 bytes
		if i%2 == 1 {
			size, want = 200_000, http.StatusAccepted
		}
		write("producer", fmt.Sprintf("linger.ms=%d\nacks=%d\nmax.request.size=%d", 2+i, i/2, size))
		write("consumer", fmt.Sprintf("max.poll.records=%d", 20+i))
		r.eventually("the new settings are used", func() bool { return r.sendOf("/ns/b", 100_000) == want })
		at := sent.Load()
		r.eventually("requests go on", func() bool { return t.Failed() || sent.Load() >= at+20 })
	}
	close(stop)
	senders.Wait()
	r.eventually("every event is delivered", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(got) == int(sent.Load())
	})
}

func TestASettingThatCannotBeUsedChangesNothing(t *testing.T) { // CFG-16, CFG-18, CFG-76
	k := kafkatest.Start(t)
	k.CreateTopic(t, "topic-b", 1)
	paths, write := mountSettings(t, map[string]string{
		"producer": "linger.ms=soon\nsasl.jaas.config=password", "consumer": "fetch.max.wait.ms=300\nno.such.key=x", "httpserver": "idleTimeout=0",
	})
	var log safeBuffer
	r := startWith(t, broker(k, "b", 1), func(c *Config) {
		c.Settings, c.Log = paths, slog.New(slog.NewTextHandler(&log, nil))
	})
	if code := r.send("/ns/b", "1"); code != http.StatusAccepted {
		t.Errorf("answered %d", code)
	}
	if s := r.setting("producer"); s.Rejected != 1 || !s.LoadedAt.IsZero() || !strings.Contains(s.LastError, `producer: linger.ms: "soon" is not allowed`) {
		t.Errorf("%+v", s)
	}
	if s := r.setting("consumer"); s.Rejected != 0 || s.LoadedAt.IsZero() || len(s.Warnings) != 1 || r.consumers[""].FetchMaxWait != 300*time.Millisecond {
		t.Errorf("%+v", s)
	}
	write("producer", "linger.ms=7")
	r.eventually("the repaired file is used", func() bool { return !r.setting("producer").LoadedAt.IsZero() })
	write("consumer", "isolation.level=none\nno.such.key=x")
	r.eventually("the broken file is refused", func() bool { return r.setting("consumer").Rejected == 1 })
	write("consumer", "# the same again\nno.such.key : x\nfetch.max.wait.ms : 300")
	write("webclient", "idleTimeout=5")
	r.eventually("a file that appears is used", func() bool { return !r.setting("webclient").LoadedAt.IsZero() })
	text := log.String()
	if n := strings.Count(text, "no.such.key"); n != 1 {
		t.Errorf("warned %d times of one key:\n%s", n, text)
	}
	for _, part := range []string{"linger.ms", "soon", "one of read_committed, read_uncommitted"} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in the log:\n%s", part, text)
		}
	}
}

func TestFilesThatAreMissingMeanTheDefaults(t *testing.T) {
	k := kafkatest.Start(t)
	k.CreateTopic(t, "topic-b", 1)
	paths, _ := mountSettings(t, nil)
	r := startWith(t, broker(k, "b", 1), func(c *Config) { c.Settings = paths })
	if code := r.send("/ns/b", "1"); code != http.StatusAccepted {
		t.Errorf("answered %d", code)
	}
	static := properties.ConsumerSettings{}
	static.InstanceID = "mine"
	if id := egressSettings(static, "pod").Consumer.InstanceID; !strings.HasPrefix(id, "mine-") || len(id) < 6 || instanceID("mine", "") != "" {
		t.Errorf("the id of a static member is %q, the same in every process", id)
	}
	if e := egressSettings(properties.ConsumerSettings{CommitInterval: 5 * time.Second}, ""); e.CommitInterval != 0 {
		t.Errorf("events would wait %v for their commit", e.CommitInterval)
	}
}
