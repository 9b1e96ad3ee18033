package ingress

import (
	"strconv"

	"knative.dev/eventing-kafka-go/data-plane/status"
)

// Status returns what is served where and how it fares, in the order of the contract.
func (i *Ingress) Status() []status.Route {
	t := i.table.Load()
	if t == nil {
		return nil
	}
	routes := make([]status.Route, 0, len(t.routes))
	for _, r := range t.routes {
		routes = append(routes, r.status())
	}
	return routes
}

func (r *route) status() status.Route {
	s := status.Route{
		UID:         r.uid,
		Kind:        r.labels.Kind,
		Namespace:   r.reference.GetNamespace(),
		Name:        r.reference.GetName(),
		Topic:       r.topic,
		Host:        r.host,
		Paths:       r.paths,
		ContentHash: r.contentHash,
		Problem:     r.trouble(),
	}
	counts := r.metrics.Counts()
	s.Accepted = counts.Accepted
	if len(counts.Refused) > 0 {
		s.Answers = make(map[string]uint64, len(counts.Refused))
		for code, n := range counts.Refused {
			s.Answers[strconv.Itoa(code)] = n
		}
	}
	s.LastError, s.LastErrorAt = r.account.lastFailure()
	if r.noteTypes {
		s.EventTypes = status.EventTypesOf(&r.account.types)
	}
	return s
}
