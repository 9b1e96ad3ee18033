//go:build e2e

package e2e

import (
	"slices"
	"testing"
	"time"

	"knative.dev/eventing-kafka-go/test/apiserver/env"
	"knative.dev/eventing-kafka-go/test/e2e/witness"
	"knative.dev/eventing-kafka-go/test/e2e/world"
)

func TestBrokerWithEachKindOfFilter(t *testing.T) {
	s := world.Start(t).Space(t, "filters")
	t.Parallel()
	filters := map[string]struct {
		spec string
		want []string
	}{
		"everything": {"", []string{"1", "2", "3"}},
		"attributes": {", filter: {attributes: {type: order.created, region: north}}", []string{"1"}},
		"exact":      {", filters: [{exact: {type: order.created}}]", []string{"1", "2"}},
		"prefix":     {", filters: [{prefix: {type: payment.}}]", []string{"3"}},
		"suffix":     {", filters: [{suffix: {type: .created}}]", []string{"1", "2"}},
		"all":        {", filters: [{all: [{prefix: {type: order}}, {exact: {region: south}}]}]", []string{"2"}},
		"any":        {", filters: [{any: [{exact: {region: north}}, {exact: {type: payment.made}}]}]", []string{"1", "3"}},
		"not":        {", filters: [{not: {exact: {region: north}}}]", []string{"2", "3"}},
		"cesql":      {", filters: [{cesql: \"type LIKE 'order.%' AND region <> 'north'\"}]", []string{"2"}},
	}
	began := time.Now()
	s.Make(t, broker("b", "Kafka"))
	address := world.Address(t, s.Ready(t, kindBroker, "b"))
	world.Since(t, "Broker: apply to Ready", began)
	began = time.Now()
	manifests := ""
	for name, f := range filters {
		manifests += trigger(name, "b", s.To(name), f.spec)
	}
	s.Make(t, manifests)
	for name := range filters {
		s.Ready(t, kindTrigger, name)
	}
	world.Since(t, "nine Triggers: apply to all Ready", began)

	began = time.Now()
	s.Send(t, address,
		witness.Event{ID: "1", Type: "order.created", Extensions: map[string]string{"region": "north"}, Data: "one"},
		witness.Event{ID: "2", Type: "order.created", Extensions: map[string]string{"region": "south"}},
		witness.Event{ID: "3", Type: "payment.made", Extensions: map[string]string{"region": "south"}},
	)
	// A last event that all of these take ends the wait: what was refused has been seen by then, as all are in order.
	for name, f := range filters {
		if name == "everything" {
			s.Await(t, name, len(f.want))
			world.Since(t, "Trigger: Ready to third event", began)
		}
	}
	for name, f := range filters {
		wantIDs(t, name, s.Await(t, name, len(f.want)), f.want...)
	}
	seen := s.Seen(t, "attributes")
	if d := seen[0]; d.Body != "one" || d.Headers["ce-region"] != "north" || d.Headers["ce-specversion"] != "1.0" {
		t.Errorf("the event arrived as %+v", d)
	}
}

func TestDeadLettersOfABroker(t *testing.T) {
	s := world.Start(t).Space(t, "deadletter")
	t.Parallel()
	s.Plan(t, "broken", witness.Plan{Code: 500, Body: "no"})
	const retry = "retry: 2, backoffPolicy: linear, backoffDelay: PT0.2S"
	s.Make(t, broker("b", "Kafka")+trigger("t", "b", s.To("broken"), ", delivery: {"+retry+", deadLetterSink: {uri: \""+s.To("dead")+"\"}}"))
	s.Ready(t, kindTrigger, "t")
	s.Send(t, world.Address(t, s.Ready(t, kindBroker, "b")), events("x", "1")...)
	dead := s.Await(t, "dead", 1)
	wantIDs(t, "the dead letter sink", dead, "1")
	if h := dead[0].Headers; h["ce-knativeerrorcode"] != "500" || h["ce-knativeerrordest"] != s.To("broken") || h["ce-knativeerrordata"] == "" {
		t.Errorf("dead letter without its extensions: %v", h)
	}
	if n := len(s.Seen(t, "broken")); n != 3 {
		t.Errorf("%d attempts, not 3", n)
	}
}

