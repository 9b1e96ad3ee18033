package contract

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/rollout"
)

const (
	// generationAnnotation, on a pod, is the generation that it shall take up: changing a pod makes its kubelet look at
	// what is mounted at once (CT-11, ST-15).
	generationAnnotation = "volumeGeneration"
	// featuresAnnotation, on a pod that events enter at, is when config-features, which it mounts, has changed (CT-12).
	featuresAnnotation = "configFeaturesUpdatedAt"
	// certificateAnnotation, on a pod that events enter at, is the version of the Secret with the certificate that it serves:
	// clients are told of another authority at once, so pods have to be too.
	certificateAnnotation = "kafka.eventing.knative.dev/certificate"
	// pokedAnnotation, on a pod, changes when a pod is told again.
	pokedAnnotation = "kafka.eventing.knative.dev/poked-at"
	// unschedulableAnnotation, on a dispatcher, keeps groups away from it (ST-16).
	unschedulableAnnotation = "eventing.knative.dev/unschedulable"
	// pokeAgain is when a pod that has not taken up a contract is told again, twice as long after each time up to
	// pokeSeldom.
	pokeAgain, pokeSeldom = 5 * time.Second, time.Minute
	// outOfList is how long a pod may be without readiness before its groups move.
	outOfList = time.Minute
	// maxPokes is how many pods are remembered before those that are gone are looked for.
	maxPokes = 1000
)

// members are the pods that join groups.
type members struct {
	names []string
	until time.Duration // when to look again; 0 is when a pod changes
}

// dispatchers returns the pods that deliver. One that is not ready stays for a moment: Kafka hands its partitions to
// others by itself, and the list only says who joins. Before the first pod is ready the list is empty, which makes every
// pod join.
func (r *Reconciler) dispatchers(d dataplane.DataPlane, before []string) (m members, err error) {
	if d.Dispatcher == "" {
		return m, nil
	}
	pods, err := r.pods(d.Namespace, d.Dispatcher)
	if err != nil {
		return m, err
	}
	for _, pod := range pods {
		switch left := r.mayComeBack(pod); {
		case pod.Annotations[unschedulableAnnotation] == "true":
		case rollout.IsReady(pod):
			m.names = append(m.names, pod.Name)
		case slices.Contains(before, pod.Name) && left > 0:
			m.names = append(m.names, pod.Name)
			m.until = sooner(m.until, left)
		}
	}
	return m, nil
}

// mayComeBack is how much longer a pod that is not ready is waited for.
func (r *Reconciler) mayComeBack(pod *corev1.Pod) time.Duration {
	if over(pod) {
		return 0
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return outOfList - r.now().Sub(c.LastTransitionTime.Time)
		}
	}
	return 0
}

// over says that a pod will never run anything again; such pods may lie around.
func over(pod *corev1.Pod) bool {
	return pod.DeletionTimestamp != nil || pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded
}

// pokes remembers when pods were told last, so that they are told again only after a while.
type pokes struct {
	mu   sync.Mutex
	last map[types.UID]poke
}

type poke struct {
	at   time.Time
	wait time.Duration // until it may be told again
}

// told notes that a pod was told something new.
func (p *pokes) told(uid types.UID, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last == nil || len(p.last) > maxPokes {
		maps.DeleteFunc(p.last, func(_ types.UID, known poke) bool { return now.Sub(known.at) > 2*pokeSeldom })
		if p.last == nil {
			p.last = map[types.UID]poke{}
		}
	}
	p.last[uid] = poke{now, pokeAgain}
	return pokeAgain
}

// due says whether a pod is to be told again now, and notes that it was; and when to look again.
func (p *pokes) due(uid types.UID, now time.Time) (bool, time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	known, ok := p.last[uid]
	if left := known.wait - now.Sub(known.at); ok && left > 0 {
		return false, left
	}
	if p.last == nil {
		p.last = map[types.UID]poke{}
	}
	known = poke{now, min(max(2*known.wait, pokeAgain), pokeSeldom)}
	p.last[uid] = known
	return true, known.wait
}

// poke makes the kubelets of all pods look at what is mounted, and again as long as one has not taken up the generation.
// It returns when to look again, 0 for no need to. A pod that cannot be told does not keep others from being told.
func (r *Reconciler) poke(ctx context.Context, d dataplane.DataPlane, generation uint64) (next time.Duration, err error) {
	var failed []error
	text := strconv.FormatUint(generation, 10)
	for _, app := range []string{d.Receiver, d.Dispatcher} {
		if app == "" {
			continue
		}
		pods, err := r.pods(d.Namespace, app)
		if err != nil {
			return 0, err
		}
		for _, pod := range pods {
			if over(pod) {
				continue
			}
			annotations, wait := r.news(d, pod, text, generation)
			next = sooner(next, wait)
			if len(annotations) > 0 {
				failed = append(failed, r.annotate(ctx, pod, annotations))
			}
		}
	}
	return next, errors.Join(failed...)
}

// news are the annotations that tell a pod what it does not know, and when to look at it again.
func (r *Reconciler) news(d dataplane.DataPlane, pod *corev1.Pod, text string, generation uint64) (annotations map[string]string, wait time.Duration) {
	annotations = map[string]string{}
	if version := r.certificate(d); pod.Labels["app"] == d.Receiver && pod.Annotations[certificateAnnotation] != version {
		annotations[certificateAnnotation] = version
	}
	if at := r.flags.get(); !at.IsZero() && pod.Labels["app"] == d.Receiver {
		if told, err := time.Parse(time.RFC3339Nano, pod.Annotations[featuresAnnotation]); err != nil || told.Before(at) {
			annotations[featuresAnnotation] = at.UTC().Format(time.RFC3339Nano)
		}
	}
	switch {
	case pod.Annotations[generationAnnotation] != text:
		annotations[generationAnnotation] = text
		wait = r.poked.told(pod.UID, r.now())
	case !r.loaded(d, pod.Name, generation):
		var due bool
		if due, wait = r.poked.due(pod.UID, r.now()); due {
			annotations[pokedAnnotation] = r.now().UTC().Format(time.RFC3339Nano)
		}
	}
	return annotations, wait
}

func (r *Reconciler) annotate(ctx context.Context, pod *corev1.Pod, annotations map[string]string) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": annotations}})
	if err != nil {
		return err
	}
	_, err = r.kube.CoreV1().Pods(pod.Namespace).Patch(ctx, pod.Name, types.MergePatchType, patch, metav1.PatchOptions{})
	if apierrors.IsNotFound(err) {
		return nil // it is gone
	}
	if err != nil {
		return fmt.Errorf("annotate pod %s/%s: %w", pod.Namespace, pod.Name, err)
	}
	return nil
}

// moment is a time that is set by one goroutine and read by others.
type moment struct {
	mu sync.Mutex
	at time.Time
}

func (m *moment) get() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.at
}

func (m *moment) set(at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at = at
}
