package main

import (
	"context"
	"fmt"
	"math"
	"time"

	"knative.dev/eventing-kafka-go/data-plane/cloudevent"
	"knative.dev/eventing-kafka-go/data-plane/filter"
	"knative.dev/eventing-kafka-go/proto/contract"
	"knative.dev/eventing-kafka-go/test/performance/report"
	"knative.dev/eventing-kafka-go/test/performance/stage"
)

const sectionFilters = "filters, one event at one Trigger"

type attributes = map[string]string

func exact(a attributes) *contract.DialectedFilter {
	return &contract.DialectedFilter{Filter: &contract.DialectedFilter_Exact{Exact: &contract.Exact{Attributes: a}}}
}

func sql(expression string) *contract.DialectedFilter {
	return &contract.DialectedFilter{Filter: &contract.DialectedFilter_Cesql{Cesql: &contract.CESQL{Expression: expression}}}
}

// allOfFive uses exact, prefix, suffix, any and not; each passes the event.
func allOfFive() *contract.DialectedFilter {
	return &contract.DialectedFilter{Filter: &contract.DialectedFilter_All{All: &contract.All{Filters: []*contract.DialectedFilter{
		exact(attributes{"type": "com.example.order.created"}),
		{Filter: &contract.DialectedFilter_Prefix{Prefix: &contract.Prefix{Attributes: attributes{"source": "/orders"}}}},
		{Filter: &contract.DialectedFilter_Suffix{Suffix: &contract.Suffix{Attributes: attributes{"subject": "4711"}}}},
		{Filter: &contract.DialectedFilter_Any{Any: &contract.Any{Filters: []*contract.DialectedFilter{
			exact(attributes{"tenant": "red"}), exact(attributes{"tenant": "blue"}),
		}}}},
		{Filter: &contract.DialectedFilter_Not{Not: &contract.Not{Filter: exact(attributes{"priority": "8"})}}},
	}}}}
}

// filters measures what a filter costs of an event that passes it.
func (b *bench) filters(ctx context.Context) error {
	for _, c := range []struct {
		name   string
		filter *contract.DialectedFilter
	}{
		{"exact type", exact(attributes{"type": "com.example.order.created"})},
		{"exact type and extension", exact(attributes{"type": "com.example.order.created", "tenant": "blue"})},
		{"all of five", allOfFive()},
		{"cesql, simple", sql("type = 'com.example.order.created'")},
		{"cesql, complex", sql("EXISTS tenant AND (source LIKE '/orders/%' OR type IN ('a', 'b')) AND priority > 6 AND NOT (LOWER(subject) = 'x')")},
	} {
		match, err := filter.Compile(nil, []*contract.DialectedFilter{c.filter})
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		b.inTurns(ctx, b.rounds, sectionFilters, c.name, b.ours(), func(stage.Subject) ([]report.Figure, error) {
			each, err := timeMatch(match, b.filterFor)
			return []report.Figure{{Name: "time", Unit: "ns", Value: each}}, err
		})
	}
	return nil
}

// timeMatch evaluates a filter for some time and returns the nanoseconds of an evaluation in the fastest of many short
// runs, which others on the machine have disturbed least.
func timeMatch(match filter.Match, during time.Duration) (float64, error) {
	e := cloudevent.Event{
		SpecVersion: "1.0", ID: "id-1", Source: "/orders/eu", Type: "com.example.order.created", Subject: "order/4711",
		Time: "2026-01-02T03:04:05Z", DataContentType: "application/json",
	}
	e.SetExtension("tenant", "blue", cloudevent.KindString)
	e.SetExtension("priority", "7", cloudevent.KindString)
	const run = 1000
	best := math.Inf(1)
	for end := time.Now().Add(during); time.Now().Before(end); {
		began := time.Now()
		for range run {
			if !match(&e) {
				return 0, fmt.Errorf("the event does not pass")
			}
		}
		best = min(best, float64(time.Since(began).Nanoseconds())/run)
	}
	return best, nil
}
