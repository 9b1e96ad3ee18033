package source

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	eventingduck "knative.dev/eventing/pkg/apis/duck/v1"
	"knative.dev/eventing/pkg/apis/feature"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"

	"knative.dev/eventing-kafka-go/control-plane/apis/sources"
	sourcesv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/sources/v1beta1"
	"knative.dev/eventing-kafka-go/control-plane/entries"
	"knative.dev/eventing-kafka-go/control-plane/identity"
	bench "knative.dev/eventing-kafka-go/control-plane/reconcilertest"
	"knative.dev/eventing-kafka-go/control-plane/rollout"
	"knative.dev/eventing-kafka-go/proto/contract"
)

func TestASourceBecomesReady(t *testing.T) {
	for _, tc := range []struct {
		name  string
		start sourcesv1beta1.Offset
		want  map[int32]int64
	}{
		{"from now on (OF-01, OF-02)", sourcesv1beta1.OffsetLatest, map[int32]int64{0: 1, 1: 0}},
		{"from the oldest record on (OF-03)", sourcesv1beta1.OffsetEarliest, map[int32]int64{0: 0, 1: 0}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newScene(t)
			s.edit(func(k *sourcesv1beta1.KafkaSource) { k.Spec.InitialOffset = tc.start })
			s.step()
			s.says("ConsumerGroup=Unknown WaitingForContract", "SinkProvided=True", "OIDCIdentityCreated=True", "Ready=Unknown")
			if got := s.Kafka.Committed(t, group, topic); !maps.Equal(got, tc.want) {
				t.Errorf("the group begins at %v", got)
			}
			s.step()
			s.says("Ready=True", "ConsumerGroup=True")
			got := s.source().Status
			one, two := int32(1), int32(2)
			want := sourcesv1beta1.KafkaSourceStatus{ // SRC-16, SRC-17
				SourceStatus: duckv1.SourceStatus{
					Status: got.Status, SinkURI: apis.HTTP("sink.example.com"),
					CloudEventAttributes: []duckv1.CloudEventAttributes{{Type: "dev.knative.kafka.event", Source: "/apis/v1/namespaces/ns/kafkasources/k#t"}},
				},
				Consumers: one, MaxAllowedVReplicas: &two, Placements: []sourcesv1beta1.Placement{{PodName: "a", VReplicas: 1}},
				Selector: "eventing.knative.dev/source=kafka-source-controller,eventing.knative.dev/sourceName=k",
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%+v\nwant %+v", got, want)
			}
		})
	}
}

func TestASourceHasAnIdentityWithAuthenticationAlone(t *testing.T) { // ST-18
	s := newScene(t)
	s.flags = feature.Flags{feature.OIDCAuthentication: feature.Enabled}
	s.settle()
	s.says("OIDCIdentityCreated=True", "Ready=True")
	name := "k-oidc-sources.knative.dev-kafkasource"
	account, err := s.Kube.CoreV1().ServiceAccounts("ns").Get(t.Context(), name, metav1.GetOptions{})
	if auth := s.source().Status.Auth; err != nil || auth == nil || *auth.ServiceAccountName != name {
		t.Fatalf("%+v, %v", auth, err)
	}
	foreign := account.DeepCopy()
	foreign.OwnerReferences = nil
	s.Add("serviceaccounts", foreign)
	s.step()
	s.says("OIDCIdentityCreated=False Unable to resolve service account for OIDC authentication: ServiceAccount ns/"+name+" is not owned", "Ready=True")
	s.Add("serviceaccounts", account)
	s.Add("secrets", &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: bench.SystemNamespace, Name: "kafka-source-credentials-tokens-3",
		Annotations: map[string]string{identity.RefusedAnnotation: `{"ns/` + name + `":"forbidden"}`}}})
	s.settle()
	s.says("OIDCIdentityCreated=False TokenNotIssued: forbidden", "ConsumerGroup=False TokenNotIssued: forbidden", "Ready=False")
	s.Remove("secrets", bench.SystemNamespace, "kafka-source-credentials-tokens-3")
	s.settle()
	s.says("OIDCIdentityCreated=True", "Ready=True")
	s.flags = feature.Flags{}
	s.settle()
	s.says("OIDCIdentityCreated=True authentication-oidc feature disabled", "Ready=True")
	if _, err := s.Kube.CoreV1().ServiceAccounts("ns").Get(t.Context(), name, metav1.GetOptions{}); err == nil || s.source().Status.Auth != nil {
		t.Errorf("%+v", s.source().Status.Auth)
	}
}

