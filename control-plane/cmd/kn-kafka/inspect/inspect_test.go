package inspect

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	kubefake "k8s.io/client-go/kubernetes/fake"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	"knative.dev/pkg/apis"

	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/cluster"
	"knative.dev/eventing-kafka-go/data-plane/status"
)

func pod(name, app string, ready corev1.ConditionStatus) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "knative-eventing", Name: name, Labels: map[string]string{"app": app, "kafka.eventing.knative.dev/data-plane": "broker"}},
		Status: corev1.PodStatus{
			Conditions:        []corev1.PodCondition{{Type: corev1.PodReady, Status: ready}},
			ContainerStatuses: []corev1.ContainerStatus{{RestartCount: 2}},
		},
	}
}

// world is an installation with a receiver, a dispatcher, and one that does not answer.
func world(t *testing.T) *cluster.Cluster {
	t.Helper()
	now := time.Now()
	reports := map[string]*status.Report{
		"kafka-broker-receiver-1": {
			Contract: status.Contract{Generation: 7}, Process: status.Process{RSSBytes: 33 << 20},
			Routes: []status.Route{{Kind: "broker", Namespace: "ns", Name: "b", Topic: "knative-broker-ns-b", Accepted: 12,
				Answers: map[string]uint64{"400": 3}, LastError: "not a CloudEvent", LastErrorAt: now.Add(-time.Minute)}},
		},
		"kafka-broker-dispatcher-1": {
			Contract: status.Contract{Generation: 7, Rejected: []status.Rejected{{Kind: "Trigger", Namespace: "ns", Name: "bad", Reason: "no such dialect"}}},
			Groups: []status.Group{
				{Kind: "trigger", Namespace: "ns", Name: "t", Resource: "ns/b", GroupID: "knative-trigger-ns-t", State: "running", Destination: "http://sub",
					Delivered: 10, Retried: 4, LagRecords: 2, LagSeconds: 1.5, InFlight: 1, LastError: "503", LastErrorAt: now,
					Partitions: []status.Partition{{Topic: "knative-broker-ns-b", Partition: 3, Committed: 10, End: 12, Unfinished: 2}}},
				{Kind: "trigger", Namespace: "ns", Name: "other", Resource: "ns/b2", State: "running", Halted: "the subscriber is down"},
			},
		},
	}
	trigger := &eventingv1.Trigger{
		TypeMeta:   metav1.TypeMeta{APIVersion: "eventing.knative.dev/v1", Kind: "Trigger"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "t"},
	}
	trigger.Status.Annotations = map[string]string{"group.id": "knative-trigger-ns-t"}
	trigger.Status.Conditions = append(trigger.Status.Conditions, apis.Condition{Type: "Ready", Status: corev1.ConditionTrue})
	broker := &eventingv1.Broker{TypeMeta: metav1.TypeMeta{APIVersion: "eventing.knative.dev/v1", Kind: "Broker"}, ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "b"}}
	scheme := runtime.NewScheme()
	if err := eventingv1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	return &cluster.Cluster{
		Namespace: "ns",
		Kube: kubefake.NewClientset(pod("kafka-broker-receiver-1", "kafka-broker-receiver", corev1.ConditionTrue),
			pod("kafka-broker-dispatcher-1", "kafka-broker-dispatcher", corev1.ConditionTrue), pod("kafka-sink-receiver-1", "kafka-sink-receiver", corev1.ConditionFalse)),
		Dynamic: dynamicfake.NewSimpleDynamicClientWithCustomListKinds(scheme, map[schema.GroupVersionResource]string{}, trigger, broker),
		Pods: func(_ context.Context, _, name string) ([]byte, error) {
			r, ok := reports[name]
			if !ok {
				return nil, errors.New("connection refused")
			}
			return json.Marshal(r)
		},
	}
}

func run(t *testing.T, c *cluster.Cluster, args ...string) string {
	t.Helper()
	connect := func(f *cluster.Flags) (*cluster.Cluster, error) { return c, nil }
	cmd := statusCommand(connect)
	if args[0] == "describe" {
		cmd = describeCommand(connect)
	}
	var out strings.Builder
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetArgs(args[1:])
	if err := cmd.ExecuteContext(t.Context()); err != nil {
		return "error: " + err.Error()
	}
	return out.String()
}

func wants(t *testing.T, text string, parts ...string) {
	t.Helper()
	flat := strings.Join(strings.Fields(text), " ")
	for _, part := range parts {
		if !strings.Contains(flat, part) {
			t.Errorf("lacks %q:\n%s", part, text)
		}
	}
}

func TestStatusShowsPodsAndWhatIsWrong(t *testing.T) {
	wants(t, run(t, world(t), "status"),
		"knative-eventing kafka-broker-receiver-1 yes 2 7 1 0 0 0 33 MiB",
		"knative-eventing kafka-broker-dispatcher-1 yes 2 7 0 2 2 1 0 MiB",
		"knative-eventing kafka-sink-receiver-1 no 2",
		"kafka-sink-receiver-1: read its status: connection refused",
		"Trigger ns/bad is refused: no such dialect",
		"trigger ns/other delivers nothing: the subscriber is down")
	empty := world(t)
	empty.Kube = kubefake.NewClientset()
	wants(t, run(t, empty, "status"), "No data plane found.")
}

func TestDescribeShowsWhereTheEventsAre(t *testing.T) {
	text := run(t, world(t), "describe", "trigger", "t")
	wants(t, text, "Name: t", "Kind: Trigger", "group.id: knative-trigger-ns-t", "Ready True", "Pod kafka-broker-dispatcher-1:",
		"trigger t running group knative-trigger-ns-t", "to http://sub", "behind 2 events, 2 s 1 in flight", "10 delivered", "4 retries", "last error 0s ago 503",
		"knative-broker-ns-b/3 committed 10 of 12 2 unfinished")
	if strings.Contains(text, "other") || strings.Contains(text, "receiver") {
		t.Errorf("what is of others is shown:\n%s", text)
	}
	text = run(t, world(t), "describe", "brokers", "b")
	wants(t, text, "Kind: Broker", "takes events for knative-broker-ns-b 12 accepted, 3 × 400", "last refusal 1m0s ago not a CloudEvent", "trigger t running")
	if strings.Contains(text, "ns/b2") || strings.Contains(text, "trigger other") {
		t.Errorf("a Trigger of another Broker is shown:\n%s", text)
	}
	for line, want := range map[string]string{"broker none": "not found", "pod x": "expected one of broker"} {
		if got := run(t, world(t), append([]string{"describe"}, strings.Fields(line)...)...); !strings.HasPrefix(got, "error: ") || !strings.Contains(got, want) {
			t.Errorf("%s: %s", line, got)
		}
	}
}
