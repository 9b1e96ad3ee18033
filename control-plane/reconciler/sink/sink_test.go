package sink

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	coreeventingv1alpha1 "knative.dev/eventing/pkg/apis/eventing/v1alpha1"
	"knative.dev/eventing/pkg/apis/feature"
	"knative.dev/pkg/apis"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/logging"

	eventingv1alpha1 "knative.dev/eventing-kafka-go/control-plane/apis/eventing/v1alpha1"
	sinkreconciler "knative.dev/eventing-kafka-go/control-plane/client/injection/reconciler/eventing/v1alpha1/kafkasink"
	sinklisters "knative.dev/eventing-kafka-go/control-plane/client/listers/eventing/v1alpha1"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/entries"
	"knative.dev/eventing-kafka-go/control-plane/features"
	"knative.dev/eventing-kafka-go/control-plane/following"
	bench "knative.dev/eventing-kafka-go/control-plane/reconcilertest"
	"knative.dev/eventing-kafka-go/control-plane/rollout"
	"knative.dev/eventing-kafka-go/data-plane/kafka/kafkatest"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// scene is a sink, what is around it, and what the data plane does about it.
type scene struct {
	*bench.Bench
	t       *testing.T
	flags   feature.Flags
	refused map[string]string
	// frozen keeps the contract as it is; pods makes pods of what is in the contract.
	frozen  bool
	pods    func(...*contract.Resource) []bench.BenchPod
	written []*contract.Resource
	err     error
	events  []string
}

func newScene(t *testing.T) *scene {
	s := &scene{Bench: bench.NewBench(t), t: t, flags: feature.Flags{}, pods: served}
	partitions, replicas := int32(3), int16(1)
	s.put(&eventingv1alpha1.KafkaSink{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "k", UID: "k-uid", Generation: 1, Finalizers: []string{"kafkasinks.eventing.knative.dev"}},
		Spec: eventingv1alpha1.KafkaSinkSpec{
			Topic: "topic", NumPartitions: &partitions, ReplicationFactor: &replicas, BootstrapServers: s.Kafka.Addrs(),
		},
	})
	return s
}

func served(resources ...*contract.Resource) []bench.BenchPod {
	return []bench.BenchPod{{Name: "in", App: "kafka-sink-receiver", Report: bench.Running(resources...)}}
}

func (s *scene) sink() *eventingv1alpha1.KafkaSink {
	o, _, _ := s.Cache("kafkasinks").GetByKey("ns/k")
	return o.(*eventingv1alpha1.KafkaSink).DeepCopy()
}

func (s *scene) put(k *eventingv1alpha1.KafkaSink) {
	s.t.Helper()
	client := s.Client.EventingV1alpha1().KafkaSinks(k.Namespace)
	if _, err := client.Update(s.Ctx, k, metav1.UpdateOptions{}); err != nil {
		if _, err = client.Create(s.Ctx, k, metav1.CreateOptions{}); err != nil {
			s.t.Fatal(err)
		}
	}
	s.Add("kafkasinks", k)
}

func (s *scene) edit(f func(*eventingv1alpha1.KafkaSink)) {
	k := s.sink()
	f(k)
	k.Generation++
	s.put(k)
}

func (s *scene) reconciler() controller.Reconciler {
	r := &Reconciler{
		in: s.In, policies: s.Policies(), following: following.New(func(types.NamespacedName) {}),
		later: func(types.NamespacedName, time.Duration) {}, now: func() time.Time { return s.Now },
	}
	sinks := sinklisters.NewKafkaSinkLister(s.Cache("kafkasinks"))
	return bench.Lead(s.t, sinkreconciler.NewReconciler(s.Ctx, logging.FromContext(s.Ctx), s.Client, sinks, s.Recorder(), r))
}

// step reconciles once, then has the contract written and taken up.
func (s *scene) step() {
	s.t.Helper()
	ctx := features.WithConfig(feature.ToContext(s.Ctx, s.flags), features.Defaults())
	s.err = s.reconciler().Reconcile(ctx, "ns/k")
	s.events = append(s.events, s.Events()...)
	if k, err := s.Client.EventingV1alpha1().KafkaSinks("ns").Get(ctx, "k", metav1.GetOptions{}); err == nil {
		s.Add("kafkasinks", k)
	}
	if k := s.sink(); !s.frozen {
		s.written = nil
		if k.DeletionTimestamp == nil {
			r, err := s.In.Entries.Sink(k, entries.Flags{Core: s.flags, Kafka: features.Defaults()})
			if err == nil && s.refused["k-uid"] == "" {
				s.written = []*contract.Resource{r}
			}
		}
		s.WriteContract(dataplane.Sink, s.refused, s.written...)
	}
	s.SetPods(s.pods(s.written...)...)
}

// settle reconciles until everything that follows from the last change has happened.
func (s *scene) settle() {
	s.t.Helper()
	for range 5 {
		s.step()
	}
}

