package release

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

const (
	root      = "../.."
	namespace = "knative-eventing"
	version   = "1.2.3"
	images    = "registry.example/kafka"
)

// The files of a release (REL-01), each made once.
const (
	all         = "eventing-kafka.yaml"
	controller  = "eventing-kafka-controller.yaml"
	broker      = "eventing-kafka-broker.yaml"
	channel     = "eventing-kafka-channel.yaml"
	sink        = "eventing-kafka-sink.yaml"
	source      = "eventing-kafka-source.yaml"
	bundle      = "eventing-kafka-source-bundle.yaml"
	postInstall = "eventing-kafka-post-install.yaml"
	networking  = "eventing-kafka-tls-networking.yaml"
	autoscaling = "eventing-kafka-autoscaling.yaml"
)

// object is an object of a file, read as its kind.
type object struct {
	metav1.Object
	kind string
	// value is a pointer to the type of its kind.
	value any
}

func (o object) String() string { return o.kind + " " + o.GetNamespace() + "/" + o.GetName() }

// made is a release, which tests read and do not change.
var made struct {
	sync.Once
	files map[string][]byte
	err   error

	parsing sync.Mutex
	objects map[string][]object // by file
}

// file returns the content of a file of a release.
func file(t *testing.T, name string) []byte {
	t.Helper()
	made.Do(func() { made.files, made.err = makeRelease() })
	if made.err != nil {
		t.Fatal(made.err)
	}
	content, ok := made.files[name]
	if !ok {
		t.Fatalf("a release has no %s", name)
	}
	return content
}

