package apiserver

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"

	"knative.dev/eventing-kafka-go/control-plane/contractmap"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/test/apiserver/env"
	"knative.dev/eventing-kafka-go/test/apiserver/program"
	"knative.dev/eventing-kafka-go/test/apiserver/system"
)

// leaseOfTriggers is the one of eventing-kafka-broker (CFG-39).
const leaseOfTriggers = "kafka-broker-controller.knative.dev.eventing-kafka-broker.control-plane.pkg.reconciler.trigger.v2.reconciler.00-of-01"

// versions judges every version of the contract that there ever is.
type versions struct {
	mu         sync.Mutex
	kept       map[string]bool // uids of entries that nobody removes
	generation uint64
	seen       int
	wrong      []string
}

func (v *versions) judge(_ watch.EventType, o *env.Object) {
	cm := &corev1.ConfigMap{}
	err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, cm)
	var s *contractmap.Snapshot
	if err == nil {
		s, err = contractmap.Parse(cm)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.seen++
	if err != nil {
		v.wrong = append(v.wrong, err.Error())
		return
	}
	if g := s.Contract.GetGeneration(); g > v.generation {
		v.generation = g
	} else {
		v.wrong = append(v.wrong, fmt.Sprintf("generation %d came after %d", g, v.generation))
	}
	for uid := range v.kept {
		if !s.Has(uid) {
			v.wrong = append(v.wrong, fmt.Sprintf("generation %d lacks %s", s.Contract.GetGeneration(), uid))
		}
	}
}

// replicas: one has the lease of Brokers and of contracts, another that of Triggers. The latter is killed among a hundred
// edits.
func replicas(t *testing.T, s *system.System) {
	const ns, edits, kept = "replicas", 100, 5
	s.Namespace(t, ns)
	s.Apply(t, brokerConfig(s, ns))
	first := s.Replica(t, "controller-1")
	b := s.Ready(t, brokerOf(ns, "events", ""))
	v := &versions{kept: map[string]bool{string(b.GetUID()): true}}
	want := map[string]string{} // the filtered type and the path, by name
	put := func(name, eventType, path string) *env.Object {
		want[name] = eventType + " " + s.Subscriber.URL + path
		return s.Apply(t, triggerOf(s, ns, name, "events", eventType, path, ""))
	}
	for i := range kept {
		v.kept[string(s.AwaitReady(t, put(fmt.Sprintf("kept%d", i), "a", "/a")).GetUID())] = true
	}
	d := s.Planes[dataplane.Broker]
	s.Watch(t, configMapKind, d.Namespace, func(what watch.EventType, o *env.Object) {
		if o.GetName() == d.ContractName {
			v.judge(what, o)
		}
	})
	second := s.Replica(t, "controller-2")
	hand(t, s, leaseOfTriggers, first, second)

	seed := number(t, "SEED", 1)
	random := rand.New(rand.NewPCG(uint64(seed), 1))
	slots := make([]string, 10) // the names of Triggers that come and go, none twice
	for i := range edits {
		switch slot := random.IntN(len(slots)); {
		case i == edits/2:
			second.Kill(t)
			s.Free(t, second)
		case random.IntN(5) == 0:
			put(fmt.Sprintf("kept%d", random.IntN(kept)), fmt.Sprintf("type%d", i), "/b")
		case slots[slot] != "" && random.IntN(4) == 0:
			delete(want, slots[slot])
			s.Delete(t, s.Get(t, triggerKind, ns, slots[slot]))
			slots[slot] = ""
		case random.IntN(10) == 0:
			s.Apply(t, brokerOf(ns, "events", fmt.Sprintf(", delivery: {retry: %d}", i)))
		default:
			slots[slot] = cmp.Or(slots[slot], fmt.Sprintf("t%d", i))
			if o := put(slots[slot], fmt.Sprintf("type%d", i), "/c"); random.IntN(5) == 0 {
				s.AwaitReady(t, o)
			}
		}
	}
	settled(t, s, ns, want)
	v.mu.Lock()
	defer v.mu.Unlock()
	t.Logf("seed %d: %d versions of the contract", seed, v.seen)
	for _, wrong := range v.wrong {
		t.Error(wrong)
	}
	for name := range want {
		s.Gone(t, s.Get(t, triggerKind, ns, name))
	}
	v.kept = nil
	s.Gone(t, b)
}

// hand gives a lease that one replica has to another one, as if it had been faster.
func hand(t *testing.T, s *system.System, lease string, from, to *program.Process) {
	t.Helper()
	id := system.Identity(t, to, lease)
	env.Until(t, env.Patience, func() string {
		if holder := s.Holder(t, lease); holder != system.Identity(t, from, lease) {
			return "the lease is " + holder + "'s"
		}
		return ""
	})
	o := s.Get(t, kind("coordination.k8s.io", "v1", "Lease"), env.SystemNamespace, lease)
	if _, err := s.Patch(t, o, "spec: {holderIdentity: '"+id+"'}"); err != nil {
		t.Fatal(err)
	}
	env.Until(t, env.Patience, func() string {
		if strings.Contains(to.Output(), "started leading") && s.Holder(t, lease) == id {
			return ""
		}
		return "the other replica does not take lease " + lease
	})
}

// settled waits until every Trigger is Ready, and until the contract has them as they are and no others.
func settled(t *testing.T, s *system.System, ns string, want map[string]string) {
	t.Helper()
	for name := range want {
		env.Until(t, env.Patience, func() string { return system.Lacks(s.Get(t, triggerKind, ns, name)) })
	}
	env.Until(t, env.Patience, func() string {
		got := map[string]string{}
		for _, r := range s.Contract(t, dataplane.Broker).Contract.GetResources() {
			for _, e := range r.GetEgresses() {
				got[e.GetReference().GetName()] = e.GetFilter().GetAttributes()["type"] + " " + e.GetDestination()
			}
		}
		if !maps.Equal(got, want) {
			return fmt.Sprintf("the contract has %v, not %v", got, want)
		}
		return ""
	})
}
