package apiserver

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"knative.dev/eventing-kafka-go/control-plane/contractmap"
	"knative.dev/eventing-kafka-go/test/apiserver/env"
	"knative.dev/eventing-kafka-go/test/apiserver/program"
)

var contracts = []string{"kafka-broker-brokers-triggers", "kafka-channel-channels-subscriptions", "kafka-sink-sinks", "kafka-source-sources"}

// replica starts a replica of the controller with the rights that it has in a cluster, and returns where it answers.
func replica(t *testing.T, e *env.Env, file, pod string) (*program.Process, string) {
	t.Helper()
	port := program.FreePorts(t, 1)[0]
	p := e.Run(t, file, "kafka-controller", pod, fmt.Sprintf("PROBE_PORT=%d", port),
		"CONFIG_LEADERELECTION_NAME=config-kafka-leader-election", "POD_CAPACITY=20")
	return p, fmt.Sprintf("http://127.0.0.1:%d", port)
}

// keeps: contracts are written, restored, and gone on with by another replica.
func keeps(t *testing.T, e *env.Env) {
	file := e.Build(t, "control-plane/cmd/controller")
	began := time.Now()
	first, probes := replica(t, e, file, "kafka-controller-1")
	for _, name := range contracts { // CT-04
		holdsContract(t, e, first, name)
	}
	t.Logf("empty contracts were written after %v", time.Since(began).Round(time.Millisecond))
	for _, path := range []string{"/health", "/readiness"} {
		answers(t, probes+path)
	}
	if said := first.Output(); !strings.Contains(said, "POD_CAPACITY") {
		t.Error("nothing was said about a variable without meaning (CFG-60)")
	}
	leases(t, e)

	second, otherProbes := replica(t, e, file, "kafka-controller-2")
	answers(t, otherProbes+"/health")
	client := e.Kube.CoreV1().ConfigMaps(env.SystemNamespace)
	began = time.Now()
	if err := client.Delete(t.Context(), contracts[0], metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	holdsContract(t, e, first, contracts[0])
	t.Logf("a contract that was deleted was there again after %v", time.Since(began).Round(time.Millisecond))

	e.Apply(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: "+contracts[1]+", namespace: knative-eventing}, binaryData: {data: dG9ybg==}}")
	holdsContract(t, e, first, contracts[1])

	if err := e.Kube.CoreV1().Secrets(env.SystemNamespace).Delete(t.Context(), "kafka-broker-credentials", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	env.Until(t, env.Patience, func() string {
		if _, err := e.Kube.CoreV1().Secrets(env.SystemNamespace).Get(t.Context(), "kafka-broker-credentials", metav1.GetOptions{}); err != nil {
			return err.Error()
		}
		return ""
	})

	t.Logf("memory of the controller: %d MiB", residentMiB(t, first))
	first.Kill(t)
	began = time.Now()
	if err := client.Delete(t.Context(), contracts[2], metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	holdsContract(t, e, second, contracts[2])
	t.Logf("the other replica went on %v after the first was killed", time.Since(began).Round(time.Millisecond))
	controllerRights(t, e)
}

// holdsContract waits until a ConfigMap holds a contract that can be read, and that is empty.
func holdsContract(t *testing.T, e *env.Env, p *program.Process, name string) {
	t.Helper()
	env.Until(t, env.Patience, func() string {
		if p.Ended() {
			t.Fatalf("the controller ended: %s", p.Output())
		}
		cm, err := e.Kube.CoreV1().ConfigMaps(env.SystemNamespace).Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			return err.Error()
		}
		s, err := contractmap.Parse(cm)
		if err != nil {
			return err.Error()
		}
		if s.Size == 0 || s.Contract.GetGeneration() == 0 || len(s.Contract.GetResources()) > 0 {
			return fmt.Sprintf("%s holds %v", name, s.Contract)
		}
		return ""
	})
}

func answers(t *testing.T, url string) {
	t.Helper()
	env.Until(t, env.Patience, func() string {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return err.Error()
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return url + ": " + response.Status
		}
		return ""
	})
}

// leases: the one of contracts has a name of its own, those of kinds have those of earlier controllers.
func leases(t *testing.T, e *env.Env) {
	t.Helper()
	list, err := e.Kube.CoordinationV1().Leases(env.SystemNamespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, l := range list.Items {
		found = found || l.Name == "kafka-broker-controller.contracts.00-of-01"
		// Earlier controllers have no lease for what only we reconcile.
		own := strings.Contains(l.Name, ".reconciler.resetoffset.") || strings.Contains(l.Name, ".reconciler.eventtype.")
		if strings.Contains(l.Name, "eventing-kafka-go") && !own {
			t.Errorf("lease %s is none that earlier controllers take (CFG-40)", l.Name)
		}
	}
	if !found {
		t.Errorf("no lease of contracts among %d", len(list.Items))
	}
}

// controllerRights: what the controller has no need of it may not do. StatefulSets it makes for Brokers of class
// KafkaNamespaced.
func controllerRights(t *testing.T, e *env.Env) {
	t.Helper()
	controller := e.Acting(t, "system:serviceaccount:knative-eventing:kafka-controller")
	for _, o := range env.Parse(t, "{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: default}, spec: {containers: [{name: c, image: i}]}}\n---\n"+
		"{apiVersion: v1, kind: Node, metadata: {name: n}}") {
		_, err := controller.Of(o.GroupVersionKind(), o.GetNamespace()).Create(t.Context(), o, metav1.CreateOptions{})
		if err == nil || !strings.Contains(err.Error(), "forbidden") {
			t.Errorf("the controller may create a %s: %v (SEC-44)", o.GetKind(), err)
		}
	}
	secrets := schema.GroupVersionKind{Version: "v1", Kind: "Secret"}
	if err := controller.Of(secrets, "default").Delete(t.Context(), "any", metav1.DeleteOptions{}); err == nil || !strings.Contains(err.Error(), "forbidden") {
		t.Errorf("the controller may delete Secrets: %v (SEC-44)", err)
	}
}

// residentMiB is how much memory a process takes up.
func residentMiB(t *testing.T, p *program.Process) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Pid()))
	if err != nil {
		t.Logf("memory is not known here: %v", err)
		return 0
	}
	kib := 0
	for line := range strings.Lines(string(text)) {
		if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &kib); err == nil {
			break
		}
	}
	return kib >> 10
}
