package integration

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"knative.dev/eventing-kafka-go/data-plane/kafka"
	"knative.dev/eventing-kafka-go/data-plane/plane"
	"knative.dev/eventing-kafka-go/proto/contract"
	"knative.dev/eventing-kafka-go/test/integration/cluster"
	"knative.dev/eventing-kafka-go/test/integration/poll"
	"knative.dev/eventing-kafka-go/test/integration/process"
	"knative.dev/eventing-kafka-go/test/integration/traffic"
)

// Kafka goes away and comes back under load. Nobody touches the data plane: events are taken and delivered again, and
// none of those answered 202 before, meanwhile or afterwards is lost.
func TestKafkaMayRestartUnderLoad(t *testing.T) {
	for _, test := range []struct {
		name    string
		restart func(*cluster.Cluster, testing.TB)
	}{
		{"in good order", (*cluster.Cluster).Restart},
		{"after a crash", (*cluster.Cluster).Crash},
	} {
		t.Run(test.name, func(t *testing.T) {
			k := cluster.Start(t)
			topic := k.Topic(t, "restart", 4, nil)
			subscriber := traffic.NewSubscriber(t, nil)
			uid := cluster.Name("restart")
			mount := process.NewMount(t, contractOf(1, resource(k, "b", topic, egress(uid, subscriber.URL, contract.DeliveryOrder_ORDERED))))
			p := process.New(t, "all", mount, 10*time.Second)
			p.Start(t)
			load := traffic.NewLoad(t, "e", 8, 40*time.Millisecond, at(p, "b"))
			more := func(what string, n int) {
				t.Helper()
				accepted, delivered := load.Accepted(), subscriber.Distinct()
				poll.Until(t, patience, func() string {
					if a, d := load.Accepted()-accepted, subscriber.Distinct()-delivered; a < n || d < n {
						return fmt.Sprintf("%s: %d more events taken and delivered, they are %d and %d; refused %v", what, n, a, d, load.Refused())
					}
					return ""
				})
			}
			more("before", 200)
			began := time.Now()
			test.restart(k, t)
			back := time.Now()
			more("afterwards", 200)
			t.Logf("Kafka was away for %v; 200 events went through %v after that; the longest answer took %v; refused %v",
				back.Sub(began).Round(time.Millisecond), time.Since(back).Round(time.Millisecond), load.Longest().Round(time.Millisecond), load.Refused())
			load.Stop()
			assertNothingLost(t, k, topic, load.Ledger(), subscriber)
			t.Logf("%d delivered again", subscriber.Repeated())
		})
	}
}

// startPlane starts a data plane in this process, for settings that the command does not have.
func startPlane(t *testing.T, c *contract.Contract, adjust func(*plane.Config)) *plane.Plane {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	config := plane.Config{
		Ingress: true, Egress: true,
		ContractPath: process.NewMount(t, c).Path(), LastGoodPath: filepath.Join(t.TempDir(), "last-good"),
		IngressAddress: "127.0.0.1:0", StatusAddress: "127.0.0.1:0",
		Producer: kafka.DefaultProducerConfig(), Consumer: kafka.DefaultConsumerConfig(),
		ShutdownGrace: 10 * time.Second, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	adjust(&config)
	p, err := plane.Start(ctx, config)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		if err := p.Wait(); err != nil {
			t.Errorf("the data plane ended with %v", err)
		}
	})
	poll.Until(t, patience, func() string {
		if p.Report().Ready {
			return ""
		}
		return "the contract is loaded"
	})
	return p
}