func (s *scene) says(want ...string) {
	s.t.Helper()
	k := s.sink()
	for _, w := range want {
		name, _, _ := strings.Cut(w, "=")
		if got := bench.Says(&k.Status, apis.ConditionType(name)); !strings.HasPrefix(got, w) {
			s.t.Errorf("%s\nwant %s", got, w)
		}
	}
}

func (s *scene) delete() {
	k := s.sink()
	now := metav1.NewTime(s.Now)
	k.DeletionTimestamp = &now
	s.put(k)
	s.events = nil
}

func external(k *eventingv1alpha1.KafkaSink) { k.Spec.NumPartitions = nil }

func TestASinkBecomesReadyWithATopicOfItsOwn(t *testing.T) {
	s := newScene(t)
	s.settle()
	s.says("Ready=True", "Addressable=True", "DataPlaneAvailable=True", "TopicReady=True Topic topic (owner kafkasink-controller)", "ConfigParsed=True",
		"ConfigMapUpdated=True Config map knative-eventing/kafka-sink-sinks updated", "ProbeSucceeded=True", "EventPoliciesReady=True OIDCDisabled")
	k := s.sink()
	if !k.IsReady() || k.Status.Address.URL.String() != "http://kafka-sink-ingress.knative-eventing.svc.cluster.local/ns/k" {
		t.Errorf("%+v", k.Status)
	}
	if k.Status.Annotations["eventing.knative.dev/topic.owner"] != "kafkasink-controller" || s.Partitions("topic") != 3 {
		t.Errorf("%v", k.Status.Annotations)
	}
	s.delete()
	s.settle()
	if len(s.sink().Finalizers) > 0 || s.Partitions("topic") != 0 || s.sink().Status.Address != nil {
		t.Errorf("%+v %v", s.sink(), s.err)
	}
}

func TestASinkWithATopicOfSomebodyElseKeepsIt(t *testing.T) {
	for _, tc := range []struct {
		name, owner, event string
		edit               func(*eventingv1alpha1.KafkaSink)
	}{
		{"external", "external", "Normal FinalizerUpdate", external},
		{"adopted", "kafkasink-controller", "Warning LeftBehind Left in Kafka: topic topic: kept because it existed before", func(*eventingv1alpha1.KafkaSink) {}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newScene(t)
			s.Kafka.CreateTopic(t, "topic", 3)
			s.edit(tc.edit)
			s.settle()
			s.says("Ready=True", "TopicReady=True Topic topic (owner "+tc.owner+")")
			s.delete()
			s.settle()
			if len(s.sink().Finalizers) > 0 || s.Partitions("topic") != 3 || !slices.ContainsFunc(s.events, func(e string) bool { return strings.HasPrefix(e, tc.event) }) {
				t.Errorf("%v %v %q", s.sink().Finalizers, s.err, s.events)
			}
		})
	}
}

