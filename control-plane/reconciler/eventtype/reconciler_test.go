package eventtype

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	k8stesting "k8s.io/client-go/testing"
	eventingv1beta2 "knative.dev/eventing/pkg/apis/eventing/v1beta2"
	eventingfake "knative.dev/eventing/pkg/client/clientset/versioned/fake"
	eventinglisters "knative.dev/eventing/pkg/client/listers/eventing/v1beta2"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/reconciler"

	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	bench "knative.dev/eventing-kafka-go/control-plane/reconcilertest"
	"knative.dev/eventing-kafka-go/control-plane/rollout"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// scene is a Broker with a Trigger, and a pod of each role.
type scene struct {
	*bench.Bench
	*Reconciler
	client  *eventingfake.Clientset
	enabled bool
	mu      sync.Mutex
	seen    map[string]rollout.EventTypes // by pod
	asked   int
}

func reference(kind, name string) *contract.Reference {
	return &contract.Reference{Uuid: name + "-uid", Namespace: "ns", Name: name, Kind: kind, GroupVersion: "eventing.knative.dev/v1"}
}

func newScene(t *testing.T) *scene {
	s := &scene{Bench: bench.NewBench(t), client: eventingfake.NewSimpleClientset(), enabled: true, seen: map[string]rollout.EventTypes{}}
	s.WriteContract(dataplane.Broker, nil, &contract.Resource{
		Uid: "b-uid", Topics: []string{"t"}, BootstrapServers: "kafka:9092", Reference: reference("Broker", "b"),
		FeatureFlags: &contract.FeatureFlags{EnableEventTypeAutocreate: true}, Ingress: &contract.Ingress{Path: "/ns/b"},
		Egresses: []*contract.Egress{{Uid: "t-uid", ConsumerGroup: "g", Destination: "http://s", Reference: reference("Trigger", "t")}},
	}, &contract.Resource{
		Uid: "quiet-uid", Topics: []string{"t"}, BootstrapServers: "kafka:9092", Reference: reference("Broker", "quiet"),
		Ingress: &contract.Ingress{Path: "/ns/quiet"},
	})
	s.SetPods(bench.BenchPod{Name: "in", App: "kafka-broker-receiver"}, bench.BenchPod{Name: "out", App: "kafka-broker-dispatcher"})
	s.Reconciler = &Reconciler{
		enabled: func() bool { return s.enabled },
		plane: func(id types.NamespacedName) (dataplane.DataPlane, bool) {
			d := s.In.DataPlanes[dataplane.Broker]
			return d, d.Key() == id.String()
		},
		pods: s.In.Pods, contracts: s.In.Contracts, lister: eventinglisters.NewEventTypeLister(s.Cache("eventtypes")),
		client: s.client.EventingV1beta2(),
		ask: func(_ context.Context, pod *corev1.Pod) (rollout.EventTypes, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.asked++
			report, ok := s.seen[pod.Name]
			if !ok {
				return nil, errors.New("connection refused")
			}
			return report, nil
		},
	}
	if err := s.Promote(reconciler.UniversalBucket(), nil); err != nil {
		t.Fatal(err)
	}
	return s
}

// round reconciles, and brings the cache up to date.
func (s *scene) round(t *testing.T) error {
	t.Helper()
	err := s.Reconcile(s.Ctx, s.In.DataPlanes[dataplane.Broker].Key())
	list, listErr := s.client.EventingV1beta2().EventTypes("").List(s.Ctx, metav1.ListOptions{})
	if listErr != nil {
		t.Fatal(listErr)
	}
	for i := range list.Items {
		s.Add("eventtypes", &list.Items[i])
	}
	return err
}

// there are the EventTypes, each as one line.
func (s *scene) there() (lines []string) {
	for _, o := range s.Cache("eventtypes").List() {
		t := o.(*eventingv1beta2.EventType)
		owner := t.OwnerReferences[0]
		lines = append(lines, fmt.Sprintf("%s/%s %s from %s schema %s of %s %s (%s, owner %s %s %s)", t.Namespace, t.Name, t.Spec.Type, t.Spec.Source,
			t.Spec.Schema, t.Spec.Reference.Kind, t.Spec.Reference.Name, t.Spec.Description, owner.APIVersion, owner.Kind, owner.UID))
	}
	slices.Sort(lines)
	return lines
}

