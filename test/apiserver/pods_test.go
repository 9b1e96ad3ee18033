package apiserver

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"knative.dev/eventing-kafka-go/test/apiserver/env"
	"knative.dev/eventing-kafka-go/test/apiserver/kubelet"
)

// pods: what other tests rely on, that a pod of package kubelet sees its ConfigMap and Secret as in a cluster.
func pods(t *testing.T, e *env.Env) {
	file, err := exec.LookPath("sleep")
	if err != nil {
		t.Fatal(err)
	}
	e.Apply(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: mounted, namespace: default}, data: {a: one, b: two}}")
	var folders map[string]string
	pod := kubelet.Run(t, e, kubelet.Spec{Namespace: "default", Name: "pod", Labels: map[string]string{"app": "x"},
		Ports:   map[string]int32{"http": 8080},
		Mounts:  map[string]kubelet.Source{"config": {ConfigMap: "mounted"}, "secret": {Secret: "later"}},
		Program: file, Period: time.Hour, // so that it is the touch that makes it look
		Command: func(f map[string]string) ([]string, []string) { folders = f; return nil, []string{"3600"} }})
	pod.AwaitReady(t)
	content(t, folders["config"], map[string]string{"a": "one", "b": "two"})
	content(t, folders["secret"], map[string]string{})

	if err := e.Kube.CoreV1().ConfigMaps("default").Delete(t.Context(), "mounted", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	e.Apply(t, `
{apiVersion: v1, kind: ConfigMap, metadata: {name: mounted, namespace: default}, data: {a: three}, binaryData: {c: Zm91cg==}}
---
{apiVersion: v1, kind: Secret, metadata: {name: later, namespace: default}, stringData: {key: value}}`)
	api, err := e.Kube.CoreV1().Pods("default").Get(t.Context(), "pod", metav1.GetOptions{})
	if err != nil || api.Status.PodIP != "127.0.0.1" || api.Spec.Containers[0].Ports[0].ContainerPort != 8080 {
		t.Fatalf("pod %+v, %v", api, err)
	}
	o := &env.Object{Object: map[string]any{"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"namespace": "default", "name": "pod"}}}
	if _, err := e.Patch(t, o, "metadata: {annotations: {volumeGeneration: '2'}}"); err != nil {
		t.Fatal(err)
	}
	content(t, folders["config"], map[string]string{"a": "three", "c": "four"})
	content(t, folders["secret"], map[string]string{"key": "value"})

	pod.Process.Kill(t)
	env.Until(t, env.Patience, func() string {
		api, err := e.Kube.CoreV1().Pods("default").Get(t.Context(), "pod", metav1.GetOptions{})
		if err != nil {
			return err.Error()
		}
		if slices.ContainsFunc(api.Status.Conditions, func(c corev1.PodCondition) bool {
			return c.Type == corev1.PodReady && c.Status == corev1.ConditionFalse
		}) {
			return ""
		}
		return "a pod without a process is ready"
	})
	pod.Remove(t)
	if _, err := e.Kube.CoreV1().Pods("default").Get(t.Context(), "pod", metav1.GetOptions{}); err == nil {
		t.Error("the pod is still there")
	}
}

// content waits until a mounted folder holds these files and no others.
func content(t *testing.T, folder string, want map[string]string) {
	t.Helper()
	env.Until(t, env.Patience, func() string {
		got := map[string]string{}
		files, err := filepath.Glob(filepath.Join(folder, "[a-z]*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				return err.Error() // between two exchanges
			}
			got[filepath.Base(file)] = string(text)
		}
		if !maps.Equal(got, want) {
			return "the folder holds other files"
		}
		return ""
	})
}
