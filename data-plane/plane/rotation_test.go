package plane

import (
	"context"
	"fmt"
	"io"
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

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"

	"knative.dev/eventing-kafka-go/data-plane/kafka"
	"knative.dev/eventing-kafka-go/data-plane/kafka/credentials"
	"knative.dev/eventing-kafka-go/data-plane/kafka/kafkatest"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// secured is a plane on a cluster that asks for a user and password over TLS, both mounted.
type secured struct {
	*running
	cluster   *kafkatest.Cluster
	authority *kafkatest.Authority
	mount     string
	versions  int
	logged    *safeBuffer
}

type safeBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func startSecured(t *testing.T, destinations ...string) *secured {
	t.Helper()
	authority := kafkatest.NewAuthority(t)
	trusted, err := kafka.ConnectionOf(&contract.Resource{BootstrapServers: "a:1", Auth: authSecret()}, kafka.Credentials{"ns/kafka": {
		"protocol": []byte("SSL"), "user.skip": []byte("true"), "ca.crt": authority.CA}})
	if err != nil {
		t.Fatal(err)
	}
	cluster := kafkatest.StartFor(t,
		[]kgo.Opt{kgo.SASL(plain.Auth{User: "admin", Pass: "admin"}.AsMechanism()), kgo.Dialer(trusted.Dial())},
		kfake.EnableSASL(), kfake.TLS(authority.Server(t, "127.0.0.1", false)), kfake.Superuser("PLAIN", "admin", "admin"),
		kfake.Superuser("SCRAM-SHA-512", "alice", "password-1"))
	for _, topic := range []string{"topic-b", "topic-c"} {
		cluster.CreateTopic(t, topic, 3)
	}
	s := &secured{cluster: cluster, authority: authority, mount: t.TempDir(), logged: &safeBuffer{}}
	s.running = &running{t: t, path: filepath.Join(t.TempDir(), "data")}
	s.mounted("password-1")
	c := broker(cluster, "b", 1, destinations...)
	c.Resources[0].Auth = authSecret()
	s.write(c)
	ctx, cancel := context.WithCancel(context.Background())
	p, err := Start(ctx, Config{
		Ingress: true, Egress: true, ContractPath: s.path, CredentialsPath: s.mount,
		IngressAddress: "127.0.0.1:0", StatusAddress: "127.0.0.1:0",
		Producer: kafka.DefaultProducerConfig(), Consumer: kafka.DefaultConsumerConfig(),
		ShutdownGrace: 10 * time.Second, Log: slog.New(slog.NewTextHandler(s.logged, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	s.Plane, s.end = p, cancel
	t.Cleanup(func() {
		cancel()
		if err := p.Wait(); err != nil {
			t.Errorf("the plane ended with %v", err)
		}
	})
	s.eventually("the contract is loaded", func() bool { return p.Report().Ready })
	return s
}

func authSecret() *contract.Resource_AuthSecret {
	return &contract.Resource_AuthSecret{AuthSecret: &contract.Reference{Namespace: "ns", Name: "kafka"}}
}

// mounted replaces the mounted credentials in one step; more are keys and values that differ.
func (s *secured) mounted(password string, more ...string) {
	s.t.Helper()
	data := map[string][]byte{
		"protocol": []byte("SASL_SSL"), "sasl.mechanism": []byte("SCRAM-SHA-512"), "user": []byte("alice"),
		"password": []byte(password), "ca.crt": s.authority.CA,
	}
	for i := 0; i < len(more); i += 2 {
		data[more[i]] = []byte(more[i+1])
	}
	s.mountData(data)
}

// mountAll exchanges the mounted Secrets in one step.
func (s *secured) mountAll(secrets ...credentials.Secret) {
	s.t.Helper()
	content, err := credentials.Encode(credentials.Bundle{Secrets: secrets})
	if err == nil {
		err = os.WriteFile(filepath.Join(s.mount, "new"), content, 0o600)
	}
	if err == nil {
		err = os.Rename(filepath.Join(s.mount, "new"), filepath.Join(s.mount, credentials.File))
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *secured) taken() bool {
	current := s.source.State().Current
	return current != nil && current.CredentialVersions["ns/kafka"] == fmt.Sprint(s.versions)
}

// received are the ids of delivered events.
type received struct {
	mu  sync.Mutex
	ids map[string]bool
}

func (r *received) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.ids)
}

func (r *received) has(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ids[id]
}

func sink(t *testing.T) (url string, r *received) {
	t.Helper()
	r = &received{ids: map[string]bool{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.ids[req.Header.Get("Ce-Id")] = true
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(server.Close)
	return server.URL, r
}

func TestRotationUnderLoadRefusesNobodyAndLosesNothing(t *testing.T) {
	url, got := sink(t)
	s := startSecured(t, url)
	s.eventually("an event is delivered", func() bool { return s.send("/ns/b", "first") == http.StatusAccepted && got.count() > 0 })

	var sent, refused atomic.Int64
	stop := make(chan struct{})
	var senders sync.WaitGroup
	for sender := range 4 {
		senders.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				sent.Add(1)
				if code := s.send("/ns/b", fmt.Sprintf("%d-%d", sender, i)); code != http.StatusAccepted {
					refused.Add(1)
				}
			}
		})
	}
	more := func() { // events that are sent after now
		now := sent.Load()
		s.eventually("more is sent", func() bool { return sent.Load() > now+50 })
	}
	for _, password := range []string{"password-2", "password-3"} {
		more()
		s.cluster.SetPassword(t, kadm.ScramSha512, "alice", password)
		more()
		s.mounted(password)
		s.eventually("the password is taken", s.taken)
		more()
	}
	close(stop)
	senders.Wait()
	if refused.Load() > 0 {
		t.Errorf("%d of %d events were refused", refused.Load(), sent.Load())
	}
	s.eventually("every event is delivered", func() bool { return got.count() == int(sent.Load())+1 })
	for _, g := range s.Report().Groups {
		if g.Problem != "" || g.Lost != 0 {
			t.Errorf("group: %+v", g)
		}
	}
	if strings.Contains(s.logged.String(), "password-") {
		t.Error("a password is in the log")
	}
}

func TestWrongCredentialsStopOneResourceAndNameTheSecretAndKey(t *testing.T) {
	url, got := sink(t)
	s := startSecured(t, url)
	both := broker(s.cluster, "b", 2, url)
	both.Resources[0].Auth = authSecret()
	other := broker(s.cluster, "c", 2).Resources[0]
	other.Auth = &contract.Resource_AuthSecret{AuthSecret: &contract.Reference{Namespace: "ns", Name: "absent"}}
	both.Resources = append(both.Resources, other)
	s.write(both)
	s.eventually("the second resource is there", func() bool { return len(s.Report().Routes) == 2 })
	s.eventually("an event is delivered", func() bool { return s.send("/ns/b", "before") == http.StatusAccepted && got.count() > 0 })
	if code, body := s.answer("/ns/c"); code != http.StatusServiceUnavailable || !strings.Contains(body, "ns/absent") {
		t.Errorf("without its Secret: %d %q", code, body)
	}

	s.mounted("password-1", "ca.crt", "wrong-authority")
	s.eventually("the Secret is refused", func() bool { return s.send("/ns/b", "during") == http.StatusServiceUnavailable })
	_, body := s.answer("/ns/b")
	if !strings.Contains(body, "ns/kafka") || !strings.Contains(body, "ca.crt") || strings.Contains(body, "wrong-authority") {
		t.Errorf("the answer is %q", body)
	}
	if groups := s.Report().Groups; len(groups) != 1 || !strings.Contains(groups[0].Problem, "ca.crt") {
		t.Errorf("groups %+v", groups)
	}

	s.mounted("password-1")
	s.eventually("the Secret is taken", func() bool { return s.send("/ns/b", "after") == http.StatusAccepted })
	s.eventually("events are delivered again", func() bool { return got.has("after") })
	s.eventually("no group has a problem", func() bool { return s.Report().Groups[0].Problem == "" })
}

// answer posts one event and returns what came back.
func (r *running) answer(path string) (int, string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, "http://"+r.IngressAddr().String()+path, strings.NewReader("x"))
	if err != nil {
		r.t.Fatal(err)
	}
	for name, value := range map[string]string{"ce-specversion": "1.0", "ce-id": "x", "ce-source": "/test", "ce-type": "t"} {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
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
