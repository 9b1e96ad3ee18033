package send

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// request is what a server got.
type request struct {
	header http.Header
	host   string
	body   string
	at     time.Time
}

// server answers the n-th request (from 1) and keeps all.
type server struct {
	*httptest.Server
	mu   sync.Mutex
	got  []request
	open int
	most int // requests open at a time
}

func serve(t *testing.T, answer func(w http.ResponseWriter, n int)) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		s.mu.Lock()
		s.got = append(s.got, request{header: r.Header, host: r.Host, body: string(body), at: time.Now()})
		n := len(s.got)
		s.open++
		s.most = max(s.most, s.open)
		s.mu.Unlock()
		answer(w, n)
		s.mu.Lock()
		s.open--
		s.mu.Unlock()
	}))
	t.Cleanup(s.Close)
	return s
}

func accept(w http.ResponseWriter, _ int) { w.WriteHeader(http.StatusAccepted) }

// command runs kn-kafka send.
func command(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	cmd := Command()
	cmd.SilenceErrors = true
	cmd.SetArgs(args)
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetIn(strings.NewReader("from stdin"))
	err := cmd.ExecuteContext(context.Background())
	return out.String(), err
}

func TestAnEventInBinaryMode(t *testing.T) {
	t.Parallel()
	s := serve(t, accept)
	out, err := command(t, s.URL+"/default/orders", "--type", "order.created", "--source", "/shop", "--subject", "eu/1",
		"--data", `{"total": 12}`, "--extension", "partitionkey=a=b", "--id-prefix", "o", "--host", "orders.example")
	if err != nil {
		t.Fatal(err)
	}
	if want := "202 Accepted  order.created id=o-1 → " + s.URL + "/default/orders  "; !strings.HasPrefix(out, want) {
		t.Errorf("printed %q, want %q…", out, want)
	}
	got := s.got[0]
	for name, want := range map[string]string{"Ce-Id": "o-1", "Ce-Type": "order.created", "Ce-Source": "/shop", "Ce-Subject": "eu/1",
		"Ce-Specversion": "1.0", "Ce-Partitionkey": "a=b", "Content-Type": "application/json"} {
		if got.header.Get(name) != want {
			t.Errorf("header %s is %q, want %q", name, got.header.Get(name), want)
		}
	}
	if got.body != `{"total": 12}` || got.host != "orders.example" {
		t.Errorf("body %q, host %q", got.body, got.host)
	}
}

func TestDataAndItsType(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "data")
	if err := os.WriteFile(file, []byte{0xff, 0}, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name             string
		args             []string
		contentType, has string
	}{
		{"text", []string{"--data", "hello"}, "text/plain", "hello"},
		{"none", nil, "", ""},
		{"standard input", []string{"--data", "@-"}, "text/plain", "from stdin"},
		{"a file and a type", []string{"--data", "@" + file, "--content-type", "image/png"}, "image/png", "\xff\x00"},
		{"structured JSON", []string{"--data", "[1]", "--structured"}, "application/cloudevents+json", `"data":[1]`},
		{"structured text", []string{"--data", "hello", "--structured"}, "application/cloudevents+json", `"data":"hello"`},
		{"structured bytes", []string{"--data", "@" + file, "--structured"}, "application/cloudevents+json", `"data_base64":"/wA="`},
		{"structured text that is not the JSON that it is said to be", []string{"--data", "{", "--content-type", "application/json", "--structured"},
			"application/cloudevents+json", `"data_base64":"ew=="`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, accept)
			if out, err := command(t, append(test.args, s.URL)...); err != nil {
				t.Fatal(err, out)
			}
			if got := s.got[0]; got.header.Get("Content-Type") != test.contentType || !strings.Contains(got.body, test.has) {
				t.Errorf("content type %q, body %q", got.header.Get("Content-Type"), got.body)
			}
		})
	}
}

func TestAnEventThatIsNotAcceptedIsAnError(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, n int) {
		if n%2 == 0 {
			http.Error(w, "no such channel", http.StatusNotFound)
			return
		}
		w.WriteHeader(http.StatusAccepted)
	})
	out, err := command(t, s.URL, "--count", "5")
	if err == nil || err.Error() != "2 of 5 events were not accepted" {
		t.Errorf("error %v", err)
	}
	for _, want := range []string{": 5 sent, 3 accepted, 2 refused; median ", "     3 × 202 Accepted\n", "     2 × 404 Not Found: no such channel\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("printed %q, want it to have %q", out, want)
		}
	}
}