func TestNothingNewIsNothingToDo(t *testing.T) {
	s := newScene(t)
	s.settle()
	s.idle(func(request string) { t.Errorf("%s although that was just looked at", request) })
	s.Now = s.Now.Add(10 * time.Minute)
	var asked atomic.Int32
	s.idle(func(request string) {
		asked.Add(1)
		if !slices.Contains([]string{"ApiVersions", "Metadata", "FindCoordinator", "OffsetFetch"}, request) {
			t.Errorf("%s with nothing to do", request)
		}
	})
	if asked.Load() == 0 {
		t.Error("its topics are never looked at again")
	}
}

// idle reconciles a source that is as it should be, and tells of every request to Kafka.
func (s *scene) idle(asked func(request string)) {
	s.t.Helper()
	s.Client.ClearActions()
	var over atomic.Bool
	s.Kafka.Fake().Control(func(r kmsg.Request) (kmsg.Response, error, bool) {
		if !over.Load() {
			s.Kafka.Fake().KeepControl()
			asked(kmsg.NameForKey(r.Key()))
		}
		return nil, nil, false
	})
	s.step()
	over.Store(true)
	for _, a := range s.Client.Actions() {
		if a.GetVerb() != "get" && a.GetVerb() != "list" {
			s.t.Errorf("%s %s with nothing to do", a.GetVerb(), a.GetResource().Resource)
		}
	}
	s.says("Ready=True")
	if s.later == 0 || s.err != nil {
		s.t.Errorf("its topics are not looked at again: %v", s.err)
	}
}

func nowhere() duckv1.Destination {
	return duckv1.Destination{Ref: &duckv1.KReference{APIVersion: "v1", Kind: "Service", Name: "x"}}
}

func (s *scene) authenticate(data map[string]string) {
	if data != nil {
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "kafka", UID: "secret"}, Data: map[string][]byte{}}
		for key, value := range data {
			secret.Data[key] = []byte(value)
		}
		s.Add("secrets", secret)
	}
	s.edit(func(k *sourcesv1beta1.KafkaSource) {
		sasl := &k.Spec.Net.SASL
		sasl.Enable = true
		for key, into := range map[string]**corev1.SecretKeySelector{
			"user": &sasl.User.SecretKeyRef, "password": &sasl.Password.SecretKeyRef, "type": &sasl.Type.SecretKeyRef,
		} {
			*into = &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: "kafka"}, Key: key}
		}
	})
}

func (s *scene) spec(f func(*sourcesv1beta1.KafkaSourceSpec)) {
	s.edit(func(k *sourcesv1beta1.KafkaSource) { f(&k.Spec) })
}

