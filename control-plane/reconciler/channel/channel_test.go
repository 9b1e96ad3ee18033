package channel

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	corev1listers "k8s.io/client-go/listers/core/v1"
	eventingduck "knative.dev/eventing/pkg/apis/duck/v1"
	"knative.dev/eventing/pkg/apis/feature"
	eventinglisters "knative.dev/eventing/pkg/client/listers/eventing/v1"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/logging"

	messagingv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/messaging/v1beta1"
	channelreconciler "knative.dev/eventing-kafka-go/control-plane/client/injection/reconciler/messaging/v1beta1/kafkachannel"
	channellisters "knative.dev/eventing-kafka-go/control-plane/client/listers/messaging/v1beta1"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/entries"
	"knative.dev/eventing-kafka-go/control-plane/features"
	"knative.dev/eventing-kafka-go/control-plane/following"
	"knative.dev/eventing-kafka-go/control-plane/identity"
	bench "knative.dev/eventing-kafka-go/control-plane/reconcilertest"
	"knative.dev/eventing-kafka-go/control-plane/rollout"
	"knative.dev/eventing-kafka-go/control-plane/topics"
	"knative.dev/eventing-kafka-go/proto/contract"
)

const (
	topicName = "knative-messaging-kafka.ns.c"
	group1    = "kafka.ns.c.s1"
)

// scene is a channel, what is around it, and what the data plane does about it.
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
	s.put(&messagingv1beta1.KafkaChannel{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: bench.Namespace, Name: "c", UID: "c-uid", Generation: 1, Finalizers: []string{"kafkachannels.messaging.knative.dev"},
		},
		Spec: messagingv1beta1.KafkaChannelSpec{NumPartitions: 3, ReplicationFactor: 1, RetentionDuration: "PT1H"},
	})
	return s
}

// holding has the pods keep what they run, whatever the contract says.
func holding(resources []*contract.Resource) func(...*contract.Resource) []bench.BenchPod {
	pods := served(resources...)
	return func(...*contract.Resource) []bench.BenchPod { return pods }
}

func served(resources ...*contract.Resource) []bench.BenchPod {
	r := bench.Running(resources...)
	return []bench.BenchPod{
		{Name: "in", App: "kafka-channel-receiver", Report: rollout.Report{Routes: r.Routes}},
		{Name: "out", App: "kafka-channel-dispatcher", Report: rollout.Report{Groups: r.Groups}},
	}
}

func (s *scene) channel() *messagingv1beta1.KafkaChannel {
	o, ok, _ := s.Cache("kafkachannels").GetByKey("ns/c")
	if !ok {
		return nil
	}
	return o.(*messagingv1beta1.KafkaChannel).DeepCopy()
}

// put stores the channel as somebody who applies it does.
func (s *scene) put(c *messagingv1beta1.KafkaChannel) {
	s.t.Helper()
	client := s.Client.MessagingV1beta1().KafkaChannels(c.Namespace)
	if _, err := client.Update(s.Ctx, c, metav1.UpdateOptions{}); err != nil {
		if _, err = client.Create(s.Ctx, c, metav1.CreateOptions{}); err != nil {
			s.t.Fatal(err)
		}
	}
	s.Add("kafkachannels", c)
}

func (s *scene) edit(f func(*messagingv1beta1.KafkaChannel)) {
	c := s.channel()
	f(c)
	c.Generation++
	s.put(c)
}

func subscriber(uid string) eventingduck.SubscriberSpec {
	return eventingduck.SubscriberSpec{UID: types.UID(uid), Generation: 1, SubscriberURI: apis.HTTP("subscriber.example.com")}
}

func (s *scene) subscribe(uids ...string) {
	s.edit(func(c *messagingv1beta1.KafkaChannel) {
		c.Spec.Subscribers = nil
		for _, uid := range uids {
			c.Spec.Subscribers = append(c.Spec.Subscribers, subscriber(uid))
		}
	})
}

func (s *scene) reconciler() controller.Reconciler {
	channels := channellisters.NewKafkaChannelLister(s.Cache("kafkachannels"))
	r := &Reconciler{
		in: s.In, kube: s.Kube, services: corev1listers.NewServiceLister(s.Cache("services")), policies: s.Policies(),
		owners:   topics.Owners{Channels: channels, Brokers: eventinglisters.NewBrokerLister(s.Cache("brokers")), Entries: s.In.Entries},
		resolver: s.Resolver, following: following.New(func(types.NamespacedName) {}),
		later: func(types.NamespacedName, time.Duration) {}, now: func() time.Time { return s.Now },
	}
	return bench.Lead(s.t, channelreconciler.NewReconciler(s.Ctx, logging.FromContext(s.Ctx), s.Client, channels, s.Recorder(), r))
}

