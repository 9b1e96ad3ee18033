package apiserver

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"knative.dev/eventing-kafka-go/test/apiserver/env"
	"knative.dev/eventing-kafka-go/test/apiserver/program"
)

const (
	migratorAccount = "knative-kafka-storage-version-migrator"
	channelCRD      = "kafkachannels.messaging.knative.dev"
	sourceCRD       = "kafkasources.sources.knative.dev"
	sinkCRD         = "kafkasinks.eventing.knative.dev"
)

// storedVersions is about the Job that has objects stored anew, with its arguments and its rights: another release stores v1
// where this one stores v1beta1 (REL-26, MIG-51).
func storedVersions(t *testing.T, e *env.Env) {
	var role, job *env.Object
	for _, o := range e.Manifests(t, "config/post-install") {
		switch {
		case !strings.Contains(o.GetName(), migratorAccount):
		case o.GetKind() == "Job":
			job = o
		default:
			if o.GetKind() == "ClusterRole" {
				role = o
			}
			if _, err := e.TryApply(t, o); err != nil {
				t.Fatal(err)
			}
		}
	}
	arguments := argumentsOf(t, job)
	if want := []string{channelCRD, sinkCRD, sourceCRD}; !slices.Equal(slices.Sorted(slices.Values(arguments)), want) {
		t.Fatalf("it is to migrate %v", arguments)
	}
	migrate := func(want bool) {
		t.Helper()
		p := program.Start(t, e.Build(t, "knative.dev/pkg/apiextensions/storageversion/cmd/migrate"),
			[]string{"KUBECONFIG=" + e.KubeconfigAs(t, migratorAccount), "IGNORE_NOT_FOUND=true"}, arguments...)
		if code, said := p.Wait(t, env.Patience); (code == 0) != want {
			t.Fatalf("it ended with %d\n%s", code, said)
		}
	}
	for _, name := range []string{"stored-a", "stored-b"} {
		e.Apply(t, fmt.Sprintf(`
{apiVersion: messaging.knative.dev/v1beta1, kind: KafkaChannel, metadata: {namespace: default, name: %[1]s}, spec: {numPartitions: 2, replicationFactor: 1}}
---
{apiVersion: sources.knative.dev/v1beta1, kind: KafkaSource, metadata: {namespace: default, name: %[1]s}, %[2]s}
---
{apiVersion: eventing.knative.dev/v1alpha1, kind: KafkaSink, metadata: {namespace: default, name: %[1]s}, spec: {topic: t, bootstrapServers: [kafka:9092]}}`, name, sourceSpec))
	}
	stored := func(want ...string) {
		t.Helper()
		if got := versionsInStore(t, e); !slices.Equal(got, want) {
			t.Fatalf("stored are %v, not %v", got, want)
		}
	}
	const old, source, sink = "messaging.knative.dev/v1beta1", "sources.knative.dev/v1beta1", "eventing.knative.dev/v1alpha1"
	stored(sink, sink, old, old, source, source)
	migrate(true) // with nothing to do
	store(t, e, "v1")
	stored(sink, sink, old, old, source, source)

	// It is broken off at the second channel, and nothing is said of versions that may be stored still.
	allow(t, e, role, []any{"stored-a"})
	migrate(false)
	stored(sink, sink, "messaging.knative.dev/v1", old, "sources.knative.dev/v1", "sources.knative.dev/v1")
	listed(t, e, channelCRD, "v1beta1", "v1")
	allow(t, e, role, nil)
	for range 2 { // the second run has nothing to do
		migrate(true)
		stored(sink, sink, "messaging.knative.dev/v1", "messaging.knative.dev/v1", "sources.knative.dev/v1", "sources.knative.dev/v1")
		listed(t, e, channelCRD, "v1")
		listed(t, e, sourceCRD, "v1")
		listed(t, e, sinkCRD, "v1alpha1")
	}

	store(t, e, "v1beta1") // and back
	migrate(true)
	stored(sink, sink, old, old, source, source)
	listed(t, e, channelCRD, "v1beta1")
	for _, kind := range []string{"KafkaChannel messaging.knative.dev/v1beta1", "KafkaSource sources.knative.dev/v1beta1", "KafkaSink eventing.knative.dev/v1alpha1"} {
		kind, version, _ := strings.Cut(kind, " ")
		for _, name := range []string{"stored-a", "stored-b"} {
			e.Delete(t, env.Parse(t, "{apiVersion: "+version+", kind: "+kind+", metadata: {namespace: default, name: "+name+"}}")[0])
		}
	}
}

func argumentsOf(t *testing.T, job *env.Object) []string {
	t.Helper()
	var is struct {
		Spec struct {
			Template struct {
				Spec struct{ Containers []struct{ Args []string } }
			}
		}
	}
	text, err := job.MarshalJSON()
	if err == nil {
		err = json.Unmarshal(text, &is)
	}
	if err != nil || len(is.Spec.Template.Spec.Containers) != 1 {
		t.Fatalf("%v, %s", err, text)
	}
	return is.Spec.Template.Spec.Containers[0].Args
}

