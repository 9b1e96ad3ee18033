package contract

import (
	"cmp"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"knative.dev/eventing-kafka-go/proto/contract"
)

// leaveOut takes half of the entries out that the contract before does not have, and writes down why; it takes at least
// one. left is false when there is none. Egresses are taken before resources, as they are the many.
func leaveOut(
	before *contract.Contract, resources []*contract.Resource, refused map[string]string, large *contract.TooLargeError,
) (rest []*contract.Resource, left bool) {
	known := map[string]bool{}
	for _, r := range before.GetResources() {
		known[r.GetUid()] = true
		for _, e := range r.GetEgresses() {
			known[e.GetUid()] = true
		}
	}
	fresh := freshEntries(resources, known)
	if len(fresh) == 0 {
		return nil, false
	}
	// In the order of their uids, so that the same ones are refused the next time and no object changes its place.
	slices.SortFunc(fresh, func(a, b entry) int { return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.uid, b.uid)) })
	out := map[string]bool{}
	for _, e := range fresh[:(len(fresh)+1)/2] {
		out[e.uid] = true
		refused[e.uid] = fmt.Sprintf("the contract is full: it would take %d bytes, more than the %d that fit into a ConfigMap", large.Size, large.Limit)
	}
	return without(resources, out), true
}

type entry struct {
	rank int // 0: an egress, 1: a resource
	uid  string
}

func freshEntries(resources []*contract.Resource, known map[string]bool) []entry {
	var fresh []entry
	for _, r := range resources {
		for _, e := range r.GetEgresses() {
			if !known[e.GetUid()] {
				fresh = append(fresh, entry{0, e.GetUid()})
			}
		}
		if !known[r.GetUid()] {
			fresh = append(fresh, entry{1, r.GetUid()})
		}
	}
	return fresh
}

func without(resources []*contract.Resource, out map[string]bool) []*contract.Resource {
	var rest []*contract.Resource
	for _, r := range resources {
		if out[r.GetUid()] {
			continue
		}
		if slices.ContainsFunc(r.GetEgresses(), func(e *contract.Egress) bool { return out[e.GetUid()] }) {
			r = proto.CloneOf(r)
			r.Egresses = slices.DeleteFunc(r.Egresses, func(e *contract.Egress) bool { return out[e.GetUid()] })
			r.ContentHash = contract.ResourceHash(r)
		}
		rest = append(rest, r)
	}
	return rest
}