// step reconciles once, then has the contract written and taken up.
func (s *scene) step() {
	s.t.Helper()
	ctx := features.WithConfig(feature.ToContext(s.Ctx, s.flags), features.Defaults())
	s.err = s.reconciler().Reconcile(ctx, "ns/c")
	s.events = append(s.events, s.Events()...)
	if c, err := s.Client.MessagingV1beta1().KafkaChannels("ns").Get(ctx, "c", metav1.GetOptions{}); err == nil {
		s.Add("kafkachannels", c)
	}
	if services, err := s.Kube.CoreV1().Services("ns").List(ctx, metav1.ListOptions{}); err == nil {
		for i := range services.Items {
			s.Add("services", &services.Items[i])
		}
	}
	if c := s.channel(); !s.frozen {
		s.written = nil
		if c.DeletionTimestamp == nil {
			if r, _, err := s.In.Entries.Channel(c, entries.Flags{Core: s.flags, Kafka: features.Defaults()}); err == nil && s.refused[string(c.UID)] == "" {
				r.Egresses = slices.DeleteFunc(r.Egresses, func(e *contract.Egress) bool { return s.refused[e.GetUid()] != "" })
				s.written = []*contract.Resource{r}
			}
		}
		s.WriteContract(dataplane.Channel, s.refused, s.written...)
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
	c := s.channel()
	for _, w := range want {
		name, _, _ := strings.Cut(w, "=")
		if got := bench.Says(&c.Status, apis.ConditionType(name)); !strings.HasPrefix(got, w) {
			s.t.Errorf("%s\nwant %s", got, w)
		}
	}
}

func (s *scene) subscriber(uid string) (status corev1.ConditionStatus, message string) {
	for _, b := range s.channel().Status.Subscribers {
		if string(b.UID) == uid {
			return b.Ready, b.Message
		}
	}
	return "", "no status"
}

func (s *scene) started(group string) bool {
	s.t.Helper()
	return len(s.Kafka.Committed(s.t, group, topicName)) == 3
}

func TestAChannelBecomesReadyInThisOrder(t *testing.T) {
	s := newScene(t)
	s.subscribe("s1")
	s.step()
	s.says("TopicReady=Unknown TopicClaimed: Topic "+topicName, "ConfigParsed=True", "Ready=Unknown")
	if s.Partitions(topicName) != 0 {
		t.Error("the topic was created before anybody knows whose it is")
	}
	s.step()
	s.says("TopicReady=True Topic "+topicName+" created", "ConfigMapUpdated=Unknown WaitingForContract", "ProbeSucceeded=Unknown ProbeStatus",
		"Subscribers=Unknown all subscribers not ready: failed to reconcile consumer group")
	if s.Partitions(topicName) != 3 || !s.started(group1) {
		t.Error("topic or group are not there")
	}
	if s.channel().Status.Address != nil {
		t.Error("an address nobody serves")
	}
	s.step()
	s.says("Ready=True", "Addressable=True", "Subscribers=True", "EventPoliciesReady=True OIDCDisabled",
		"ConfigMapUpdated=True Config map knative-eventing/kafka-channel-channels-subscriptions updated")
	c := s.channel()
	if !c.IsReady() || c.Status.Address.URL.String() != "http://c-kn-channel.ns.svc.cluster.local" || *c.Status.Address.Name != "http" || len(c.Status.Addresses) != 1 {
		t.Errorf("%+v", c.Status)
	}
	if c.Status.Annotations["default.topic"] != topicName {
		t.Errorf("%v", c.Status.Annotations)
	}
	if b := c.Status.Subscribers; len(b) != 1 || b[0].Ready != "True" || b[0].ObservedGeneration != 1 || b[0].Message != "" {
		t.Errorf("%+v", b)
	}
	service, err := s.Kube.CoreV1().Services("ns").Get(s.Ctx, "c-kn-channel", metav1.GetOptions{})
	if err != nil || service.Spec.ExternalName != "kafka-channel-ingress.knative-eventing.svc.cluster.local" || service.Labels["messaging.knative.dev/role"] != "kafka-channel" {
		t.Errorf("%+v %v", service, err)
	}
	before := len(s.Client.Actions()) + len(s.Kube.Actions())
	s.Client.ClearActions()
	s.Kube.ClearActions()
	s.step()
	for _, a := range append(s.Client.Actions(), s.Kube.Actions()...) {
		if a.GetVerb() != "get" && a.GetVerb() != "list" {
			t.Errorf("%s %s with nothing to do (after %d actions)", a.GetVerb(), a.GetResource().Resource, before)
		}
	}
}

func TestWhatCanBeWrongWithAChannel(t *testing.T) {
	for _, tc := range []struct {
		name string
		do   func(*scene)
		want []string
		err  string
		// subscriber is what is said of s1, "" for nothing.
		subscriber string
	}{
		{name: "the installation has no ConfigMap", do: func(s *scene) { s.Remove("configmaps", "knative-eventing", "kafka-channel-config") },
			want: []string{"ConfigParsed=False Failed to read configuration: get ConfigMap knative-eventing/kafka-channel-config", "Ready=False"},
			err:  "kafka-channel-config", subscriber: "Unknown Subscriber s1 not ready: the channel is not: get ConfigMap"},
		{name: "the ConfigMap names no servers", do: func(s *scene) { s.config(map[string]string{}) },
			want: []string{"ConfigParsed=False Failed to read configuration: config map knative-eventing/kafka-channel-config: bootstrap.servers"}, err: "bootstrap.servers"},
		{name: "its own ConfigMap is in a foreign namespace", do: func(s *scene) {
			s.edit(func(c *messagingv1beta1.KafkaChannel) {
				c.Annotations = map[string]string{"kafka.eventing.knative.dev/channel.config": "other/cm"}
			})
		}, want: []string{"ConfigParsed=False Failed to read configuration: kafka.eventing.knative.dev/channel.config: ConfigMap other/cm is neither"}, err: "neither"},
		{name: "the Secret is missing", do: func(s *scene) {
			s.config(map[string]string{"bootstrap.servers": s.Kafka.Bootstrap(), "auth.secret.ref.name": "kafka"})
		}, want: []string{"ConfigParsed=False Failed to get broker auth secret: get Secret knative-eventing/kafka"}, err: "Secret knative-eventing/kafka"},
		{name: "the Secret lacks a key", do: func(s *scene) {
			s.Add("secrets", &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "knative-eventing", Name: "kafka", UID: "secret"},
				Data: map[string][]byte{"protocol": []byte("SASL_PLAINTEXT"), "sasl.mechanism": []byte("PLAIN")}})
			s.config(map[string]string{"bootstrap.servers": s.Kafka.Bootstrap(), "auth.secret.ref.name": "kafka"})
		}, want: []string{"ConfigParsed=False Failed to get broker auth secret: "}, err: "user"},
		{name: "the retention cannot be read", do: func(s *scene) {
			s.edit(func(c *messagingv1beta1.KafkaChannel) { c.Spec.RetentionDuration = "a week" })
		}, want: []string{"TopicReady=False Failed to create topic: " + topicName + ": spec.retentionDuration", "ConfigParsed=True"}, err: "retentionDuration"},
		{name: "Kafka refuses the topic", do: func(s *scene) {
			s.edit(func(c *messagingv1beta1.KafkaChannel) { c.Spec.ReplicationFactor = 7 })
		}, want: []string{"TopicReady=False Failed to create topic: " + topicName + ": "}, err: "INVALID_REPLICATION_FACTOR"},
		{name: "another channel has the topic", do: func(s *scene) {
			other := s.channel()
			other.Name, other.UID = "other", "other-uid"
			other.Status.Annotations = map[string]string{"default.topic": topicName}
			s.Add("kafkachannels", other)
		}, want: []string{"TopicReady=False Topic is not present or invalid: Check topics [" + topicName + "] configuration: topic \"" + topicName + "\" belongs to KafkaChannel ns/other"}, err: "belongs to"},
		{name: "the Service is somebody else's", do: func(s *scene) {
			if _, err := s.Kube.CoreV1().Services("ns").Create(s.Ctx, &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "c-kn-channel"}}, metav1.CreateOptions{}); err != nil {
				s.t.Fatal(err)
			}
		}, want: []string{"Addressable=False ServiceFailed: kafkachannel: ns/c does not own Service: \"c-kn-channel\"", "ProbeSucceeded=False ServiceFailed", "TopicReady=True"}, err: "does not own Service"},
		{name: "a subscriber cannot be translated", do: func(s *scene) {
			s.edit(func(c *messagingv1beta1.KafkaChannel) { c.Spec.Subscribers[0].SubscriberURI = apis.HTTP("") })
		}, want: []string{"Subscribers=False failed to reconcile all subscribers: Subscriber s1 not ready: EntryInvalid Subscription ns/", "Addressable=True", "ProbeSucceeded=True", "Ready=False"},
			subscriber: "False Subscriber s1 not ready: EntryInvalid"},
		{name: "the dead letter sink cannot be resolved", do: func(s *scene) {
			s.edit(func(c *messagingv1beta1.KafkaChannel) {
				c.Spec.Delivery = &eventingduck.DeliverySpec{DeadLetterSink: &duckv1.Destination{Ref: &duckv1.KReference{APIVersion: "v1", Kind: "Service", Name: "gone"}}}
			})
		}, want: []string{"Subscribers=False failed to reconcile all subscribers: spec.delivery.deadLetterSink: ", "Addressable=True", "ProbeSucceeded=True"}, err: "deadLetterSink",
			subscriber: "False Subscriber s1 not ready: EntryInvalid"},
		{name: "the contract refuses the channel", do: func(s *scene) { s.refused = map[string]string{"c-uid": "the contract is full"} },
			want: []string{"ConfigMapUpdated=False EntryRefused: the contract is full", "ProbeSucceeded=Unknown ProbeStatus: status: NotReady, the contract is full"}},
		{name: "the contract refuses a subscriber", do: func(s *scene) { s.refused = map[string]string{"s1": "the contract is full"} },
			want:       []string{"ConfigMapUpdated=True", "ProbeSucceeded=True", "Subscribers=False failed to reconcile all subscribers: Subscriber s1 not ready: EntryRefused the contract is full"},
			subscriber: "False Subscriber s1 not ready: EntryRefused the contract is full"},
		{name: "the contract is not written", do: func(s *scene) { s.frozen = true },
			want: []string{"ConfigMapUpdated=Unknown WaitingForContract: waiting for the contract in ConfigMap knative-eventing/kafka-channel-channels-subscriptions"}, subscriber: "Unknown "},
		{name: "no pod is ready", do: func(s *scene) { s.pods = func(...*contract.Resource) []bench.BenchPod { return nil } },
			want: []string{"ConfigMapUpdated=True", "ProbeSucceeded=Unknown ProbeStatus: status: NotReady, no pod with label app=kafka-channel-receiver is ready", "Addressable=Unknown"}},
		{name: "a pod rejects the route", do: func(s *scene) {
			s.pods = func(r ...*contract.Resource) []bench.BenchPod {
				pods := served(r...)
				for uid, e := range pods[0].Routes {
					e.Problem = "no credentials"
					pods[0].Routes[uid] = e
				}
				return pods
			}
		}, want: []string{"ProbeSucceeded=False EntryRejected: status: NotReady, pod in: no credentials", "Subscribers=True"}, subscriber: "True"},
		{name: "a pod rejects a subscriber", do: func(s *scene) {
			s.pods = func(r ...*contract.Resource) []bench.BenchPod {
				pods := served(r...)
				for uid, e := range pods[1].Groups {
					e.Problem = "the committed start is gone"
					pods[1].Groups[uid] = e
				}
				return pods
			}
		}, want: []string{"ProbeSucceeded=True", "Subscribers=False"}, subscriber: "False Subscriber s1 not ready: EntryRejected pod out: the committed start is gone"},
		{name: "a pod lags", do: func(s *scene) {
			s.pods = func(r ...*contract.Resource) []bench.BenchPod {
				return append(served(r...), bench.BenchPod{Name: "late", App: "kafka-channel-receiver"})
			}
		}, want: []string{"ProbeSucceeded=Unknown ProbeStatus: status: NotReady, waiting for 2 pods: pod late has no entry for it yet"}, subscriber: "True"},
		{name: "a token for a subscriber is not issued (SEC-41)", do: func(s *scene) {
			s.flags[feature.OIDCAuthentication] = feature.Enabled
			account := "of-s1"
			s.edit(func(c *messagingv1beta1.KafkaChannel) {
				c.Spec.Subscribers[0].Auth = &duckv1.AuthStatus{ServiceAccountName: &account}
			})
			s.Add("secrets", &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: bench.SystemNamespace, Name: "kafka-channel-credentials-tokens-0",
				Annotations: map[string]string{identity.RefusedAnnotation: `{"ns/of-s1":"forbidden"}`}}})
		}, want: []string{"Subscribers=False failed to reconcile all subscribers: Subscriber s1 not ready: TokenNotIssued forbidden"},
			subscriber: "False Subscriber s1 not ready: TokenNotIssued forbidden"},
		{name: "https is asked for and there is no certificate", do: func(s *scene) { s.flags["transport-encryption"] = feature.Strict },
			want: []string{"Addressable=False NoCertificates: get Secret knative-eventing/kafka-channel-ingress-server-tls", "ProbeSucceeded=False NoCertificates", "Ready=False"}, err: "server-tls"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newScene(t)
			s.subscribe("s1")
			tc.do(s)
			s.settle()
			s.says(tc.want...)
			if (s.err != nil) != (tc.err != "") || s.err != nil && !strings.Contains(s.err.Error(), tc.err) {
				t.Errorf("error %v, want %q", s.err, tc.err)
			}
			if tc.subscriber != "" {
				if ready, message := s.subscriber("s1"); !strings.HasPrefix(string(ready)+" "+message, tc.subscriber) {
					t.Errorf("subscriber: %s %s", ready, message)
				}
			}
		})
	}
}

