package rollout

import (
	"context"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"knative.dev/eventing-kafka-go/control-plane/dataplane"
)

// ask answers from what the pods have said last. Pods that were never asked are asked first, which takes a moment, or a
// controller that starts would take every object for one that is not served. The question stays: who asked is told when
// the answer changes.
func (t *Tracker) ask(d dataplane.DataPlane, who asker, eval func(*plane, []*corev1.Pod) State) State {
	pods, err := t.ready(d)
	if err != nil {
		return State{Message: err.Error()}
	}
	p := t.plane(d)
	t.meet(p, pods)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.planes[d.Key()] != p {
		p = t.planeLocked(d) // it was given up a moment ago
	}
	state := eval(p, pods)
	before := p.questions[who]
	if before == nil || before.state != state {
		before = &question{since: time.Now(), state: state}
		p.questions[who] = before
	}
	before.eval = eval
	if !state.Done {
		select {
		case p.wake <- struct{}{}:
		default:
		}
	}
	return state
}

// plane returns what is known of a data plane; somebody follows it from the first time on.
func (t *Tracker) plane(d dataplane.DataPlane) *plane {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.planeLocked(d)
}

func (t *Tracker) planeLocked(d dataplane.DataPlane) *plane {
	p := t.planes[d.Key()]
	if p == nil {
		p = &plane{of: d, pods: map[string]podReport{}, questions: map[asker]*question{}, wake: make(chan struct{}, 1)}
		t.planes[d.Key()] = p
		go t.follow(p)
	}
	return p
}

// meet asks the pods if one of them was never asked. Others who come meanwhile wait for the same answers.
func (t *Tracker) meet(p *plane, pods []*corev1.Pod) {
	if t.met(p, pods) {
		return
	}
	p.round.Lock()
	defer p.round.Unlock()
	if !t.met(p, pods) {
		t.learn(p)
	}
}

func (t *Tracker) met(p *plane, pods []*corev1.Pod) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, pod := range pods {
		if _, ok := p.pods[pod.Name]; !ok {
			return false
		}
	}
	return true
}

// follow asks the pods of a data plane: again soon while somebody waits. It ends when nobody asks about it and it has no
// pods, as those of namespaces come and go.
func (t *Tracker) follow(p *plane) {
	idle := time.NewTicker(t.options.Idle)
	defer idle.Stop()
	var soon <-chan time.Time // nil while nobody waits
	for {
		select {
		case <-t.ctx.Done():
			return
		case <-p.wake:
			if soon == nil {
				soon = time.After(t.options.Interval)
			}
			continue
		case <-soon:
		case <-idle.C:
		}
		p.round.Lock()
		waiting := t.learn(p)
		p.round.Unlock()
		if soon = nil; waiting {
			soon = time.After(t.options.Interval)
		} else if t.giveUp(p) {
			return
		}
	}
}

// giveUp forgets a data plane that is gone, and says whether it is.
func (t *Tracker) giveUp(p *plane) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(p.questions) > 0 || len(p.pods) > 0 {
		return false
	}
	delete(t.planes, p.of.Key())
	return true
}

// round asks every ready pod at the same time.
func (t *Tracker) round(d dataplane.DataPlane) (map[string]podReport, []*corev1.Pod) {
	pods, err := t.ready(d)
	if err != nil {
		t.options.Log.Warn("pods not listed", "dataPlane", d.Key(), "error", err)
		return map[string]podReport{}, nil
	}
	ctx, cancel := context.WithTimeout(t.ctx, fetchLimit)
	defer cancel()
	reports := make([]podReport, len(pods))
	var all sync.WaitGroup
	for i, pod := range pods {
		all.Go(func() {
			reports[i].report, reports[i].err = t.options.Fetch(ctx, address(pod))
		})
	}
	all.Wait()
	byName := make(map[string]podReport, len(pods))
	for i, pod := range pods {
		byName[pod.Name] = reports[i]
	}
	return byName, pods
}

// learn makes a round and tells those whose answer has changed. It returns whether somebody waits who has not waited too
// long. Whoever calls it holds the plane's lock for rounds, so that an older answer never replaces a newer one.
func (t *Tracker) learn(p *plane) (waiting bool) {
	reports, pods := t.round(p.of)
	type call struct {
		enqueue func(types.NamespacedName)
		object  types.NamespacedName
	}
	var calls []call
	t.mu.Lock()
	p.pods = reports
	for who, q := range p.questions {
		if state := q.eval(p, pods); state != q.state {
			q.state, q.since = state, time.Now()
			if enqueue := t.notify[who.Kind]; enqueue != nil {
				calls = append(calls, call{enqueue, who.NamespacedName})
			}
		}
		waiting = waiting || !q.state.Done && time.Since(q.since) <= t.options.Patience
	}
	t.mu.Unlock()
	for _, c := range calls {
		c.enqueue(c.object)
	}
	return waiting
}

// ready returns the pods of a data plane that count: those that are ready and not on their way out.
func (t *Tracker) ready(d dataplane.DataPlane) ([]*corev1.Pod, error) {
	var out []*corev1.Pod
	for _, app := range []string{d.Receiver, d.Dispatcher} {
		if app == "" {
			continue
		}
		pods, err := t.options.Pods(d.Namespace, app)
		if err != nil {
			return nil, err
		}
		for _, pod := range pods {
			if IsReady(pod) {
				out = append(out, pod)
			}
		}
	}
	return out, nil
}