// makeRelease outlives the test that asks first, and cleans up after itself.
func makeRelease() (map[string][]byte, error) {
	dir, err := os.MkdirTemp("", "release")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	script := exec.Command(filepath.Join(root, "hack", "release.sh"), //nolint:noctx // it takes a second and ends by itself
		"--yaml-only", "--tag", "v"+version, "--images", images, "--image", "kafka-webhook=elsewhere.example/w@sha256:1", "--out", dir)
	if out, err := script.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("hack/release.sh: %w: %s", err, out)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, e := range entries {
		if files[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// empty returns a new object of the kind, nil for kinds that no package here knows.
func empty(kind string) metav1.Object {
	switch kind {
	case "ConfigMap":
		return &corev1.ConfigMap{}
	case "Secret":
		return &corev1.Secret{}
	case "Service":
		return &corev1.Service{}
	case "ServiceAccount":
		return &corev1.ServiceAccount{}
	case "Deployment":
		return &appsv1.Deployment{}
	case "Job":
		return &batchv1.Job{}
	case "PodDisruptionBudget":
		return &policyv1.PodDisruptionBudget{}
	case "HorizontalPodAutoscaler":
		return &autoscalingv2.HorizontalPodAutoscaler{}
	case "Role":
		return &rbacv1.Role{}
	case "RoleBinding":
		return &rbacv1.RoleBinding{}
	case "ClusterRole":
		return &rbacv1.ClusterRole{}
	case "ClusterRoleBinding":
		return &rbacv1.ClusterRoleBinding{}
	case "MutatingWebhookConfiguration":
		return &admissionregistrationv1.MutatingWebhookConfiguration{}
	case "ValidatingWebhookConfiguration":
		return &admissionregistrationv1.ValidatingWebhookConfiguration{}
	case "CustomResourceDefinition":
		return &apiextensionsv1.CustomResourceDefinition{}
	case "Certificate", "PodMonitor", "ServiceMonitor":
		return &custom{}
	}
	return nil
}

// custom is an object of a kind that is no part of Kubernetes.
type custom struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              map[string]any `json:"spec"`
}

// objects reads a file. A field that its kind does not have, or a key that is there twice, ends the test.
func objects(t *testing.T, name string) []object {
	t.Helper()
	made.parsing.Lock()
	defer made.parsing.Unlock()
	if found, ok := made.objects[name]; ok {
		return found
	}
	if made.objects == nil {
		made.objects = map[string][]object{}
	}
	made.objects[name] = parse(t, name)
	return made.objects[name]
}

func parse(t *testing.T, name string) []object {
	t.Helper()
	var found []object
	for document := range bytes.SplitSeq(append([]byte("\n"), file(t, name)...), []byte("\n---\n")) {
		var of metav1.TypeMeta
		if err := yaml.Unmarshal(document, &of); err != nil {
			t.Fatalf("%s: %v in %s", name, err, document)
		}
		if of.Kind == "" {
			if rest := strings.TrimSpace(string(document)); rest != "" {
				t.Fatalf("%s: what is this: %s", name, rest)
			}
			continue
		}
		o := empty(of.Kind)
		if o == nil {
			t.Fatalf("%s: kind %s is not known to this test", name, of.Kind)
		}
		if err := yaml.UnmarshalStrict(document, o); err != nil {
			t.Fatalf("%s: %s: %v", name, of.Kind, err)
		}
		found = append(found, object{Object: o, kind: of.Kind, value: o})
	}
	return found
}

// of returns the objects of a type in files.
func of[T metav1.Object](t *testing.T, names ...string) []T {
	t.Helper()
	var found []T
	for _, name := range names {
		for _, o := range objects(t, name) {
			if value, ok := o.value.(T); ok {
				found = append(found, value)
			}
		}
	}
	return found
}

// named returns the object of a type and name in a file.
func named[T metav1.Object](t *testing.T, in, name string) T {
	t.Helper()
	found := of[T](t, in)
	i := slices.IndexFunc(found, func(o T) bool { return o.GetName() == name })
	if i < 0 {
		t.Fatalf("%s has no %T %s", in, *new(T), name)
	}
	return found[i]
}

func names(objects []object) []string {
	var all []string
	for _, o := range objects {
		all = append(all, o.String())
	}
	return all
}

func TestAReleaseHasItsFiles(t *testing.T) { // REL-01, REL-03, REL-04
	file(t, all)
	want := []string{controller, broker, channel, sink, source, all, postInstall, bundle, networking, autoscaling, "images.txt", "SHA256SUMS"}
	for _, kind := range []string{"controller", "source", "broker", "sink", "channel"} {
		want = append(want, "eventing-kafka-"+kind+"-prometheus-operator.yaml")
	}
	for name, content := range made.files {
		if !slices.Contains(want, name) {
			t.Errorf("%s is no file of a release", name)
		}
		if !strings.HasSuffix(name, ".yaml") {
			continue
		}
		if bytes.Contains(content, []byte("ko://")) || bytes.Contains(content, []byte(": devel\n")) {
			t.Errorf("%s is not a release's", name)
		}
		for _, o := range objects(t, name) {
			if o.GetLabels()["app.kubernetes.io/version"] != version {
				t.Errorf("%s: %s has the version %q", name, o, o.GetLabels()["app.kubernetes.io/version"])
			}
		}
	}
	for _, name := range want {
		if len(file(t, name)) == 0 {
			t.Errorf("%s is empty", name)
		}
	}
}

func TestNothingIsThereTwice(t *testing.T) { // REL-01, REL-07
	var parts []string
	for _, name := range []string{controller, source, broker, sink, channel} {
		parts = append(parts, names(objects(t, name))...)
	}
	if whole := names(objects(t, all)); !slices.Equal(whole, parts) {
		t.Errorf("%s is not what its parts are:\n%v\n%v", all, whole, parts)
	}
	seen := map[string]bool{}
	for _, name := range append(parts, names(append(objects(t, postInstall), append(objects(t, networking), objects(t, autoscaling)...)...))...) {
		if seen[name] {
			t.Errorf("%s is there twice", name)
		}
		seen[name] = true
	}
	for _, o := range objects(t, bundle) {
		if n := o.String(); strings.Count(strings.Join(names(objects(t, bundle)), "\n")+"\n", n+"\n") != 1 {
			t.Errorf("%s: %s is there twice", bundle, n)
		}
	}
}

// What is applied in any order, and at once, depends on nothing that is not there yet: a kind comes before its objects, and
// there are no objects of kinds that the same file defines.
func TestEverythingIsAppliedAtOnce(t *testing.T) { // REL-06, REL-07
	for _, name := range []string{all, controller, broker, channel, sink, source, bundle} {
		for _, o := range objects(t, name) {
			if _, ok := o.value.(*custom); ok {
				t.Errorf("%s: %s is of a kind that may not be there", name, o)
			}
			if o.GetNamespace() != "" && o.GetNamespace() != namespace {
				t.Errorf("%s: %s is in another namespace", name, o)
			}
		}
	}
}

func TestImagesAreNamed(t *testing.T) { // REL-11
	lines := strings.Fields(string(file(t, "images.txt")))
	known := map[string]string{}
	for i := 0; i+1 < len(lines); i += 2 {
		known[lines[i]] = lines[i+1]
	}
	for name, want := range map[string]string{
		"kafka-controller": images + "/kafka-controller:v" + version, "kafka-webhook": "elsewhere.example/w@sha256:1",
		"kafka-data-plane": images + "/kafka-data-plane:v" + version,
	} {
		if known[name] != want {
			t.Errorf("%s: %q, want %q", name, known[name], want)
		}
	}
	for _, p := range pods(t, all, bundle, postInstall) {
		want := known["kafka-data-plane"]
		switch {
		case strings.HasSuffix(p.name, "-controller"):
			want = known["kafka-controller"]
		case p.name == "kafka-webhook-eventing":
			want = known["kafka-webhook"]
		case p.name == "kafka-controller-post-install":
			want = known["kafka-post-install"]
		case p.name == "knative-kafka-storage-version-migrator":
			want = known["kafka-storage-version-migrator"]
		}
		if got := p.container.Image; got != want {
			t.Errorf("%s: image %q, want %q", p.name, got, want)
		}
	}
}

func TestDefinitionsAreThoseThatAreGenerated(t *testing.T) { // REL-01
	generated, err := filepath.Glob(filepath.Join(root, "config/crds/*.yaml"))
	if err != nil || len(generated) == 0 {
		t.Fatalf("no definitions: %v", err)
	}
	for _, name := range []string{controller, bundle} { // the caches of the controller need all of them
		if got := of[*apiextensionsv1.CustomResourceDefinition](t, name); len(got) != len(generated) {
			t.Errorf("%s has %d definitions of %d", name, len(got), len(generated))
		}
		for _, f := range generated {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			text = bytes.TrimSpace(bytes.TrimPrefix(text, []byte("---\n")))
			text = bytes.ReplaceAll(text, []byte("version: devel"), []byte(`version: "`+version+`"`))
			if !bytes.Contains(file(t, name), text) {
				t.Errorf("%s: %s is another one", name, f)
			}
		}
	}
}
