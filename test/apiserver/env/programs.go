package env

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/clientcmd"

	"knative.dev/eventing-kafka-go/test/apiserver/program"
)

// webhookName is the name of the webhook's Service.
const webhookName = "kafka-webhook-eventing"

// Build compiles a command of this module, such as control-plane/cmd/controller, unless that was done, and returns the
// program.
func (e *Env) Build(tb testing.TB, command string) string {
	tb.Helper()
	e.built.mu.Lock()
	defer e.built.mu.Unlock()
	if e.built.files[command] == "" {
		e.built.files[command] = program.Build(tb, e.dir, command)
	}
	return e.built.files[command]
}

// built are the programs that were compiled, by command: linking one takes seconds.
type built struct {
	mu    sync.Mutex
	files map[string]string
}

// Run starts a program of the control plane as a pod of a ServiceAccount in the system namespace would run: it may do
// what the roles of config/control-plane allow that account. Variables come on top.
func (e *Env) Run(tb testing.TB, file, account, pod string, variables ...string) *program.Process {
	tb.Helper()
	ports := program.FreePorts(tb, 2)
	own := []string{
		"KUBECONFIG=" + e.KubeconfigAs(tb, account),
		"SYSTEM_NAMESPACE=" + SystemNamespace,
		"POD_NAME=" + pod,
		fmt.Sprintf("PROFILING_PORT=%d", ports[0]),
		fmt.Sprintf("METRICS_PROMETHEUS_PORT=%d", ports[1]),
	}
	return program.Start(tb, file, append(own, variables...))
}

// KubeconfigAs writes the kubeconfig of a ServiceAccount of the system namespace and returns the file.
func (e *Env) KubeconfigAs(tb testing.TB, account string) string {
	tb.Helper()
	config, err := clientcmd.LoadFromFile(e.Kubeconfig)
	if err != nil {
		tb.Fatal(err)
	}
	user := config.AuthInfos[config.Contexts[config.CurrentContext].AuthInfo]
	user.Impersonate = "system:serviceaccount:" + SystemNamespace + ":" + account
	user.ImpersonateGroups = []string{"system:serviceaccounts", "system:serviceaccounts:" + SystemNamespace, "system:authenticated"}
	file := filepath.Join(e.dir, account+".kubeconfig")
	if err := clientcmd.WriteToFile(*config, file); err != nil {
		tb.Fatal(err)
	}
	return file
}

// StartWebhook runs the webhook and waits until the API server asks it. It is found as in a cluster, by its Service, which
// leads to this machine here.
func (e *Env) StartWebhook(tb testing.TB) *program.Process {
	tb.Helper()
	port := program.FreePorts(tb, 1)[0]
	e.leadToWebhook(tb, port)
	p := e.Run(tb, e.Build(tb, "control-plane/cmd/webhook"), webhookName, "webhook-1", fmt.Sprintf("WEBHOOK_PORT=%d", port))
	tb.Cleanup(func() { p.Kill(tb) }) // asked to end, it would first serve on for the 45 s that a cluster needs to forget it
	e.AwaitWebhook(tb, p)
	return p
}

// leadToWebhook makes the webhook's Service lead to the loopback, and everything that names it ask at a port there.
func (e *Env) leadToWebhook(tb testing.TB, port int) {
	tb.Helper()
	service := Parse(tb, "{apiVersion: v1, kind: Service, metadata: {name: "+webhookName+", namespace: "+SystemNamespace+"}}")[0]
	e.Delete(tb, service)
	service.Object["spec"] = map[string]any{"type": "ExternalName", "externalName": "localhost"}
	if _, err := e.TryApply(tb, service); err != nil {
		tb.Fatalf("lead the webhook's Service to this machine: %v", err)
	}
	at := fmt.Sprintf("{service: {name: %s, namespace: %s, port: %d}}", webhookName, SystemNamespace, port)
	for _, o := range append(e.Manifests(tb, "config/control-plane"), e.Manifests(tb, "config/crds")...) {
		var change string
		switch {
		case strings.HasSuffix(o.GetKind(), "WebhookConfiguration"):
			change = fmt.Sprintf("webhooks: [{name: %s, admissionReviewVersions: [v1, v1beta1], sideEffects: None, failurePolicy: Fail, "+
				"timeoutSeconds: 10, clientConfig: %s}]", o.GetName(), at)
		case o.GetKind() == "CustomResourceDefinition" && converts(o):
			change = "spec: {conversion: {webhook: {clientConfig: " + at + "}}}"
		default:
			continue
		}
		if _, err := e.Patch(tb, o, change); err != nil {
			tb.Fatalf("lead %s to the webhook: %v", o.GetName(), err)
		}
	}
}

func converts(crd *Object) bool {
	spec, _ := crd.Object["spec"].(map[string]any)
	return spec["conversion"] != nil
}

// AwaitWebhook waits until admission and conversion are asked of the webhook and answered, for every kind.
func (e *Env) AwaitWebhook(tb testing.TB, p *program.Process) {
	tb.Helper()
	// In a version that is not stored, so that a conversion is part of the answer; never written, as they are dry runs.
	for _, o := range Parse(tb, `
{apiVersion: sources.knative.dev/v1, kind: KafkaSource, metadata: {name: await-webhook, namespace: default},
  spec: {bootstrapServers: [kafka:9092], topics: [t], sink: {uri: http://sink}}}
---
{apiVersion: messaging.knative.dev/v1, kind: KafkaChannel, metadata: {name: await-webhook, namespace: default}}`) {
		Until(tb, Patience, func() string {
			if p.Ended() {
				tb.Fatalf("the webhook ended: %s", p.Output())
			}
			made, err := e.Of(o.GroupVersionKind(), "default").Create(tb.Context(), o, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
			if err != nil {
				return fmt.Sprintf("%s: %v", o.GetKind(), err)
			}
			if annotations := made.GetAnnotations(); len(annotations) == 0 { // who created it
				return o.GetKind() + " is not defaulted"
			}
			return ""
		})
	}
	validation := schema.GroupVersionKind{Group: "admissionregistration.k8s.io", Version: "v1", Kind: "ValidatingWebhookConfiguration"}
	Until(tb, Patience, func() string {
		invalid := Parse(tb, "{apiVersion: eventing.knative.dev/v1alpha1, kind: KafkaSink, metadata: {name: await-webhook, namespace: default}, "+
			"spec: {topic: t, bootstrapServers: []}}")[0]
		_, err := e.Of(invalid.GroupVersionKind(), "default").Create(tb.Context(), invalid, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		if err == nil || !strings.Contains(err.Error(), "validation failed") {
			hooks := e.Get(tb, validation, "", "validation.webhook.kafka.eventing.knative.dev").Object["webhooks"]
			return fmt.Sprintf("nothing is validated: %v; %v", err, hooks)
		}
		return ""
	})
}
