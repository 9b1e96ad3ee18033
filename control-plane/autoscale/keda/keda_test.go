package keda

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	kubefake "k8s.io/client-go/kubernetes/fake"
	clientgotesting "k8s.io/client-go/testing"
	"sigs.k8s.io/yaml"

	"knative.dev/eventing-kafka-go/control-plane/apis/annotation"
	sourcesv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/sources/v1beta1"
)

func newSource() *sourcesv1beta1.KafkaSource {
	s := &sourcesv1beta1.KafkaSource{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "k", UID: "uid"}}
	s.Spec.BootstrapServers, s.Spec.Topics, s.Spec.ConsumerGroup = []string{"a:9092", "b:9092"}, []string{"t1", "t2"}, "group"
	return s
}

func key(secret, key string) *corev1.SecretKeySelector {
	return &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: secret}, Key: key}
}

func get(namespace, name string) (*corev1.Secret, error) {
	if namespace != "ns" || name != "s" {
		return nil, fmt.Errorf("get Secret %s/%s: not found", namespace, name)
	}
	return &corev1.Secret{Data: map[string][]byte{
		"plain": []byte("PLAIN"), "256": []byte("SCRAM-SHA-256"), "512": []byte("SCRAM-SHA-512"), "token": []byte("OAUTHBEARER"),
	}}, nil
}

