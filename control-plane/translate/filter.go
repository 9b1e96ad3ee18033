package translate

import (
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"

	"knative.dev/eventing-kafka-go/data-plane/filter"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// setFilter translates what a Trigger lets through: filters when there are any, else filter. Filters that a data plane
// could not compile are an error.
func setFilter(e *contract.Egress, spec *eventingv1.TriggerSpec) error {
	if len(spec.Filters) > 0 {
		e.DialectedFilter = Dialects(spec.Filters)
	} else if spec.Filter != nil && len(spec.Filter.Attributes) > 0 {
		e.Filter = &contract.Filter{Attributes: spec.Filter.Attributes}
	}
	_, err := filter.Compile(e.Filter, e.DialectedFilter)
	return at("spec.filters", err)
}

// Dialects translates filters of the subscriptions API: of a Trigger, or of an EventPolicy.
func Dialects(filters []eventingv1.SubscriptionsAPIFilter) []*contract.DialectedFilter {
	out := make([]*contract.DialectedFilter, 0, len(filters))
	for i := range filters {
		out = append(out, dialect(&filters[i]))
	}
	return out
}

// dialect translates one filter. One that has several dialects, which only old objects can have, passes what passes
// all of them; one that has none passes everything.
func dialect(f *eventingv1.SubscriptionsAPIFilter) *contract.DialectedFilter {
	var parts []*contract.DialectedFilter
	if len(f.Exact) > 0 {
		parts = append(parts, &contract.DialectedFilter{Filter: &contract.DialectedFilter_Exact{Exact: &contract.Exact{Attributes: f.Exact}}})
	}
	if len(f.Prefix) > 0 {
		parts = append(parts, &contract.DialectedFilter{Filter: &contract.DialectedFilter_Prefix{Prefix: &contract.Prefix{Attributes: f.Prefix}}})
	}
	if len(f.Suffix) > 0 {
		parts = append(parts, &contract.DialectedFilter{Filter: &contract.DialectedFilter_Suffix{Suffix: &contract.Suffix{Attributes: f.Suffix}}})
	}
	if len(f.All) > 0 {
		parts = append(parts, all(Dialects(f.All)))
	}
	if len(f.Any) > 0 {
		parts = append(parts, &contract.DialectedFilter{Filter: &contract.DialectedFilter_Any{Any: &contract.Any{Filters: Dialects(f.Any)}}})
	}
	if f.Not != nil {
		parts = append(parts, &contract.DialectedFilter{Filter: &contract.DialectedFilter_Not{Not: &contract.Not{Filter: dialect(f.Not)}}})
	}
	if f.CESQL != "" {
		parts = append(parts, &contract.DialectedFilter{Filter: &contract.DialectedFilter_Cesql{Cesql: &contract.CESQL{Expression: f.CESQL}}})
	}
	switch len(parts) {
	case 0:
		return &contract.DialectedFilter{}
	case 1:
		return parts[0]
	}
	return all(parts)
}

func all(filters []*contract.DialectedFilter) *contract.DialectedFilter {
	return &contract.DialectedFilter{Filter: &contract.DialectedFilter_All{All: &contract.All{Filters: filters}}}
}
