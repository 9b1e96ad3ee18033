package contract

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/eventing/pkg/apis/feature"

	"knative.dev/eventing-kafka-go/control-plane/contractmap"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
)

func TestPodsAreToldAndToldAgainUntilTheyRunIt(t *testing.T) { // CT-11
	w := newWorld(t, nil)
	d := w.plane(dataplane.Broker)
	w.pod(system, "in", d.Receiver, true)
	w.pod(system, "out", d.Dispatcher, false)
	w.pod(system, "other", "kafka-sink-receiver", true)
	writes, again, err := w.try(d)
	if err != nil || strings.Join(writes, ", ") != created+", patch pods, patch pods" || again != pokeAgain {
		t.Errorf("%v, again after %v, %v", writes, again, err)
	}
	if w.annotations("in")[generationAnnotation] != "1" || w.annotations("out")[generationAnnotation] != "1" || len(w.annotations("other")) != 0 {
		t.Errorf("in %v, out %v, other %v", w.annotations("in"), w.annotations("out"), w.annotations("other"))
	}
	w.loads["in"] = 1
	w.now = w.now.Add(time.Second)
	if writes, again, err = w.try(d); err != nil || len(writes) != 0 || again != pokeAgain-time.Second {
		t.Errorf("too soon: %v, again after %v, %v", writes, again, err)
	}
	for _, wait := range []time.Duration{10 * time.Second, 20 * time.Second, 40 * time.Second, pokeSeldom, pokeSeldom} {
		w.now = w.now.Add(again)
		if writes, again, err = w.try(d); err != nil || strings.Join(writes, ", ") != "patch pods" || again != wait {
			t.Errorf("%v, again after %v, not %v, %v", writes, again, wait, err)
		}
	}
	if w.annotations("out")[pokedAnnotation] == "" || w.annotations("in")[pokedAnnotation] != "" {
		t.Error("not the one that lags was told again")
	}
	w.put("broker", aBroker("ns", "b1"))
	if writes, again, err = w.try(d); err != nil || strings.Join(writes, ", ") != "update configmaps, patch pods, patch pods" || again != pokeAgain {
		t.Errorf("something new: %v, again after %v, %v", writes, again, err)
	}
	w.loads["in"], w.loads["out"] = 2, 2
	if writes, again, err = w.try(d); err != nil || len(writes) != 0 || again != 0 {
		t.Errorf("all run it: %v, again after %v, %v", writes, again, err)
	}
}

func TestAPodThatIsOverIsNotTold(t *testing.T) {
	w := newWorld(t, nil)
	d := w.plane(dataplane.Broker)
	w.pod(system, "evicted", d.Dispatcher, false)
	pod, err := w.api.CoreV1().Pods(system).Get(t.Context(), "evicted", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pod.Status.Phase = corev1.PodFailed
	if _, err := w.api.CoreV1().Pods(system).Update(t.Context(), pod, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	if writes, again, err := w.try(d); err != nil || strings.Join(writes, ", ") != created || again != 0 {
		t.Errorf("%v, again after %v, %v", writes, again, err)
	}
}

func TestReceiversAreToldOfACertificateThatChanges(t *testing.T) {
	w := newWorld(t, nil)
	d := w.plane(dataplane.Broker)
	w.pod(system, "in", d.Receiver, true)
	w.pod(system, "out", d.Dispatcher, true)
	w.loads["in"], w.loads["out"] = 1, 1
	w.reconcile(d)
	for _, version := range []string{"1", "2", ""} {
		w.certificates[d.TLSSecretName] = version
		if got := w.reconcile(d); got != "patch pods" {
			t.Errorf("version %q: %q", version, got)
		}
		if in, out := w.annotations("in")[certificateAnnotation], w.annotations("out")[certificateAnnotation]; in != version || out != "" {
			t.Errorf("the receiver was told of %q, not %q, and the dispatcher of %q", in, version, out)
		}
		if got := w.reconcile(d); got != "" {
			t.Errorf("then %q", got)
		}
	}
}

func TestReceiversAreToldOfFeaturesThatChange(t *testing.T) { // CT-12
	w := newWorld(t, nil)
	d := w.plane(dataplane.Broker)
	w.pod(system, "in", d.Receiver, true)
	w.pod(system, "out", d.Dispatcher, true)
	w.loads["in"], w.loads["out"] = 1, 1
	changed := w.coreChanged()
	changed("config-features", feature.Flags{"a": feature.Enabled})
	changed("config-features", feature.Flags{"a": feature.Enabled})
	w.reconcile(d)
	if got := w.annotations("in")[featuresAnnotation]; got != "" {
		t.Errorf("nothing has changed, and a pod was told of %s", got)
	}
	changed("config-features", feature.Flags{"a": feature.Disabled})
	if got := w.reconcile(d); got != "patch pods" {
		t.Errorf("%q", got)
	}
	told, err := time.Parse(time.RFC3339, w.annotations("in")[featuresAnnotation])
	if err != nil || !told.Equal(w.now) || w.annotations("out")[featuresAnnotation] != "" {
		t.Errorf("in %v, out %v: %v", w.annotations("in"), w.annotations("out"), err)
	}
	if got := w.reconcile(d); got != "" {
		t.Errorf("then %q", got)
	}
}

func TestDispatchersAreThosePodsThatAreReadyOrWereAMomentAgo(t *testing.T) {
	w := newWorld(t, nil)
	d := w.plane(dataplane.Broker)
	w.loads["p1"], w.loads["p2"] = 0, 0
	listed := func(want string, again time.Duration) {
		t.Helper()
		_, err := w.podsOf(system, d.Dispatcher)
		if err != nil {
			t.Fatal(err)
		}
		m, err := w.dispatchers(d, w.known(d))
		if err != nil || strings.Join(m.names, " ") != want || m.until != again {
			t.Errorf("dispatchers %v until %v, %v; not %q until %v", m.names, m.until, err, want, again)
		}
		w.reconcile(d)
		if got := strings.Join(w.contract(d).Contract.GetDispatchers(), " "); got != want {
			t.Errorf("the contract lists %q, not %q", got, want)
		}
	}
	listed("", 0)
	w.pod(system, "p1", d.Dispatcher, true)
	w.pod(system, "p2", d.Dispatcher, false) // was never ready
	listed("p1", 0)
	w.pod(system, "p2", d.Dispatcher, true)
	listed("p1 p2", 0)
	w.pod(system, "p1", d.Dispatcher, false)
	listed("p1 p2", outOfList)
	w.now = w.now.Add(outOfList / 2)
	listed("p1 p2", outOfList/2)
	w.now = w.now.Add(outOfList / 2)
	listed("p2", 0)
	pod, err := w.api.CoreV1().Pods(system).Get(t.Context(), "p2", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pod.Annotations[unschedulableAnnotation] = "true"
	if _, err := w.api.CoreV1().Pods(system).Update(t.Context(), pod, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	listed("", 0)
}

func (w *world) known(d dataplane.DataPlane) []string {
	cm, err := w.api.CoreV1().ConfigMaps(d.Namespace).Get(w.Context(), d.ContractName, metav1.GetOptions{})
	if notFound(err) {
		return nil
	}
	s, err := contractmap.Parse(cm)
	if err != nil {
		w.Fatal(err)
	}
	return s.Contract.GetDispatchers()
}
