// Package world is the cluster that end-to-end tests run in: a real Kubernetes with Knative Eventing and Kafka, in which
// this project is installed once from its release files, as users do. hack/e2e.sh makes it and says where it is.
//
// A Space is what one test has of it: a namespace with a witness that sends and receives. Tests run side by side; all
// that they share (ConfigMaps of the installation, pods of the data plane) is changed only by tests that say so by not
// being parallel.
package world

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"knative.dev/eventing-kafka-go/test/apiserver/env"
	"knative.dev/eventing-kafka-go/test/integration/cluster"
)

const (
	// System is the namespace of the installation.
	System = "knative-eventing"
	// Patience is how long to wait for what must happen. It is generous because machines are shared.
	Patience = 5 * time.Minute
)

// Variables that hack/e2e.sh sets.
const (
	variableRelease = "E2E_RELEASE" // files to be applied, in order, separated by spaces
	variableWitness = "E2E_WITNESS" // image of cmd/witness
	variableScript  = "E2E_CLUSTER" // program that stops and starts programs of the cluster; none where that is not possible
)

// Servers is Kafka's address in manifests, which shipped ConfigMaps have too.
const Servers = "my-cluster-kafka-bootstrap.kafka:9092"

// World is the cluster with everything installed.
type World struct {
	*env.Env
	// Kafka looks at what brokers have, beside the installation.
	Kafka *cluster.Cluster
}

var installed sync.Mutex //nolint:gochecknoglobals // tests of one process share one cluster
var done bool            //nolint:gochecknoglobals // see installed

// Start returns the cluster, in which the first test installs the release. It skips tests where there is no cluster.
func Start(tb testing.TB) *World {
	tb.Helper()
	if os.Getenv(variableRelease) == "" {
		tb.Skip("no cluster: hack/e2e.sh (make e2e) brings one up and runs this test")
	}
	w := &World{Env: env.Connect(tb, os.Getenv("KUBECONFIG")), Kafka: cluster.Start(tb)}
	installed.Lock()
	defer installed.Unlock()
	if !done {
		w.install(tb)
		done = true
	}
	return w
}

// install applies the release as its documentation says, and waits until every pod is ready.
func (w *World) install(tb testing.TB) {
	tb.Helper()
	began := time.Now()
	w.Install(tb, strings.Fields(os.Getenv(variableRelease))...)
	tb.Logf("FIGURE install to all pods ready: %.1f s", time.Since(began).Seconds())
}

// Install applies files of a release, with settings for this Kafka, and waits until every pod is ready.
func (w *World) Install(tb testing.TB, files ...string) {
	tb.Helper()
	w.Files(tb, files...)
	w.Settled(tb)
}

// Files applies files of a release, with settings for this Kafka: one broker holds one copy; what is shipped is for three.
func (w *World) Files(tb testing.TB, files ...string) {
	tb.Helper()
	for _, file := range files {
		w.Kubectl(tb, "apply", "-f", file)
	}
	w.Kubectl(tb, "--namespace", System, "patch", "configmap", "kafka-broker-config", "--type", "merge",
		"--patch", `{"data": {"default.topic.replication.factor": "1"}}`)
}

// File is another file of the release that is installed.
func File(name string) string {
	return filepath.Join(filepath.Dir(strings.Fields(os.Getenv(variableRelease))[0]), name)
}

// Kubectl runs kubectl.
func (w *World) Kubectl(tb testing.TB, arguments ...string) {
	tb.Helper()
	w.run(tb, "kubectl", arguments...)
}

