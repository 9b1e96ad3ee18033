package world

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"knative.dev/eventing-kafka-go/test/apiserver/env"
	"knative.dev/eventing-kafka-go/test/e2e/witness"
)

// Space is a namespace of one test.
type Space struct {
	*World
	Name string
}

// Space makes a namespace with a witness in it. It is deleted after the test; what it held is printed when that failed.
func (w *World) Space(tb testing.TB, name string) *Space {
	tb.Helper()
	s := &Space{World: w, Name: fmt.Sprintf("e2e-%s-%04x", name, rand.Uint32N(1<<16))}
	s.Apply(tb, "{apiVersion: v1, kind: Namespace, metadata: {name: "+s.Name+"}}")
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), Patience)
		defer cancel()
		if tb.Failed() {
			s.dump(ctx, tb)
		}
		if err := w.Kube.CoreV1().Namespaces().Delete(ctx, s.Name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
			tb.Errorf("delete namespace %s: %v", s.Name, err)
		}
	})
	s.Make(tb, `
apiVersion: v1
kind: Pod
metadata: {name: witness, labels: {app: witness}}
spec:
  terminationGracePeriodSeconds: 1
  automountServiceAccountToken: false
  containers:
  - name: witness
    image: `+os.Getenv(variableWitness)+`
    ports: [{containerPort: 8080}, {containerPort: 8443}]
    readinessProbe: {httpGet: {path: /ready, port: 8080}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: witness}
spec:
  selector: {app: witness}
  ports: [{name: http, port: 80, targetPort: 8080}, {name: https, port: 443, targetPort: 8443}]`)
	s.AwaitPod(tb, "witness")
	return s
}

// Make applies manifests in the namespace of the space, unless they name another one.
func (s *Space) Make(tb testing.TB, manifests string) {
	tb.Helper()
	for _, o := range env.Parse(tb, manifests) {
		if o.GetNamespace() == "" {
			o.SetNamespace(s.Name)
		}
		if _, err := s.TryApply(tb, o); err != nil {
			tb.Fatalf("apply %s %s: %v", o.GetKind(), o.GetName(), err)
		}
	}
}

// AwaitPod waits until a pod is ready.
func (s *Space) AwaitPod(tb testing.TB, name string) {
	tb.Helper()
	env.Until(tb, Patience, func() string {
		pod, err := s.Kube.CoreV1().Pods(s.Name).Get(tb.Context(), name, metav1.GetOptions{})
		if err != nil {
			return err.Error()
		}
		for _, c := range pod.Status.Conditions {
			if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
				return ""
			}
		}
		return fmt.Sprintf("pod %s is %s", name, pod.Status.Phase)
	})
}

// Kind is the kind of an object by its name, such as "messaging.knative.dev/v1beta1 KafkaChannel".
func Kind(kind string) schema.GroupVersionKind {
	version, name, _ := strings.Cut(kind, " ")
	gv, err := schema.ParseGroupVersion(version)
	if err != nil {
		panic(err) // a mistake of the test's author
	}
	return gv.WithKind(name)
}

// Condition returns the status of a condition of an object with its reason and message, "" if it has none.
func Condition(o *env.Object, name string) (status, why string) {
	conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, c := range conditions {
		if c, ok := c.(map[string]any); ok && c["type"] == name {
			return fmt.Sprint(c["status"]), fmt.Sprintf("%v: %v", c["reason"], c["message"])
		}
	}
	return "", "no condition " + name
}

// Ready waits until an object is Ready in the generation that it has, and returns it.
func (s *Space) Ready(tb testing.TB, kind, name string) *env.Object {
	tb.Helper()
	return s.With(tb, kind, name, "Ready")
}

// With waits until a condition of an object is True in the generation that it has, and returns it.
func (s *Space) With(tb testing.TB, kind, name, condition string) *env.Object {
	tb.Helper()
	var o *env.Object
	env.Until(tb, Patience, func() string {
		var err error
		if o, err = s.Of(Kind(kind), s.Name).Get(tb.Context(), name, metav1.GetOptions{}); err != nil {
			return err.Error()
		}
		observed, _, _ := unstructured.NestedInt64(o.Object, "status", "observedGeneration")
		if status, why := Condition(o, condition); status != "True" || observed != o.GetGeneration() {
			return fmt.Sprintf("%s %s: %s is %q (%s) in generation %d of %d", kind, name, condition, status, why, observed, o.GetGeneration())
		}
		return ""
	})
	return o
}

// Address is where an object takes events.
func Address(tb testing.TB, o *env.Object) string {
	tb.Helper()
	url, _, err := unstructured.NestedString(o.Object, "status", "address", "url")
	if err != nil || url == "" {
		tb.Fatalf("%s %s has no address: %v", o.GetKind(), o.GetName(), o.Object["status"])
	}
	return url
}

// Gone waits until an object is not there any more.
func (s *Space) Gone(tb testing.TB, kind, name string) {
	tb.Helper()
	env.Until(tb, Patience, func() string {
		o, err := s.Of(Kind(kind), s.Name).Get(tb.Context(), name, metav1.GetOptions{})
		if err == nil {
			return fmt.Sprintf("%s %s is there, finalizers %v", kind, name, o.GetFinalizers())
		}
		return ""
	})
}

