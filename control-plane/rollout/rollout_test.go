package rollout

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"knative.dev/eventing-kafka-go/control-plane/dataplane"
)

var broker = dataplane.DataPlane{Kind: dataplane.Broker, Namespace: "ns", ContractName: "c", Receiver: "in", Dispatcher: "out"}

func pod(name, app string, ready corev1.ConditionStatus) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "ns", Labels: map[string]string{"app": app}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Ports: []corev1.ContainerPort{{Name: "status", ContainerPort: 9999}}}}},
		Status: corev1.PodStatus{
			PodIP:      name, // reports are found by it
			Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: ready}},
		},
	}
}

// cluster is what a Tracker sees.
type cluster struct {
	mu      sync.Mutex
	pods    []*corev1.Pod
	reports map[string]Report // by pod
	fetches int
}

func (c *cluster) list(_, app string) ([]*corev1.Pod, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []*corev1.Pod
	for _, p := range c.pods {
		if p.Labels["app"] == app {
			out = append(out, p)
		}
	}
	return out, nil
}

func (c *cluster) fetch(_ context.Context, address string) (Report, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fetches++
	r, ok := c.reports[strings.TrimSuffix(address, ":9999")]
	if !ok {
		return r, errors.New("connection refused")
	}
	return r, nil
}

func (c *cluster) set(name string, r Report) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reports[name] = r
}

func (c *cluster) tracker(ctx context.Context) *Tracker {
	return New(ctx, Options{Pods: c.list, Fetch: c.fetch, Log: slog.New(slog.DiscardHandler)})
}

func route(hash, problem string) Report {
	return Report{Routes: map[string]Entry{"u": {Hash: hash, Problem: problem}}}
}

func member(hash, state, problem string) Report {
	return Report{Groups: map[string]Entry{"u": {Hash: hash, State: state, Problem: problem}}}
}

var who = Object{Kind: "Broker", NamespacedName: types.NamespacedName{Namespace: "ns", Name: "b"}}

func TestARouteIsServedWhenEveryReadyPodRunsIt(t *testing.T) {
	for _, tc := range []struct {
		name     string
		pods     []*corev1.Pod
		reports  map[string]Report
		done     bool
		rejected string
		message  string
	}{
		{"no pod", nil, nil, false, "", "no pod with label app=in is ready"},
		{"no ready pod", []*corev1.Pod{pod("a", "in", corev1.ConditionFalse)}, nil, false, "", "no pod with label app=in is ready"},
		{"one pod that runs it", []*corev1.Pod{pod("a", "in", corev1.ConditionTrue)}, map[string]Report{"a": route("h", "")}, true, "", ""},
		{"a pod that is not ready does not count", []*corev1.Pod{pod("a", "in", corev1.ConditionTrue), pod("b", "in", corev1.ConditionFalse)},
			map[string]Report{"a": route("h", "")}, true, "", ""},
		{"dispatchers do not count", []*corev1.Pod{pod("a", "in", corev1.ConditionTrue), pod("d", "out", corev1.ConditionTrue)},
			map[string]Report{"a": route("h", ""), "d": {}}, true, "", ""},
		{"one pod lags", []*corev1.Pod{pod("a", "in", corev1.ConditionTrue), pod("b", "in", corev1.ConditionTrue)},
			map[string]Report{"a": route("h", ""), "b": route("old", "")}, false, "", "waiting for 2 pods: pod b runs an older entry"},
		{"one pod has no entry, and says why its contract is old", []*corev1.Pod{pod("a", "in", corev1.ConditionTrue)},
			map[string]Report{"a": {Problem: "torn"}}, false, "", "pod a has no entry for it yet (its newest contract: torn)"},
		{"one pod rejects it", []*corev1.Pod{pod("a", "in", corev1.ConditionTrue), pod("b", "in", corev1.ConditionTrue)},
			map[string]Report{"a": route("h", ""), "b": route("h", "secret ns/s: key user: missing")}, false, "secret ns/s: key user: missing", "pod b: secret"},
		{"one pod does not answer", []*corev1.Pod{pod("a", "in", corev1.ConditionTrue)}, nil, false, "", "pod a does not answer: connection refused"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &cluster{pods: tc.pods, reports: tc.reports}
				ctx, cancel := context.WithCancel(t.Context())
				s := c.tracker(ctx).Route(broker, who, "u", "h")
				cancel()
				if s.Done != tc.done || s.Rejected != tc.rejected || !strings.Contains(s.Message, tc.message) || s.Done == (s.Message != "") {
					t.Errorf("%+v, want %+v", s, tc)
				}
			})
		})
	}
}

func TestAGroupIsServedWhenAllKnowItAndOneIsAMember(t *testing.T) {
	for _, tc := range []struct {
		name    string
		a, b    Report
		done    bool
		message string
	}{
		{"both are members", member("h", "running", ""), member("h", "running", ""), true, ""},
		{"one is a member, the other has no part in it", member("h", "running", ""), member("h", "elsewhere", ""), true, ""},
		{"nobody is a member", member("h", "elsewhere", ""), member("h", "elsewhere", ""), false, "none of 2 pods is a member of the consumer group yet"},
		{"one still joins", member("h", "joining", ""), member("h", "elsewhere", ""), false, "pod a the consumer group is joining"},
		{"both are at rest, as they should be", member("h", "paused", ""), member("h", "paused", ""), true, ""},
		{"one runs an older entry", member("h", "running", ""), member("old", "elsewhere", ""), false, "pod b runs an older entry"},
		{"one cannot run it", member("h", "running", ""), member("h", "failed", "bad filter"), false, "pod b: bad filter"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &cluster{
					pods:    []*corev1.Pod{pod("a", "out", corev1.ConditionTrue), pod("b", "out", corev1.ConditionTrue)},
					reports: map[string]Report{"a": tc.a, "b": tc.b},
				}
				ctx, cancel := context.WithCancel(t.Context())
				s := c.tracker(ctx).Group(broker, who, "u", "h")
				cancel()
				if s.Done != tc.done || !strings.Contains(s.Message, tc.message) {
					t.Errorf("%+v, want %+v", s, tc)
				}
			})
		})
	}
}

