package placement

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"knative.dev/eventing-kafka-go/proto/contract"
)

func resource(servers string, topics ...string) *contract.Resource {
	return &contract.Resource{BootstrapServers: servers, Topics: topics}
}

func replicas(n int32) *contract.Egress { return &contract.Egress{VReplicas: n} }

func TestWhoJoins(t *testing.T) {
	r := resource("kafka:9092", "orders")
	pods := []string{"a", "b", "c", "d", "e"}
	ranked := Rank(Key(r), pods)
	for _, c := range []struct {
		name    string
		process string
		pods    []string
		wanted  int32
		joins   bool
		members []string
	}{
		{"without a list every process joins", "a", nil, 1, true, nil},
		{"a process without a name joins", "", pods, 1, true, nil},
		{"the only pod joins", "a", []string{"a"}, 5, true, []string{"a"}},
		{"of two pods both join, whatever is wanted", "b", []string{"b", "a"}, 1, true, Rank(Key(r), []string{"a", "b"})},
		{"of more pods the best two join", ranked[0], pods, 1, true, ranked[:2]},
		{"no number wanted means one", ranked[1], pods, 0, true, ranked[:2]},
		{"the third is no member", ranked[2], pods, 2, false, ranked[:2]},
		{"it is when three are wanted", ranked[2], pods, 3, true, ranked[:3]},
		{"more than there are cannot join", ranked[4], pods, 50, true, ranked},
		{"a process that is not listed joins nothing", "f", pods, 50, false, ranked},
		{"a pod that is listed twice counts once", ranked[2], append(slices.Clone(pods), pods...), 1, false, ranked[:2]},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := New(c.process, c.pods).Of(r, replicas(c.wanted))
			if want := (Place{Joins: c.joins, Pods: c.members}); !got.Equal(want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

// The list of the caller is left as it is.
func TestAPlanChangesNothingThatItIsGiven(t *testing.T) {
	pods := []string{"b", "a", "b"}
	New("a", pods)
	if !slices.Equal(pods, []string{"b", "a", "b"}) {
		t.Errorf("the list is now %v", pods)
	}
}

func TestEgressesOfOneTopicMeet(t *testing.T) {
	pods := names(9)
	place := func(r *contract.Resource, wanted int32) []string { return New("x", pods).Of(r, replicas(wanted)).Pods }
	few, many := place(resource("k-1:9092,k-2:9092", "a", "b"), 1), place(resource(" k-2:9092, k-1:9092", "b", "a"), 5)
	if !slices.Equal(few, many[:2]) {
		t.Errorf("with one replica on %v, with five on %v", few, many)
	}
	for _, other := range []*contract.Resource{resource("k-1:9092,k-2:9092", "a"), resource("k-3:9092", "a", "b"), resource("k-1:9092,k-2:9092", "ab")} {
		if slices.Equal(place(other, 9), place(resource("k-1:9092,k-2:9092", "a", "b"), 9)) {
			t.Errorf("%v ranks all pods as another topic does", other)
		}
	}
}

// Pods of two versions must agree while one replaces the other, so this never changes.
func TestTheRankingIsAProtocol(t *testing.T) {
	got := Rank("kafka:9092\norders", []string{"pod-0", "pod-1", "pod-2", "pod-3", "pod-4"})
	if want := []string{"pod-2", "pod-3", "pod-0", "pod-4", "pod-1"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := weight("kafka:9092\norders", "pod-0"); got != 11346329383103618409 {
		t.Errorf("got weight %d", got)
	}
}

func names(n int) []string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf("kafka-broker-dispatcher-7d9c5b6f4-%05x", i*7919))
	}
	return list
}

// placed is the pods of each of n topics.
func placed(n int, pods []string, wanted int32) [][]string {
	plan := New("nobody", pods)
	var list [][]string
	for i := range n {
		list = append(list, plan.Of(resource("kafka:9092", fmt.Sprintf("knative-broker-ns-%d", i)), replicas(wanted)).Pods)
	}
	return list
}

// A pod that goes leaves the places of all other pods alone; its groups get one new member each. A pod that comes takes
// places from others and changes nothing else.
func TestMovesAreMinimal(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const topics = 300
	for range 60 {
		pods, wanted := names(2+random.IntN(14)), int32(random.IntN(5))
		k := Members(len(pods), wanted)
		gone := pods[random.IntN(len(pods))]
		all, left := placed(topics, pods, wanted), placed(topics, without(pods, gone), wanted)
		taken := 0
		for i := range topics {
			had := slices.Contains(all[i], gone)
			if had {
				taken++
			}
			stayed := without(all[i], gone)
			if !slices.Equal(left[i][:len(stayed)], stayed) {
				t.Fatalf("%d pods, %d wanted: %v became %v though only %s has gone", len(pods), wanted, all[i], left[i], gone)
			}
			if !had && !slices.Equal(all[i], left[i]) {
				t.Fatalf("%v became %v though %s was none of them", all[i], left[i], gone)
			}
		}
		// Read the other way, the pod came: it took its share of k/n of the groups. Eight standard deviations are an error.
		share := float64(topics) * float64(k) / float64(len(pods))
		if diff := float64(taken) - share; diff*diff > 64*share {
			t.Errorf("%d pods, %d members a group: the new pod has %d of %d groups, its share is %.0f", len(pods), k, taken, topics, share)
		}
	}
}

func without(pods []string, pod string) []string {
	return slices.DeleteFunc(slices.Clone(pods), func(p string) bool { return p == pod })
}

// No pod gets much more than its share of topics, nor much less, though names of pods differ in a few letters only.
func TestPodsShareTopicsEvenly(t *testing.T) {
	const topics = 10_000
	pods := names(10)
	count := map[string]int{}
	for _, members := range placed(topics, pods, 1) {
		for _, pod := range members {
			count[pod]++
		}
	}
	for _, pod := range pods {
		if share := 2 * topics / len(pods); count[pod] < share*9/10 || count[pod] > share*11/10 {
			t.Errorf("%s has %d groups, its share is %d", pod, count[pod], share)
		}
	}
}

func BenchmarkPlan(b *testing.B) {
	pods := names(20)
	r := resource("kafka:9092", "knative-broker-ns-name")
	b.ReportAllocs()
	for b.Loop() {
		New(pods[0], pods).Of(r, replicas(2))
	}
}