// Remove deletes an object and waits until it is gone.
func (s *Space) Remove(tb testing.TB, kind, name string) {
	tb.Helper()
	o := &env.Object{}
	o.SetGroupVersionKind(Kind(kind))
	o.SetNamespace(s.Name)
	o.SetName(name)
	s.Delete(tb, o)
	s.Gone(tb, kind, name)
}

// To is the address of a name at the witness.
func (s *Space) To(name string) string {
	return "http://" + s.host() + "/to/" + name
}

// host is the name of the witness.
func (s *Space) host() string { return "witness." + s.Name + ".svc.cluster.local" }

// ask speaks with the witness, through the API server, so that it works from outside of any cluster.
func (s *Space) ask(tb testing.TB, method, path string, body, into any) error {
	tb.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		tb.Fatal(err)
	}
	answer, err := s.Kube.CoreV1().RESTClient().Verb(method).Namespace(s.Name).Resource("pods").Name("witness:8080").
		SubResource("proxy").Suffix(path).Body(text).Do(tb.Context()).Raw()
	if err != nil || into == nil {
		return err
	}
	return json.Unmarshal(answer, into)
}

func (s *Space) must(tb testing.TB, method, path string, body, into any) {
	tb.Helper()
	if err := s.ask(tb, method, path, body, into); err != nil {
		tb.Fatalf("witness: %s %s: %v", method, path, err)
	}
}

// Plan says how a name at the witness answers.
func (s *Space) Plan(tb testing.TB, name string, plan witness.Plan) {
	tb.Helper()
	s.must(tb, http.MethodPut, "plan/"+name, plan, nil)
}

// Send sends events, each of which must be accepted at once: what is Ready takes events.
func (s *Space) Send(tb testing.TB, url string, events ...witness.Event) {
	tb.Helper()
	s.SendWith(tb, url, witness.Credentials{}, events...)
}

// SendWith is Send by a sender who trusts and shows something.
func (s *Space) SendWith(tb testing.TB, url string, with witness.Credentials, events ...witness.Event) {
	tb.Helper()
	for _, a := range s.Try(tb, witness.Order{URL: url, Events: events, Credentials: with}) {
		if a.Code != http.StatusAccepted {
			tb.Fatalf("event %s to %s: %d %s", a.ID, url, a.Code, a.Reason)
		}
	}
}

// Try sends events and returns the answers.
func (s *Space) Try(tb testing.TB, order witness.Order) []witness.Answer {
	tb.Helper()
	var answers []witness.Answer
	s.must(tb, http.MethodPost, "send", order, &answers)
	if len(answers) != len(order.Events) {
		tb.Fatalf("%d answers to %d events", len(answers), len(order.Events))
	}
	return answers
}

// Begin starts a load, which End ends.
func (s *Space) Begin(tb testing.TB, name string, load witness.Load) {
	tb.Helper()
	s.must(tb, http.MethodPut, "load/"+name, load, nil)
}

// Sent is how many events of a load were accepted so far.
func (s *Space) Sent(tb testing.TB, name string) int {
	tb.Helper()
	var ledger witness.Ledger
	s.must(tb, http.MethodGet, "load/"+name, nil, &ledger)
	return total(ledger)
}

// End ends a load and returns what became of it.
func (s *Space) End(tb testing.TB, name string) witness.Ledger {
	tb.Helper()
	var ledger witness.Ledger
	s.must(tb, http.MethodDelete, "load/"+name, nil, &ledger)
	return ledger
}

func total(ledger witness.Ledger) int {
	n := 0
	for _, accepted := range ledger.Accepted {
		n += accepted
	}
	return n
}

// Seen returns what a name at the witness received.
func (s *Space) Seen(tb testing.TB, name string) []witness.Delivery {
	tb.Helper()
	var deliveries []witness.Delivery
	s.must(tb, http.MethodGet, "seen/"+name, nil, &deliveries)
	return deliveries
}

// Count returns how often a name at the witness took each event, by its id.
func (s *Space) Count(tb testing.TB, name string) map[string]int {
	tb.Helper()
	counts := map[string]int{}
	s.must(tb, http.MethodGet, "count/"+name, nil, &counts)
	return counts
}

// Await waits until a name at the witness has received this many events, and returns them.
func (s *Space) Await(tb testing.TB, name string, n int) []witness.Delivery {
	tb.Helper()
	var seen []witness.Delivery
	env.Until(tb, Patience, func() string {
		if seen = s.Seen(tb, name); len(seen) < n {
			return fmt.Sprintf("%s received %d of %d events", name, len(seen), n)
		}
		return ""
	})
	return seen
}

// Since prints how long something took, for the record.
func Since(tb testing.TB, what string, began time.Time) {
	tb.Helper()
	tb.Logf("FIGURE %s: %.2f s", what, time.Since(began).Seconds())
}
