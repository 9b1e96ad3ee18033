package policies

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/cache"
	eventingduck "knative.dev/eventing/pkg/apis/duck/v1"
	eventingv1alpha1 "knative.dev/eventing/pkg/apis/eventing/v1alpha1"
	"knative.dev/eventing/pkg/apis/feature"
	eventinglisters "knative.dev/eventing/pkg/client/listers/eventing/v1alpha1"

	"knative.dev/eventing-kafka-go/control-plane/apis/conditions"
	kafkasink "knative.dev/eventing-kafka-go/control-plane/apis/eventing/v1alpha1"
)

var sinks = schema.GroupKind{Group: "eventing.knative.dev", Kind: "KafkaSink"}

func policy(name string, ready bool, to ...eventingv1alpha1.EventPolicySpecTo) *eventingv1alpha1.EventPolicy {
	p := &eventingv1alpha1.EventPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name}, Spec: eventingv1alpha1.EventPolicySpec{To: to}}
	p.Status.InitializeConditions()
	if ready {
		p.Status.MarkOIDCAuthenticationEnabled()
		p.Status.MarkSubjectsResolvedSucceeded()
	}
	return p
}

func byName(apiVersion, kind, name string) eventingv1alpha1.EventPolicySpecTo {
	return eventingv1alpha1.EventPolicySpecTo{Ref: &eventingv1alpha1.EventPolicyToReference{APIVersion: apiVersion, Kind: kind, Name: name}}
}

func byLabel(kind string, labels map[string]string) eventingv1alpha1.EventPolicySpecTo {
	return eventingv1alpha1.EventPolicySpecTo{Selector: &eventingv1alpha1.EventPolicySelector{
		TypeMeta: &metav1.TypeMeta{APIVersion: "eventing.knative.dev/v1alpha1", Kind: kind}, LabelSelector: &metav1.LabelSelector{MatchLabels: labels},
	}}
}

func TestWhichPoliciesApply(t *testing.T) {
	elsewhere := policy("elsewhere", true)
	elsewhere.Namespace = "other"
	sink := "eventing.knative.dev/v1alpha1"
	wrong := byLabel("KafkaSink", nil)
	wrong.Selector.MatchExpressions = []metav1.LabelSelectorRequirement{{Key: "team", Operator: "No"}}
	for _, tt := range []struct {
		name     string
		policies []*eventingv1alpha1.EventPolicy
		flags    feature.Flags
		applied  string
		says     string
	}{
		{"none, and no authentication", nil, feature.Flags{}, "", "True OIDCDisabled: Feature \"authentication-oidc\" must be enabled to support Authorization"},
		{"none", nil, feature.Flags{feature.OIDCAuthentication: feature.Enabled, feature.AuthorizationDefaultMode: feature.AuthorizationDenyAll}, "",
			"True DefaultAuthorizationMode: Default authz mode is \"Deny-All\""},
		{"by name, whatever the version", []*eventingv1alpha1.EventPolicy{policy("p", true, byName("eventing.knative.dev/v9", "KafkaSink", "k"))}, nil, "p", "True :"},
		{"one that names nothing applies to all", []*eventingv1alpha1.EventPolicy{policy("p", true)}, nil, "p", "True :"},
		{"by label", []*eventingv1alpha1.EventPolicy{policy("p", true, byLabel("KafkaSink", map[string]string{"team": "blue"}))}, nil, "p", "True :"},
		{"by another label", []*eventingv1alpha1.EventPolicy{policy("p", true, byLabel("KafkaSink", map[string]string{"team": "red"}))}, nil, "", "True OIDCDisabled"},
		{"by the label of another kind", []*eventingv1alpha1.EventPolicy{policy("p", true, byLabel("Broker", map[string]string{"team": "blue"}))}, nil, "", "True OIDCDisabled"},
		{"another name", []*eventingv1alpha1.EventPolicy{policy("p", true, byName(sink, "KafkaSink", "other"))}, nil, "", "True OIDCDisabled"},
		{"another kind of that name", []*eventingv1alpha1.EventPolicy{policy("p", true, byName(sink, "Broker", "k"))}, nil, "", "True OIDCDisabled"},
		{"another group", []*eventingv1alpha1.EventPolicy{policy("p", true, byName("example.com/v1", "KafkaSink", "k"))}, nil, "", "True OIDCDisabled"},
		{"another namespace", []*eventingv1alpha1.EventPolicy{elsewhere}, nil, "", "True OIDCDisabled"},
		{"one of several targets", []*eventingv1alpha1.EventPolicy{policy("p", true, byName(sink, "Broker", "b"), byName(sink, "KafkaSink", "k"))}, nil, "p", "True :"},
		{"several, by name", []*eventingv1alpha1.EventPolicy{policy("q", true), policy("p", true)}, nil, "p q", "True :"},
		{"one is not ready (IN-50)", []*eventingv1alpha1.EventPolicy{policy("p", true), policy("q", false), policy("r", false)}, nil, "p",
			"False EventPoliciesNotReady: event policies q, r are not ready"},
		{"a selector that is none", []*eventingv1alpha1.EventPolicy{policy("p", true, wrong)}, nil, "before", "False EventPoliciesGetFailed: EventPolicy ns/p: spec.to.selector"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			indexer := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})
			for _, p := range tt.policies {
				if err := indexer.Add(p); err != nil {
					t.Fatal(err)
				}
			}
			status := &kafkasink.KafkaSinkStatus{}
			status.Policies = []eventingduck.AppliedEventPolicyRef{{Name: "before"}}
			m := status.ConditionManager()
			meta := &metav1.ObjectMeta{Namespace: "ns", Name: "k", Labels: map[string]string{"team": "blue"}}
			err := Apply(eventinglisters.NewEventPolicyLister(indexer), tt.flags, sinks, meta, &status.AppliedEventPoliciesStatus, m)
			if (err != nil) != (tt.applied == "before") {
				t.Errorf("%v", err)
			}
			var applied []string
			for _, p := range status.Policies {
				applied = append(applied, p.Name)
			}
			c := m.GetCondition(conditions.EventPoliciesReady)
			if says := string(c.Status) + " " + c.Reason + ": " + c.Message; strings.Join(applied, " ") != tt.applied || !strings.HasPrefix(says, tt.says) {
				t.Errorf("%q, %s; want %q, %s (ST-02)", applied, says, tt.applied, tt.says)
			}
		})
	}
}