func TestWhoWaitsIsToldSoonAndWhoIsServedIsToldOfAFall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &cluster{pods: []*corev1.Pod{pod("a", "in", corev1.ConditionTrue)}, reports: map[string]Report{"a": route("old", "")}}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		tracker := c.tracker(ctx)
		told := make(chan time.Time, 10)
		tracker.Notify("Broker", func(n types.NamespacedName) {
			if n != who.NamespacedName {
				t.Errorf("%v was told", n)
			}
			told <- time.Now()
		})
		if s := tracker.Route(broker, who, "u", "h"); s.Done {
			t.Fatal("an older entry counts")
		}
		c.set("a", route("h", ""))
		start := time.Now()
		if waited := (<-told).Sub(start); waited > 500*time.Millisecond {
			t.Errorf("told after %v", waited)
		}
		if s := tracker.Route(broker, who, "u", "h"); !s.Done {
			t.Errorf("%+v", s)
		}

		c.set("a", route("h", "no credentials"))
		start = time.Now()
		if waited := (<-told).Sub(start); waited > 11*time.Second {
			t.Errorf("told of a fall after %v", waited)
		}
		if s := tracker.Route(broker, who, "u", "h"); s.Rejected == "" {
			t.Errorf("%+v", s)
		}

		tracker.Forget(who)
		c.set("a", route("h", ""))
		time.Sleep(time.Minute) // virtual
		select {
		case <-told:
			t.Error("told after it was forgotten")
		default:
		}
	})
}

func TestPodsAreAskedSeldomWhenNobodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &cluster{pods: []*corev1.Pod{pod("a", "in", corev1.ConditionTrue)}, reports: map[string]Report{"a": route("old", "")}}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		tracker := c.tracker(ctx)
		tracker.Route(broker, who, "u", "h") // waits for ever
		time.Sleep(4 * time.Minute)          // virtual
		c.mu.Lock()
		before := c.fetches
		c.mu.Unlock()
		time.Sleep(time.Minute)
		c.mu.Lock()
		defer c.mu.Unlock()
		if before < 500 || c.fetches-before > 7 {
			t.Errorf("asked %d times in four minutes, then %d in one", before, c.fetches-before)
		}
	})
}

func TestGoneWhenNoPodServesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &cluster{pods: []*corev1.Pod{pod("a", "in", corev1.ConditionTrue), pod("d", "out", corev1.ConditionTrue)},
			reports: map[string]Report{"a": {}, "d": member("h", "running", "")}}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		tracker := c.tracker(ctx)
		if s := tracker.Gone(broker, who, "u"); s.Done || !strings.Contains(s.Message, "pod d still serves it") {
			t.Errorf("%+v", s)
		}
		c.set("d", Report{})
		time.Sleep(time.Second)
		if s := tracker.Gone(broker, who, "u"); !s.Done {
			t.Errorf("%+v", s)
		}
	})
}

func TestWhoRunsTheSameEntryIsSteady(t *testing.T) {
	for _, tc := range []struct {
		name    string
		reports map[string]Report
		steady  bool
	}{
		{"all run it", map[string]Report{"a": route("h", ""), "b": route("h", "")}, true},
		{"one pod is new", map[string]Report{"a": route("h", ""), "b": {}}, true},
		{"one pod does not answer", map[string]Report{"a": route("h", "")}, true},
		{"one pod runs an older entry", map[string]Report{"a": route("h", ""), "b": route("old", "")}, false},
		{"one pod rejects it", map[string]Report{"a": route("h", ""), "b": route("h", "no")}, false},
		{"no pod runs it", map[string]Report{"a": {}, "b": {}}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &cluster{pods: []*corev1.Pod{pod("a", "in", corev1.ConditionTrue), pod("b", "in", corev1.ConditionTrue)}, reports: tc.reports}
				ctx, cancel := context.WithCancel(t.Context())
				s := c.tracker(ctx).Route(broker, who, "u", "h")
				cancel()
				if s.Steady != tc.steady {
					t.Errorf("%+v, want steady %v", s, tc.steady)
				}
			})
		})
	}
}

func TestADataPlaneThatIsGoneIsNotFollowedForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		c := &cluster{pods: []*corev1.Pod{pod("r1", "in", corev1.ConditionTrue)}, reports: map[string]Report{"r1": route("h", "")}}
		tracker := c.tracker(ctx)
		who := Object{"Broker", types.NamespacedName{Namespace: "ns", Name: "b"}}
		followed := func() int {
			tracker.mu.Lock()
			defer tracker.mu.Unlock()
			return len(tracker.planes)
		}
		if s := tracker.Route(broker, who, "u", "h"); !s.Done {
			t.Errorf("%+v", s)
		}
		c.mu.Lock()
		c.pods = nil
		c.mu.Unlock()
		time.Sleep(time.Minute)
		if followed() != 1 {
			t.Error("given up though somebody asked about it")
		}
		tracker.Forget(who)
		time.Sleep(time.Minute)
		if followed() != 0 {
			t.Error("still followed")
		}
		c.mu.Lock()
		c.pods = []*corev1.Pod{pod("r1", "in", corev1.ConditionTrue)}
		c.mu.Unlock()
		if s := tracker.Route(broker, who, "u", "h"); !s.Done || followed() != 1 {
			t.Errorf("when it is back: %+v", s)
		}
	})
}