func (s *scene) config(data map[string]string) {
	s.Add("configmaps", &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "knative-eventing", Name: "kafka-channel-config"}, Data: data})
}

func TestWhatWorksStaysWhenSomethingGoesWrong(t *testing.T) {
	for _, tc := range []struct {
		name string
		do   func(*scene)
		want string
	}{
		{"a pod that starts", func(s *scene) {
			s.pods = func(r ...*contract.Resource) []bench.BenchPod {
				return append(served(r...), bench.BenchPod{Name: "late", App: "kafka-channel-receiver"})
			}
		}, "Ready=True"},
		{"a consumer group between two assignments", func(s *scene) {
			s.pods = func(r ...*contract.Resource) []bench.BenchPod {
				pods := served(r...)
				for uid, e := range pods[1].Groups {
					e.State = "joining"
					pods[1].Groups[uid] = e
				}
				return pods
			}
		}, "Ready=True"},
		{"a Secret that goes", func(s *scene) {
			s.config(map[string]string{"bootstrap.servers": s.Kafka.Bootstrap(), "auth.secret.ref.name": "kafka"})
		}, "Ready=False"},
		{"Kafka is away", func(s *scene) { s.Kafka.Fake().Close() }, "TopicReady=False Failed to create topic: " + topicName},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newScene(t)
			s.subscribe("s1")
			s.settle()
			s.says("Ready=True")
			tc.do(s)
			s.frozen = true
			s.step()
			s.step()
			s.says(tc.want)
			if s.channel().Status.Address == nil {
				t.Error("the address is gone")
			}
			if ready, message := s.subscriber("s1"); ready != corev1.ConditionTrue {
				t.Errorf("the subscriber was told that it is not served: %s", message)
			}
		})
	}
}

func TestAddressesOfAChannel(t *testing.T) {
	https := "https://kafka-channel-ingress.knative-eventing.svc.cluster.local/ns/c"
	http := "http://c-kn-channel.ns.svc.cluster.local"
	for mode, want := range map[feature.Flag][]string{feature.Disabled: {http}, feature.Permissive: {https, http}, feature.Strict: {https}} {
		t.Run(string(mode), func(t *testing.T) {
			s := newScene(t)
			s.flags = feature.Flags{"transport-encryption": mode, "authentication-oidc": feature.Enabled, "default-authorization-mode": "allow-same-namespace"}
			s.Add("secrets", &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "knative-eventing", Name: "kafka-channel-ingress-server-tls"}, Data: map[string][]byte{"ca.crt": []byte("pem")}})
			s.settle()
			s.says("Ready=True", "EventPoliciesReady=True DefaultAuthorizationMode")
			var got []string
			for _, a := range s.channel().Status.Addresses {
				got = append(got, a.URL.String())
				if *a.Audience != "messaging.knative.dev/kafkachannel/ns/c" || (*a.Name == "https") != (a.CACerts != nil && *a.CACerts == "pem") {
					t.Errorf("%+v", a)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%v, want %v", got, want)
			}
		})
	}
}
