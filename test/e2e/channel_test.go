//go:build e2e

package e2e

import (
	"testing"
	"time"

	"knative.dev/eventing-kafka-go/test/e2e/witness"
	"knative.dev/eventing-kafka-go/test/e2e/world"
)

func TestKafkaChannelWithSubscriptions(t *testing.T) {
	s := world.Start(t).Space(t, "channel")
	t.Parallel()
	began := time.Now()
	s.Make(t, kafkaChannel("c", ""))
	address := world.Address(t, s.Ready(t, kindKafkaChannel, "c"))
	world.Since(t, "KafkaChannel: apply to Ready", began)
	if want := "http://c-kn-channel." + s.Name + ".svc.cluster.local"; address != want {
		t.Errorf("address %s, not %s (CH-27)", address, want)
	}
	began = time.Now()
	s.Plan(t, "first", witness.Plan{Reply: &witness.Event{ID: "re-", Type: "answered"}})
	s.Plan(t, "third", witness.Plan{Code: 400})
	s.Make(t, kafkaChannel("replies", "")+
		subscription("first", kindKafkaChannel, "c", s.To("first"), ", reply: {ref: {apiVersion: messaging.knative.dev/v1beta1, kind: KafkaChannel, name: replies}}")+
		subscription("second", kindKafkaChannel, "replies", s.To("second"), "")+
		subscription("third", kindKafkaChannel, "c", s.To("third"), ", delivery: {retry: 0, deadLetterSink: {uri: \""+s.To("dead")+"\"}}"))
	for _, name := range []string{"first", "second", "third"} {
		s.Ready(t, kindSubscription, name)
	}
	world.Since(t, "three Subscriptions: apply to all Ready", began)
	began = time.Now()
	s.Send(t, address, events("x", "1")...)
	wantIDs(t, "the first subscriber", s.Await(t, "first", 1), "1")
	world.Since(t, "Subscription: Ready to first event", began)
	wantIDs(t, "the subscriber of replies", s.Await(t, "second", 1), "re-1")
	wantIDs(t, "the dead letter sink", s.Await(t, "dead", 1), "1")
	s.Remove(t, kindSubscription, "first")
	s.Remove(t, kindKafkaChannel, "c")
}

const channelTemplate = "channelTemplate: {apiVersion: messaging.knative.dev/v1beta1, kind: KafkaChannel, spec: {numPartitions: 1, replicationFactor: 1}}"

func TestSequenceOverKafkaChannels(t *testing.T) {
	s := world.Start(t).Space(t, "sequence")
	t.Parallel()
	s.Plan(t, "one", witness.Plan{Reply: &witness.Event{ID: "one-", Type: "one"}})
	s.Plan(t, "two", witness.Plan{Reply: &witness.Event{ID: "two-", Type: "two"}})
	s.Make(t, `
apiVersion: flows.knative.dev/v1
kind: Sequence
metadata: {name: s}
spec:
  `+channelTemplate+`
  steps: [{uri: "`+s.To("one")+`"}, {uri: "`+s.To("two")+`"}]
  reply: {uri: "`+s.To("end")+`"}`)
	s.Send(t, world.Address(t, s.Ready(t, kindSequence, "s")), events("x", "1")...)
	wantIDs(t, "the end of the Sequence", s.Await(t, "end", 1), "two-one-1")
}

func TestParallelOverKafkaChannels(t *testing.T) {
	s := world.Start(t).Space(t, "parallel")
	t.Parallel()
	s.Plan(t, "yes", witness.Plan{Reply: &witness.Event{ID: "", Type: "passed"}})
	s.Plan(t, "left", witness.Plan{Reply: &witness.Event{ID: "left-", Type: "x"}})
	s.Plan(t, "right", witness.Plan{Reply: &witness.Event{ID: "right-", Type: "x"}})
	s.Make(t, `
apiVersion: flows.knative.dev/v1
kind: Parallel
metadata: {name: p}
spec:
  `+channelTemplate+`
  branches:
  - {filter: {uri: "`+s.To("yes")+`"}, subscriber: {uri: "`+s.To("left")+`"}}
  - {filter: {uri: "`+s.To("no")+`"}, subscriber: {uri: "`+s.To("never")+`"}}
  - {subscriber: {uri: "`+s.To("right")+`"}}
  reply: {uri: "`+s.To("end")+`"}`)
	s.Send(t, world.Address(t, s.Ready(t, kindParallel, "p")), events("x", "1")...)
	wantIDs(t, "the end of the Parallel", s.Await(t, "end", 2), "left-1", "right-1")
	s.Await(t, "no", 1)
	if never := s.Seen(t, "never"); len(never) > 0 {
		t.Errorf("the branch that is filtered out received %v", never)
	}
}
