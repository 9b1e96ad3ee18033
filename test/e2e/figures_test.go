//go:build e2e

package e2e

import (
	"fmt"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"knative.dev/eventing-kafka-go/test/e2e/world"
)

var podMemory = regexp.MustCompile(`pod_memory_working_set_bytes\{namespace="([^"]*)",pod="([^"]*)"\} (\S+)`)

// memory is the working set of each pod of ours in MiB, as the kubelet counts it, by the name of its workload.
func memory(t *testing.T, w *world.World) map[string]float64 {
	t.Helper()
	nodes, err := w.Kube.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]float64{}
	for i := range nodes.Items {
		text, err := w.Kube.CoreV1().RESTClient().Get().Resource("nodes").Name(nodes.Items[i].Name).SubResource("proxy").
			Suffix("metrics/resource").DoRaw(t.Context())
		if err != nil {
			t.Fatalf("metrics of %s: %v", nodes.Items[i].Name, err)
		}
		for _, m := range podMemory.FindAllSubmatch(text, -1) {
			parts := strings.Split(string(m[2]), "-")
			bytes, err := strconv.ParseFloat(string(m[3]), 64)
			if err != nil {
				t.Fatal(err)
			}
			if string(m[1]) == world.System && parts[0] == "kafka" {
				used[strings.Join(parts[:len(parts)-2], "-")] = bytes / (1 << 20)
			}
		}
	}
	return used
}

func listed(used map[string]float64) string {
	var lines []string
	for name, mib := range used {
		lines = append(lines, fmt.Sprintf("%s %.0f", name, mib))
	}
	sort.Strings(lines)
	return strings.Join(lines, ", ")
}

// What an installation takes, idle and with a hundred Triggers, each of which delivers. Compressed sizes of its images.
func TestFigures(t *testing.T) {
	w := world.Start(t)
	w.ImageSizes(t, func(name string, mib float64) {
		t.Logf("FIGURE image %s: %.1f MiB", name, mib)
		if strings.Contains(name, "kafka-data-plane") && mib > 25 {
			t.Errorf("the image of the data plane has %.1f MiB, more than 25", mib)
		}
	})
	t.Logf("FIGURE MiB of each pod, idle: %s", listed(memory(t, w)))

	const triggers = 100
	s := w.Space(t, "hundred")
	s.Make(t, broker("b", "Kafka"))
	address := world.Address(t, s.Ready(t, kindBroker, "b"))
	began := time.Now()
	var manifests strings.Builder
	for i := range triggers {
		manifests.WriteString(trigger(fmt.Sprintf("t%d", i), "b", s.To(fmt.Sprintf("t%d", i)), ""))
	}
	s.Make(t, manifests.String())
	for i := range triggers {
		s.Ready(t, kindTrigger, fmt.Sprintf("t%d", i))
	}
	world.Since(t, "100 Triggers: apply to all Ready", began)
	s.Send(t, address, events("x", "1")...)
	for i := range triggers {
		s.Await(t, fmt.Sprintf("t%d", i), 1)
	}
	t.Logf("FIGURE MiB of each pod, 100 Triggers: %s", listed(memory(t, w)))
	for _, pod := range restarted(t, w) {
		t.Errorf("a pod was restarted: %s", pod)
	}
}

func restarted(t *testing.T, w *world.World) []string {
	t.Helper()
	list, err := w.Kube.CoreV1().Pods(world.System).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for i := range list.Items {
		for _, c := range list.Items[i].Status.ContainerStatuses {
			if ended := c.LastTerminationState.Terminated; ended != nil && strings.HasPrefix(list.Items[i].Name, "kafka-") {
				names = append(names, fmt.Sprintf("%s ended with %d: %s", list.Items[i].Name, ended.ExitCode, ended.Message))
			}
		}
	}
	return names
}
