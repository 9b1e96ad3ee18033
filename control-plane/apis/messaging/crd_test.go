package messaging_test

import (
	"os"
	"reflect"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

func readCRD(t *testing.T, path string) *apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(text, &crd); err != nil {
		t.Fatal(err)
	}
	return &crd
}

func TestKafkaChannelCRD(t *testing.T) {
	crd := readCRD(t, "../../../config/crds/messaging.knative.dev_kafkachannels.yaml")
	wantNames := apiextensionsv1.CustomResourceDefinitionNames{Kind: "KafkaChannel", ListKind: "KafkaChannelList",
		Plural: "kafkachannels", Singular: "kafkachannel", ShortNames: []string{"kc"}, Categories: []string{"all", "knative", "messaging", "channel"}}
	if !reflect.DeepEqual(crd.Spec.Names, wantNames) || crd.Spec.Scope != apiextensionsv1.NamespaceScoped {
		t.Errorf("names %+v, scope %s (CH-01)", crd.Spec.Names, crd.Spec.Scope)
	}
	for label, want := range map[string]string{"knative.dev/crd-install": "true", "messaging.knative.dev/subscribable": "true",
		"duck.knative.dev/addressable": "true"} {
		if crd.Labels[label] != want {
			t.Errorf("label %s is %q (CH-03)", label, crd.Labels[label])
		}
	}
	if crd.Labels["app.kubernetes.io/version"] == "" {
		t.Error("no label app.kubernetes.io/version (CH-03)")
	}
	if c := crd.Spec.Conversion; c == nil || c.Strategy != apiextensionsv1.WebhookConverter ||
		c.Webhook.ClientConfig.Service.Name != "kafka-webhook-eventing" || *c.Webhook.ClientConfig.Service.Path != "/resource-conversion" {
		t.Errorf("conversion %+v (CH-05)", c)
	}
}

func TestKafkaChannelCRDVersions(t *testing.T) {
	versions := readCRD(t, "../../../config/crds/messaging.knative.dev_kafkachannels.yaml").Spec.Versions
	if len(versions) != 2 {
		t.Fatalf("%d versions (CH-02)", len(versions))
	}
	for i, want := range []struct {
		name    string
		storage bool
	}{{"v1beta1", true}, {"v1", false}} {
		v := versions[i]
		if v.Name != want.name || v.Storage != want.storage || !v.Served {
			t.Errorf("version %d is %s, served %v, stored %v (CH-02)", i, v.Name, v.Served, v.Storage)
		}
		if v.Subresources == nil || v.Subresources.Status == nil || v.Subresources.Scale != nil {
			t.Errorf("%s has subresources %+v (CH-01)", v.Name, v.Subresources)
		}
		var columns []string
		for _, c := range v.AdditionalPrinterColumns {
			columns = append(columns, c.Name+" "+c.JSONPath)
		}
		if wantColumns := []string{`Ready .status.conditions[?(@.type=="Ready")].status`, `Reason .status.conditions[?(@.type=="Ready")].reason`,
			"URL .status.address.url", "Age .metadata.creationTimestamp"}; !reflect.DeepEqual(columns, wantColumns) {
			t.Errorf("%s has columns %q (CH-04)", v.Name, columns)
		}
		checkChannelSchema(t, v.Name, v.Schema.OpenAPIV3Schema.Properties["spec"])
	}
	if a, b := versions[0].Schema.OpenAPIV3Schema, versions[1].Schema.OpenAPIV3Schema; !reflect.DeepEqual(a.Properties, b.Properties) {
		t.Error("the versions have different schemas (CH-02)")
	}
}

func checkChannelSchema(t *testing.T, version string, spec apiextensionsv1.JSONSchemaProps) {
	t.Helper()
	for _, field := range []string{"numPartitions", "replicationFactor"} {
		p := spec.Properties[field]
		if p.Type != "integer" || p.Default == nil || string(p.Default.Raw) != "1" {
			t.Errorf("%s: %s is %s with default %v (CH-08, CH-09)", version, field, p.Type, p.Default)
		}
	}
	if p := spec.Properties["replicationFactor"]; p.Maximum == nil || *p.Maximum != 32767 {
		t.Errorf("%s: maximum of replicationFactor is %v", version, p.Maximum)
	}
	if len(spec.Required) != 0 {
		t.Errorf("%s: required %v", version, spec.Required)
	}
	delivery := spec.Properties["delivery"]
	subscriber := spec.Properties["subscribers"].Items.Schema
	for where, p := range map[string]apiextensionsv1.JSONSchemaProps{"spec": delivery, "subscriber": subscriber.Properties["delivery"]} {
		if p.XPreserveUnknownFields == nil || !*p.XPreserveUnknownFields {
			t.Errorf("%s: delivery of %s drops unknown fields (CH-15)", version, where)
		}
		for _, field := range []string{"deadLetterSink", "retry", "backoffPolicy", "backoffDelay"} {
			if _, ok := p.Properties[field]; !ok {
				t.Errorf("%s: delivery of %s has no %s (CH-15)", version, where, field)
			}
		}
	}
	for _, field := range []string{"uid", "generation", "name", "subscriberUri", "subscriberCACerts", "subscriberAudience",
		"replyUri", "replyCACerts", "replyAudience", "delivery", "auth"} {
		if _, ok := subscriber.Properties[field]; !ok {
			t.Errorf("%s: subscribers have no %s (CH-12)", version, field)
		}
	}
}
