package apiserver

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"

	"knative.dev/eventing-kafka-go/control-plane/contractmap"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/kafkaadmin"
	"knative.dev/eventing-kafka-go/test/apiserver/env"
	"knative.dev/eventing-kafka-go/test/apiserver/program"
	"knative.dev/eventing-kafka-go/test/apiserver/system"
)

// number reads a variable of the environment that makes a test longer.
func number(t *testing.T, variable string, otherwise int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n <= 0 {
		t.Fatalf("%s: %q is no number above 0", variable, text)
	}
	return n
}

var (
	brokerKind    = kind("eventing.knative.dev", "v1", "Broker")
	triggerKind   = kind("eventing.knative.dev", "v1", "Trigger")
	configMapKind = kind("", "v1", "ConfigMap")
)

// crowd watches many Triggers and the contract that they are in.
type crowd struct {
	mu     sync.Mutex
	ready  map[string]int64 // by name, the generation that is Ready
	writes int              // of the contract
	bytes  int
}

func watchCrowd(t *testing.T, s *system.System, namespace string) *crowd {
	t.Helper()
	c := &crowd{ready: map[string]int64{}}
	s.Watch(t, triggerKind, namespace, func(what watch.EventType, o *env.Object) {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.ready, o.GetName())
		if what != watch.Deleted && system.Lacks(o) == "" {
			c.ready[o.GetName()] = o.GetGeneration()
		}
	})
	d := s.Planes[dataplane.Broker]
	s.Watch(t, configMapKind, d.Namespace, func(_ watch.EventType, o *env.Object) {
		if o.GetName() != d.ContractName {
			return
		}
		content, _ := o.Object["binaryData"].(map[string]any)
		text, _ := content[contractmap.Key].(string)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.writes, c.bytes = c.writes+1, len(text)*3/4 // base64
	})
	return c
}

func (c *crowd) contract() (writes, bytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.writes, c.bytes
}

// await waits until n Triggers are Ready.
func (c *crowd) await(t *testing.T, limit time.Duration, n int) {
	t.Helper()
	env.Until(t, limit, func() string {
		c.mu.Lock()
		defer c.mu.Unlock()
		if len(c.ready) == n {
			return ""
		}
		return fmt.Sprintf("%d of %d Triggers are Ready", len(c.ready), n)
	})
}