func TestWhatCanBeWrongWithASink(t *testing.T) {
	for _, tc := range []struct {
		name string
		do   func(*scene)
		want []string
		err  string
	}{
		{"the topic must exist and does not", func(s *scene) { s.edit(external) },
			[]string{"TopicReady=False Topic is not present or invalid: Check topics [topic] configuration: invalid topic topic: topic not found in metadata response", "ConfigParsed=True", "Ready=False"}, "topic not found"},
		{"the topic has no name that Kafka takes", func(s *scene) { s.edit(func(k *eventingv1alpha1.KafkaSink) { k.Spec.Topic = "a/b" }) },
			[]string{"TopicReady=False Topic is not present or invalid: Check topics [a/b] configuration: invalid topic name"}, "invalid topic name"},
		{"Kafka refuses the topic", func(s *scene) {
			s.edit(func(k *eventingv1alpha1.KafkaSink) { replicas := int16(7); k.Spec.ReplicationFactor = &replicas })
		}, []string{"TopicReady=False Failed to create topic: topic: "}, "INVALID_REPLICATION_FACTOR"},
		{"the Secret is missing", func(s *scene) { s.authenticate() },
			[]string{"ConfigParsed=False Failed to get broker auth secret: get Secret ns/kafka"}, "Secret ns/kafka"},
		{"the Secret lacks a key", func(s *scene) {
			s.authenticate()
			s.Add("secrets", &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "kafka", UID: "secret"},
				Data: map[string][]byte{"protocol": []byte("SASL_PLAINTEXT"), "sasl.mechanism": []byte("PLAIN")}})
		}, []string{"ConfigParsed=False Failed to get broker auth secret: "}, "user"},
		{"the password is wrong", func(s *scene) {
			guarded := kafkatest.Start(s.t, kfake.EnableSASL())
			guarded.Fake().Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.SASLAuthenticate}, Err: kerr.SaslAuthenticationFailed, Count: -1}) // left alone it hangs up
			s.authenticate()
			s.edit(func(k *eventingv1alpha1.KafkaSink) { k.Spec.BootstrapServers = guarded.Addrs() })
			s.Add("secrets", &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "kafka", UID: "secret"}, Data: map[string][]byte{
				"protocol": []byte("SASL_PLAINTEXT"), "sasl.mechanism": []byte("PLAIN"), "user": []byte("user"), "password": []byte("wrong")}})
		}, []string{"ConfigParsed=True", "TopicReady=False Failed to create topic: topic: "}, "SASL_AUTHENTICATION_FAILED"},
		{"Kafka is away", func(s *scene) { s.Kafka.Fake().Close() }, []string{"TopicReady=False Failed to create topic: topic: ", "ConfigParsed=True"}, "topic"},
		{"a policy is not ready", func(s *scene) {
			s.Add("eventpolicies", &coreeventingv1alpha1.EventPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "p"}})
		}, []string{"EventPoliciesReady=False EventPoliciesNotReady: event policies p are not ready", "ProbeSucceeded=True", "Ready=False"}, ""},
		{"the contract refuses it", func(s *scene) { s.refused = map[string]string{"k-uid": "the contract is full"} },
			[]string{"ConfigMapUpdated=False EntryRefused: the contract is full", "Addressable=Unknown NotServed"}, ""},
		{"the contract is not written", func(s *scene) { s.frozen = true },
			[]string{"ConfigMapUpdated=Unknown WaitingForContract", "ProbeSucceeded=Unknown ProbeStatus: status: NotReady"}, ""},
		{"the contract cannot be read", func(s *scene) {
			s.frozen = true
			s.Add("configmaps", &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: bench.SystemNamespace, Name: "kafka-sink-sinks", ResourceVersion: "x"},
				BinaryData: map[string][]byte{"data": []byte("torn")}})
		}, []string{"ConfigMapUpdated=Unknown ContractUnreadable: ", "Addressable=Unknown NotServed"}, ""},
		{"no pod is ready", func(s *scene) { s.pods = func(...*contract.Resource) []bench.BenchPod { return nil } },
			[]string{"DataPlaneAvailable=False Data plane not available: Did you install the data plane for this component?", "ConfigMapUpdated=True", "ProbeSucceeded=Unknown"}, ""},
		{"a pod rejects it", func(s *scene) {
			s.pods = func(...*contract.Resource) []bench.BenchPod {
				pods := served(s.written...)
				for uid, e := range pods[0].Routes {
					e.Problem = "no credentials"
					pods[0].Routes[uid] = e
				}
				return pods
			}
		}, []string{"ProbeSucceeded=False EntryRejected: status: NotReady, pod in: no credentials", "Ready=False"}, ""},
		{"a pod lags", func(s *scene) {
			s.pods = func(...*contract.Resource) []bench.BenchPod {
				return append(served(s.written...), bench.BenchPod{Name: "late", App: "kafka-sink-receiver", Report: rollout.Report{}})
			}
		}, []string{"ProbeSucceeded=Unknown ProbeStatus: status: NotReady, waiting for 2 pods: pod late has no entry for it yet"}, ""},
		{"a pod does not answer", func(s *scene) {
			s.pods = func(...*contract.Resource) []bench.BenchPod {
				return []bench.BenchPod{{Name: "in", App: "kafka-sink-receiver", Mute: true}}
			}
		}, []string{"ProbeSucceeded=Unknown ProbeStatus: status: UnknownError, waiting for 1 pods: pod in does not answer: "}, ""},
		{"https is asked for and there is no certificate", func(s *scene) { s.flags["transport-encryption"] = feature.Permissive },
			[]string{"Addressable=False NoCertificates: get Secret knative-eventing/kafka-sink-ingress-server-tls", "Ready=False"}, "server-tls"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newScene(t)
			tc.do(s)
			s.settle()
			s.says(tc.want...)
			if (s.err != nil) != (tc.err != "") || s.err != nil && !strings.Contains(s.err.Error(), tc.err) {
				t.Errorf("error %v, want %q", s.err, tc.err)
			}
			if s.sink().Status.Address != nil && tc.name != "a policy is not ready" {
				t.Errorf("an address that nobody serves: %v", s.sink().Status.Address)
			}
		})
	}
}

func (s *scene) authenticate() {
	s.edit(func(k *eventingv1alpha1.KafkaSink) {
		k.Spec.Auth = &eventingv1alpha1.Auth{Secret: &eventingv1alpha1.Secret{Ref: &eventingv1alpha1.SecretReference{Name: "kafka"}}}
	})
}

func TestADeletedSinkGoesAlthoughKafkaIsAway(t *testing.T) {
	s := newScene(t)
	s.settle()
	s.says("Ready=True")
	s.Kafka.Fake().Close()
	s.delete()
	for range 20 {
		if s.step(); len(s.sink().Finalizers) == 0 {
			break
		}
		s.Now = s.Now.Add(6 * time.Second)
	}
	if len(s.sink().Finalizers) > 0 || !slices.ContainsFunc(s.events, func(e string) bool {
		return strings.HasPrefix(e, "Warning LeftBehind Left in Kafka: topic topic: topic topic was given up after 5 attempts: ")
	}) {
		t.Errorf("%v %q", s.sink().Finalizers, s.events)
	}
}
