package world

import (
	"context"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// What pods said at last is shown when a test failed: so many lines of ours, so many of others, each so long at most.
const (
	tail      = 40
	tailOther = 4
	width     = 400
)

// resources that have conditions which say what is wrong.
func resources() []schema.GroupVersionResource {
	var all []schema.GroupVersionResource
	for group, names := range map[string][]string{
		"eventing.knative.dev/v1":             {"brokers", "triggers"},
		"eventing.knative.dev/v1alpha1":       {"kafkasinks"},
		"messaging.knative.dev/v1":            {"channels", "subscriptions"},
		"messaging.knative.dev/v1beta1":       {"kafkachannels"},
		"sources.knative.dev/v1":              {"kafkasources"},
		"flows.knative.dev/v1":                {"sequences", "parallels"},
		"kafka.eventing.knative.dev/v1alpha1": {"resetoffsets"},
	} {
		version, err := schema.ParseGroupVersion(group)
		if err != nil {
			panic(err) // a mistake above
		}
		for _, name := range names {
			all = append(all, version.WithResource(name))
		}
	}
	return all
}

// dump prints the conditions of a test's objects, and what pods said at last.
func (s *Space) dump(ctx context.Context, tb testing.TB) {
	tb.Helper()
	for _, r := range resources() {
		list, err := s.Dynamic.Resource(r).Namespace(s.Name).List(ctx, metav1.ListOptions{})
		if err != nil {
			continue // not installed
		}
		for i := range list.Items {
			tb.Logf("%s %s: %v", list.Items[i].GetKind(), list.Items[i].GetName(), list.Items[i].Object["status"])
		}
	}
	for _, namespace := range []string{s.Name, System} {
		pods, err := s.Kube.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			tb.Log(err)
			continue
		}
		for i := range pods.Items {
			s.dumpPod(ctx, tb, &pods.Items[i])
		}
	}
}

func (s *Space) dumpPod(ctx context.Context, tb testing.TB, pod *corev1.Pod) {
	tb.Helper()
	states := []string{string(pod.Status.Phase)}
	for _, c := range pod.Status.ContainerStatuses {
		switch {
		case c.State.Waiting != nil:
			states = append(states, c.State.Waiting.Reason, c.State.Waiting.Message)
		case c.LastTerminationState.Terminated != nil:
			states = append(states, fmt.Sprintf("ended %d times with %d", c.RestartCount, c.LastTerminationState.Terminated.ExitCode))
		}
	}
	lines := int64(tailOther)
	if pod.Namespace != System || strings.HasPrefix(pod.Name, "kafka-") {
		lines = tail
	}
	text, err := s.Kube.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{TailLines: &lines}).DoRaw(ctx)
	if err != nil {
		text = []byte(err.Error())
	}
	tb.Logf("pod %s/%s, %s:\n%s", pod.Namespace, pod.Name, strings.Join(states, ", "), short(string(text)))
}

func short(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if len(line) > width {
			lines[i] = line[:width] + " …"
		}
	}
	return strings.Join(lines, "\n")
}