// together does something for each of n, eight at a time.
func together(n int, do func(i int)) {
	var all sync.WaitGroup
	next := make(chan int)
	for range 8 {
		all.Go(func() {
			for i := range next {
				do(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	all.Wait()
}

// many Triggers of one Broker: figures are printed, and of them those are judged that no machine changes. TRIGGERS says how
// many.
func many(t *testing.T, s *system.System) {
	const ns = "many"
	n := number(t, "TRIGGERS", 50)
	limit := env.Patience + time.Duration(n)*500*time.Millisecond
	s.Namespace(t, ns)
	s.Apply(t, brokerConfig(s, ns))
	replica := s.Replica(t, "controller-1")
	b := s.Ready(t, brokerOf(ns, "events", ""))
	c := watchCrowd(t, s, ns)
	lone(t, s, ns, "the first Trigger", "first")

	before := figures(s, replica)
	began := time.Now()
	triggers := make([]*env.Object, n)
	together(n, func(i int) {
		o := env.Parse(t, triggerOf(s, ns, fmt.Sprintf("t%04d", i), "events", "a", "/many", ""))[0]
		made, err := s.TryApply(t, o)
		if err != nil {
			t.Error(err)
		}
		triggers[i] = made
	})
	t.Logf("%d Triggers were applied after %v", n, since(began))
	c.await(t, limit, n+1)
	t.Logf("%d Triggers were Ready after %v", n, since(began))
	before.tell(t, s, replica)
	writes, bytes := c.contract()
	t.Logf("the contract was written %d times, it has %d bytes", writes, bytes)
	// On a slow machine they come slowly, which is no reason to write less often than once in 700 ms.
	if atMost := max(100, int(time.Since(began)/(700*time.Millisecond))+10); writes > atMost {
		t.Errorf("the contract was written %d times for %d Triggers, more than %d times", writes, n, atMost)
	}
	for i := range 3 {
		lone(t, s, ns, "a Trigger more", fmt.Sprintf("more%d", i))
	}
	s.Accepted(t, dataplane.Broker, b, system.Event{ID: "many-1", Type: "a"})
	env.Until(t, limit, func() string {
		if got := s.Subscriber.Deliveries("/many", "many-1"); got < n {
			return fmt.Sprintf("%d of %d Triggers delivered an event", got, n)
		}
		return ""
	})

	resyncs(t, s, replica, n+4, limit)
	replica.Kill(t)
	s.Free(t, replica)
	replica = s.Replica(t, "controller-1")
	unchanged(t, s, replica, "a replica that begins", n+4, limit, func() {})

	began = time.Now()
	before = figures(s, replica)
	for _, name := range []string{"first", "more0", "more1", "more2"} {
		triggers = append(triggers, s.Get(t, triggerKind, ns, name)) //nolint:makezero // these come after those that were made together
	}
	together(len(triggers), func(i int) { s.Delete(t, triggers[i]) })
	for _, o := range triggers {
		s.AwaitGone(t, o)
	}
	t.Logf("%d Triggers were gone after %v", len(triggers), since(began))
	before.tell(t, s, replica)
	s.Gone(t, b)
}

func since(began time.Time) time.Duration { return time.Since(began).Round(time.Millisecond) }

// lone says how long one Trigger takes until it is Ready, while nothing else changes.
func lone(t *testing.T, s *system.System, namespace, what, name string) {
	t.Helper()
	began := time.Now()
	s.Ready(t, triggerOf(s, namespace, name, "events", "b", "/lone", ""))
	t.Logf("%s was Ready after %v", what, since(began))
}

// measured is what was counted up to a moment.
type measured struct {
	requests             map[system.Request]int
	controller, delivery system.Usage
	said                 int
}

func figures(s *system.System, replica *program.Process) measured {
	return measured{s.Kafka.Requests(), system.UsageOf(replica), system.UsageOf(s.Pod(s.Planes[dataplane.Broker].Dispatcher).Process), len(replica.Output())}
}

// tell prints what was counted since.
func (m measured) tell(t *testing.T, s *system.System, replica *program.Process) {
	t.Helper()
	now := figures(s, replica)
	t.Logf("CPU: controller %.1f s, dispatcher %.1f s; most memory: controller %d MiB, dispatcher %d MiB",
		now.controller.CPU-m.controller.CPU, now.delivery.CPU-m.delivery.CPU, now.controller.PeakMiB, now.delivery.PeakMiB)
	t.Logf("requests of the controller to Kafka: %v", ofController(m.requests, now.requests))
	for reconciler, keys := range system.Reconciles(replica, m.said) {
		total := 0
		for _, count := range keys {
			total += count
		}
		t.Logf("reconciles of kind %s: %d, of %d objects", reconciler, total, len(keys))
	}
}

// ofController is what a controller has asked Kafka between two moments.
func ofController(before, after map[system.Request]int) map[string]int {
	asked := map[string]int{}
	for r, count := range after {
		if r.Client == kafkaadmin.ClientID && count > before[r] {
			asked[r.Kind] = count - before[r]
		}
	}
	return asked
}

// resyncs: everything is reconciled again, because of a change that means nothing.
func resyncs(t *testing.T, s *system.System, replica *program.Process, n int, limit time.Duration) {
	t.Helper()
	const name = "config-kafka-features"
	flags := s.Apply(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: "+name+", namespace: "+env.SystemNamespace+"}}")
	unchanged(t, s, replica, "a resync", n, limit, func() {
		if _, err := s.Patch(t, flags, "metadata: {annotations: {touched: '"+time.Now().String()+"'}}"); err != nil {
			t.Fatal(err)
		}
	}, "ConfigMap "+env.SystemNamespace+"/"+name)
}

// unchanged does something that has every Trigger reconciled, and judges that this writes nothing anywhere.
func unchanged(t *testing.T, s *system.System, replica *program.Process, what string, n int, limit time.Duration, do func(), but ...string) {
	t.Helper()
	kinds := append(slices.Clone(ourKinds), configMapKind, kind("", "v1", "Secret"), kind("", "v1", "Pod"), kind("", "v1", "Service"))
	before, versions, began := figures(s, replica), s.Versions(t, kinds...), time.Now()
	do()
	env.Until(t, limit, func() string {
		if done := len(system.Reconciles(replica, before.said)["Trigger"]); done < n {
			return fmt.Sprintf("%s: %d of %d Triggers were reconciled", what, done, n)
		}
		return ""
	})
	t.Logf("%s was over after %v", what, since(began))
	before.tell(t, s, replica)
	after := s.Versions(t, kinds...)
	for _, name := range but {
		delete(versions, name)
		delete(after, name)
	}
	if !maps.Equal(versions, after) {
		for name, version := range after {
			if versions[name] != version {
				t.Errorf("%s has written %s", what, name)
			}
		}
	}
	for _, mutating := range []string{"CreateTopics", "DeleteTopics", "OffsetCommit", "DeleteGroups", "OffsetDelete", "IncrementalAlterConfigs", "AlterConfigs", "CreatePartitions"} {
		if count := ofController(before.requests, s.Kafka.Requests())[mutating]; count > 0 {
			t.Errorf("%s has made %d requests %s", what, count, mutating)
		}
	}
}

// ourKinds are those that a controller writes the status of.
var ourKinds = []schema.GroupVersionKind{
	brokerKind, triggerKind, kind("messaging.knative.dev", "v1beta1", channelKind), kind("eventing.knative.dev", "v1alpha1", "KafkaSink"),
	kind("sources.knative.dev", "v1beta1", "KafkaSource"), kind("kafka.eventing.knative.dev", "v1alpha1", "ResetOffset"),
}