func TestNoAnswerIsAnErrorThatSaysWhy(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(nil)
	s.Close()
	out, err := command(t, s.URL)
	if err == nil || !strings.Contains(out, "no answer: dial tcp") || !strings.Contains(out, "connection refused") {
		t.Errorf("error %v, printed %q", err, out)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ int) {
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	if out, err := command(t, s.URL); err == nil || !strings.HasPrefix(out, "307 ") || len(s.got) != 1 {
		t.Errorf("error %v, printed %q, %d requests", err, out, len(s.got))
	}
}

func TestRetriesUseTheSameEvent(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, n int) {
		if n < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusAccepted)
	})
	out, err := command(t, s.URL, "--retries", "2")
	if err != nil || len(s.got) != 3 || s.got[0].header.Get("Ce-Id") != s.got[2].header.Get("Ce-Id") {
		t.Errorf("error %v, printed %q, %d requests", err, out, len(s.got))
	}
	refusing := serve(t, func(w http.ResponseWriter, _ int) { w.WriteHeader(http.StatusBadRequest) })
	if _, err := command(t, refusing.URL, "--retries", "2"); err == nil || len(refusing.got) != 1 {
		t.Errorf("error %v, %d requests: a 400 stays one", err, len(refusing.got))
	}
}

func TestEveryAddressGetsItsEventsInOrder(t *testing.T) {
	t.Parallel()
	a, b := serve(t, accept), serve(t, accept)
	if out, err := command(t, a.URL, b.URL, "--count", "20", "--id-prefix", "x"); err != nil {
		t.Fatal(err, out)
	}
	for _, s := range []*server{a, b} {
		for i, got := range s.got {
			if want := fmt.Sprintf("x-%d", i+1); got.header.Get("Ce-Id") != want {
				t.Errorf("event %d is %s, want %s", i, got.header.Get("Ce-Id"), want)
			}
		}
		if len(s.got) != 20 || s.most != 1 {
			t.Errorf("%d events, %d at a time", len(s.got), s.most)
		}
	}
}

func TestParallelRequests(t *testing.T) {
	t.Parallel()
	var arrived sync.WaitGroup
	arrived.Add(4)
	s := serve(t, func(w http.ResponseWriter, n int) {
		if n <= 4 { // the first four wait for each other
			arrived.Done()
			arrived.Wait()
		}
		w.WriteHeader(http.StatusAccepted)
	})
	if out, err := command(t, s.URL, "--count", "10", "--parallel", "4"); err != nil || s.most > 4 {
		t.Errorf("error %v, printed %q, %d at a time", err, out, s.most)
	}
}

func TestTheRateIsKept(t *testing.T) {
	t.Parallel()
	s := serve(t, accept)
	start := time.Now()
	if out, err := command(t, s.URL, "--count", "11", "--rate", "50"); err != nil {
		t.Fatal(err, out)
	}
	// The eleventh is due after ten fiftieths of a second. Later is the machine's fault, earlier would be ours.
	if last := s.got[10].at.Sub(start); last < 200*time.Millisecond {
		t.Errorf("the last of 11 events at 50 a second came after %s", last)
	}
}

func TestAnEndlessRunEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	s := serve(t, func(w http.ResponseWriter, n int) {
		if n == 5 {
			cancel()
		}
		w.WriteHeader(http.StatusAccepted)
	})
	cmd := Command()
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetArgs([]string{s.URL, "--count", "0"})
	if err := cmd.ExecuteContext(ctx); err != nil || !strings.Contains(out.String(), " 0 refused") {
		t.Errorf("error %v, printed %q: what was under way is finished", err, out.String())
	}
}

func TestWrongFlagsAreRefused(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ flag, value, want string }{
		{"--extension", "a", `extension "a": expected NAME=VALUE`},
		{"--count", "-1", "--count -1: expected 0 or more"},
		{"--parallel", "0", "--parallel 0: expected 1 or more"},
		{"--data", "@/no/such", "data: open /no/such: no such file or directory"},
		{"--source", "%", "source: REQUIRED"},
	} {
		if _, err := command(t, "http://127.0.0.1:1", test.flag, test.value); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s %s: error %v, want %q", test.flag, test.value, err, test.want)
		}
	}
	if _, err := command(t, "default/orders"); err == nil || !strings.HasPrefix(err.Error(), `address "default/orders": expected a URL`) {
		t.Errorf("error %v", err)
	}
}
