package release

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/client-go/kubernetes/scheme"

	"knative.dev/eventing-kafka-go/test/apiserver/env"
)

// lastApplied is where kubectl apply keeps what it has applied.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// applyAsKubectl does what kubectl apply does without --server-side: it makes the object, or patches it with the difference
// of what was applied last, what is there and what is applied now. It returns what became of it.
func applyAsKubectl(t *testing.T, e *env.Env, o *env.Object) (*env.Object, error) {
	t.Helper()
	now, err := o.MarshalJSON()
	if err != nil {
		return nil, err
	}
	o = o.DeepCopy()
	annotations := o.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[lastApplied] = string(now)
	o.SetAnnotations(annotations)
	objects := e.Of(o.GroupVersionKind(), o.GetNamespace())
	there, err := objects.Get(t.Context(), o.GetName(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return objects.Create(t.Context(), o, metav1.CreateOptions{FieldManager: "kubectl-client-side-apply"})
	}
	if err != nil {
		return nil, err
	}
	typed, err := scheme.Scheme.New(o.GroupVersionKind())
	if err != nil {
		return nil, err
	}
	meta, err := strategicpatch.NewPatchMetaFromStruct(typed)
	if err != nil {
		return nil, err
	}
	modified, err := o.MarshalJSON()
	if err != nil {
		return nil, err
	}
	current, err := there.MarshalJSON()
	if err != nil {
		return nil, err
	}
	patch, err := strategicpatch.CreateThreeWayMergePatch([]byte(there.GetAnnotations()[lastApplied]), modified, current, meta, true)
	if err != nil {
		return nil, err
	}
	return objects.Patch(t.Context(), o.GetName(), types.StrategicMergePatchType, patch, metav1.PatchOptions{FieldManager: "kubectl-client-side-apply"})
}

// overTheIncumbent applies a release over one with a data plane in Java: nothing is refused, as selectors are those that
// were and cannot change, nothing is made a second time, and nothing of what was is left in a pod (REL-14, MIG-40, MIG-43).
func overTheIncumbent(t *testing.T, e *env.Env, release map[string]string) {
	text, err := os.ReadFile(filepath.Join(root, "test", "release", "testdata", "incumbent.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	before := map[string]types.UID{}
	manifests := []string{string(text)}
	for _, kind := range []string{"channel", "sink"} { // as that of Brokers
		manifests = append(manifests, strings.NewReplacer("kafka-broker-", "kafka-"+kind+"-", "broker-receiver-tls", kind+"-receiver-tls").Replace(string(text)))
	}
	for _, o := range env.Parse(t, strings.Join(manifests, "\n---\n")) {
		made, err := applyAsKubectl(t, e, o)
		if err != nil {
			t.Fatalf("the earlier release: %s %s: %v", o.GetKind(), o.GetName(), err)
		}
		before[o.GetKind()+" "+o.GetName()] = made.GetUID()
	}
	versions := map[string]string{}
	for again := range 2 {
		for _, o := range env.Parse(t, release["eventing-kafka.yaml"]) {
			if !scheme.Scheme.Recognizes(o.GroupVersionKind()) {
				continue // our own kinds, which were there before
			}
			key := o.GetKind() + " " + o.GetName()
			made, err := applyAsKubectl(t, e, o)
			switch {
			case err != nil:
				t.Errorf("%s: %v", key, err)
				continue
			case before[key] != "" && made.GetUID() != before[key]:
				t.Errorf("%s is another one", key)
			case again > 0 && made.GetResourceVersion() != versions[key]:
				t.Errorf("%s, applied again, was changed", key)
			}
			versions[key] = made.GetResourceVersion()
			if o.GetKind() == "Deployment" {
				samePods(t, made, o)
			}
		}
	}
	for _, key := range []string{"Deployment kafka-controller", "Deployment kafka-webhook-eventing", "Deployment kafka-broker-receiver",
		"Deployment kafka-channel-receiver", "Deployment kafka-sink-receiver", "Service kafka-broker-ingress"} {
		if before[key] == "" || versions[key] == "" {
			t.Errorf("%s: the earlier release has it: %v, this one: %v", key, before[key] != "", versions[key] != "")
		}
	}
}

// samePods compares what pods are made of, by names, which is how lists are merged.
func samePods(t *testing.T, made, want *env.Object) {
	t.Helper()
	is, should := namesIn(t, made), namesIn(t, want)
	if !slices.Equal(is, should) {
		t.Errorf("%s has %v, not %v", made.GetName(), is, should)
	}
}

func namesIn(t *testing.T, o *env.Object) (names []string) {
	t.Helper()
	var d appsv1.Deployment
	text, err := o.MarshalJSON()
	if err == nil {
		err = json.Unmarshal(text, &d)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range d.Spec.Template.Spec.Containers {
		names = append(names, "container "+c.Name+" "+c.Image)
		for _, v := range c.Env {
			names = append(names, "variable "+v.Name)
		}
		for _, m := range c.VolumeMounts {
			names = append(names, "mount "+m.MountPath)
		}
		for _, p := range c.Ports {
			names = append(names, fmt.Sprintf("port %d %s", p.ContainerPort, p.Name))
		}
	}
	for _, v := range d.Spec.Template.Spec.Volumes {
		names = append(names, "volume "+v.Name)
	}
	slices.Sort(names)
	return names
}
