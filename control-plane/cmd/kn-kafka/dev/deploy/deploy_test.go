package deploy

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/dev/inventory"
	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/dev/resolve"
	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/manifest"
	"knative.dev/eventing-kafka-go/control-plane/kafkaadmin"
	"knative.dev/eventing-kafka-go/data-plane/kafka/kafkatest"
	"knative.dev/eventing-kafka-go/proto/contract"
)

const manifests = `apiVersion: messaging.knative.dev/v1
kind: KafkaChannel
metadata: {name: c}
spec: {numPartitions: 2}
---
apiVersion: messaging.knative.dev/v1
kind: Subscription
metadata: {name: s}
spec:
  channel: {apiVersion: messaging.knative.dev/v1, kind: KafkaChannel, name: c}
  subscriber: {uri: 'http://s'}
---
apiVersion: eventing.knative.dev/v1
kind: Broker
metadata: {name: b, annotations: {eventing.knative.dev/broker.class: Kafka}}
---
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: {name: t}
spec: {broker: b, subscriber: {uri: 'http://t'}}
---
`

// bench is a deployer on a fake Kafka, without a data plane.
type bench struct {
	t        *testing.T
	kafka    *kafkatest.Cluster
	inv      *inventory.Inventory
	deployer *Deployer
	clock    time.Time
	contract *contract.Contract // as it was last written
	writes   int
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, kafka: kafkatest.Start(t), clock: time.Unix(0, 0)}
	var err error
	if b.inv, err = inventory.Open(filepath.Join(t.TempDir(), "state"), manifest.Supported()); err != nil {
		t.Fatal(err)
	}
	pool := kafkaadmin.NewPool(slog.New(slog.DiscardHandler))
	t.Cleanup(pool.Close)
	b.deployer = New(Options{
		Inventory: b.inv, Pool: pool, Servers: b.kafka.Addrs(), Retention: "1000", Format: contract.FormatProtobuf,
		Write: func(_ context.Context, _, encoded []byte, generation uint64) error {
			decoded, _, err := contract.Decode(encoded)
			if err != nil || decoded.GetGeneration() != generation {
				t.Errorf("contract %d: %v", generation, err)
			}
			b.contract = decoded
			b.writes++
			return nil
		},
	})
	return b
}

// apply deploys manifests.
func (b *bench) apply(yaml string) Result {
	b.t.Helper()
	for range 2 { // a removal takes two looks
		b.clock = b.clock.Add(time.Second)
		set := manifest.Read([]string{"-"}, manifest.Options{Stdin: []byte(yaml), Kinds: manifest.Supported()})
		if report := b.inv.Update(context.Background(), set, b.clock); len(report.Problems) > 0 {
			b.t.Fatal(report.Problems)
		}
	}
	plan := resolve.Make(resolve.World{Inventory: b.inv, Address: "http://in"})
	if len(plan.Problems) > 0 {
		b.t.Fatal(plan.Problems)
	}
	result, err := b.deployer.Apply(context.Background(), plan)
	if err != nil {
		b.t.Fatal(err)
	}
	return result
}

// names are the resources and egresses of the contract that was last written.
func (b *bench) names() string {
	var names []string
	for _, r := range b.contract.GetResources() {
		names = append(names, r.GetReference().GetName())
		for _, e := range r.GetEgresses() {
			names = append(names, e.GetDestination())
		}
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

func TestTopicsStartsAndContract(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if result := b.apply(manifests); len(result.Problems) > 0 {
		t.Fatal(result.Problems)
	}
	if got := b.names(); got != "b c http://s http://t" {
		t.Errorf("the contract has %s", got)
	}
	committed := b.kafka.Committed(t, "knative-trigger-default-t", "knative-broker-default-b")
	if len(committed) != 10 {
		t.Errorf("%d partitions have a start, want all 10", len(committed))
	}
	for _, r := range b.contract.GetResources() {
		e := r.GetEgresses()[0]
		if n := e.GetInitialPartitions()[r.GetTopics()[0]]; n == 0 {
			t.Errorf("%s says nothing of its partitions", e.GetDestination())
		}
	}
	if b.apply(manifests); b.writes != 1 {
		t.Errorf("%d contracts were written for one content", b.writes)
	}
}

func TestTheParkingTopicIsThereForWhatDeliversAndStays(t *testing.T) {
	b := newBench(t)
	b.deployer.ParkingTopic = "parked"
	b.apply(manifests)
	admin := kadm.NewClient(b.raw())
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	configs, err := admin.DescribeTopicConfigs(ctx, "parked")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, c := range configs[0].Configs {
		got[c.Key] = c.MaybeValue()
	}
	for key, want := range map[string]string{"cleanup.policy": "delete", "retention.ms": "31536000000", "max.message.bytes": "2097152"} {
		if got[key] != want {
			t.Errorf("%s is %q, want %q", key, got[key], want)
		}
	}
	for _, r := range b.contract.GetResources() {
		if r.GetParkingTopic() != "parked" {
			t.Errorf("%s parks in %q", r.GetReference().GetName(), r.GetParkingTopic())
		}
	}
	b.apply("")
	if topics, err := admin.ListTopics(ctx, "parked"); err != nil || topics["parked"].Err != nil {
		t.Errorf("after the objects: %v, %v", err, topics["parked"].Err)
	}
}

func TestWhoMayNotCreateTheParkingTopicDoesWithout(t *testing.T) {
	b := newBench(t)
	b.apply(manifests) // its own topics are there
	b.deployer.ParkingTopic = "parked"
	b.kafka.Fake().Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Err: kerr.TopicAuthorizationFailed, Count: -1})
	result := b.apply(strings.Replace(manifests, "http://t", "http://u", 1))
	if !slices.ContainsFunc(result.Notes, func(n string) bool { return strings.Contains(n, "no parking topic") }) || len(result.Problems) > 0 {
		t.Errorf("notes %q, problems %v", result.Notes, result.Problems)
	}
	for _, r := range b.contract.GetResources() {
		if r.GetParkingTopic() != "" {
			t.Errorf("%s parks in %q", r.GetReference().GetName(), r.GetParkingTopic())
		}
	}
}

