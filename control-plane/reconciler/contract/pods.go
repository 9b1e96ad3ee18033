package contract

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"knative.dev/pkg/controller"

	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/rollout"
)

const (
	// generationAnnotation, on a pod, is the generation that it shall take up: changing a pod makes its kubelet look at
	// what is mounted at once (CT-11, ST-15).
	generationAnnotation = "volumeGeneration"
	// pokedAnnotation, on a pod, changes when a pod is told again.
	pokedAnnotation = "kafka.eventing.knative.dev/poked-at"
	// pokeAgain is when a pod that has not taken up a contract is told again.
	pokeAgain = 5 * time.Second
	// outOfList is how long a pod may be without readiness before its groups move.
	outOfList = time.Minute
)

// dispatchers returns the names of the pods that deliver. One that is not ready stays for a moment: Kafka hands its
// partitions to others by itself, and the list only says who joins. Before the first pod is ready the list is empty,
// which makes every pod join.
func (r *Reconciler) dispatchers(d dataplane.DataPlane, before []string) ([]string, error) {
	if d.Dispatcher == "" {
		return nil, nil
	}
	pods, err := r.pods(d.Namespace, d.Dispatcher)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, pod := range pods {
		if rollout.IsReady(pod) || slices.Contains(before, pod.Name) && r.mayComeBack(pod) {
			names = append(names, pod.Name)
		}
	}
	return names, nil
}

func (r *Reconciler) mayComeBack(pod *corev1.Pod) bool {
	if pod.DeletionTimestamp != nil || pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded {
		return false
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return r.now().Sub(c.LastTransitionTime.Time) < outOfList
		}
	}
	return false
}

// pokes remembers when pods were told last, so that they are told again only after a while.
type pokes struct {
	mu   sync.Mutex
	last map[types.UID]time.Time
}

func (p *pokes) due(uid types.UID, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last == nil {
		p.last = map[types.UID]time.Time{}
	}
	if now.Sub(p.last[uid]) < pokeAgain {
		return false
	}
	p.last[uid] = now
	return true
}

// poke makes the kubelets of all pods look at what is mounted, and again as long as one has not taken up the generation.
func (r *Reconciler) poke(ctx context.Context, d dataplane.DataPlane, generation uint64) error {
	var failed []error
	text := strconv.FormatUint(generation, 10)
	waiting := false
	for _, app := range []string{d.Receiver, d.Dispatcher} {
		if app == "" {
			continue
		}
		pods, err := r.pods(d.Namespace, app)
		if err != nil {
			return err
		}
		for _, pod := range pods {
			switch {
			case pod.DeletionTimestamp != nil:
			case pod.Annotations[generationAnnotation] != text:
				r.poked.due(pod.UID, r.now())
				failed = append(failed, r.annotate(ctx, pod, map[string]string{generationAnnotation: text}))
				waiting = true
			case r.rollout.Loaded(d, pod.Name, generation):
			default:
				waiting = true
				if r.poked.due(pod.UID, r.now()) {
					failed = append(failed, r.annotate(ctx, pod, map[string]string{pokedAnnotation: r.now().UTC().Format(time.RFC3339Nano)}))
				}
			}
		}
	}
	if err := errors.Join(failed...); err != nil {
		return err
	}
	if waiting {
		return controller.NewRequeueAfter(pokeAgain)
	}
	return nil
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