func TestAnEventTypeIsCreatedForEachTypeThatAPodHasSeen(t *testing.T) {
	s := newScene(t)
	s.seen["in"] = rollout.EventTypes{
		"b-uid":     {{Type: "order.Created", Source: "/shop"}, {Type: "no", Source: "://source"}},
		"quiet-uid": {{Type: "x", Source: "/y"}}, "unknown": {{Type: "x", Source: "/y"}},
	}
	s.seen["out"] = rollout.EventTypes{"t-uid": {{Type: "reply", Source: "/shop", Schema: "http://example.com/s"}}}
	if ok, after := controller.IsRequeueKey(s.round(t)); !ok || after != interval {
		t.Errorf("asked again: %v, after %v", ok, after)
	}
	want := []string{
		// md5 of "order.Created/shopnsb" and "reply/shopnst"
		"ns/et-b-1f70c10638393494d04eccda627460d6 order.Created from /shop schema  of Broker b (Event Type auto-created by controller, owner eventing.knative.dev/v1 Broker b-uid)",
		"ns/et-t-dd8c18c65f1d094dae8e25056e893a61 reply from /shop schema http://example.com/s of Trigger t (Event Type auto-created by controller, owner eventing.knative.dev/v1 Trigger t-uid)",
	}
	if got := s.there(); !slices.Equal(got, want) {
		t.Errorf("%s\nwant %s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	s.client.ClearActions()
	_ = s.round(t)
	for _, a := range s.client.Actions() {
		if a.GetVerb() == "create" {
			t.Errorf("created again: %v (IN-54)", a)
		}
	}
}

func TestASchemaThatOnePodKnowsIsKept(t *testing.T) {
	s := newScene(t)
	s.seen["in"] = rollout.EventTypes{"b-uid": {{Type: "a", Source: "/s"}, {Type: "a", Source: "/s", Schema: "http://example.com/s"}, {Type: "a", Source: "/s"}}}
	_ = s.round(t)
	if got := s.there(); len(got) != 1 || !strings.Contains(got[0], "schema http://example.com/s") {
		t.Errorf("%q", got)
	}
}

func TestWhatGoesWrongIsToleratedAndTriedAgain(t *testing.T) {
	s := newScene(t) // no pod answers
	if ok, _ := controller.IsRequeueKey(s.round(t)); !ok || len(s.there()) > 0 {
		t.Errorf("asked again: %v, %v", ok, s.there())
	}
	s.seen["in"] = rollout.EventTypes{"b-uid": {{Type: "a", Source: "/s"}, {Type: "b", Source: "/s"}}}
	refuse := true
	s.client.PrependReactor("create", "eventtypes", func(a k8stesting.Action) (bool, runtime.Object, error) {
		t := a.(k8stesting.CreateAction).GetObject().(*eventingv1beta2.EventType)
		return refuse && t.Spec.Type == "a", nil, errors.New("the webhook is away")
	})
	_ = s.round(t)
	if got := s.there(); len(got) != 1 || !strings.Contains(got[0], " b from") || len(s.told) != 1 {
		t.Errorf("%q, %v", got, s.told)
	}
	refuse = false
	_ = s.round(t)
	if got := s.there(); len(got) != 2 {
		t.Errorf("%q", got)
	}
}

func TestNobodyIsAskedWithoutTheFlagWithoutTheLeadAndForOtherContracts(t *testing.T) {
	s := newScene(t)
	s.enabled = false
	if err := s.round(t); err != nil || s.asked > 0 {
		t.Errorf("the flag is off: asked %d times, %v", s.asked, err)
	}
	s.enabled = true
	if err := s.Reconcile(s.Ctx, "ns/other"); err != nil || s.asked > 0 {
		t.Errorf("another ConfigMap: asked %d times, %v", s.asked, err)
	}
	s.Demote(reconciler.UniversalBucket())
	if err := s.round(t); !controller.IsSkipKey(err) || s.asked > 0 {
		t.Errorf("another leads: asked %d times, %v", s.asked, err)
	}
}

func TestNamesAreInLowerCaseAndBounded(t *testing.T) {
	if got := nameOf(&contract.Reference{Namespace: "NS", Name: "Upper." + strings.Repeat("x", 253)}, rollout.EventType{}); len(got) != 253 || !strings.HasPrefix(got, "et-upper.xxx") {
		t.Errorf("%d %s", len(got), got)
	}
}
