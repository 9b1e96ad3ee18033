package source

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	fakediscovery "k8s.io/client-go/discovery/fake"
	kubefake "k8s.io/client-go/kubernetes/fake"
	"knative.dev/pkg/apis"

	sourcesv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/sources/v1beta1"
	"knative.dev/eventing-kafka-go/control-plane/client/clientset/versioned/fake"
	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/cluster"
)

// world is a cluster without anything in it.
func world(t *testing.T) *cluster.Cluster {
	t.Helper()
	kube := kubefake.NewClientset()
	kube.Discovery().(*fakediscovery.FakeDiscovery).Resources = []*metav1.APIResourceList{{
		GroupVersion: "eventing.knative.dev/v1alpha1",
		APIResources: []metav1.APIResource{{Name: "kafkasinks", SingularName: "kafkasink", Kind: "KafkaSink"}},
	}}
	return &cluster.Cluster{Kube: kube, Kafka: fake.NewSimpleClientset(), Namespace: "default"}
}

// kn runs one command and returns what it prints, or its error.
func kn(t *testing.T, c *cluster.Cluster, line string) string {
	t.Helper()
	cmd := newCommand("kn-source-kafka", func(f *cluster.Flags) (*cluster.Cluster, error) {
		other := *c
		if f.Namespace != "" {
			other.Namespace = f.Namespace
		}
		return &other, nil
	})
	var out strings.Builder
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetArgs(strings.Fields(line))
	if err := cmd.ExecuteContext(t.Context()); err != nil {
		return "error: " + err.Error()
	}
	return out.String()
}

func get(t *testing.T, c *cluster.Cluster, namespace, name string) *sourcesv1beta1.KafkaSource {
	t.Helper()
	s, err := c.Kafka.SourcesV1beta1().KafkaSources(namespace).Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestASourceIsCreatedChangedAndDeleted(t *testing.T) { // KN-07
	c := world(t)
	if got := kn(t, c, "create s1 --servers a:9092,b:9092 --topics t1 --topics t2 --consumergroup g --sink ksvc:receiver --ce-override env=prod --ce-override x=1"); got != "Kafka source 's1' created in namespace 'default'.\n" {
		t.Fatal(got)
	}
	s := get(t, c, "default", "s1")
	if strings.Join(s.Spec.BootstrapServers, " ") != "a:9092 b:9092" || strings.Join(s.Spec.Topics, " ") != "t1 t2" || s.Spec.ConsumerGroup != "g" {
		t.Errorf("created %+v", s.Spec)
	}
	if r := s.Spec.Sink.Ref; r == nil || r.APIVersion != "serving.knative.dev/v1" || r.Kind != "Service" || r.Name != "receiver" || r.Namespace != "default" {
		t.Errorf("sink %+v", s.Spec.Sink)
	}
	if x := s.Spec.CloudEventOverrides.Extensions; len(x) != 2 || x["env"] != "prod" {
		t.Errorf("overrides %v", x)
	}
	if got := kn(t, c, "create s1 --servers a:9092 --topics t --sink ksvc:receiver"); !strings.Contains(got, "already exists") {
		t.Error(got)
	}
	if got := kn(t, c, "update s1 --topics t3 --ce-override x- --sink broker:b:other"); got != "Kafka source 's1' updated in namespace 'default'.\n" {
		t.Fatal(got)
	}
	s = get(t, c, "default", "s1")
	if s.Spec.Topics[0] != "t3" || len(s.Spec.BootstrapServers) != 2 || s.Spec.ConsumerGroup != "g" || len(s.Spec.CloudEventOverrides.Extensions) != 1 {
		t.Errorf("updated %+v", s.Spec)
	}
	if r := s.Spec.Sink.Ref; r.Kind != "Broker" || r.Namespace != "other" {
		t.Errorf("sink %+v", r)
	}
	if got := kn(t, c, "delete s1"); got != "Kafka source 's1' deleted in namespace 'default'.\n" {
		t.Fatal(got)
	}
	for _, line := range []string{"delete s1", "describe s1", "update s1 --topics t"} {
		if got := kn(t, c, line); !strings.HasPrefix(got, "error: ") || !strings.Contains(got, "not found") {
			t.Errorf("%s: %s", line, got)
		}
	}
}

func TestWhatIsMissingOrWrongIsSaid(t *testing.T) {
	c := world(t)
	for line, want := range map[string]string{
		"create s1":                                                                   "required: --servers, --sink, --topics",
		"create s1 --servers a:1 --topics t":                                          "required: --sink",
		"create --servers a:1":                                                        "accepts 1 arg",
		"create s1 --servers a:1 --topics t --sink x:y":                               `"x" is neither`,
		"create s1 --servers a:1 --topics t --sink a/b:y":                             "GROUP/VERSION/RESOURCE",
		"create s1 --servers a:1 --topics t --sink ksvc:":                             "expected a URL",
		"create s1 --servers a:1 --topics t --sink eventing.knative.dev/v1alpha1/x:y": "no such resource",
		"create s1 --servers a:1 --topics t --sink example.com/v1/x:y":                "example.com/v1",
		"create s1 --servers a:1 --topics t --sink http://x --ce-override env":        "--ce-override",
		"list -o yaml": "--output",
	} {
		if got := kn(t, c, line); !strings.HasPrefix(got, "error: ") || !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %q", line, got, want)
		}
	}
}