// failures are what can be wrong with a source, what is said about it, and the error that has it tried again.
var failures = []struct {
	name string
	do   func(*scene)
	want []string
	err  string
}{
	{"there is no sink (SRC-20)", func(s *scene) { s.spec(func(k *sourcesv1beta1.KafkaSourceSpec) { k.Sink = duckv1.Destination{} }) },
		[]string{"SinkProvided=Unknown SinkEmpty: Sink has resolved to empty.", "ConsumerGroup=Unknown WaitingForContract", "Ready=Unknown"}, ""},
	{"the sink is not found", func(s *scene) { s.spec(func(k *sourcesv1beta1.KafkaSourceSpec) { k.Sink = nowhere() }) },
		[]string{"SinkProvided=False NotFound: failed to get object ns/x", "Ready=False"}, "spec.sink"},
	{"the dead letter sink is not found", func(s *scene) {
		s.spec(func(k *sourcesv1beta1.KafkaSourceSpec) {
			to := nowhere()
			k.Delivery = &eventingduck.DeliverySpec{DeadLetterSink: &to}
		})
	}, []string{"SinkProvided=True", "ConsumerGroup=False DeadLetterSinkNotResolved: spec.delivery.deadLetterSink: failed to get object ns/x"}, "deadLetterSink"},
	{"the Secret is missing", func(s *scene) { s.authenticate(nil) },
		[]string{"ConsumerGroup=False AuthSecret: get Secret ns/kafka"}, "Secret ns/kafka"},
	{"the Secret lacks a key (SEC-23)", func(s *scene) { s.authenticate(map[string]string{"user": "u", "type": "PLAIN"}) },
		[]string{"ConsumerGroup=False AuthSecret: missing secret key or empty secret value (ns/kafka.password)"}, "kafka.password"},
	{"the Secret holds what is no mechanism", func(s *scene) { s.authenticate(map[string]string{"user": "u", "password": "p", "type": "X"}) },
		[]string{`ConsumerGroup=False AuthSecret: credentials for Kafka: secret ns/kafka: key "type": not supported`}, "not supported"},
	{"there is no such topic (OF-06)", func(s *scene) { s.spec(func(k *sourcesv1beta1.KafkaSourceSpec) { k.Topics = []string{"none"} }) },
		[]string{"ConsumerGroup=False InitializeOffset: consumer group group: failed to get partitions for topic none"}, "partitions for topic none"},
	{"a topic has no name that Kafka takes", func(s *scene) { s.spec(func(k *sourcesv1beta1.KafkaSourceSpec) { k.Topics = []string{topic, "a/b"} }) },
		[]string{"ConsumerGroup=False EntryInvalid: spec.topics[1]: invalid topic name"}, "spec.topics[1]"},
	{"admission has not named a consumer group", func(s *scene) { s.spec(func(k *sourcesv1beta1.KafkaSourceSpec) { k.ConsumerGroup = "" }) },
		[]string{"ConsumerGroup=False EntryInvalid: spec.consumerGroup: empty"}, "spec.consumerGroup"},
	{"the label of the key type says nothing (SRC-15)", func(s *scene) {
		s.edit(func(k *sourcesv1beta1.KafkaSource) { k.Labels = map[string]string{sources.KeyTypeLabel: "x"} })
	}, []string{"ConsumerGroup=False EntryInvalid: ", "SinkProvided=True"}, "key-type"},
	{"Kafka is away", func(s *scene) { s.Kafka.Fake().Close(); s.patience = 100 * time.Millisecond },
		[]string{"ConsumerGroup=False InitializeOffset: consumer group group: "}, "consumer group group"},
	{"no client can be made for Kafka", func(s *scene) { s.In.Admins.Close() },
		[]string{"ConsumerGroup=False KafkaClusterAdmin: the pool of Kafka admin clients is closed"}, "is closed"},
	{"the contract refuses it", func(s *scene) { s.refused = map[string]string{"k-uid": "the contract is full"} },
		[]string{"ConsumerGroup=False EntryRefused: the contract is full"}, ""},
	{"the contract is not written", func(s *scene) { s.frozen = true }, []string{"ConsumerGroup=Unknown WaitingForContract"}, ""},
	{"no pod is ready", func(s *scene) { s.pods = func(...*contract.Resource) []bench.BenchPod { return nil } },
		[]string{"ConsumerGroup=Unknown ProbeStatus: no pod with label app=kafka-source-dispatcher is ready"}, ""},
	{"a pod rejects it", func(s *scene) { s.pods = podsWith(rollout.Entry{Problem: "no credentials"}) },
		[]string{"ConsumerGroup=False EntryRejected: pod a: no credentials", "Ready=False"}, ""},
	{"no pod has an assignment yet", func(s *scene) { s.pods = podsWith(rollout.Entry{State: "joining"}) },
		[]string{"ConsumerGroup=Unknown ProbeStatus: waiting for 1 pods: pod a the consumer group is joining"}, ""},
}