func spec(t *testing.T, u *unstructured.Unstructured) string {
	t.Helper()
	if u == nil {
		return ""
	}
	text, err := yaml.Marshal(u.Object["spec"])
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestAScaledObject(t *testing.T) { // EG-99 to EG-101
	s := newSource()
	o, err := Make(s, annotation.DefaultAutoscaling(), get)
	if err != nil || o.Authentication != nil || o.Secret != nil {
		t.Fatalf("%+v, %v", o, err)
	}
	trigger := func(topic string) string {
		return `- metadata:
    activationLagThreshold: "0"
    allowIdleConsumers: "false"
    bootstrapServers: a:9092,b:9092
    consumerGroup: group
    lagThreshold: "100"
    topic: ` + topic + `
  type: kafka
`
	}
	want := `cooldownPeriod: 30
maxReplicaCount: 50
minReplicaCount: 0
pollingInterval: 10
scaleTargetRef:
  apiVersion: sources.knative.dev/v1beta1
  kind: KafkaSource
  name: k
triggers:
` + trigger("t1") + trigger("t2")
	if got := spec(t, o.ScaledObject); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if m := o.ScaledObject; m.GetName() != "so-uid" || m.GetNamespace() != "ns" || !metav1.IsControlledBy(m, s) || m.GetLabels()[resourceLabel] != "true" {
		t.Errorf("%v", m.Object)
	}
	s.Status.Placements = []sourcesv1beta1.Placement{{PodName: "a", VReplicas: 1}}
	if o, err = Make(s, annotation.DefaultAutoscaling(), get); err != nil || !strings.Contains(spec(t, o.ScaledObject), `allowIdleConsumers: "true"`) {
		t.Errorf("placed: %s, %v", spec(t, o.ScaledObject), err)
	}
}

func TestAuthentication(t *testing.T) { // EG-102, EG-103
	for name, row := range map[string]struct {
		change     func(*sourcesv1beta1.KafkaSource)
		parameters string // each with the Secret and key that it comes from, or with its value where that is ours
		problem    string
	}{
		"a public authority": {func(s *sourcesv1beta1.KafkaSource) { s.Spec.Net.TLS.Enable = true }, "tls=enable", ""},
		"an authority of its own": {func(s *sourcesv1beta1.KafkaSource) {
			s.Spec.Net.TLS.Enable, s.Spec.Net.TLS.CACert.SecretKeyRef = true, key("s", "crt")
		}, "tls=enable ca:s/crt", ""},
		"a certificate": {func(s *sourcesv1beta1.KafkaSource) {
			net := &s.Spec.Net.TLS
			net.Enable, net.Cert.SecretKeyRef, net.Key.SecretKeyRef = true, key("s", "crt"), key("t", "key")
		}, "tls=enable cert:s/crt key:t/key", ""},
		"a password": {func(s *sourcesv1beta1.KafkaSource) {
			net := &s.Spec.Net.SASL
			net.Enable, net.User.SecretKeyRef, net.Password.SecretKeyRef = true, key("s", "u"), key("s", "p")
		}, "sasl=plaintext username:s/u password:s/p", ""},
		"PLAIN":         {sasl("s", "plain"), "sasl=plaintext", ""},
		"SCRAM-SHA-256": {sasl("s", "256"), "sasl=scram_sha256", ""},
		"SCRAM-SHA-512": {sasl("s", "512"), "sasl=scram_sha512", ""},
		"both": {func(s *sourcesv1beta1.KafkaSource) {
			sasl("s", "512")(s)
			s.Spec.Net.TLS.Enable = true
		}, "sasl=scram_sha512 tls=enable", ""},
		"what is switched off is not asked for": {func(s *sourcesv1beta1.KafkaSource) {
			sasl("none", "x")(s)
			s.Spec.Net.SASL.Enable, s.Spec.Net.TLS.Enable = false, true
		}, "tls=enable", ""},
		"a mechanism that KEDA does not know": {sasl("s", "token"), "", `SASL type value "OAUTHBEARER" is not supported`},
		"a Secret that is missing":            {sasl("none", "x"), "", "get Secret ns/none: not found"},
	} {
		s := newSource()
		row.change(s)
		o, err := Make(s, annotation.DefaultAutoscaling(), get)
		if problem := fmt.Sprint(err); row.problem != "" {
			if problem != row.problem || o.ScaledObject != nil {
				t.Errorf("%s: %s", name, problem)
			}
			continue
		}
		if got := parameters(o); err != nil || got != row.parameters {
			t.Errorf("%s: %s, %v", name, got, err)
		}
		if text := spec(t, o.ScaledObject); strings.Count(text, "authenticationRef:\n    name: so-uid\n") != 2 {
			t.Errorf("%s: %s", name, text)
		}
	}
}

func sasl(secret, name string) func(*sourcesv1beta1.KafkaSource) {
	return func(s *sourcesv1beta1.KafkaSource) {
		s.Spec.Net.SASL.Enable, s.Spec.Net.SASL.Type.SecretKeyRef = true, key(secret, name)
	}
}

func parameters(o Objects) string {
	var all []string
	refs, _, _ := unstructured.NestedSlice(o.Authentication.Object, "spec", "secretTargetRef")
	for _, r := range refs {
		m := r.(map[string]any)
		if m["name"] == "so-uid" {
			all = append(all, fmt.Sprintf("%s=%s", m["parameter"], o.Secret.Data[m["key"].(string)]))
			continue
		}
		all = append(all, fmt.Sprintf("%s:%s/%s", m["parameter"], m["name"], m["key"]))
	}
	return strings.Join(all, " ")
}

// bench is an API server with KEDA's kinds.
type bench struct {
	*Client
	dynamic *dynamicfake.FakeDynamicClient
	kube    *kubefake.Clientset
	now     time.Time
}

func newBench() *bench {
	b := &bench{kube: kubefake.NewSimpleClientset(), now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	b.dynamic = dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), map[schema.GroupVersionResource]string{scaledObjects: "ScaledObjectList"})
	b.Client = &Client{Dynamic: b.dynamic, Kube: b.kube, Now: func() time.Time { return b.now }}
	return b
}

