package release

import (
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// rules returns what a ServiceAccount may do, everywhere or in the system namespace.
func rules(t *testing.T, file, account string) []rbacv1.PolicyRule {
	t.Helper()
	var all []rbacv1.PolicyRule
	isIt := func(s rbacv1.Subject) bool {
		return s.Kind == rbacv1.ServiceAccountKind && s.Name == account && s.Namespace == namespace
	}
	for _, b := range of[*rbacv1.ClusterRoleBinding](t, file) {
		if slices.ContainsFunc(b.Subjects, isIt) && b.RoleRef.Name != "addressable-resolver" { // core's
			all = append(all, named[*rbacv1.ClusterRole](t, file, b.RoleRef.Name).Rules...)
		}
	}
	for _, b := range of[*rbacv1.RoleBinding](t, file) {
		if slices.ContainsFunc(b.Subjects, isIt) {
			all = append(all, named[*rbacv1.Role](t, file, b.RoleRef.Name).Rules...)
		}
	}
	return all
}

// allowed says whether a verb is allowed for all objects of a resource.
func allowed(rules []rbacv1.PolicyRule, group, resource, verb string) bool {
	return slices.ContainsFunc(rules, func(r rbacv1.PolicyRule) bool {
		return len(r.ResourceNames) == 0 && slices.Contains(r.APIGroups, group) && slices.Contains(r.Resources, resource) && slices.Contains(r.Verbs, verb)
	})
}

// informer is how packages of informers are called: of Kubernetes, of core and of this project.
var informer = regexp.MustCompile(`/injection/(kube/|apiextensions/)?informers/([a-z]+)/(v[0-9a-z]+)/([a-z]+)(/filtered)?$`)

// groups are the names of API groups, by those of packages.
var groups = map[string]string{
	"core": "", "apps": "apps", "rbac": "rbac.authorization.k8s.io", "coordination": "coordination.k8s.io", "policy": "policy",
	"admissionregistration": "admissionregistration.k8s.io", "apiextensions": "apiextensions.k8s.io", "autoscaling": "autoscaling",
	"messaging": "messaging.knative.dev", "eventing": "eventing.knative.dev", "sources": "sources.knative.dev",
	"kafka": "kafka.eventing.knative.dev", "keda": "keda.sh",
}

// watched returns the resources that a program keeps caches of: those whose informers are linked into it.
func watched(t *testing.T, program string) []schema.GroupResource {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "knative.dev/eventing-kafka-go/"+program).Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []schema.GroupResource
	for path := range strings.Lines(string(out)) {
		found := informer.FindStringSubmatch(strings.TrimSpace(path))
		if found == nil {
			continue
		}
		group, ok := groups[found[2]]
		if !ok {
			t.Fatalf("%s: this test does not know the API group of package %s", program, found[2])
		}
		resource, _ := meta.UnsafeGuessKindToResource(schema.GroupVersionKind{Group: group, Version: found[3], Kind: found[4]})
		all = append(all, resource.GroupResource())
	}
	if len(all) < 3 {
		t.Fatalf("%s keeps caches of %v alone", program, all)
	}
	return all
}

// A program whose cache cannot be filled does not start.
func TestProgramsMayWatchWhatTheyKeepCachesOf(t *testing.T) { // SEC-44, SEC-46
	for program, account := range map[string]string{"control-plane/cmd/controller": "kafka-controller", "control-plane/cmd/webhook": "kafka-webhook-eventing"} {
		for _, file := range []string{controller, bundle} {
			may := rules(t, file, account)
			for _, resource := range watched(t, program) {
				for _, verb := range []string{"list", "watch"} {
					if !allowed(may, resource.Group, resource.Resource, verb) {
						t.Errorf("%s: %s may not %s %s", file, account, verb, resource)
					}
				}
			}
			for _, verb := range []string{"get", "create", "update"} { // leader election
				if !allowed(may, "coordination.k8s.io", "leases", verb) {
					t.Errorf("%s: %s may not %s leases", file, account, verb)
				}
			}
		}
	}
}

