package integration

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"knative.dev/eventing-kafka-go/data-plane/placement"
	"knative.dev/eventing-kafka-go/data-plane/status"
	"knative.dev/eventing-kafka-go/proto/contract"
	"knative.dev/eventing-kafka-go/test/integration/cluster"
	"knative.dev/eventing-kafka-go/test/integration/poll"
	"knative.dev/eventing-kafka-go/test/integration/process"
	"knative.dev/eventing-kafka-go/test/integration/traffic"
)

// fleet is dispatcher pods of one contract and what they deliver. The test is their deployment and their controller.
type fleet struct {
	t         *testing.T
	cluster   *cluster.Cluster
	mount     *process.Mount
	resources []*contract.Resource
	to        []*traffic.Subscriber
	pods      map[string]*process.Plane // that run
	listed    []string                  // never empty, as all pods would join all groups
	written   uint64
	born      int
	members   map[[2]string]time.Time // pod and egress: since when it is a member
	moves     int
	least     int // moves that the changes of the list made necessary
}

// newFleet makes a topic with an ordered and an unordered egress on it, so many times.
func newFleet(t *testing.T, topics int) *fleet {
	t.Helper()
	f := &fleet{t: t, cluster: cluster.Start(t), pods: map[string]*process.Plane{}, members: map[[2]string]time.Time{},
		listed: []string{"gone"}}
	for i := range topics {
		topic := f.cluster.Topic(t, "place", 4, nil)
		name := fmt.Sprintf("r%d", i)
		var egresses []*contract.Egress
		for _, order := range []contract.DeliveryOrder{contract.DeliveryOrder_ORDERED, contract.DeliveryOrder_UNORDERED} {
			s := traffic.NewSubscriber(t, nil)
			f.to = append(f.to, s)
			egresses = append(egresses, egress(cluster.Name(strings.ToLower(order.String())), s.URL, order))
		}
		f.resources = append(f.resources, resource(f.cluster, name, topic, egresses...))
	}
	f.mount = process.NewMount(t, f.contract())
	return f
}

func (f *fleet) contract() *contract.Contract {
	f.written++
	c := contractOf(f.written, f.resources...)
	c.Dispatchers = f.listed
	return c
}

// list writes a contract with these pods.
func (f *fleet) list(pods ...string) {
	f.t.Helper()
	f.listed = slices.Sorted(slices.Values(pods))
	f.mount.Swap(f.t, f.contract())
}

// start starts a pod under a name, or under a new one.
func (f *fleet) start(name string) string {
	f.t.Helper()
	if name == "" {
		f.born++
		name = fmt.Sprintf("dispatcher-%d", f.born)
	}
	f.pods[name] = process.Named(f.t, name, "egress", f.mount, 10*time.Second)
	f.pods[name].Start(f.t)
	return name
}

// without are the listed pods but one.
func (f *fleet) without(pod string) []string {
	return slices.DeleteFunc(slices.Clone(f.listed), func(p string) bool { return p == pod })
}

// settle waits until every pod runs what it is to run and every partition is somebody's, and counts who became a member.
func (f *fleet) settle(change string) {
	f.t.Helper()
	began := time.Now()
	for pod, p := range f.pods {
		poll.Until(f.t, patience, func() string { return f.astray(pod, p) })
	}
	due := f.due()
	moved := 0
	now := map[[2]string]time.Time{}
	for pod, p := range f.pods {
		for _, g := range p.Report(f.t).Groups {
			if g.Started.IsZero() {
				continue
			}
			key := [2]string{pod, g.UID}
			if since, ok := f.members[key]; !ok || !since.Equal(g.Started) {
				moved++
			}
			now[key] = g.Started
		}
	}
	f.members = now
	f.moves += moved
	f.least += due
	f.t.Logf("%s: %d of %d memberships began, %d had to; settled after %v", change, moved, len(now), due, time.Since(began).Round(time.Millisecond))
	if moved != due {
		f.t.Errorf("%s: %d memberships began, %d had to", change, moved, due)
	}
}

// due is how many memberships there are to be that there were not.
func (f *fleet) due() int {
	n := 0
	for pod := range f.pods {
		plan := placement.New(pod, f.listed)
		for _, r := range f.resources {
			for _, e := range r.GetEgresses() {
				if _, was := f.members[[2]string{pod, e.GetUid()}]; plan.Of(r, e).Joins && !was {
					n++
				}
			}
		}
	}
	return n
}

// astray says what a pod does not run that it is to, or the other way round.
func (f *fleet) astray(pod string, p *process.Plane) string {
	report := p.Report(f.t)
	if report.Contract.Generation != f.written {
		return fmt.Sprintf("%s has contract %d", pod, f.written)
	}
	plan := placement.New(pod, f.listed)
	for _, r := range f.resources {
		for _, e := range r.GetEgresses() {
			i := slices.IndexFunc(report.Groups, func(g status.Group) bool { return g.UID == e.GetUid() })
			if i < 0 {
				return pod + " knows " + e.GetUid()
			}
			g, place := report.Groups[i], plan.Of(r, e)
			if place.Joins && g.State != "running" || !place.Joins && g.State != "elsewhere" || !slices.Equal(g.PlacedOn, place.Pods) {
				return fmt.Sprintf("%s runs %s: %v, it is %s, placed on %v", pod, e.GetUid(), place, g.State, g.PlacedOn)
			}
		}
	}
	return ""
}

