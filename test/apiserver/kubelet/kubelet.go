// Package kubelet does for a test what a kubelet does in a cluster: it makes a Pod, runs its program, projects ConfigMaps
// and Secrets into folders, exchanges them the way a kubelet does, and reports whether the pod is ready.
//
// Programs listen at ports of the loopback, which is every pod's IP: whoever asks a pod must take the port from the Pod,
// by its name, and not assume one. A projection follows its source when the Pod's annotations change, which is what makes
// a kubelet look at once, and else once in a period, a minute by default. It knows nothing of what runs. A Pod is used by
// the goroutine of its test; one goroutine of its own follows the Pod of the API.
package kubelet

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"knative.dev/eventing-kafka-go/test/apiserver/env"
	"knative.dev/eventing-kafka-go/test/apiserver/program"
)

// Spec is what runs.
type Spec struct {
	Namespace, Name string
	Labels          map[string]string
	// Ports are those that the program listens at, by the names that they have in the Pod.
	Ports map[string]int32
	// Mounts are the folders to project, by a name that Command gets the path for.
	Mounts map[string]Source
	// Readiness is a URL that answers 200 when the pod is ready; "" makes it ready when its program runs.
	Readiness string
	// Program is the file to run, with what Command makes of the folders of Mounts.
	Program string
	Command func(folders map[string]string) (variables, arguments []string)
	// Period is how long a projection may lag behind when nobody touches the Pod; 0 is a minute.
	Period time.Duration
}

// Source is a ConfigMap, a Secret or several Secrets of the pod's namespace; what is missing has no files.
type Source struct {
	ConfigMap, Secret string
	// Secrets are mounted into one folder.
	Secrets []string
}

// Pod is a pod that runs.
type Pod struct {
	// Process is the program of the pod, to be stopped or killed.
	Process *program.Process

	spec    Spec
	kube    kubernetes.Interface
	folders map[string]*folder
	seen    map[string]string // the annotations that were last acted upon; owned by follow
}

// pace is how often the Pod of the API and the program are looked at.
const pace = 50 * time.Millisecond

// Run makes a pod and keeps it, until the test ends or Remove.
func Run(tb testing.TB, e *env.Env, spec Spec) *Pod {
	tb.Helper()
	if spec.Period == 0 {
		spec.Period = time.Minute
	}
	p := &Pod{spec: spec, kube: e.Kube, folders: map[string]*folder{}}
	if _, err := p.kube.CoreV1().Pods(spec.Namespace).Create(tb.Context(), p.object(), metav1.CreateOptions{}); err != nil {
		tb.Fatalf("create pod %s: %v", spec.Name, err)
	}
	paths := map[string]string{}
	for name, source := range spec.Mounts {
		p.folders[name] = &folder{dir: tb.TempDir(), source: source}
		paths[name] = p.folders[name].dir
	}
	if err := p.project(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	variables, arguments := spec.Command(paths)
	p.Process = program.Start(tb, spec.Program, variables, arguments...)
	p.keep(tb)
	return p
}

// keep follows the pod until the test ends, and removes it then.
func (p *Pod) keep(tb testing.TB) {
	ctx, cancel := context.WithCancel(context.Background()) // the test's has ended when the pod is removed
	done := make(chan error, 1)
	go func() { done <- p.follow(ctx) }()
	tb.Cleanup(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			tb.Errorf("pod %s: %v", p.spec.Name, err)
		}
		p.remove(tb)
	})
}

// object is the Pod of the API.
func (p *Pod) object() *corev1.Pod {
	c := corev1.Container{Name: "program", Image: "none"}
	for _, name := range slices.Sorted(maps.Keys(p.spec.Ports)) {
		c.Ports = append(c.Ports, corev1.ContainerPort{Name: name, ContainerPort: p.spec.Ports[name]})
	}
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: p.spec.Namespace, Name: p.spec.Name, Labels: p.spec.Labels},
		Spec:       corev1.PodSpec{NodeName: "test", Containers: []corev1.Container{c}},
	}
}

// follow acts like a kubelet until the context or the Pod ends. What fails because the context ended is no failure.
func (p *Pod) follow(ctx context.Context) error {
	ticker := time.NewTicker(pace)
	defer ticker.Stop()
	for last := time.Now(); ; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
		pod, err := p.kube.CoreV1().Pods(p.spec.Namespace).Get(ctx, p.spec.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		if err != nil {
			return ended(ctx, err)
		}
		if touched := !maps.Equal(p.seen, pod.Annotations); touched || time.Since(last) > p.spec.Period {
			if err := p.project(ctx); err != nil {
				return ended(ctx, err)
			}
			p.seen, last = pod.Annotations, time.Now()
		}
		if err := p.report(ctx, pod); err != nil {
			return ended(ctx, err)
		}
	}
}

func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// project brings every folder up to its source.
func (p *Pod) project(ctx context.Context) error {
	for name, f := range p.folders {
		if err := f.project(ctx, p.kube, p.spec.Namespace); err != nil {
			return fmt.Errorf("mount %s of pod %s: %w", name, p.spec.Name, err)
		}
	}
	return nil
}

// report writes the status of the Pod, if it is another one.
func (p *Pod) report(ctx context.Context, pod *corev1.Pod) error {
	ready := corev1.ConditionFalse
	if p.ready(ctx) {
		ready = corev1.ConditionTrue
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady && c.Status == ready {
			return nil
		}
	}
	now := metav1.Now()
	pod.Status = corev1.PodStatus{Phase: corev1.PodRunning, PodIP: "127.0.0.1", PodIPs: []corev1.PodIP{{IP: "127.0.0.1"}}, StartTime: &now,
		Conditions: []corev1.PodCondition{
			{Type: corev1.PodReady, Status: ready, LastTransitionTime: now},
			{Type: corev1.ContainersReady, Status: ready, LastTransitionTime: now},
		}}
	_, err := p.kube.CoreV1().Pods(pod.Namespace).UpdateStatus(ctx, pod, metav1.UpdateOptions{})
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		return nil // somebody wrote meanwhile: the next look tells
	}
	return err
}

func (p *Pod) ready(ctx context.Context) bool {
	if p.Process.Ended() {
		return false
	}
	if p.spec.Readiness == "" {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.spec.Readiness, http.NoBody)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// AwaitReady waits until the API says that the pod is ready.
func (p *Pod) AwaitReady(tb testing.TB) {
	tb.Helper()
	env.Until(tb, env.Patience, func() string {
		pod, err := p.kube.CoreV1().Pods(p.spec.Namespace).Get(tb.Context(), p.spec.Name, metav1.GetOptions{})
		if err != nil {
			return err.Error()
		}
		for _, c := range pod.Status.Conditions {
			if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
				return ""
			}
		}
		return "pod " + p.spec.Name + " is not ready"
	})
}

// Remove ends the program and then removes the Pod, as a deletion does.
func (p *Pod) Remove(tb testing.TB) {
	tb.Helper()
	p.Process.Stop(tb)
	p.remove(tb)
}

func (p *Pod) remove(tb testing.TB) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), env.Patience) // the test's may have ended
	defer cancel()
	now := int64(0) // no kubelet of a node would confirm
	err := p.kube.CoreV1().Pods(p.spec.Namespace).Delete(ctx, p.spec.Name, metav1.DeleteOptions{GracePeriodSeconds: &now})
	if err != nil && !apierrors.IsNotFound(err) {
		tb.Errorf("delete pod %s: %v", p.spec.Name, err)
	}
}
