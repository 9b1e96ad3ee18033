package apiserver

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/rollout"
	"knative.dev/eventing-kafka-go/data-plane/kafka/credentials"
	"knative.dev/eventing-kafka-go/data-plane/kafka/kafkatest"
	"knative.dev/eventing-kafka-go/test/apiserver/env"
	"knative.dev/eventing-kafka-go/test/apiserver/system"
)

// rotated: a Secret that changes reaches the pods, and how long that takes is said.
func rotated(t *testing.T, s *system.System) {
	const ns = "rotated"
	s.Namespace(t, ns)
	guarded := kafkatest.StartFor(t, []kgo.Opt{kgo.SASL(plain.Auth{User: "one", Pass: "1"}.AsMechanism())}, kfake.EnableSASL(),
		kfake.Superuser("PLAIN", "one", "1"), kfake.Superuser("PLAIN", "two", "2"))
	secret := func(user, password string) *env.Object {
		t.Helper()
		return s.Apply(t, fmt.Sprintf("{apiVersion: v1, kind: Secret, metadata: {name: kafka, namespace: %s}, stringData: "+
			"{protocol: SASL_PLAINTEXT, sasl.mechanism: PLAIN, user: %s, password: '%s'}}", ns, user, password))
	}
	secret("one", "1")
	o := s.Ready(t, fmt.Sprintf("{apiVersion: eventing.knative.dev/v1alpha1, kind: KafkaSink, metadata: {name: guarded, namespace: %s}, spec: "+
		"{topic: guarded, bootstrapServers: [%q], numPartitions: 1, replicationFactor: 1, auth: {secret: {ref: {name: kafka}}}}}", ns, guarded.Bootstrap()))
	s.Accepted(t, dataplane.Sink, o, system.Event{ID: "rotated-1", Type: "a"})

	poked := pokes(t, s, dataplane.Sink)
	began := time.Now()
	version := secret("two", "2").GetResourceVersion()
	env.Until(t, env.Patience, func() string { return lacksVersion(t, s, dataplane.Sink, ns, "kafka", version) })
	env.Until(t, env.Patience, func() string {
		hash, ok := s.Contract(t, dataplane.Sink).Route(string(o.GetUID()))
		if runs := runsRoute(t, s, dataplane.Sink, string(o.GetUID())); !ok || runs.Hash != hash || runs.Problem != "" {
			return fmt.Sprintf("the pod runs %v, the contract has %q", runs, hash)
		}
		return ""
	})
	acknowledged := time.Now()
	t.Logf("a Secret that was changed was acknowledged by the pod %v later, and %v after the pod was told",
		acknowledged.Sub(began).Round(time.Millisecond), acknowledged.Sub(poked()).Round(time.Millisecond))
	s.AwaitReady(t, o)
	s.Accepted(t, dataplane.Sink, o, system.Event{ID: "rotated-2", Type: "a"})
	s.Gone(t, o)
}

// pokes returns when the receiver of a kind was told last to look at what is mounted.
func pokes(t *testing.T, s *system.System, kindOf dataplane.Kind) func() time.Time {
	t.Helper()
	var mu sync.Mutex
	var last time.Time
	told := ""
	d := s.Planes[kindOf]
	s.Watch(t, kind("", "v1", "Pod"), d.Namespace, func(_ watch.EventType, o *env.Object) {
		mu.Lock()
		defer mu.Unlock()
		if generation := o.GetAnnotations()["volumeGeneration"]; o.GetLabels()["app"] == d.Receiver && generation != told {
			told, last = generation, time.Now()
		}
	})
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return last
	}
}

// lacksVersion says what the mounted credentials of a data plane have of a Secret, "" when it is this version.
func lacksVersion(t *testing.T, s *system.System, kindOf dataplane.Kind, namespace, name, version string) string {
	t.Helper()
	d := s.Planes[kindOf]
	mounted, err := s.Kube.CoreV1().Secrets(d.Namespace).Get(t.Context(), d.CredentialsName, metav1.GetOptions{})
	if err != nil {
		return err.Error()
	}
	bundle, err := credentials.Decode(mounted.Data[credentials.File])
	if err != nil {
		return err.Error()
	}
	for _, held := range bundle.Secrets {
		if held.Namespace == namespace && held.Name == name && held.Version == version {
			return ""
		}
	}
	return "the credentials of the data plane do not hold version " + version
}

// runsRoute asks the receiver of a kind about a route.
func runsRoute(t *testing.T, s *system.System, kindOf dataplane.Kind, uid string) rollout.Entry {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.Pod(s.Planes[kindOf].Receiver).Status+"/entries", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var report rollout.Report
	if err := json.NewDecoder(response.Body).Decode(&report); err != nil {
		t.Fatal(err)
	}
	return report.Routes[uid]
}
