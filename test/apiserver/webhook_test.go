package apiserver

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"knative.dev/eventing-kafka-go/test/apiserver/env"
	"knative.dev/eventing-kafka-go/test/apiserver/program"
)

// columns asks for tables, as kubectl does.
func columns(t *testing.T, e *env.Env) {
	client, err := rest.HTTPClientFor(e.Config)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"messaging.knative.dev/v1beta1/kafkachannels":      "Name Ready Reason URL Age",                        // CH-04
		"messaging.knative.dev/v1/kafkachannels":           "Name Ready Reason URL Age",                        // CH-04
		"sources.knative.dev/v1beta1/kafkasources":         "Name Topics BootstrapServers Ready Reason Age",    // SRC-03
		"sources.knative.dev/v1/kafkasources":              "Name Topics BootstrapServers Ready Reason Age",    // SRC-03
		"eventing.knative.dev/v1alpha1/kafkasinks":         "Name URL Age Ready Reason",                        // SK-02
		"kafka.eventing.knative.dev/v1alpha1/resetoffsets": "Name Succeeded Reason Ref Namespace Ref Name Age", // RO-02
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.Config.Host+"/apis/"+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io")
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		var table metav1.Table
		err = json.NewDecoder(response.Body).Decode(&table)
		_ = response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, c := range table.ColumnDefinitions {
			names = append(names, c.Name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: columns %q, not %q", path, got, want)
		}
	}
}

// configurations are what the webhook adds to them: its paths, its rules, its certificate authority.
func configurations(t *testing.T, e *env.Env) {
	for name, path := range map[string]string{
		"MutatingWebhookConfiguration defaulting.webhook.kafka.eventing.knative.dev":   "/defaulting",
		"ValidatingWebhookConfiguration validation.webhook.kafka.eventing.knative.dev": "/resource-validation",
	} {
		of, object, _ := strings.Cut(name, " ")
		hooks := field(t, e.Get(t, kind("admissionregistration.k8s.io", "v1", of), "", object), "webhooks").([]any)
		hook := &env.Object{Object: hooks[0].(map[string]any)}
		if got := field(t, hook, "clientConfig.service.path"); got != path {
			t.Errorf("%s is at %v (WH-02, WH-05)", name, got)
		}
		selector := fmt.Sprint(field(t, hook, "namespaceSelector.matchExpressions"))
		if !strings.Contains(selector, "webhooks.knative.dev/exclude") || !strings.Contains(selector, "DoesNotExist") {
			t.Errorf("%s: namespaces %s (WH-06)", name, selector)
		}
		var rules []string
		for _, r := range field(t, hook, "rules").([]any) {
			rule := r.(map[string]any)
			rules = append(rules, fmt.Sprint(rule["apiGroups"], rule["apiVersions"], rule["resources"], rule["operations"]))
		}
		const verbs = " [CREATE UPDATE]"
		want := []string{
			"[eventing.knative.dev] [v1] [brokers brokers/status]" + verbs,
			"[eventing.knative.dev] [v1alpha1] [kafkasinks kafkasinks/status]" + verbs,
			"[kafka.eventing.knative.dev] [v1alpha1] [resetoffsets resetoffsets/status]" + verbs,
			"[messaging.knative.dev] [v1] [kafkachannels kafkachannels/status]" + verbs,
			"[messaging.knative.dev] [v1beta1] [kafkachannels kafkachannels/status]" + verbs,
			"[sources.knative.dev] [v1] [kafkasources kafkasources/status]" + verbs,
			"[sources.knative.dev] [v1beta1] [kafkasources kafkasources/status]" + verbs,
		}
		if !slices.Equal(rules, want) {
			t.Errorf("%s: rules\n%s (WH-02, WH-06)", name, strings.Join(rules, "\n"))
		}
	}
}

// unknown fields of a delivery are kept by the schema (CH-15), so that the webhook can say that it does not know them.
func unknown(t *testing.T, e *env.Env) {
	o := env.Parse(t, "{apiVersion: messaging.knative.dev/v1, kind: KafkaChannel, metadata: {name: unknown, namespace: default}, "+
		"spec: {delivery: {retry: 3, backoffPolicy: linear, timeout: PT1S, format: json}}}")[0]
	made, err := e.TryApply(t, o)
	if err != nil || field(t, made, "spec.delivery.timeout") != "PT1S" || field(t, made, "spec.delivery.format") != "json" {
		t.Errorf("got %v, %v (CH-15)", made, err)
	}
}

// flags are taken from ConfigMaps while the webhook runs.
func flags(t *testing.T, e *env.Env) {
	retryAfter := env.Parse(t, "{apiVersion: messaging.knative.dev/v1, kind: KafkaChannel, metadata: {name: flags, namespace: default}, "+
		"spec: {delivery: {retryAfterMax: PT1S}}}")[0]
	elsewhere := env.Parse(t, "{apiVersion: kafka.eventing.knative.dev/v1alpha1, kind: ResetOffset, metadata: {name: flags, namespace: default}, "+
		"spec: {offset: {time: earliest}, ref: {apiVersion: eventing.knative.dev/v1, kind: Trigger, name: x, namespace: other}}}")[0]
	for o, want := range map[*env.Object]string{
		retryAfter: "must not set the field(s): spec.delivery.retryAfterMax", // WH-08
		elsewhere:  "mismatched namespaces: spec.ref.namespace",              // RO-04
	} {
		if _, err := e.TryApply(t, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v", err)
		}
	}
	e.Apply(t, `
{apiVersion: v1, kind: ConfigMap, metadata: {name: config-features, namespace: knative-eventing}, data: {delivery-retryafter: enabled}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: config-kafka-features, namespace: knative-eventing}, data: {resetoffset-cross-namespace: enabled}}`)
	for _, o := range []*env.Object{retryAfter, elsewhere} {
		env.Until(t, env.Patience, func() string {
			if _, err := e.TryApply(t, o); err != nil {
				return err.Error()
			}
			return ""
		})
	}
}

// rights: the webhook runs with its roles alone (Env.Run), which suffice, and which reach nothing that is not its own.
func rights(t *testing.T, e *env.Env) {
	webhook := e.Acting(t, "system:serviceaccount:knative-eventing:kafka-webhook-eventing")
	foreign := env.Parse(t, "{apiVersion: v1, kind: Secret, metadata: {name: foreign, namespace: default}}\n---\n"+
		"{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingWebhookConfiguration, metadata: {name: foreign}}")
	for _, o := range foreign {
		if _, err := e.TryApply(t, o); err != nil {
			t.Fatal(err)
		}
		if _, err := webhook.Patch(t, o, "metadata: {labels: {a: b}}"); err == nil || !strings.Contains(err.Error(), "forbidden") {
			t.Errorf("the webhook may write %s %s: %v (SEC-46)", o.GetKind(), o.GetName(), err)
		}
	}
}

// needsItsNamespace: without one the webhook would run in one of tests.
func needsItsNamespace(t *testing.T, e *env.Env) {
	p := program.Start(t, e.Build(t, "control-plane/cmd/webhook"), []string{"SYSTEM_NAMESPACE="})
	code, said := p.Wait(t, time.Minute)
	if code != 1 || !strings.Contains(said, "SYSTEM_NAMESPACE is not set") {
		t.Errorf("exit code %d: %s", code, said)
	}
}