// store has channels and sources stored in a version.
func store(t *testing.T, e *env.Env, version string) {
	t.Helper()
	for _, name := range []string{channelCRD, sourceCRD} {
		definitions := e.CRDs.ApiextensionsV1().CustomResourceDefinitions()
		env.Until(t, env.Patience, func() string { // the API server writes its status meanwhile
			crd, err := definitions.Get(t.Context(), name, metav1.GetOptions{})
			if err != nil {
				return err.Error()
			}
			for i := range crd.Spec.Versions {
				crd.Spec.Versions[i].Storage = crd.Spec.Versions[i].Name == version
			}
			if crd, err = definitions.Update(t.Context(), crd, metav1.UpdateOptions{}); err != nil {
				return err.Error()
			}
			if !slices.Contains(crd.Status.StoredVersions, version) {
				return name + " does not list " + version
			}
			return ""
		})
		takenUp(t, e, name, version)
	}
}

// takenUp waits until objects are written in a version: the API server takes definitions up as they are told to it.
func takenUp(t *testing.T, e *env.Env, name, version string) {
	t.Helper()
	kind, spec := channelKind, "spec: {numPartitions: 1, replicationFactor: 1}"
	if name == sourceCRD {
		kind, spec = "KafkaSource", sourceSpec
	}
	_, group, _ := strings.Cut(name, ".")
	probe := "{apiVersion: " + group + "/v1beta1, kind: " + kind + ", metadata: {namespace: default, name: probe}, " + spec + "}"
	env.Until(t, env.Patience, func() string {
		o := e.Apply(t, probe)
		written := inStore(t, e, "/registry/"+group+"/"+strings.ToLower(kind)+"s/default/probe")
		e.Delete(t, o)
		if len(written) != 1 || written[0] != group+"/"+version {
			return fmt.Sprintf("objects of %s are stored in version %s, not %v", name, version, written)
		}
		return ""
	})
}

func listed(t *testing.T, e *env.Env, name string, want ...string) {
	t.Helper()
	crd, err := e.CRDs.ApiextensionsV1().CustomResourceDefinitions().Get(t.Context(), name, metav1.GetOptions{})
	if err != nil || !slices.Equal(crd.Status.StoredVersions, want) {
		t.Fatalf("%s lists %v, not %v, %v", name, crd.Status.StoredVersions, want, err)
	}
	if !slices.ContainsFunc(crd.Spec.Versions, func(v apiextensionsv1.CustomResourceDefinitionVersion) bool { return v.Storage }) {
		t.Errorf("%s stores nothing", name)
	}
}

// allow lets the migrator patch some channels only; nil is all, as in its role.
func allow(t *testing.T, e *env.Env, role *env.Object, names []any) {
	t.Helper()
	changed := role.DeepCopy()
	rules := changed.Object["rules"].([]any)
	for _, r := range rules {
		rule := r.(map[string]any)
		if fmt.Sprint(rule["resources"]) != "[kafkachannels]" || names == nil {
			continue
		}
		rule["verbs"] = []any{"get", "list"}
		rules = append(rules, map[string]any{"apiGroups": rule["apiGroups"], "resources": rule["resources"], "verbs": []any{"patch"}, "resourceNames": names})
	}
	changed.Object["rules"] = rules
	if _, err := e.TryApply(t, changed); err != nil {
		t.Fatal(err)
	}
	env.Until(t, env.Patience, func() string {
		review, err := e.Kube.AuthorizationV1().SubjectAccessReviews().Create(t.Context(), &authorizationv1.SubjectAccessReview{
			Spec: authorizationv1.SubjectAccessReviewSpec{
				User: "system:serviceaccount:" + env.SystemNamespace + ":" + migratorAccount,
				ResourceAttributes: &authorizationv1.ResourceAttributes{
					Verb: "patch", Group: "messaging.knative.dev", Resource: "kafkachannels", Namespace: "default", Name: "stored-b",
				},
			},
		}, metav1.CreateOptions{})
		if err != nil {
			return err.Error()
		}
		if review.Status.Allowed != (names == nil) {
			return fmt.Sprintf("the role is in force: %+v", review.Status)
		}
		return ""
	})
}

// versionsInStore are the versions in which objects of ours are written down, in the order of groups and names.
func versionsInStore(t *testing.T, e *env.Env) []string {
	t.Helper()
	var all []string
	for _, resource := range []string{"eventing.knative.dev/kafkasinks", "messaging.knative.dev/kafkachannels", "sources.knative.dev/kafkasources"} {
		all = append(all, inStore(t, e, "/registry/"+resource+"/default/stored-")...)
	}
	return all
}

// inStore asks etcd for the versions of the objects below a path.
func inStore(t *testing.T, e *env.Env, path string) (versions []string) {
	t.Helper()
	address, err := os.ReadFile(filepath.Join(filepath.Dir(e.Kubeconfig), "etcd.url"))
	if err != nil {
		t.Fatal(err)
	}
	end := []byte(path)
	end[len(end)-1]++ // all that begins with the path
	body, err := json.Marshal(map[string][]byte{"key": []byte(path), "range_end": end})
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, strings.TrimSpace(string(address))+"/v3/kv/range", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var found struct{ Kvs []struct{ Value string } }
	if err := json.NewDecoder(response.Body).Decode(&found); err != nil {
		t.Fatal(err)
	}
	for _, kv := range found.Kvs {
		var of metav1.TypeMeta
		text, err := base64.StdEncoding.DecodeString(kv.Value)
		if err == nil {
			err = json.Unmarshal(text, &of)
		}
		if err != nil {
			t.Fatal(err)
		}
		versions = append(versions, of.APIVersion)
	}
	return versions
}