func TestRepliesAndRetries(t *testing.T) {
	s := world.Start(t).Space(t, "replies")
	t.Parallel()
	s.Plan(t, "first", witness.Plan{Codes: []int{503, 429}, Reply: &witness.Event{ID: "re-", Type: "answered", Data: "reply"}})
	s.Make(t, broker("b", "Kafka")+
		trigger("first", "b", s.To("first"), ", filter: {attributes: {type: asked}}, delivery: {retry: 5, backoffPolicy: exponential, backoffDelay: PT0.2S}")+
		trigger("second", "b", s.To("second"), ", filter: {attributes: {type: answered}}"))
	s.Ready(t, kindTrigger, "first")
	s.Ready(t, kindTrigger, "second")
	s.Send(t, world.Address(t, s.Ready(t, kindBroker, "b")), events("asked", "1")...)
	wantIDs(t, "the Trigger for replies", s.Await(t, "second", 1), "re-1")
	var codes []int
	for _, d := range s.Seen(t, "first") {
		codes = append(codes, d.Code)
	}
	if !slices.Equal(codes, []int{503, 429, 202}) {
		t.Errorf("attempts ended with %v", codes)
	}
}

func TestOrderedDelivery(t *testing.T) {
	s := world.Start(t).Space(t, "ordered")
	t.Parallel()
	s.Make(t, broker("b", "Kafka")+`
---
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: {name: t, annotations: {kafka.eventing.knative.dev/delivery.order: ordered}}
spec: {broker: b, subscriber: {uri: "`+s.To("t")+`"}, delivery: {retry: 3, backoffPolicy: linear, backoffDelay: PT0.1S}}`)
	s.Ready(t, kindTrigger, "t")
	address := world.Address(t, s.Ready(t, kindBroker, "b"))
	s.Plan(t, "t", witness.Plan{Codes: []int{500}})
	var want []string
	for i := range 20 {
		id := string(rune('a' + i))
		want = append(want, id)
		s.Send(t, address, witness.Event{ID: id, Type: "x", Extensions: map[string]string{"partitionkey": "same"}})
	}
	var finished []string
	for _, d := range s.Await(t, "t", 2*len(want)) {
		if d.Code == 202 {
			finished = append(finished, d.ID())
		}
	}
	if !slices.Equal(finished, want) {
		t.Errorf("delivered in the order %v", finished)
	}
}

func TestDeletionLeavesNothing(t *testing.T) {
	w := world.Start(t)
	s := w.Space(t, "deletion")
	t.Parallel()
	s.Make(t, broker("b", "Kafka")+trigger("t", "b", s.To("t"), ""))
	o := s.Ready(t, kindTrigger, "t")
	b := s.Ready(t, kindBroker, "b")
	s.Send(t, world.Address(t, b), events("x", "1")...)
	s.Await(t, "t", 1)
	topic := text(b, "status", "annotations", "default.topic")
	group := text(o, "status", "annotations", "group.id")
	if !w.Kafka.HasTopic(t, topic) || !w.Kafka.HasGroup(t, group) {
		t.Fatalf("Kafka has no topic %q or no group %q", topic, group)
	}
	s.Remove(t, kindTrigger, "t")
	s.Remove(t, kindBroker, "b")
	env.Until(t, world.Patience, func() string {
		switch {
		case w.Kafka.HasTopic(t, topic):
			return "the topic is there"
		case w.Kafka.HasGroup(t, group):
			return "the consumer group is there"
		}
		return ""
	})
	for _, a := range s.Try(t, witness.Order{URL: world.Address(t, b), Events: events("x", "2")}) {
		if a.Code != 404 {
			t.Errorf("the address answers %d %s", a.Code, a.Reason)
		}
	}
}
