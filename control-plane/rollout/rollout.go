// Package rollout knows which entries of the contract the pods of a data plane run, so that an object is Ready when it is
// served and not when it was written down.
//
// It asks pods at their status address: often while somebody waits for a change, seldom otherwise. It decides nothing
// about objects; it must not write anything. Its state is what pods have said last and what was asked, guarded by one
// mutex; one goroutine per data plane that somebody has asked about asks the pods.
package rollout

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"knative.dev/eventing-kafka-go/control-plane/dataplane"
)

// Object is who waits: it is told when an answer may have changed.
type Object struct {
	// Kind that Notify was called for.
	Kind string
	types.NamespacedName
}

// State is what the pods of a data plane make of an entry.
type State struct {
	// Done: every ready pod that has a part in the entry runs it as it should be.
	Done bool
	// Rejected is why a pod cannot run it; "" if none says so.
	Rejected string
	// Message says what is missing, for people. "" when Done.
	Message string
	// Steady: a pod runs this very entry, and none is known to run another one. What is missing are pods that are new or
	// do not answer, or groups between two assignments: an object that was served before still is.
	Steady bool
	// Probe is what came of asking where it is not Done; "" is [NotReady].
	Probe Probe
}

// Probe is what came of asking the pods, in the words that users know (ST-01, ST-21).
type Probe string

const (
	// NotReady: a pod says so.
	NotReady Probe = "NotReady"
	// Unknown: a pod was not asked yet.
	Unknown Probe = "Unknown"
	// UnknownError: a pod does not answer.
	UnknownError Probe = "UnknownError"
)

// Options of a Tracker.
type Options struct {
	// Pods returns the pods of a data plane, by namespace and value of the label app.
	Pods func(namespace, app string) ([]*corev1.Pod, error)
	// Fetch asks a pod at the address of its status page. Default: over HTTP.
	Fetch func(ctx context.Context, address string) (Report, error)
	// Interval between two rounds while somebody waits; default 200 ms. Idle is the interval otherwise; default 10 s.
	Interval, Idle time.Duration
	// Patience is how long somebody who got no better answer keeps the rounds at the short interval. Default 2 min.
	Patience time.Duration
	Log      *slog.Logger
}

// Report is what a pod runs.
type Report struct {
	Generation uint64           `json:"generation"`
	Problem    string           `json:"problem"`
	Routes     map[string]Entry `json:"routes"`
	Groups     map[string]Entry `json:"groups"`
}

// Entry is one route or group of a pod.
type Entry struct {
	Hash    string `json:"hash"`
	State   string `json:"state"`
	Problem string `json:"problem"`
}

// States of a group that a pod reports.
const (
	running   = "running"
	paused    = "paused"
	elsewhere = "elsewhere"
)

// Tracker follows the pods of all data planes.
type Tracker struct {
	options Options
	ctx     context.Context //nolint:containedctx // the life of the process, which the goroutines that ask end with

	mu     sync.Mutex
	notify map[string]func(types.NamespacedName)
	planes map[string]*plane
}

// plane is what is known of one data plane.
type plane struct {
	of        dataplane.DataPlane
	pods      map[string]podReport // by pod name
	questions map[asker]*question
	wake      chan struct{} // somebody waits now
	round     sync.Mutex    // held while the pods are asked; taken before the Tracker's
}

type podReport struct {
	report Report
	err    error
}

type asker struct {
	Object
	uid   string
	route bool
}

type question struct {
	since time.Time // when the answer was first asked for, or was another
	state State     // what was answered
	eval  func(p *plane, pods []*corev1.Pod) State
}

// New makes a Tracker, whose goroutines end with ctx.
func New(ctx context.Context, o Options) *Tracker {
	if o.Fetch == nil {
		o.Fetch = fetcher()
	}
	if o.Interval == 0 {
		o.Interval = 200 * time.Millisecond
	}
	if o.Idle == 0 {
		o.Idle = 10 * time.Second
	}
	if o.Patience == 0 {
		o.Patience = 2 * time.Minute
	}
	return &Tracker{options: o, ctx: ctx, notify: map[string]func(types.NamespacedName){}, planes: map[string]*plane{}}
}

// Notify has enqueue called with every object of a kind for which an answer has changed since it was given.
func (t *Tracker) Notify(kind string, enqueue func(types.NamespacedName)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.notify[kind] = enqueue
}

// Forget ends all questions of an object that is gone.
func (t *Tracker) Forget(who Object) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range t.planes {
		maps.DeleteFunc(p.questions, func(a asker, _ *question) bool { return a.Object == who })
	}
}

// Drop ends the questions of an object about a uid that it has no more.
func (t *Tracker) Drop(who Object, uid string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range t.planes {
		maps.DeleteFunc(p.questions, func(a asker, _ *question) bool { return a.Object == who && a.uid == uid })
	}
}

// Route says whether every ready receiver of a data plane serves the route of a resource whose contract.IngressHash is
// hash.
func (t *Tracker) Route(d dataplane.DataPlane, who Object, uid, hash string) State {
	return t.ask(d, asker{who, uid, true}, func(p *plane, pods []*corev1.Pod) State {
		return p.judge(pods, d.Receiver, func(r Report) (part, string) {
			e, ok := r.Routes[uid]
			return judgeEntry(e, ok, hash)
		})
	})
}

// Group says whether the dispatchers of a data plane run an egress whose contract.EgressHash is hash: each knows it, and
// at least one is a member of its consumer group with an assignment.
func (t *Tracker) Group(d dataplane.DataPlane, who Object, uid, hash string) State {
	return t.ask(d, asker{who, uid, false}, func(p *plane, pods []*corev1.Pod) State {
		return p.judge(pods, d.Dispatcher, func(r Report) (part, string) {
			e, ok := r.Groups[uid]
			what, why := judgeEntry(e, ok, hash)
			switch {
			case what != serves:
				return what, why
			case e.State == elsewhere:
				return spare, ""
			case e.State == running, e.State == paused:
				return serves, ""
			}
			return joins, "the consumer group is " + e.State
		})
	})
}

// Gone says whether no ready pod of a data plane runs anything under the uid any more. Without a ready pod nothing is
// left to run it.
func (t *Tracker) Gone(d dataplane.DataPlane, who Object, uid string) State {
	return t.ask(d, asker{who, uid, d.Receiver != ""}, func(p *plane, pods []*corev1.Pod) State {
		for _, pod := range pods {
			r, ok := p.pods[pod.Name]
			switch {
			case !ok || r.err != nil:
				return State{Message: fmt.Sprintf("pod %s has not answered yet", pod.Name)}
			case has(r.report, uid):
				return State{Message: fmt.Sprintf("pod %s still serves it", pod.Name)}
			}
		}
		return State{Done: true}
	})
}

func has(r Report, uid string) bool {
	_, route := r.Routes[uid]
	_, group := r.Groups[uid]
	return route || group
}

// Loaded says whether a pod has told that it runs this generation of its contract. A ready pod that was never asked is asked
// first, or a controller that begins would tell every pod what it knows; one that was not asked lately counts as one that
// does not. Nobody is told of a change.
func (t *Tracker) Loaded(d dataplane.DataPlane, pod string, generation uint64) bool {
	p := t.plane(d)
	if pods, err := t.ready(d); err == nil {
		t.meet(p, pods)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	r, ok := p.pods[pod]
	return ok && r.err == nil && r.report.Generation == generation
}
