package ingress

import (
	"strconv"

	"knative.dev/eventing-kafka-go/data-plane/status"
	"knative.dev/eventing-kafka-go/data-plane/telemetry"
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

// observe lets the telemetry ask the routes of a complete table how they stand.
func (t *table) observe() {
	for _, r := range t.routes {
		r.metrics.Observe(r.gauges)
	}
}

// gauges are read at each scrape.
func (r *route) gauges() telemetry.IngressGauges {
	_, failed := r.account.lastFailure()
	return telemetry.IngressGauges{PendingBytes: r.account.pending.Load(), Refusing: r.trouble() != "", LastErrorAt: failed}
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
	s.PendingBytes = r.account.pending.Load()
	if r.noteTypes {
		s.EventTypes = status.EventTypesOf(&r.account.types)
	}
	return s
}
