package plane

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/plain"

	"knative.dev/eventing-kafka-go/data-plane/kafka"
	"knative.dev/eventing-kafka-go/data-plane/kafka/credentials"
	"knative.dev/eventing-kafka-go/data-plane/kafka/kafkatest"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// startOn runs a plane with mounted credentials, which the contract's resources ask for.
func startOn(t *testing.T, s *secured, c *contract.Contract) {
	t.Helper()
	s.running = &running{t: t, path: filepath.Join(t.TempDir(), "data")}
	for _, r := range c.Resources {
		if r.Auth == nil {
			r.Auth = authSecret()
		}
	}
	s.write(c)
	ctx, cancel := context.WithCancel(context.Background())
	p, err := Start(ctx, Config{
		Ingress: true, Egress: true, ContractPath: s.path, CredentialsPath: s.mount,
		IngressAddress: "127.0.0.1:0", StatusAddress: "127.0.0.1:0",
		Producer: kafka.DefaultProducerConfig(), Consumer: kafka.DefaultConsumerConfig(),
		ShutdownGrace: 10 * time.Second, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
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
}

// The authority of brokers and clients is replaced by another one, in the order that asks nobody to stop: both are trusted,
// then certificates of the new one are used, then the old one is forgotten (SEC-31).
func TestRotationOfAuthorityAndCertificateUnderLoad(t *testing.T) {
	older, newer := kafkatest.NewAuthority(t), kafkatest.NewAuthority(t)
	var server atomic.Pointer[tls.Config]
	serve := func(issuer *kafkatest.Authority, trusted ...*kafkatest.Authority) {
		config := issuer.Server(t, "127.0.0.1", true)
		config.ClientCAs = x509.NewCertPool()
		for _, a := range trusted {
			config.ClientCAs.AppendCertsFromPEM(a.CA)
		}
		config.SessionTicketsDisabled = true // each connection proves itself
		server.Store(config)
	}
	serve(older, older, newer)
	data := func(issuer *kafkatest.Authority, trusted ...*kafkatest.Authority) map[string][]byte {
		cert, key := issuer.Issue(t, "client")
		secret := map[string][]byte{"protocol": []byte("SSL"), "user.crt": cert, "user.key": key}
		for _, a := range trusted {
			secret["ca.crt"] = append(secret["ca.crt"], a.CA...)
		}
		return secret
	}
	own, err := kafka.ConnectionOf(&contract.Resource{BootstrapServers: "a:1", Auth: authSecret()},
		kafka.Credentials{"ns/kafka": data(newer, older, newer)})
	if err != nil {
		t.Fatal(err)
	}
	cluster := kafkatest.StartFor(t, []kgo.Opt{kgo.Dialer(own.Dial())}, kfake.TLS(&tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: server.Load().Certificates,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return server.Load(), nil },
	}))
	cluster.CreateTopic(t, "topic-b", 3)
	s := &secured{cluster: cluster, mount: t.TempDir(), logged: &safeBuffer{}}
	s.running = &running{t: t}
	s.mountData(data(older, older))
	url, got := sink(t)
	startOn(t, s, broker(cluster, "b", 1, url))
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
	more := func() {
		now := sent.Load()
		s.eventually("more is sent", func() bool { return sent.Load() > now+50 })
	}
	for _, secret := range []map[string][]byte{
		data(older, older, newer), // both are trusted
		data(newer, older, newer), // another client certificate
		data(newer, newer),        // the old authority is forgotten
	} {
		if string(secret["ca.crt"]) == string(newer.CA) {
			serve(newer, newer)
		}
		more()
		s.mountData(secret)
		s.eventually("the Secret is taken", s.taken)
		more()
	}
	close(stop)
	senders.Wait()
	if refused.Load() > 0 {
		t.Errorf("%d of %d events were refused", refused.Load(), sent.Load())
	}
	s.eventually("every event is delivered", func() bool { return got.count() == int(sent.Load())+1 })
}