// raw is a client of the bench's Kafka.
func (b *bench) raw() *kgo.Client {
	b.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(b.kafka.Addrs()...))
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(client.Close)
	return client
}

func TestARetentionIsSetWhereNoneIsSaid(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.apply(manifests)
	for topic, want := range map[string]string{"knative-broker-default-b": "1000", "knative-messaging-kafka.default.c": "604800000"} {
		if got := b.kafka.Fake().TopicInfo(topic).Configs["retention.ms"]; got == nil || *got != want {
			t.Errorf("%s keeps events for %v ms, want %s", topic, got, want)
		}
	}
}

func TestAnErrorOfKafkaKeepsWhatWorks(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.apply(manifests)
	changed := strings.Replace(strings.Replace(manifests, "http://t", "http://new-t", 1), "http://s", "http://new-s", 1)
	b.kafka.Fake().Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetFetch}, Group: "knative-trigger-default-t", Err: kerr.GroupAuthorizationFailed, Count: -1})
	result := b.apply(changed)
	if len(result.Problems) != 1 || result.Problems[0].Object.Name != "t" || !strings.Contains(result.Problems[0].Reason, "GROUP_AUTHORIZATION_FAILED") || !result.Retry {
		t.Errorf("result %+v", result)
	}
	if got := b.names(); got != "b c http://new-s http://t" {
		t.Errorf("the contract has %s: the Trigger was not to change, the Subscription was", got)
	}
}

func TestAGroupThatCannotStartDoesNotRun(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.kafka.Fake().Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.ListOffsets}, Err: kerr.TopicAuthorizationFailed, Count: -1})
	result := b.apply(manifests)
	if len(result.Problems) != 2 || !result.Retry {
		t.Errorf("result %+v", result)
	}
	if got := b.names(); got != "b c" {
		t.Errorf("the contract has %s: events are to be taken, but not delivered from nowhere", got)
	}
}

func TestWhatBelongedToRemovedObjectsGoes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.apply(manifests)
	documents := strings.SplitAfter(manifests, "---\n")
	b.apply(documents[2]) // the Broker alone
	member := join(t, b.kafka, "knative-trigger-default-t", "knative-broker-default-b")
	notes, again := b.deployer.Clean(context.Background())
	if !again || !slices.Equal(notes, []string{"topic knative-messaging-kafka.default.c was deleted with its object"}) {
		t.Errorf("with a member in the Trigger's group: again %v, notes %q", again, notes)
	}
	member.Close()
	notes, again = b.deployer.Clean(context.Background())
	if again || len(notes) > 0 || len(b.inv.Removed()) > 0 {
		t.Errorf("when the member has left: again %v, notes %q, left %v", again, notes, b.inv.Removed())
	}
	if got := b.kafka.Committed(t, "knative-trigger-default-t", "knative-broker-default-b"); len(got) > 0 {
		t.Errorf("the group has offsets: %v", got)
	}
}

// join returns a client that is a member of a group.
func join(t *testing.T, cluster *kafkatest.Cluster, group, topic string) *kgo.Client {
	t.Helper()
	joined := make(chan struct{})
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.Addrs()...), kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic),
		kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) { close(joined) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	go client.PollFetches(ctx)
	select {
	case <-joined:
	case <-ctx.Done():
		t.Fatal("does not join")
	}
	return client
}

func TestWhatCannotBeTakenAwayIsLeftBehindInTheEnd(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.apply(manifests)
	b.apply("")
	b.kafka.Fake().Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.DeleteTopics}, Err: kerr.TopicAuthorizationFailed, Count: -1})
	var notes []string
	for tries, again := 0, true; again; tries++ {
		if tries > cleanTries {
			t.Fatal("tries for ever")
		}
		var told []string
		told, again = b.deployer.Clean(context.Background())
		notes = append(notes, told...)
	}
	if len(notes) != 2 || !strings.HasPrefix(notes[0], "left behind: delete topic ") || len(b.inv.Removed()) > 0 {
		t.Errorf("notes %q, left %v", notes, b.inv.Removed())
	}
}

func TestFieldsOfSubscriptions(t *testing.T) {
	t.Parallel()
	for field, want := range map[string]string{
		"spec.subscribers[3].subscriberUri":         "spec.subscriber",
		"spec.subscribers[0].replyUri":              "spec.reply",
		"spec.subscribers[0].delivery.backoffDelay": "spec.delivery.backoffDelay",
		"spec.subscribers[0]":                       "",
		"metadata.annotations[a.b/c]":               "metadata.annotations[a.b/c]",
		"spec.subscribersOf.something":              "spec.subscribersOf.something",
	} {
		if got := ownField(field); got != want {
			t.Errorf("%s is %q, want %q", field, got, want)
		}
	}
}
