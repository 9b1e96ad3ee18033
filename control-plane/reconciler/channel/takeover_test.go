package channel

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/kmeta"

	bench "knative.dev/eventing-kafka-go/control-plane/reconcilertest"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// The Service of a channel that an earlier installation serves is moved when ours serves it, and not before (MIG-28).
func TestAServiceIsSwitchedWhenPodsServeTheChannel(t *testing.T) {
	const old = "kafka-ch-dispatcher.knative-eventing.svc.cluster.local"
	s := newScene(t)
	s.pods = func(...*contract.Resource) []bench.BenchPod { return nil }
	channel := s.channel()
	service := makeService(channel, old)
	service.OwnerReferences = []metav1.OwnerReference{*kmeta.NewControllerRef(channel)}
	service.Spec.Ports = []corev1.ServicePort{{Name: "http", Port: 80}}
	if _, err := s.Kube.CoreV1().Services("ns").Create(s.Ctx, service, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	leadsTo := func() string {
		got, err := s.Kube.CoreV1().Services("ns").Get(s.Ctx, "c-kn-channel", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return got.Spec.ExternalName
	}
	s.settle()
	s.says("TopicReady=True", "ProbeSucceeded=Unknown")
	if got := leadsTo(); got != old {
		t.Fatalf("it leads to %s while nobody serves the channel there", got)
	}
	s.pods = served
	s.settle()
	s.says("Ready=True")
	if got := leadsTo(); got != "kafka-channel-ingress.knative-eventing.svc.cluster.local" {
		t.Errorf("it leads to %s", got)
	}
}
