package source

import (
	"slices"
	"strings"

	sourcesv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/sources/v1beta1"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/data-plane/placement"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// place records how many consumers there are, of how many that are of use, and where (SRC-16). Pods decide that by
// themselves, from the contract; one that is there only to take over at once is no consumer to the user.
func (x *run) place(e *contract.Egress) {
	status := &x.source.Status
	useful := partitions(&status.Status)
	status.MaxAllowedVReplicas = &useful
	status.Consumers = max(e.GetVReplicas(), 1)
	if e.GetPaused() {
		status.Consumers = 0
	}
	status.Placements = x.placements(x.source)
}

// placements spread the consumers of a source over the pods that join its group.
func (r *Reconciler) placements(s *sourcesv1beta1.KafkaSource) []sourcesv1beta1.Placement {
	snapshot, err := r.in.Contracts.Get(r.in.DataPlanes[dataplane.Source])
	if err != nil {
		return s.Status.Placements // it was read a moment ago
	}
	wanted := s.Status.Consumers
	key := placement.Key(&contract.Resource{BootstrapServers: strings.Join(s.Spec.BootstrapServers, ","), Topics: s.Spec.Topics})
	pods := placement.Rank(key, snapshot.Contract.GetDispatchers())
	pods = pods[:placement.Members(len(pods), wanted)]
	var all []sourcesv1beta1.Placement
	for i, pod := range pods {
		n := wanted / int32(len(pods))
		if int32(i) < wanted%int32(len(pods)) {
			n++
		}
		if n > 0 {
			all = append(all, sourcesv1beta1.Placement{PodName: pod, VReplicas: n})
		}
	}
	return all
}

// pending is true for a source that waits for the contract: it is not ready, goes, or is placed elsewhere by now.
func (r *Reconciler) pending(object any) bool {
	s, ok := object.(*sourcesv1beta1.KafkaSource)
	if !ok {
		return false
	}
	ready := s.Status.ConditionManager().IsHappy()
	return !ready || s.DeletionTimestamp != nil || !slices.Equal(s.Status.Placements, r.placements(s))
}