// A frozen Kafka keeps its connections and answers nothing, which is what a sender notices last. It gets its 503 after
// the producer's time limit nevertheless.
func TestSendersGet503InBoundedTimeWhileKafkaIsFrozen(t *testing.T) {
	const (
		limit = 2 * time.Second // of the producer
		// The limit is noticed between two requests to the broker: one may be under way, and another one follow.
		bound = limit + 10*time.Second
	)
	stalls := poll.WatchStalls(t)
	k := cluster.Start(t)
	topic := k.Topic(t, "frozen", 2, nil)
	subscriber := traffic.NewSubscriber(t, nil)
	uid := cluster.Name("frozen")
	p := startPlane(t, contractOf(1, resource(k, "b", topic, egress(uid, subscriber.URL, contract.DeliveryOrder_UNORDERED))),
		func(c *plane.Config) { c.Producer.DeliveryTimeout = limit })
	url := "http://" + p.IngressAddr().String() + "/integration/b"
	const senders = 3
	client := traffic.NewClient(t, senders)
	send := func(id string) (code int, took time.Duration) {
		began := time.Now()
		code, reason, err := client.Send(t.Context(), url, traffic.Text(id, id))
		took = time.Since(began)
		if err != nil || code != http.StatusAccepted {
			t.Logf("%s was answered %d after %v: %s %v", id, code, took.Round(time.Millisecond), reason, err)
		}
		return code, took
	}
	ledger := map[string]time.Time{}
	taken := func(when string) { // a first event may need longer than the limit
		t.Helper()
		poll.Until(t, patience, func() string {
			id := fmt.Sprintf("%s-%d", when, time.Now().UnixNano())
			if code, _ := send(id); code != http.StatusAccepted {
				return fmt.Sprintf("%s: an event is answered 202, it is %d", when, code)
			}
			ledger[id] = time.Now()
			return ""
		})
	}
	taken("before")
	thaw := k.Freeze(t)
	var all sync.WaitGroup
	for i := range senders {
		all.Go(func() {
			if code, took := send(fmt.Sprintf("frozen-%d", i)); code != http.StatusServiceUnavailable || took > bound+2*stalls.Longest() {
				t.Errorf("while Kafka is frozen: answered %d after %v, want 503 within %v", code, took, bound)
			}
		})
	}
	all.Wait()
	thaw()
	thawed := time.Now()
	taken("after")
	t.Logf("202 again %v after Kafka went on", time.Since(thawed).Round(time.Millisecond))
	assertNothingLost(t, k, topic, ledger, subscriber)
}

// A frozen Kafka holds everything that a process would like to finish: events to be acknowledged, offsets to be committed,
// groups to be left. It ends in time nevertheless, and the sender that still waits gets an answer.
func TestAProcessEndsInTimeWhileKafkaIsFrozen(t *testing.T) {
	const grace = 5 * time.Second
	stalls := poll.WatchStalls(t)
	k := cluster.Start(t)
	topic := k.Topic(t, "frozen-end", 2, nil)
	subscriber := traffic.NewSubscriber(t, nil)
	uid := cluster.Name("frozen-end")
	mount := process.NewMount(t, contractOf(1, resource(k, "b", topic, egress(uid, subscriber.URL, contract.DeliveryOrder_ORDERED))))
	p := process.New(t, "all", mount, grace)
	p.Start(t)
	load := traffic.NewLoad(t, "e", 4, 20*time.Millisecond, at(p, "b"))
	poll.Until(t, patience, func() string {
		if n := subscriber.Distinct(); n < 100 {
			return fmt.Sprintf("100 events are delivered, they are %d", n)
		}
		return ""
	})
	thaw := k.Freeze(t)
	frozen := time.Now()
	poll.Until(t, patience, func() string {
		if time.Since(frozen) < time.Second {
			return "senders wait for a second"
		}
		return ""
	})
	took, err := p.Terminate(t)
	if took > grace+rest+2*stalls.Longest() {
		t.Errorf("the process took %v to end, its grace is %v", took, grace)
	}
	load.Stop()
	t.Logf("SIGTERM took %v, %v; refused or without an answer: %v", took.Round(time.Millisecond), err, load.Refused())
	thaw()
	p.Start(t)
	assertNothingLost(t, k, topic, load.Ledger(), subscriber)
}
