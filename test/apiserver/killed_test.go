package apiserver

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/watch"

	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/test/apiserver/env"
	"knative.dev/eventing-kafka-go/test/apiserver/program"
	"knative.dev/eventing-kafka-go/test/apiserver/system"
)

// killer kills the controller right after a write to the API, and starts it again.
type killer struct {
	s       *system.System
	random  *rand.Rand
	replica *program.Process

	mu    sync.Mutex
	pid   int
	gap   int // writes until the next kill
	left  int // kills
	after []string
}

// maxGap is how many writes there are between two kills at most.
const maxGap = 5

// arm has the controller killed so many times during what comes next.
func (k *killer) arm(kills int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.left, k.gap = kills, 1+k.random.IntN(maxGap)
}

func (k *killer) wrote(what watch.EventType, o *env.Object) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.left == 0 || k.pid == 0 {
		return
	}
	if k.gap--; k.gap > 0 {
		return
	}
	_ = syscall.Kill(k.pid, syscall.SIGKILL) // it is ours, and not waited for yet
	k.after = append(k.after, fmt.Sprintf("%s %s %s", what, o.GetKind(), o.GetName()))
	k.pid, k.left = 0, k.left-1
}

// until waits, with the controller started again whenever it was killed.
func (k *killer) until(t *testing.T, lacking func() string) {
	t.Helper()
	env.Until(t, 2*env.Patience, func() string {
		if k.replica.Ended() {
			k.start(t)
		}
		return lacking()
	})
}

func (k *killer) start(t *testing.T) {
	t.Helper()
	if k.replica != nil {
		k.s.Free(t, k.replica)
	}
	k.replica = k.s.Replica(t, "controller-1")
	k.mu.Lock()
	defer k.mu.Unlock()
	k.pid, k.gap = k.replica.Pid(), 1+k.random.IntN(maxGap)
}

// killed: whenever the controller is killed, it comes to the same end. KILLS says how often in each of three phases, SEED
// when.
func killed(t *testing.T, s *system.System) {
	const ns = "killed"
	seed, kills := number(t, "SEED", 1), number(t, "KILLS", 2)
	k := &killer{s: s, random: rand.New(rand.NewPCG(uint64(seed), 0))}
	t.Cleanup(func() { t.Logf("seed %d: killed after %q", seed, k.after) })
	s.Namespace(t, ns)
	s.Kafka.CreateTopic(t, "killed-source", 1)
	s.Apply(t, fmt.Sprintf(channelConfig, env.SystemNamespace, s.Kafka.Servers))
	secret := s.Apply(t, "{apiVersion: v1, kind: Secret, metadata: {name: access, namespace: "+ns+"}, stringData: {protocol: PLAINTEXT}}")
	s.Apply(t, fmt.Sprintf("{apiVersion: v1, kind: ConfigMap, metadata: {name: kafka-broker-config, namespace: %s}, data: {bootstrap.servers: %q, "+
		"default.topic.partitions: '2', default.topic.replication.factor: '1', auth.secret.ref.name: access}}", ns, s.Kafka.Servers))
	for _, kind := range append(ourKinds, kind("", "v1", "Service")) {
		s.Watch(t, kind, ns, k.wrote)
	}
	s.Watch(t, configMapKind, env.SystemNamespace, k.wrote)
	k.start(t)
	k.arm(kills)
	objects := k.put(t, ns, "one", "a", "")
	k.deliver(t, objects, "killed-1", "a", "/one")
	k.arm(kills)
	objects = k.put(t, ns, "two", "b", ", contentMode: structured")
	k.deliver(t, objects, "killed-2", "b", "/two")

	k.arm(kills)
	k.random.Shuffle(len(objects), func(i, j int) { objects[i], objects[j] = objects[j], objects[i] })
	for _, o := range objects {
		s.Delete(t, o)
	}
	for _, o := range objects {
		k.until(t, func() string {
			left, err := s.Of(o.GroupVersionKind(), ns).Get(t.Context(), o.GetName(), metav1.GetOptions{})
			if apierrors.IsNotFound(err) {
				return ""
			}
			if err != nil {
				return err.Error()
			}
			return fmt.Sprintf("%s is still there: %v", o.GetKind(), left.Object["status"])
		})
	}
	s.Gone(t, secret) // nobody holds it
	s.Kafka.DeleteTopics(t, "killed-source")
}

// put writes an object of each kind, for events of a type that go to a path, and waits until all of them are Ready.
func (k *killer) put(t *testing.T, ns, path, eventType, sink string) []*env.Object {
	t.Helper()
	s := k.s
	uri := s.Subscriber.URL + "/" + path
	core := s.Acting(t, coreController, "system:masters")
	manifests := []string{
		brokerOf(ns, "events", ""),
		triggerOf(s, ns, "t", "events", eventType, "/"+path, ""),
		"{apiVersion: messaging.knative.dev/v1, kind: KafkaChannel, metadata: {name: events, namespace: " + ns + "}, " +
			"spec: {subscribers: [{uid: u, generation: 1, subscriberUri: '" + uri + "'}, {uid: u-" + path + ", generation: 1, subscriberUri: '" + uri + "'}]}}",
		fmt.Sprintf("{apiVersion: eventing.knative.dev/v1alpha1, kind: KafkaSink, metadata: {name: events, namespace: %s}, "+
			"spec: {topic: killed-sink, bootstrapServers: [%q], numPartitions: 1, replicationFactor: 1%s}}", ns, s.Kafka.Servers, sink),
		sourceOf(s, ns, "killed-source", "/"+path),
	}
	objects := make([]*env.Object, len(manifests))
	for i, manifest := range manifests {
		var err error
		if objects[i], err = core.TryApply(t, env.Parse(t, manifest)[0]); err != nil {
			t.Fatal(err)
		}
	}
	for i := range objects {
		k.until(t, func() string {
			objects[i] = s.Get(t, objects[i].GroupVersionKind(), ns, objects[i].GetName())
			return system.Lacks(objects[i])
		})
	}
	return objects
}

// deliver sends an event to everything that has an address, and waits until all of them have arrived.
func (k *killer) deliver(t *testing.T, objects []*env.Object, id, eventType, path string) {
	t.Helper()
	for _, o := range objects {
		kind, known := map[string]dataplane.Kind{"Broker": dataplane.Broker, channelKind: dataplane.Channel, "KafkaSink": dataplane.Sink}[o.GetKind()]
		if _, has, _ := unstructured.NestedString(o.Object, "status", "address", "url"); known && has {
			k.s.Accepted(t, kind, o, system.Event{ID: id, Type: eventType})
		}
	}
	k.s.Kafka.Produce(t, "killed-source", id)
	const paths = 4 // a Trigger, two subscribers of the channel, a source
	k.until(t, func() string {
		if n := k.s.Subscriber.Deliveries(path, id); n < paths {
			return fmt.Sprintf("event %s arrived %d times of %d at %s", id, n, paths, path)
		}
		return ""
	})
}