// mountData replaces the mounted credentials by one Secret.
func (s *secured) mountData(data map[string][]byte) {
	s.t.Helper()
	s.versions++
	s.mountAll(credentials.Secret{Namespace: "ns", Name: "kafka", Version: fmt.Sprint(s.versions), Data: data})
}

func allow(kind kmsg.ACLResourceType, name string, operations ...kmsg.ACLOperation) (all []kfake.ACL) {
	for _, operation := range operations {
		all = append(all, kfake.ACL{Resource: kind, Name: name, Pattern: kmsg.ACLResourcePatternTypeLiteral, Operation: operation, Allow: true})
	}
	return all
}

// The rights of SEC-33 are enough, and one that is missing is the matter of its resource alone.
func TestWhatACLsDenyConcernsOneResourceAlone(t *testing.T) {
	const topic, group = kmsg.ACLResourceTypeTopic, kmsg.ACLResourceTypeGroup
	const read, write, describe = kmsg.ACLOperationRead, kmsg.ACLOperationWrite, kmsg.ACLOperationDescribe
	rights := allow(topic, "topic-b", read, write, describe)
	rights = append(rights, allow(group, "group-0", read, describe)...)
	rights = append(rights, allow(topic, "topic-c", read, describe)...) // no Write
	rights = append(rights, allow(topic, "topic-d", write, describe)...)
	rights = append(rights, allow(topic, "topic-e", read, write, describe)...) // no group
	cluster := kafkatest.StartFor(t, []kgo.Opt{kgo.SASL(plain.Auth{User: "admin", Pass: "admin"}.AsMechanism())},
		kfake.EnableSASL(), kfake.EnableACLs(), kfake.Superuser("PLAIN", "admin", "admin"), kfake.User("PLAIN", "plane", "secret", rights...))
	url, got := sink(t)
	c := &contract.Contract{Generation: 1}
	for _, name := range []string{"b", "c", "d", "e"} {
		cluster.CreateTopic(t, "topic-"+name, 1)
		r := broker(cluster, name, 1).Resources[0]
		if name != "c" {
			r = broker(cluster, name, 1, url).Resources[0]
			r.Egresses[0].Uid = "egress-" + name
			if name != "b" {
				r.Egresses[0].ConsumerGroup = "group-0"
			}
			if name == "e" {
				r.Egresses[0].ConsumerGroup = "group-e"
			}
		}
		c.Resources = append(c.Resources, r)
	}
	c.Resources[2].Egresses[0].ConsumerGroup = "group-d"
	s := &secured{cluster: cluster, mount: t.TempDir(), logged: &safeBuffer{}}
	s.running = &running{t: t}
	s.mountData(map[string][]byte{"protocol": []byte("SASL_PLAINTEXT"), "user": []byte("plane"), "password": []byte("secret")})
	startOn(t, s, c)
	s.eventually("what is allowed is done", func() bool { return s.send("/ns/b", "1") == http.StatusAccepted && got.count() > 0 })
	if code, body := s.answer("/ns/c"); code != http.StatusServiceUnavailable || !strings.Contains(body, "AUTHORIZATION") && !strings.Contains(body, "not authori") {
		t.Errorf("without the right to write: %d %q", code, body)
	}
	for _, path := range []string{"/ns/d", "/ns/e"} {
		if code, body := s.answer(path); code != http.StatusAccepted {
			t.Errorf("%s, whose egress has no rights: %d %q", path, code, body)
		}
	}
	s.eventually("the groups say what they lack", func() bool {
		said := 0
		for _, g := range s.Report().Groups {
			if g.GroupID != "group-0" && strings.Contains(g.LastError+g.Problem, "AUTHORIZATION") {
				said++
			}
		}
		return said == 2
	})
	if code := s.send("/ns/b", "2"); code != http.StatusAccepted {
		t.Errorf("the resource that may do all answers %d", code)
	}
	s.eventually("its events arrive", func() bool { return got.has("2") })
}
