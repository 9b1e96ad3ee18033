package system

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"knative.dev/eventing-kafka-go/control-plane/contractmap"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/test/apiserver/env"
)

// Ready applies manifests and waits until the last of them is Ready as it is now.
func (s *System) Ready(tb testing.TB, manifests string) *env.Object {
	tb.Helper()
	return s.AwaitReady(tb, s.Apply(tb, manifests))
}

// AwaitReady waits until an object is Ready as it is now.
func (s *System) AwaitReady(tb testing.TB, o *env.Object) *env.Object {
	tb.Helper()
	env.Until(tb, env.Patience, func() string {
		o = s.Get(tb, o.GroupVersionKind(), o.GetNamespace(), o.GetName())
		return Lacks(o)
	})
	return o
}

// Lacks says in a few words why an object is not Ready as it is now, "" when it is.
func Lacks(o *env.Object) string { return LacksCondition(o, "Ready") }

// LacksCondition says in a few words why a condition of an object is not True for what it is now, "" when it is.
func LacksCondition(o *env.Object, condition string) string {
	name := o.GetKind() + " " + o.GetName()
	if seen, _, _ := unstructured.NestedInt64(o.Object, "status", "observedGeneration"); seen != o.GetGeneration() {
		return fmt.Sprintf("%s was seen in generation %d, not %d", name, seen, o.GetGeneration())
	}
	all, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, c := range all {
		if c, ok := c.(map[string]any); ok && c["type"] == condition {
			if c["status"] == "True" {
				return ""
			}
			return fmt.Sprintf("%s is not %s: %v, %v", name, condition, c["reason"], c["message"])
		}
	}
	return name + " says nothing about " + condition
}

// Gone deletes an object and waits until the API has it no more: until its last finalizer was removed.
func (s *System) Gone(tb testing.TB, o *env.Object) {
	tb.Helper()
	s.Delete(tb, o)
	s.AwaitGone(tb, o)
}

// AwaitGone waits until the API has an object no more.
func (s *System) AwaitGone(tb testing.TB, o *env.Object) {
	tb.Helper()
	env.Until(tb, env.Patience, func() string {
		left, err := s.Of(o.GroupVersionKind(), o.GetNamespace()).Get(tb.Context(), o.GetName(), metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			return ""
		case err != nil:
			return err.Error()
		}
		return fmt.Sprintf("%s %s is still there, with finalizers %v: %v", o.GetKind(), o.GetName(), left.GetFinalizers(), left.Object["status"])
	})
}

// Contract returns what the ConfigMap of a data plane holds.
func (s *System) Contract(tb testing.TB, kind dataplane.Kind) *contractmap.Snapshot {
	tb.Helper()
	d := s.Planes[kind]
	cm, err := s.Kube.CoreV1().ConfigMaps(d.Namespace).Get(tb.Context(), d.ContractName, metav1.GetOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	snapshot, err := contractmap.Parse(cm)
	if err != nil {
		tb.Fatal(err)
	}
	return snapshot
}

// Event is what is sent: the rest of a CloudEvent is always the same.
type Event struct {
	ID, Type string
	// Token is what its sender shows, "" for nothing.
	Token string
}

// Send posts an event to the address in an object's status, at the pod that its host would lead to, and returns the
// answer's code and text.
func (s *System) Send(tb testing.TB, kind dataplane.Kind, o *env.Object, e Event) (code int, text string) {
	tb.Helper()
	return s.SendTo(tb, s.pods[s.Planes[kind].Receiver], o, e)
}

// SendTo is Send to a pod of the test's choice.
func (s *System) SendTo(tb testing.TB, pod Pod, o *env.Object, e Event) (code int, text string) {
	tb.Helper()
	address, _, _ := unstructured.NestedString(o.Object, "status", "address", "url")
	u, err := url.Parse(address)
	if err != nil || address == "" {
		tb.Fatalf("%s %s has the address %q: %v", o.GetKind(), o.GetName(), address, err)
	}
	host := u.Host
	u.Host = pod.Events
	request, err := http.NewRequestWithContext(tb.Context(), http.MethodPost, u.String(), strings.NewReader(`{"a":1}`))
	if err != nil {
		tb.Fatal(err)
	}
	request.Host = host
	for name, value := range map[string]string{
		"Content-Type": "application/json", "ce-specversion": "1.0", "ce-source": "/test", "ce-id": e.ID, "ce-type": e.Type,
	} {
		request.Header.Set(name, value)
	}
	if e.Token != "" {
		request.Header.Set("Authorization", "Bearer "+e.Token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		tb.Fatalf("send to %s: %v", u, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		tb.Fatalf("send to %s: %v", u, err)
	}
	return response.StatusCode, strings.TrimSpace(string(body))
}

// Accepted sends an event that must be taken.
func (s *System) Accepted(tb testing.TB, kind dataplane.Kind, o *env.Object, e Event) {
	tb.Helper()
	if code, text := s.Send(tb, kind, o, e); code != http.StatusAccepted {
		tb.Fatalf("event %s was answered %d %s", e.ID, code, text)
	}
}

// AwaitDelivery waits until an event has arrived at a path of the subscriber.
func (s *System) AwaitDelivery(tb testing.TB, path, id string) {
	tb.Helper()
	env.Until(tb, env.Patience, func() string {
		if s.Subscriber.Deliveries(path, id) == 0 {
			return "event " + id + " did not arrive at " + path
		}
		return ""
	})
}

// AwaitFinished waits until a group has finished every record of its topic: what has not arrived by then never will.
func (s *System) AwaitFinished(tb testing.TB, group, topic string) {
	tb.Helper()
	env.Until(tb, env.Patience, func() string {
		if n := s.Kafka.Unfinished(tb, group, topic); n != 0 {
			return fmt.Sprintf("%d records of %s are not finished", n, topic)
		}
		return ""
	})
}