func TestSinksOfAllForms(t *testing.T) {
	c := world(t)
	for text, want := range map[string]string{
		"http://example.com/path": "http://example.com/path",
		"receiver":                "ksvc:receiver",
		"svc:plain":               "svc:plain",
		"channel:c":               "channel:c",
		"eventing.knative.dev/v1alpha1/kafkasinks:k": "kafkasink:k",
	} {
		sink, err := parseSink(text, "ns", c.KindOf)
		if err != nil || sinkText(sink) != want {
			t.Errorf("%s: %s, %v", text, sinkText(sink), err)
		}
	}
}

func TestSourcesAreShown(t *testing.T) {
	c, now := world(t), time.Now()
	if got := kn(t, c, "list"); got != "No Kafka source found.\n" {
		t.Error(got)
	}
	for _, line := range []string{"create s2 --servers a:9092 --topics t --sink svc:plain", "create s1 --servers a:9092 --topics t -s http://x --ce-override a=b", "create s3 -n other --servers a:9092 --topics t --sink svc:plain"} {
		kn(t, c, line)
	}
	s := get(t, c, "default", "s1")
	s.CreationTimestamp = metav1.Time{Time: now.Add(-5 * time.Minute)}
	s.Status.Conditions = append(s.Status.Conditions,
		apis.Condition{Type: "Ready", Status: corev1.ConditionFalse, Reason: "NoTopic", Message: "topic t is missing", LastTransitionTime: apis.VolatileTime{Inner: metav1.Time{Time: now.Add(-time.Minute)}}},
		apis.Condition{Type: "SinkProvided", Status: corev1.ConditionTrue})
	if _, err := c.Kafka.SourcesV1beta1().KafkaSources("default").Update(t.Context(), s, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	list := strings.Split(kn(t, c, "list"), "\n")
	if len(list) != 4 || strings.Join(strings.Fields(list[0]), " ") != "NAME TOPICS BOOTSTRAPSERVERS SINK AGE READY REASON" ||
		strings.Join(strings.Fields(list[1]), " ") != "s1 t a:9092 http://x 5m False NoTopic" || !strings.HasPrefix(list[2], "s2 ") {
		t.Errorf("list:\n%s", strings.Join(list, "\n"))
	}
	if got := kn(t, c, "list -A"); !strings.Contains(got, "NAMESPACE") || !strings.Contains(got, "other") {
		t.Errorf("of all namespaces:\n%s", got)
	}
	if got := kn(t, c, "list -o json"); !strings.Contains(got, `"kind": "KafkaSourceList"`) {
		t.Errorf("as JSON:\n%s", got)
	}
	described := strings.Join(strings.Fields(kn(t, c, "describe s1")), " ")
	for _, part := range []string{"Name: s1", "Namespace: default", "Age: 5m", "BootstrapServers: a:9092", "Topics: t", "Sink: http://x", "CE Override: a=b",
		"!! Ready 60s NoTopic topic t is missing", "++ SinkProvided"} {
		if !strings.Contains(described, part) {
			t.Errorf("describe lacks %q: %s", part, described)
		}
	}
}
