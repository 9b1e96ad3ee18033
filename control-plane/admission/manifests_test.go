package admission

import (
	"bytes"
	"os"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"sigs.k8s.io/yaml"
)

// What is installed is what the program looks for, with the settings that users know (WH-01, WH-02, WH-05, WH-06).
func TestManifests(t *testing.T) {
	text, err := os.ReadFile("../../config/control-plane/400-webhook.yaml")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for document := range bytes.SplitSeq(text, []byte("\n---\n")) {
		var c struct {
			Kind     string `json:"kind"`
			Metadata struct {
				Name string `json:"name"`
			} `json:"metadata"`
			Webhooks []admissionregistrationv1.ValidatingWebhook `json:"webhooks"` // the fields that both have
		}
		if err := yaml.Unmarshal(document, &c); err != nil {
			t.Fatal(err)
		}
		found[c.Kind+" "+c.Metadata.Name] = true
		for _, w := range c.Webhooks {
			if w.Name != c.Metadata.Name || *w.FailurePolicy != admissionregistrationv1.Fail || *w.TimeoutSeconds != 2 ||
				*w.SideEffects != admissionregistrationv1.SideEffectClassNone || len(w.AdmissionReviewVersions) != 2 {
				t.Errorf("%s: %+v (WH-06)", c.Metadata.Name, w)
			}
			if s := w.ClientConfig.Service; s == nil || s.Name != "kafka-webhook-eventing" || s.Namespace != "knative-eventing" || s.Port != nil {
				t.Errorf("%s: asked at %+v (WH-01)", c.Metadata.Name, s)
			}
		}
	}
	for _, want := range []string{"MutatingWebhookConfiguration " + DefaultingName, "ValidatingWebhookConfiguration " + ValidationName,
		"Service kafka-webhook-eventing", "Secret kafka-webhook-eventing-certs"} {
		if !found[want] {
			t.Errorf("there is no %s", want)
		}
	}
}