// podsWith makes pods that say this about every group.
func podsWith(e rollout.Entry) func(...*contract.Resource) []bench.BenchPod {
	return func(resources ...*contract.Resource) []bench.BenchPod {
		pods := served(resources...)
		for uid, known := range pods[0].Groups {
			pods[0].Groups[uid] = rollout.Entry{Hash: known.Hash, State: e.State, Problem: e.Problem}
		}
		return pods
	}
}

func TestWhatCanBeWrongWithASource(t *testing.T) {
	for _, tc := range failures {
		t.Run(tc.name, func(t *testing.T) {
			s := newScene(t)
			tc.do(s)
			s.settle()
			s.says(tc.want...)
			if (s.err != nil) != (tc.err != "") || s.err != nil && !strings.Contains(s.err.Error(), tc.err) {
				t.Errorf("error %v, want %q", s.err, tc.err)
			}
			if k := s.source(); k.Status.ConditionManager().IsHappy() || k.Status.Consumers != 0 || len(k.Status.Placements) > 0 {
				t.Errorf("%+v", k.Status)
			}
		})
	}
}

func TestWhatIsWrongNowTakesNothingAway(t *testing.T) {
	for _, tc := range failures {
		t.Run(tc.name, func(t *testing.T) {
			s := newScene(t)
			s.settle()
			s.says("Ready=True")
			s.Now = s.Now.Add(10 * time.Minute)
			before := s.written
			if tc.do(s); s.frozen || s.refused != nil || !reflect.DeepEqual(s.pods(), served()) {
				t.Skip("the data plane does it, not the source")
			}
			s.settle()
			if k := s.source(); len(s.written) != 1 || k.Status.SinkURI == nil && k.Spec.Sink.URI != nil ||
				s.written[0].GetEgresses()[0].GetDestination() != before[0].GetEgresses()[0].GetDestination() {
				t.Errorf("%v %+v", s.written, k.Status)
			}
		})
	}
}

func TestConsumersArePlaced(t *testing.T) {
	for _, tc := range []struct {
		name      string
		consumers int32
		pods      []string
		want      []int32
	}{
		{"none: paused, and Ready (EG-96)", 0, []string{"a"}, nil},
		{"one of two pods is there to take over", 1, []string{"a", "b"}, []int32{1}},
		{"as many as pods", 2, []string{"a", "b"}, []int32{1, 1}},
		{"fewer than pods", 2, []string{"a", "b", "c"}, []int32{1, 1}},
		{"more than pods", 5, []string{"a", "b"}, []int32{3, 2}},
		{"no pod is listed yet", 1, nil, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newScene(t)
			s.spec(func(k *sourcesv1beta1.KafkaSourceSpec) { k.Consumers = &tc.consumers })
			s.Dispatchers = tc.pods
			s.settle()
			s.says("Ready=True")
			k := s.source()
			var got []int32
			for _, p := range k.Status.Placements {
				got = append(got, p.VReplicas)
			}
			if !slices.Equal(got, tc.want) || k.Status.Consumers != tc.consumers || s.bare().pending(k) {
				t.Errorf("%+v", k.Status)
			}
			s.Dispatchers = []string{"other"}
			s.takeUp()
			if s.bare().pending(k) != (tc.consumers > 0) {
				t.Error("other pods have it now, and nobody is told")
			}
		})
	}
}