func TestDataPlanesMayNothing(t *testing.T) { // SEC-40, SEC-47, REL-22
	for _, file := range []string{broker, channel, sink, source} {
		for _, o := range objects(t, file) {
			if strings.Contains(o.kind, "Role") {
				t.Errorf("%s has a %s", file, o)
			}
		}
		for _, p := range pods(t, file) {
			kind, _ := p.plane()
			if p.spec.ServiceAccountName != "knative-kafka-"+string(kind)+"-data-plane" {
				t.Errorf("%s runs as %s", p.name, p.spec.ServiceAccountName)
			}
			if got := rules(t, all, p.spec.ServiceAccountName); len(got) != 0 {
				t.Errorf("%s may %v", p.name, got)
			}
		}
	}
}

func TestAccountsAreThere(t *testing.T) { // REL-02, REL-22, REL-24, SEC-45
	for _, file := range []string{all, controller, broker, channel, sink, source, bundle, postInstall} {
		for _, p := range pods(t, file) {
			named[*corev1.ServiceAccount](t, file, p.spec.ServiceAccountName)
		}
	}
	for _, file := range []string{controller, bundle} {
		resolver := named[*rbacv1.ClusterRoleBinding](t, file, "kafka-controller-addressable-resolver")
		if resolver.RoleRef.Name != "addressable-resolver" || resolver.Subjects[0].Name != "kafka-controller" {
			t.Errorf("%s: %+v", file, resolver)
		}
		named[*corev1.Secret](t, file, "kafka-webhook-eventing-certs")
	}
}

func TestRightsAreGathered(t *testing.T) { // SEC-48, SEC-49
	for role, label := range map[string]string{
		"knative-kafka-addressable-resolver": "duck.knative.dev/addressable", "knative-kafka-channelable-manipulator": "duck.knative.dev/channelable",
		"eventing-kafka-source-observer": "duck.knative.dev/source",
		"knative-kafka-namespaced-admin": "rbac.authorization.k8s.io/aggregate-to-admin",
		"knative-kafka-namespaced-edit":  "rbac.authorization.k8s.io/aggregate-to-edit",
		"knative-kafka-namespaced-view":  "rbac.authorization.k8s.io/aggregate-to-view",
	} {
		if r := named[*rbacv1.ClusterRole](t, controller, role); r.Labels[label] != "true" || len(r.Rules) == 0 {
			t.Errorf("%s: %v", role, r.Labels)
		}
	}
	channels := named[*rbacv1.ClusterRole](t, controller, "knative-kafka-channelable-manipulator").Rules
	for _, verb := range []string{"create", "get", "list", "watch", "update", "patch", "delete"} {
		if !allowed(channels, "messaging.knative.dev", "kafkachannels", verb) {
			t.Errorf("core may not %s KafkaChannels", verb)
		}
	}
}

// The webhook that changed pods must not keep pods from being made, and those who install wait for its first rule.
func TestTheWebhookOfPodsIsAskedNothing(t *testing.T) { // REL-06, MIG-40
	for _, file := range []string{controller, bundle} {
		c := named[*admissionregistrationv1.MutatingWebhookConfiguration](t, file, "pods.defaulting.webhook.kafka.eventing.knative.dev")
		if len(c.Webhooks) != 1 || c.Webhooks[0].Name != c.Name || len(c.Webhooks[0].Rules) == 0 ||
			*c.Webhooks[0].FailurePolicy != admissionregistrationv1.Ignore || c.Webhooks[0].NamespaceSelector != nil {
			t.Fatalf("%s: %+v", file, c.Webhooks)
		}
		s := c.Webhooks[0].ObjectSelector
		key := s.MatchExpressions[0].Key
		for _, l := range []map[string]string{
			nil, {key: ""}, {key: "true"}, {"app.kubernetes.io/kind": "kafka-dispatcher"}, podNamed(t, "kafka-broker-dispatcher").labels,
		} {
			if selects(t, s, l) {
				t.Errorf("%s: it is asked about a pod with labels %v", file, l)
			}
		}
	}
}
