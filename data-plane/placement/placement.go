// Package placement decides which dispatcher pods join the consumer group of an egress.
//
// Every pod decides for itself, from the list of pods in the contract, and all come to the same result: the top of a
// ranking by rendezvous hash, so that a pod that comes or goes moves nothing but its own share. Kafka's group protocol
// does the rest: when a member dies, the others take over with nobody's help, so there are two members whenever there
// are two pods (EG-97). It must not do I/O, read a clock or ask who is alive.
//
// A Plan may be used by one goroutine at a time; a Place is a value.
package placement

import (
	"cmp"
	"hash/fnv"
	"slices"
	"strings"

	"knative.dev/eventing-kafka-go/proto/contract"
)

// spare is the least number of members of a group, where there are so many pods: the second one costs an idle member
// and saves a failover that waits for somebody to place the group anew.
const spare = 2

// Place is where an egress runs, seen from one process.
type Place struct {
	// Joins is whether this process is to join the group.
	Joins bool
	// Pods are the members, best first. Nil: every process is one.
	Pods []string
}

// Equal compares everything.
func (p Place) Equal(q Place) bool { return p.Joins == q.Joins && slices.Equal(p.Pods, q.Pods) }

// Plan places the egresses of one contract.
type Plan struct {
	name     string
	pods     []string
	rankings map[string][]string // of all pods, by key
}

// New plans for the process with this name, "" for one that has none. Without a name or without pods every process
// joins every group. A process that has a name and is not listed joins nothing: it is starting and will be listed, or it
// is about to go.
func New(name string, pods []string) *Plan {
	if name == "" {
		pods = nil
	}
	return &Plan{name: name, pods: slices.Compact(slices.Sorted(slices.Values(pods))), rankings: map[string][]string{}}
}

// Of says where an egress of a resource runs.
func (p *Plan) Of(r *contract.Resource, e *contract.Egress) Place {
	if len(p.pods) == 0 {
		return Place{Joins: true}
	}
	pods := p.ranking(Key(r))[:Members(len(p.pods), e.GetVReplicas())]
	return Place{Joins: slices.Contains(pods, p.name), Pods: pods}
}

func (p *Plan) ranking(key string) []string {
	ranked, ok := p.rankings[key]
	if !ok {
		ranked = Rank(key, p.pods)
		p.rankings[key] = ranked
	}
	return ranked
}

// Members is how many of so many pods join a group that wants a number of members, 0 for any.
func Members(pods int, wanted int32) int {
	return min(pods, max(spare, int(wanted)))
}

// Key is what egresses have in common that meet on the same pods: the cluster and the topics, in whatever order and
// spacing they are written.
func Key(r *contract.Resource) string {
	servers := strings.Split(r.GetBootstrapServers(), ",")
	for i := range servers {
		servers[i] = strings.TrimSpace(servers[i])
	}
	slices.Sort(servers)
	topics := slices.Sorted(slices.Values(r.GetTopics()))
	return strings.Join(servers, ",") + "\n" + strings.Join(topics, ",")
}

// Rank orders pods by their weight for a key, the best first. The weight of a pod depends on nothing but the key and its
// own name, so without a pod the order of the others is what it was. Pods of different versions must agree about it: the
// hash is part of the protocol between them.
func Rank(key string, pods []string) []string {
	type weighted struct {
		pod    string
		weight uint64
	}
	list := make([]weighted, len(pods))
	for i, pod := range pods {
		list[i] = weighted{pod, weight(key, pod)}
	}
	slices.SortFunc(list, func(a, b weighted) int {
		return cmp.Or(cmp.Compare(b.weight, a.weight), strings.Compare(a.pod, b.pod))
	})
	ranked := make([]string, len(list))
	for i, w := range list {
		ranked[i] = w.pod
	}
	return ranked
}

// weight is the hash of both, with its bits mixed: FNV alone leaves names that differ in their last letter, as those of
// pods do, with weights that differ little.
func weight(key, pod string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(key)) // it never fails
	_, _ = h.Write([]byte{0})
	_, _ = h.Write([]byte(pod))
	x := h.Sum64()
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}