// progress waits until every subscriber has got more events.
func (f *fleet) progress() {
	f.t.Helper()
	for i, s := range f.to {
		before := s.Distinct()
		poll.Until(f.t, patience, func() string {
			if s.Distinct() >= before+30 {
				return ""
			}
			return fmt.Sprintf("subscriber %d has 30 events more than %d", i, before)
		})
	}
}

// changes are what happens to pods in a cluster. victim is a listed pod.
var changes = []struct {
	name string
	do   func(f *fleet, victim string)
}{
	{"a pod is added", func(f *fleet, _ string) {
		f.list(append(f.listed, f.start(""))...)
	}},
	{"a pod is listed before it has started", func(f *fleet, _ string) {
		f.born++
		name := fmt.Sprintf("dispatcher-%d", f.born)
		f.list(append(f.listed, name)...)
		f.start(name)
	}},
	{"a pod is taken off the list and then asked to end", func(f *fleet, victim string) {
		f.list(f.without(victim)...)
		f.end(victim)
	}},
	{"a pod is asked to end and then taken off the list", func(f *fleet, victim string) {
		f.end(victim)
		f.list(f.without(victim)...)
	}},
	{"a pod is killed and taken off the list", func(f *fleet, victim string) {
		f.kill(victim)
		f.list(f.without(victim)...)
	}},
	{"a container is killed and started again", func(f *fleet, victim string) {
		f.kill(victim)
		f.start(victim)
	}},
	{"a pod is replaced", func(f *fleet, victim string) {
		f.list(append(f.without(victim), f.start(""))...)
		f.end(victim)
	}},
}

func (f *fleet) end(pod string) {
	f.t.Helper()
	if _, err := f.pods[pod].Terminate(f.t); err != nil {
		f.t.Errorf("%s ended with %v", pod, err)
	}
	f.forget(pod)
}

func (f *fleet) kill(pod string) {
	f.t.Helper()
	f.pods[pod].Kill(f.t)
	f.forget(pod)
}

func (f *fleet) forget(pod string) {
	delete(f.pods, pod)
	for key := range f.members {
		if key[0] == pod {
			delete(f.members, key)
		}
	}
}

// Pods come and go in every way that a cluster has for it, while events are sent. Whoever is left delivers all of them,
// and of the groups only those change hands whose pod came or went.
func TestPodsThatComeAndGoLoseNothingAndMoveNoMoreThanTheyMust(t *testing.T) {
	for _, c := range []struct {
		name         string
		pods, topics int
	}{{"two pods", 2, 2}, {"five pods", 5, 4}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel() // most of the time nothing happens but that the session of a killed member expires
			r := random(t)
			f := newFleet(t, c.topics)
			var first []string
			for range c.pods {
				first = append(first, f.start(""))
			}
			f.settle("no pod is listed") // so that none joins anything
			f.list(first...)
			f.settle("the first pods are listed")
			receiver := process.New(t, "ingress", f.mount, 10*time.Second)
			receiver.Start(t)
			loads := map[string]*traffic.Load{}
			for i := range f.resources {
				name := fmt.Sprintf("r%d", i)
				loads[name] = traffic.NewLoad(t, name, 2, 20*time.Millisecond, at(receiver, name))
			}
			f.progress()
			f.turbulence(r, c.pods)
			for i, resource := range f.resources {
				load := loads[fmt.Sprintf("r%d", i)]
				load.Stop()
				assertNothingLost(t, f.cluster, resource.GetTopics()[0], load.Ledger(), f.to[2*i], f.to[2*i+1])
			}
			events, repeated := 0, 0
			for _, s := range f.to {
				events += s.Distinct()
				repeated += s.Repeated()
			}
			t.Logf("%s: %d deliveries, %d again after they had been answered; %d memberships began, %d had to",
				f.cluster.Kind(), events, repeated, f.moves, f.least)
		})
	}
}

// turbulence makes every change once, in some order. There are always about as many pods.
func (f *fleet) turbulence(r *rand.Rand, pods int) {
	f.t.Helper()
	left := r.Perm(len(changes))
	for len(left) > 0 {
		i := slices.IndexFunc(left, func(i int) bool {
			adds := i < 2
			return len(f.listed) > pods && !adds || len(f.listed) == pods || len(f.listed) < pods && adds
		})
		i = max(0, i)
		change := changes[left[i]]
		left = slices.Delete(left, i, i+1)
		victim := f.listed[r.IntN(len(f.listed))]
		change.do(f, victim)
		f.settle(change.name)
		f.progress()
	}
}