// writes are what was done since the last call.
func (b *bench) writes() string {
	var all []string
	for _, a := range append(b.dynamic.Actions(), b.kube.Actions()...) {
		if a.GetVerb() != "get" && a.GetVerb() != "list" {
			all = append(all, a.GetVerb()+" "+a.GetResource().Resource)
		}
	}
	b.dynamic.ClearActions()
	b.kube.ClearActions()
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func TestObjectsAreWrittenWhenTheySaySomethingElse(t *testing.T) {
	b, s, p := newBench(), newSource(), annotation.DefaultAutoscaling()
	sasl("s", "plain")(s)
	for _, step := range []struct {
		name   string
		change func()
		want   string
	}{
		{"they are missing", func() {}, "create scaledobjects, create secrets, create triggerauthentications"},
		{"nothing is new", func() {}, ""},
		{"KEDA adds what it likes", func() {
			b.edit(t, func(have map[string]any) { have["spec"].(map[string]any)["advanced"] = map[string]any{} })
		}, ""},
		{"somebody edited one (EG-106)", func() {
			b.edit(t, func(have map[string]any) { have["spec"].(map[string]any)["maxReplicaCount"] = int64(1) })
		}, "update scaledobjects"},
		{"a bound", func() { p.Max = 7 }, "update scaledobjects"},
		{"fewer topics", func() { s.Spec.Topics = s.Spec.Topics[:1] }, "update scaledobjects"},
		{"another mechanism", func() { sasl("s", "512")(s) }, "update secrets"},
		{"encrypted too", func() { s.Spec.Net.TLS.Enable = true }, "update secrets, update triggerauthentications"},
	} {
		step.change()
		b.writes()
		o, err := Make(s, p, get)
		if err == nil {
			err = b.Apply(t.Context(), s, o)
		}
		if got := b.writes(); got != step.want || err != nil {
			t.Errorf("%s: %q, %v; want %q", step.name, got, err, step.want)
		}
	}
	for range 2 { // the second time nothing is there
		if err := b.Delete(t.Context(), s); err != nil {
			t.Error(err)
		}
	}
	if got := b.writes(); got != strings.Repeat("delete scaledobjects, ", 2)+"delete triggerauthentications, delete triggerauthentications" {
		t.Errorf("deleted: %s", got)
	}
}

func (b *bench) edit(t *testing.T, change func(map[string]any)) {
	t.Helper()
	client := b.dynamic.Resource(scaledObjects).Namespace("ns")
	have, err := client.Get(t.Context(), "so-uid", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	change(have.Object)
	if _, err := client.Update(t.Context(), have, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func TestWhatBelongsToSomebodyElseStays(t *testing.T) {
	mine, other := newSource(), newSource()
	other.Name, other.UID = "other", "uid"
	sasl("s", "plain")(mine)
	sasl("s", "plain")(other)
	foreign, err := Make(other, annotation.DefaultAutoscaling(), get)
	if err != nil {
		t.Fatal(err)
	}
	for _, take := range []func(*Objects){
		func(o *Objects) { o.Secret.OwnerReferences = nil },
		func(o *Objects) { o.Authentication.SetOwnerReferences(nil) },
		func(o *Objects) { o.ScaledObject.SetOwnerReferences(nil) },
	} {
		b := newBench()
		o := Objects{foreign.ScaledObject.DeepCopy(), foreign.Authentication.DeepCopy(), foreign.Secret.DeepCopy()}
		take(&o)
		if err := b.Apply(t.Context(), other, o); err != nil {
			t.Fatal(err)
		}
		own, _ := Make(mine, annotation.DefaultAutoscaling(), get)
		own.ScaledObject.Object["spec"].(map[string]any)["maxReplicaCount"] = int64(1)
		if err := b.Apply(t.Context(), mine, own); err == nil || !strings.Contains(err.Error(), "ns/so-uid: it belongs to somebody else") {
			t.Errorf("%v", err)
		}
	}
}

func TestWhetherKEDAIsThereIsAskedOnceAMinute(t *testing.T) { // EG-98
	b, asked := newBench(), 0
	var answer error = apierrors.NewNotFound(schema.GroupResource{}, "")
	b.dynamic.PrependReactor("list", "*", func(clientgotesting.Action) (bool, runtime.Object, error) {
		asked++
		return answer != nil, nil, answer
	})
	for _, step := range []struct {
		answer error
		wait   time.Duration
		there  bool
		asked  int
	}{
		{answer, 0, false, 1}, {nil, time.Second, false, 1}, {nil, time.Minute, true, 2},
		{errors.New("forbidden"), time.Second, true, 2}, {errors.New("forbidden"), time.Minute, false, 3},
	} {
		answer, b.now = step.answer, b.now.Add(step.wait)
		if there := b.Available(t.Context()); there != step.there || asked != step.asked {
			t.Errorf("%+v: %v, asked %d times", step, there, asked)
		}
	}
}
