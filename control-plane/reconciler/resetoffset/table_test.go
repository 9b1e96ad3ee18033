package resetoffset

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	messagingv1 "knative.dev/eventing/pkg/apis/messaging/v1"

	messagingv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/messaging/v1beta1"
	sourcesv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/sources/v1beta1"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	bench "knative.dev/eventing-kafka-go/control-plane/reconcilertest"
	"knative.dev/eventing-kafka-go/control-plane/rollout"
)

func TestAGroupIsMovedOnceAndItsLedgerForgotten(t *testing.T) {
	for _, tt := range []struct {
		name, kind, of, to    string
		topic, group          string
		partitions, committed string
	}{
		{"a Trigger to the beginning", "Trigger", "t", "earliest", "t", group,
			`[{"partition":0,"oldOffset":3,"newOffset":0},{"partition":1,"oldOffset":0,"newOffset":0}]`, `["t",0,"t",0]`},
		{"a Trigger to the end", "Trigger", "t", "latest", "t", group,
			`[{"partition":0,"oldOffset":3,"newOffset":4},{"partition":1,"oldOffset":0,"newOffset":0}]`, `["t",4,"t",0]`},
		{"a Subscription to a time", "Subscription", "sub", "2026-01-02T00:30:00Z", "t", "kafka.ns.c.sub-uid",
			`[{"partition":0,"oldOffset":3,"newOffset":2},{"partition":1,"oldOffset":0,"newOffset":0}]`, `["t",2,"t",0]`},
		{"a Subscription to a time after the last event", "Subscription", "sub", "2026-01-02T03:00:00Z", "t", "kafka.ns.c.sub-uid",
			`[{"partition":0,"oldOffset":3,"newOffset":4},{"partition":1,"oldOffset":0,"newOffset":0}]`, `["t",4,"t",0]`},
		{"a KafkaSource with two topics", "KafkaSource", "s", "earliest", "t,u", "group-of-s",
			`[{"topic":"t","partition":0,"oldOffset":3,"newOffset":0},{"topic":"t","partition":1,"oldOffset":0,"newOffset":0},` +
				`{"topic":"u","partition":0,"oldOffset":4,"newOffset":0},{"topic":"u","partition":1,"oldOffset":0,"newOffset":0}]`, `["t",0,"t",0,"u",0,"u",0]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newScene(t)
			s.ask("r", tt.kind, tt.of, tt.to, 0)
			s.settle("r")
			s.says("r", "Succeeded=True", "RefMapped=True", "AcquireDataPlaneServices=True", "ConsumerGroupsStopped=True", "OffsetsUpdated=True", "ConsumerGroupsStarted=True")
			o := s.get("r")
			partitions, err := json.Marshal(o.Status.Partitions)
			if err != nil || string(partitions) != tt.partitions || o.Status.Topic != tt.topic || o.Status.Group != tt.group {
				t.Errorf("%s %s %s, %v (RO-05)", o.Status.Topic, o.Status.Group, partitions, err)
			}
			if got := s.committed(tt.group); got != tt.committed {
				t.Errorf("committed %s, want %s", got, tt.committed)
			}
			reconciled := "Normal ResetOffsetReconciled Consumer group " + tt.group + " was moved to " + tt.to
			if n := s.count(reconciled); n != 1 || s.count("Normal ResetOffsetSkipped") == 0 || s.count("Warning") > 0 {
				t.Errorf("%q (RO-06)", s.events)
			}

			s.commit(tt.group, "t", 0, 2) // deliveries go on
			s.settle("r")
			if got := s.committed(tt.group); !strings.HasPrefix(got, `["t",2,"a ledger"`) {
				t.Errorf("moved again: %s (RO-07)", got)
			}
		})
	}
}

func (s *scene) count(prefix string) (n int) {
	for _, e := range s.events {
		if strings.HasPrefix(e, prefix) {
			n++
		}
	}
	return n
}

// paused says whether the contract keeps the group of the Trigger at rest.
func (s *scene) paused() bool {
	s.t.Helper()
	snapshot, err := s.In.Contracts.Get(s.In.DataPlanes[dataplane.Broker])
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range snapshot.Contract.GetResources()[0].GetEgresses() {
		if e.GetPaused() {
			return true
		}
	}
	return false
}

func TestTheGroupRestsFromTheFirstStepToTheCommit(t *testing.T) {
	s := newScene(t)
	s.ask("r", "Trigger", "t", "earliest", 0)
	for i, want := range []struct {
		paused    bool
		committed string
		says      string
	}{
		{true, `["t",3,"a ledger","t",0,"a ledger"]`, "AcquireDataPlaneServices=True"},
		{true, `["t",3,"a ledger","t",0,"a ledger"]`, "ConsumerGroupsStopped=True"},
		{false, `["t",0,"t",0]`, "OffsetsUpdated=True"},
		{false, `["t",0,"t",0]`, "Succeeded=True"},
	} {
		s.step("r")
		s.says("r", want.says)
		if got := s.committed(group); s.paused() != want.paused || got != want.committed {
			t.Errorf("after step %d: paused %v, committed %s", i+1, s.paused(), got)
		}
	}
}

// A controller that is killed between a step and the writing of the status does the step again.
func TestEveryStepMayBeDoneTwice(t *testing.T) {
	for killed := range 4 {
		t.Run(fmt.Sprintf("killed after step %d", killed+1), func(t *testing.T) {
			s := newScene(t)
			s.ask("r", "Trigger", "t", "earliest", 0)
			for range killed {
				s.step("r")
			}
			before := s.get("r").DeepCopy()
			s.step("r")
			s.put(before) // it was never written
			s.dataPlane()
			s.settle("r")
			s.says("r", "Succeeded=True")
			if o := s.get("r"); len(o.Status.Partitions) != 2 || o.Status.Partitions[0].OldOffset != 3 {
				t.Errorf("%+v", o.Status.Partitions)
			}
			if got := s.committed(group); got != `["t",0,"t",0]` {
				t.Errorf("committed %s", got)
			}
		})
	}
}

func TestWhatAResetOffsetWaitsForAndWhatCanBeWrong(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(*scene)
		want []string
		// rests: the contract keeps the group of the Trigger.
		rests bool
	}{
		{"the Trigger does not exist", func(s *scene) { s.Remove("triggers", "ns", "t") },
			[]string{"RefMapped=False FailedToMapRef: get Trigger ns/t", "Succeeded=False FailedToMapRef"}, false},
		{"its Broker does not exist", func(s *scene) { s.Remove("brokers", "ns", "b") },
			[]string{"RefMapped=False FailedToMapRef: get Broker ns/b"}, false},
		{"its Broker is of another class", func(s *scene) {
			b := cached[*eventingv1.Broker](s, "brokers", "b").DeepCopy()
			b.Annotations["eventing.knative.dev/broker.class"] = "MTChannelBasedBroker"
			s.Add("brokers", b)
		}, []string{`RefMapped=False FailedToMapRef: the Broker b of Trigger ns/t is of class "MTChannelBasedBroker"`}, false},
		{"its group has no name yet", func(s *scene) {
			trigger := cached[*eventingv1.Trigger](s, "triggers", "t").DeepCopy()
			trigger.Status.Annotations = nil
			s.Add("triggers", trigger)
		}, []string{"RefMapped=False FailedToMapRef: the consumer group of Trigger ns/t is not ready"}, false},
		{"the Secret is missing", func(s *scene) {
			cm := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: bench.SystemNamespace, Name: "broker-config"}}
			cm.Data = map[string]string{"bootstrap.servers": s.Kafka.Bootstrap(), "default.topic.partitions": "1",
				"default.topic.replication.factor": "1", "auth.secret.ref.name": "gone"}
			s.Add("configmaps", cm)
			s.frozen = true
		}, []string{"RefMapped=True", "AcquireDataPlaneServices=False FailedToAcquireDataPlaneServices: get Secret knative-eventing/gone"}, false},
		{"the topic is gone", func(s *scene) { s.Kafka.DeleteTopic(s.t, "t") },
			[]string{"AcquireDataPlaneServices=False FailedToAcquireDataPlaneServices: failed to get partitions for topic t"}, false},
		{"the contract cannot be read", func(s *scene) {
			s.Add("configmaps", &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: bench.SystemNamespace, Name: "kafka-broker-brokers-triggers", ResourceVersion: "x"},
				BinaryData: map[string][]byte{"data": []byte("torn")}})
			s.frozen = true
		}, []string{"AcquireDataPlaneServices=False FailedToAcquireDataPlaneServices"}, false},
		{"the contract is not written", func(s *scene) { s.frozen = true },
			[]string{"AcquireDataPlaneServices=True", "ConsumerGroupsStopped=Unknown Waiting: waiting for the contract"}, false},
		{"Kafka refuses the offsets", func(s *scene) {
			s.Kafka.Fake().Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.GroupAuthorizationFailed, Count: -1})
		}, []string{"ConsumerGroupsStopped=True", "OffsetsUpdated=False FailedToUpdateOffsets: ", "Succeeded=False"}, true},
		{"the group has a member that is not ours", func(s *scene) { s.member() },
			[]string{"ConsumerGroupsStopped=Unknown Waiting: consumer group group-of-t has members: kgo at ", "Succeeded=Unknown"}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newScene(t)
			s.ask("r", "Trigger", "t", "earliest", 0)
			tt.do(s)
			frozen := s.frozen
			s.frozen = frozen || cached[*eventingv1.Trigger](s, "triggers", "t") == nil
			s.settle("r")
			s.says("r", tt.want...)
			if got := s.committed(group); !strings.HasPrefix(got, `["t",3,"a ledger"`) && got != "null" {
				t.Errorf("committed %s", got)
			}
			if cached[*eventingv1.Broker](s, "brokers", "b") != nil && !frozen && s.paused() != tt.rests {
				t.Errorf("at rest: %v", s.paused())
			}
		})
	}
}

// member joins the group of the Trigger and stays until it is ended.
func (s *scene) member() (end func()) {
	s.t.Helper()
	assigned := make(chan struct{}, 1)
	client, err := kgo.NewClient(kgo.SeedBrokers(s.Kafka.Addrs()...), kgo.DisableClientMetrics(), kgo.ConsumerGroup(group), kgo.ConsumeTopics("t"),
		kgo.DisableAutoCommit(), kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, _ map[string][]int32) {
			select {
			case assigned <- struct{}{}:
			default:
			}
		}))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(client.Close)
	select {
	case <-assigned:
	case <-time.After(time.Minute):
		s.t.Fatal("the member got no assignment")
	}
	return client.Close
}

func TestAMemberThatStaysIsCalledAFailureAfterAWhileAndWhenItLeavesTheResetGoesOn(t *testing.T) {
	s := newScene(t)
	end := s.member()
	s.ask("r", "Trigger", "t", "earliest", 0)
	s.settle("r")
	s.Now = s.Now.Add(3 * time.Minute)
	s.step("r")
	s.says("r", "ConsumerGroupsStopped=False FailedToStopConsumerGroups: consumer group group-of-t has members after 2m0s at rest: kgo at ")
	end()
	s.settle("r")
	s.says("r", "Succeeded=True")
	if got := s.committed(group); got != `["t",0,"t",0]` {
		t.Errorf("committed %s", got)
	}
}

func TestPodsThatDoNotAnswerHoldNobodyUpForLong(t *testing.T) {
	s := newScene(t)
	s.ask("r", "Trigger", "t", "earliest", 0)
	s.step("r")
	s.frozen = true
	s.SetPods(bench.BenchPod{Name: "hangs", App: "kafka-broker-dispatcher", Report: rollout.Report{}})
	s.settle("r")
	s.says("r", "ConsumerGroupsStopped=Unknown Waiting: waiting for 1 pods: pod hangs has no entry for it yet")
	s.Now = s.Now.Add(3 * time.Minute)
	s.step("r")
	s.step("r")
	s.says("r", "OffsetsUpdated=True")
	s.frozen = false
	s.settle("r")
	s.says("r", "Succeeded=True")
}

func TestWithoutPodsTheOffsetsAreMovedAndTheGroupStartsWhenOneComes(t *testing.T) {
	s := newScene(t)
	s.frozen = true
	s.SetPods()
	s.ask("r", "Trigger", "t", "latest", 0)
	s.settle("r")
	s.says("r", "OffsetsUpdated=True", "ConsumerGroupsStarted=Unknown Waiting: no pod with label app=kafka-broker-dispatcher is ready")
	s.frozen = false
	s.settle("r")
	s.says("r", "Succeeded=True")
}

func TestAPodThatCannotRunTheGroupAfterwardsIsAFailure(t *testing.T) {
	s := newScene(t)
	s.ask("r", "Trigger", "t", "earliest", 0)
	for range 3 {
		s.step("r")
	}
	s.frozen = true
	snapshot, err := s.In.Contracts.Get(s.In.DataPlanes[dataplane.Broker])
	if err != nil {
		t.Fatal(err)
	}
	report := bench.Running(snapshot.Contract.GetResources()...)
	report.Groups["t-uid"] = rollout.Entry{Hash: report.Groups["t-uid"].Hash, Problem: "no credentials"}
	s.SetPods(bench.BenchPod{Name: "p", App: "kafka-broker-dispatcher", Report: report})
	s.step("r")
	s.says("r", "ConsumerGroupsStarted=False FailedToStartConsumerGroups: pod p: no credentials")
}

func TestSubscriptionsAreFollowedToTheirKafkaChannel(t *testing.T) {
	for _, tt := range []struct {
		name string
		edit func(*messagingv1.Subscription, *messagingv1beta1.KafkaChannel)
		want string
	}{
		{"a Channel with a KafkaChannel of that name", func(s *messagingv1.Subscription, _ *messagingv1beta1.KafkaChannel) {
			s.Spec.Channel.Kind, s.Spec.Channel.APIVersion = "Channel", "messaging.knative.dev/v1"
		}, "Succeeded=True"},
		{"an InMemoryChannel", func(s *messagingv1.Subscription, _ *messagingv1beta1.KafkaChannel) {
			s.Spec.Channel.Kind = "InMemoryChannel"
		}, "RefMapped=False FailedToMapRef: the channel of Subscription ns/sub is of kind InMemoryChannel"},
		{"a channel that does not exist", func(s *messagingv1.Subscription, _ *messagingv1beta1.KafkaChannel) {
			s.Spec.Channel.Name = "gone"
		}, "RefMapped=False FailedToMapRef: get KafkaChannel ns/gone"},
		{"a channel that does not know it", func(_ *messagingv1.Subscription, c *messagingv1beta1.KafkaChannel) {
			c.Spec.Subscribers = nil
		}, "RefMapped=False FailedToMapRef: the consumer group of Subscription ns/sub is not ready"},
		{"a channel without a topic", func(_ *messagingv1.Subscription, c *messagingv1beta1.KafkaChannel) {
			c.Status.Annotations = nil
		}, "RefMapped=False FailedToMapRef: the consumer group of Subscription ns/sub is not ready"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newScene(t)
			sub, c := cached[*messagingv1.Subscription](s, "subscriptions", "sub").DeepCopy(), cached[*messagingv1beta1.KafkaChannel](s, "kafkachannels", "c").DeepCopy()
			tt.edit(sub, c)
			s.Add("subscriptions", sub)
			s.Add("kafkachannels", c)
			s.frozen = !strings.HasPrefix(tt.want, "Succeeded")
			s.ask("r", "Subscription", "sub", "earliest", 0)
			s.settle("r")
			s.says("r", tt.want)
		})
	}
}

func TestAKafkaSourceThatIsNotThereIsNotMapped(t *testing.T) {
	s := newScene(t)
	s.ask("r", "KafkaSource", "gone", "earliest", 0)
	s.settle("r")
	s.says("r", "RefMapped=False FailedToMapRef: get KafkaSource ns/gone")
}

func TestAKafkaSourceAtRestStaysSo(t *testing.T) {
	s := newScene(t)
	k, none := cached[*sourcesv1beta1.KafkaSource](s, "kafkasources", "s").DeepCopy(), int32(0)
	k.Spec.Consumers = &none
	s.Add("kafkasources", k)
	s.dataPlane()
	s.ask("r", "KafkaSource", "s", "latest", 0)
	s.settle("r")
	s.says("r", "Succeeded=True")
}

func TestTwoAboutTheSameGroupTakeTurnsAndOthersDoNotWait(t *testing.T) {
	s := newScene(t)
	s.ask("second", "Trigger", "t", "latest", 0)
	s.ask("first", "Trigger", "t", "earliest", time.Hour)
	s.ask("other", "Subscription", "sub", "earliest", 0)
	s.settle("other")
	s.says("other", "Succeeded=True")
	s.settle("second")
	s.says("second", "RefMapped=Unknown Waiting: waiting for ResetOffset ns/first, which is about the same object")
	if s.paused() {
		t.Error("one that waits keeps the group at rest")
	}
	for range 3 {
		s.step("first")
	}
	s.says("first", "OffsetsUpdated=True")
	s.settle("second") // begins while the first one waits for its group
	s.says("second", "Succeeded=True")
	s.settle("first")
	s.says("first", "Succeeded=True")
	if got := s.committed(group); got != `["t",4,"t",0]` {
		t.Errorf("committed %s", got)
	}
}

func TestDeletingAResetOffsetLetsTheGroupGoWhateverKafkaDoes(t *testing.T) {
	s := newScene(t)
	s.ask("r", "Trigger", "t", "earliest", 0)
	s.step("r")
	if !s.paused() {
		t.Fatal("the group does not rest")
	}
	s.Kafka.Fake().Close()
	o, now := s.get("r").DeepCopy(), metav1.NewTime(s.Now)
	o.DeletionTimestamp = &now
	s.put(o)
	s.step("r")
	if s.paused() || len(s.get("r").Finalizers) > 0 || s.err != nil {
		t.Errorf("at rest: %v, finalizers %v, %v (RO-08)", s.paused(), s.get("r").Finalizers, s.err)
	}
	if !slices.ContainsFunc(s.events, func(e string) bool { return strings.HasPrefix(e, "Normal ResetOffsetFinalized") }) {
		t.Errorf("%q (RO-06)", s.events)
	}
}

func TestAnotherTriggerOfTheSameNameIsAnotherTask(t *testing.T) {
	s := newScene(t)
	s.ask("r", "Trigger", "t", "latest", 0)
	s.step("r")
	s.step("r")
	s.says("r", "ConsumerGroupsStopped=True")
	trigger := cached[*eventingv1.Trigger](s, "triggers", "t").DeepCopy()
	trigger.UID = "another"
	s.Add("triggers", trigger)
	s.Kafka.Produce(t, &kgo.Record{Topic: "t", Partition: 0, Value: []byte("x")})
	s.dataPlane()
	s.settle("r")
	s.says("r", "Succeeded=True")
	if o := s.get("r"); o.Status.Partitions[0].NewOffset != 5 || o.Status.Annotations[TargetStatusAnnotation] != "another" {
		t.Errorf("%+v", o.Status)
	}
}

func TestNothingIsCommittedByWhatTheAPIServerDoesNotSayAnyMore(t *testing.T) {
	s := newScene(t)
	s.ask("r", "Trigger", "t", "earliest", 0)
	s.step("r")
	s.step("r")
	stale := s.get("r").DeepCopy()
	stale.ResourceVersion = "stale"
	s.Add("resetoffsets", stale)
	s.frozen = true
	if err := s.reconciler().Reconcile(s.Ctx, "ns/r"); err == nil {
		t.Error("nobody looks again")
	}
	if got := s.committed(group); !strings.HasPrefix(got, `["t",3,"a ledger"`) {
		t.Errorf("committed %s", got)
	}
}