func TestATopicIsAddedToASourceThatRuns(t *testing.T) {
	s := newScene(t)
	s.settle()
	s.Kafka.CreateTopic(t, "more", 1)
	member := s.join(group)
	s.spec(func(k *sourcesv1beta1.KafkaSourceSpec) { k.Topics = []string{topic, "more"} })
	s.step()
	s.says("ConsumerGroup=Unknown InitializeOffset: consumer group group rests until the start of topic more is committed")
	if e := s.written[0].GetEgresses()[0]; !e.GetPaused() || !slices.Equal(s.written[0].GetTopics(), []string{topic}) {
		t.Errorf("%v", s.written)
	}
	member()
	s.Now = s.Now.Add(restCheck)
	s.settle()
	s.says("Ready=True")
	if e := s.written[0].GetEgresses()[0]; e.GetPaused() || !slices.Equal(s.written[0].GetTopics(), []string{topic, "more"}) ||
		!maps.Equal(e.GetInitialPartitions(), map[string]int32{topic: 2, "more": 1}) {
		t.Errorf("%v", s.written)
	}
	if k := s.source(); entries.Rest(&k.Status.Status) || len(k.Status.Annotations["kafka.eventing.knative.dev/attempts"]) > 0 {
		t.Errorf("%v", k.Status.Annotations)
	}
}

func TestAGroupWithForeignMembersDoesNotRestForEver(t *testing.T) {
	s := newScene(t)
	s.settle()
	s.Kafka.CreateTopic(t, "more", 1)
	defer s.join(group)()
	s.spec(func(k *sourcesv1beta1.KafkaSourceSpec) { k.Topics = []string{topic, "more"} })
	s.settle()
	s.Now = s.Now.Add(restLimit)
	s.settle()
	s.says("ConsumerGroup=False InitializeOffset: consumer group group: consumer group group has live members but no committed offset for partitions [0] of topic more")
	if e := s.written[0].GetEgresses()[0]; e.GetPaused() || !slices.Equal(s.written[0].GetTopics(), []string{topic}) {
		t.Errorf("%v", s.written)
	}
}

func TestAnotherClusterBeginsAnew(t *testing.T) {
	s, other := newScene(t), newScene(t)
	s.settle()
	s.spec(func(k *sourcesv1beta1.KafkaSourceSpec) { k.BootstrapServers = other.Kafka.Addrs() })
	s.settle()
	s.says("Ready=True")
	if got := other.Kafka.Committed(t, group, topic); !maps.Equal(got, map[int32]int64{0: 1, 1: 0}) {
		t.Errorf("the group begins at %v there", got)
	}
}

func TestADeletedSourceTakesItsGroupAlong(t *testing.T) {
	other := func(s *scene) {
		k := s.source()
		k.Name, k.UID = "other", "other-uid"
		s.put(k)
	}
	for _, tc := range []struct {
		name  string
		do    func(*scene)
		kept  bool
		event string
	}{
		{"when pods have let go of it", func(*scene) {}, false, "Normal FinalizerUpdate"},
		{"not one that another source goes on with", other, true, "Normal FinalizerUpdate"},
		{"not when an annotation keeps it (KC-22)", func(s *scene) {
			s.edit(func(k *sourcesv1beta1.KafkaSource) {
				k.Annotations = map[string]string{"kafka.eventing.knative.dev/deletion": "keep"}
			})
		}, true, "Warning LeftBehind Left in Kafka: consumer group group: kept because of annotation"},
		{"not one with members of others, after some attempts (KC-20)", func(s *scene) { s.join(group) }, true,
			"Warning LeftBehind Left in Kafka: consumer group group: group group was given up after 5 attempts"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newScene(t)
			s.settle()
			tc.do(s)
			s.delete()
			s.frozen = true
			s.step()
			if len(s.source().Finalizers) == 0 {
				t.Fatal("it is gone while pods serve it")
			}
			for s.frozen = false; len(s.source().Finalizers) > 0 && s.Now.Year() == 2026; s.Now = s.Now.Add(6 * time.Second) {
				s.step()
			}
			if !slices.ContainsFunc(s.events, func(e string) bool { return strings.HasPrefix(e, tc.event) }) {
				t.Errorf("%q", s.events)
			}
			if kept := len(s.Kafka.Committed(t, group, topic)) > 0; kept != tc.kept {
				t.Errorf("the group is there: %v", kept)
			}
		})
	}
}