// unready names what does not run in a namespace as it should.
func (w *World) unready(tb testing.TB, namespace string) string {
	list, err := w.Kube.AppsV1().Deployments(namespace).List(context.WithoutCancel(tb.Context()), metav1.ListOptions{})
	if err != nil {
		return err.Error()
	}
	for _, d := range list.Items {
		want := int32(1)
		if d.Spec.Replicas != nil {
			want = *d.Spec.Replicas
		}
		s := d.Status
		if s.ObservedGeneration != d.Generation || s.UpdatedReplicas != want || s.ReadyReplicas != want || s.Replicas != want {
			return fmt.Sprintf("Deployment %s: %d of %d pods are ready, %d new, %d in all", d.Name, s.ReadyReplicas, want, s.UpdatedReplicas, s.Replicas)
		}
	}
	return w.ending(tb, namespace)
}

// ending names a pod that is on its way out: its Deployment does not count it any more, its users still do.
func (w *World) ending(tb testing.TB, namespace string) string {
	tb.Helper()
	list, err := w.Kube.CoreV1().Pods(namespace).List(context.WithoutCancel(tb.Context()), metav1.ListOptions{})
	if err != nil {
		return err.Error()
	}
	for i := range list.Items {
		if list.Items[i].DeletionTimestamp != nil {
			return fmt.Sprintf("pod %s is on its way out", list.Items[i].Name)
		}
	}
	return ""
}

// Rollout starts every pod of a Deployment of the installation anew and waits until that is done.
func (w *World) Rollout(tb testing.TB, deployment string) {
	tb.Helper()
	w.run(tb, "kubectl", "-n", System, "rollout", "restart", "deployment/"+deployment)
	w.Settled(tb)
}

// Scale sets how many pods a Deployment of the installation has and waits until they are ready.
func (w *World) Scale(tb testing.TB, deployment string, replicas int) {
	tb.Helper()
	w.run(tb, "kubectl", "-n", System, "scale", "deployment/"+deployment, fmt.Sprintf("--replicas=%d", replicas))
	w.Settled(tb)
}

// Settled waits until every Deployment of the installation has exactly the pods that it should have, all ready,
// and what they had before has ended.
func (w *World) Settled(tb testing.TB) {
	tb.Helper()
	env.Until(tb, Patience, func() string { return w.unready(tb, System) })
}

// Merge sets a key of a ConfigMap of the installation; nil removes it. Tests may call it while they clean up.
func (w *World) Merge(tb testing.TB, name, key string, value *string) {
	tb.Helper()
	patch, err := json.Marshal(map[string]any{"data": map[string]*string{key: value}})
	if err != nil {
		tb.Fatal(err)
	}
	_, err = w.Kube.CoreV1().ConfigMaps(System).
		Patch(context.WithoutCancel(tb.Context()), name, types.MergePatchType, patch, metav1.PatchOptions{})
	if err != nil {
		tb.Fatalf("change %s of ConfigMap %s: %v", key, name, err)
	}
}

// Cluster runs hack/cluster.sh, to stop and start programs of the cluster. It skips the test where that is not possible.
func (w *World) Cluster(tb testing.TB, arguments ...string) {
	tb.Helper()
	script := os.Getenv(variableScript)
	if script == "" {
		tb.Skip("programs of this cluster cannot be stopped: it is not one of hack/cluster.sh's")
	}
	w.run(tb, script, arguments...)
}

// run also runs while a test cleans up.
func (w *World) run(tb testing.TB, program string, arguments ...string) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, arguments...) //nolint:gosec // a program of the repository, or kubectl
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		tb.Fatalf("%s %s: %v\n%s", program, strings.Join(arguments, " "), err, out.String())
	}
}

// ImageSizes reports how many MiB each image of the release has on its way to a node, as the node says.
func (w *World) ImageSizes(tb testing.TB, report func(name string, mib float64)) {
	tb.Helper()
	nodes, err := w.Kube.CoreV1().Nodes().List(tb.Context(), metav1.ListOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	for _, image := range nodes.Items[0].Status.Images {
		name, _, _ := strings.Cut(image.Names[0], "@")
		if part := name[strings.LastIndex(name, "/")+1:]; strings.HasPrefix(part, "kafka-") {
			report(part, float64(image.SizeBytes)/(1<<20))
		}
	}
}
