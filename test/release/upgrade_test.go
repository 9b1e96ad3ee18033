package release

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"sigs.k8s.io/yaml"
)

// upgraded returns what kubectl apply makes of an object that was applied before: three are compared, what was applied
// last, what is there, and what is applied now.
func upgraded(t *testing.T, before, there, now metav1.Object, into any) {
	t.Helper()
	var texts [3][]byte
	for i, o := range []metav1.Object{before, there, now} {
		var err error
		if texts[i], err = json.Marshal(o); err != nil {
			t.Fatal(err)
		}
	}
	schema, err := strategicpatch.NewPatchMetaFromStruct(now)
	if err != nil {
		t.Fatal(err)
	}
	patch, err := strategicpatch.CreateThreeWayMergePatch(texts[0], texts[2], texts[1], schema, true)
	if err != nil {
		t.Fatal(err)
	}
	after, err := strategicpatch.StrategicMergePatch(texts[1], patch, now)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(after, into); err != nil {
		t.Fatal(err)
	}
}

// incumbent returns the objects of an earlier installation.
func incumbent(t *testing.T) []object {
	t.Helper()
	text, err := os.ReadFile("testdata/incumbent.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var found []object
	for document := range bytes.SplitSeq(text, []byte("\n---\n")) {
		var of metav1.TypeMeta
		if err := yaml.Unmarshal(document, &of); err != nil {
			t.Fatal(err)
		}
		o := empty(of.Kind)
		if err := yaml.UnmarshalStrict(document, o); err != nil {
			t.Fatalf("%s: %v", of.Kind, err)
		}
		found = append(found, object{Object: o, kind: of.Kind, value: o})
	}
	return found
}

func TestAnUpgradeLeavesNothingOfWhatWas(t *testing.T) { // MIG-40, MIG-43
	for _, before := range incumbent(t) {
		var now *object
		for _, o := range objects(t, all) {
			if o.String() == before.String() {
				now = &o
			}
		}
		if now == nil {
			t.Errorf("%s is not replaced", before)
			continue
		}
		after := empty(before.kind)
		upgraded(t, before.Object, before.Object, now.Object, after)
		if want := now.value; !reflect.DeepEqual(after, want) {
			t.Errorf("%s becomes\n%+v\nnot\n%+v", before, after, want)
		}
	}
}

// What is not of a file stays: the certificate authority that a webhook has written, numbers of pods, keys of users.
func TestAnUpgradeKeepsWhatIsNotOfAFile(t *testing.T) { // REL-07, REL-14
	for _, before := range incumbent(t) {
		switch o := before.value.(type) {
		case *admissionregistrationv1.MutatingWebhookConfiguration:
			there := o.DeepCopy()
			there.Webhooks[0].ClientConfig.CABundle = []byte("authority")
			there.Webhooks[0].Rules = []admissionregistrationv1.RuleWithOperations{{}} // of the webhook that is gone
			now := named[*admissionregistrationv1.MutatingWebhookConfiguration](t, all, o.Name)
			var after admissionregistrationv1.MutatingWebhookConfiguration
			upgraded(t, o, there, now, &after)
			if got := after.Webhooks[0]; string(got.ClientConfig.CABundle) != "authority" || !reflect.DeepEqual(got.Rules, now.Webhooks[0].Rules) {
				t.Errorf("%s: %+v", o.Name, got)
			}
		case *corev1.ConfigMap:
			there := o.DeepCopy()
			there.Data["brokers-topic-template"] = "mine"
			var after corev1.ConfigMap
			upgraded(t, o, there, named[*corev1.ConfigMap](t, all, o.Name), &after)
			if after.Data["brokers-topic-template"] != "mine" {
				t.Errorf("%s: %v", o.Name, after.Data)
			}
		}
	}
}
