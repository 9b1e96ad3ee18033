// Package release tests that an API server takes the files of a release as they are: every field is known, defaults and
// validation of Kubernetes agree, and applying them again, in any order, changes nothing.
package release

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"knative.dev/eventing-kafka-go/test/apiserver/env"
)

const root = "../../.."

// files makes a release and returns its manifests by name.
func files(t *testing.T) map[string]string {
	t.Helper()
	dir := t.TempDir()
	script := exec.CommandContext(t.Context(), filepath.Join(root, "hack", "release.sh"), "--yaml-only", "--tag", "v1.2.3",
		"--images", "registry.example/kafka", "--out", dir)
	if out, err := script.CombinedOutput(); err != nil {
		t.Fatalf("hack/release.sh: %v: %s", err, out)
	}
	found := map[string]string{}
	paths, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no release: %v", err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		found[filepath.Base(path)] = string(text)
	}
	return found
}

// define makes the kinds of others that files have objects of.
func define(t *testing.T, e *env.Env) {
	t.Helper()
	for _, folder := range []string{"cert-manager", "prometheus-operator"} {
		for _, o := range e.Manifests(t, "third_party/"+folder+"/crds") {
			e.InstallCRD(t, o)
		}
	}
}

// apply writes an object as a user who applies a file does, and returns what became of it.
func apply(t *testing.T, e *env.Env, o *env.Object) (*env.Object, bool) {
	t.Helper()
	body, err := yaml.Marshal(o.Object)
	if err != nil {
		t.Fatal(err)
	}
	force := true
	made, err := e.Of(o.GroupVersionKind(), o.GetNamespace()).Patch(t.Context(), o.GetName(), types.ApplyPatchType, body,
		metav1.PatchOptions{FieldManager: "release", Force: &force, FieldValidation: metav1.FieldValidationStrict})
	if err != nil {
		t.Errorf("apply %s %s: %v", o.GetKind(), o.GetName(), err)
		return nil, false
	}
	return made, true
}

func TestAnAPIServerTakesARelease(t *testing.T) {
	e := env.Start(t)
	define(t, e)
	release := files(t)
	t.Run("over an earlier one", func(t *testing.T) { overTheIncumbent(t, e, release) })
	t.Run("in any order, and again", func(t *testing.T) { inAnyOrder(t, e, release) })
}

func inAnyOrder(t *testing.T, e *env.Env, release map[string]string) { // REL-06, REL-07
	versions := map[string]string{} // of objects, by kind and name
	write := func(name string) (changed []string) {
		for _, o := range env.Parse(t, release[name]) {
			made, ok := apply(t, e, o)
			if !ok {
				continue
			}
			key := o.GetKind() + " " + o.GetName()
			if versions[key] != made.GetResourceVersion() {
				changed = append(changed, key)
			}
			versions[key] = made.GetResourceVersion()
		}
		return changed
	}
	// Data planes before the controller, which is the other order than the recommended one.
	names := slices.Sorted(maps.Keys(release))
	slices.Reverse(names)
	for _, name := range names {
		write(name)
	}
	if len(versions) < 60 {
		t.Fatalf("only %d objects: %v", len(versions), versions)
	}
	for _, name := range names {
		if changed := write(name); len(changed) > 0 {
			t.Errorf("%s, applied again, changed %s", name, strings.Join(changed, ", "))
		}
	}
}
