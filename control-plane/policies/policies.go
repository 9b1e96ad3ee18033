// Package policies says which EventPolicies apply to an object, and whether they are ready.
//
// It reads a lister and writes into the status that it is handed; it keeps no state.
package policies

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	eventingduck "knative.dev/eventing/pkg/apis/duck/v1"
	eventingv1alpha1 "knative.dev/eventing/pkg/apis/eventing/v1alpha1"
	"knative.dev/eventing/pkg/apis/feature"
	eventinglisters "knative.dev/eventing/pkg/client/listers/eventing/v1alpha1"
	"knative.dev/pkg/apis"

	"knative.dev/eventing-kafka-go/control-plane/apis/conditions"
)

// Apply writes into the status of an object which ready policies apply to it, and marks EventPoliciesReady (ST-02).
func Apply(
	lister eventinglisters.EventPolicyLister, flags feature.Flags, kind schema.GroupKind, meta *metav1.ObjectMeta,
	status *eventingduck.AppliedEventPoliciesStatus, m apis.ConditionManager,
) error {
	applying, err := For(lister, kind, meta)
	if err != nil {
		m.MarkFalse(conditions.EventPoliciesReady, "EventPoliciesGetFailed", "%v", err)
		return err
	}
	status.Policies = nil
	var unready []string
	for _, p := range applying {
		if !p.Status.IsReady() {
			unready = append(unready, p.Name)
			continue
		}
		status.Policies = append(status.Policies, eventingduck.AppliedEventPolicyRef{
			Name: p.Name, APIVersion: eventingv1alpha1.SchemeGroupVersion.String(),
		})
	}
	switch {
	case len(unready) > 0:
		m.MarkFalse(conditions.EventPoliciesReady, "EventPoliciesNotReady", "event policies %s are not ready", strings.Join(unready, ", "))
	case len(applying) > 0:
		m.MarkTrue(conditions.EventPoliciesReady)
	case flags.IsOIDCAuthentication():
		m.MarkTrueWithReason(conditions.EventPoliciesReady, "DefaultAuthorizationMode", "Default authz mode is %q", flags[feature.AuthorizationDefaultMode])
	default:
		m.MarkTrueWithReason(conditions.EventPoliciesReady, "OIDCDisabled", "Feature %q must be enabled to support Authorization", feature.OIDCAuthentication)
	}
	return nil
}

// For returns the policies that apply to an object, by name.
func For(lister eventinglisters.EventPolicyLister, kind schema.GroupKind, meta *metav1.ObjectMeta) ([]*eventingv1alpha1.EventPolicy, error) {
	all, err := lister.EventPolicies(meta.Namespace).List(labels.Everything())
	if err != nil {
		return nil, fmt.Errorf("list EventPolicies of %s: %w", meta.Namespace, err)
	}
	var applying []*eventingv1alpha1.EventPolicy
	for _, p := range all {
		applies, err := matches(p, kind, meta)
		if err != nil {
			return nil, fmt.Errorf("EventPolicy %s/%s: %w", p.Namespace, p.Name, err)
		}
		if applies {
			applying = append(applying, p)
		}
	}
	slices.SortFunc(applying, func(a, b *eventingv1alpha1.EventPolicy) int { return cmp.Compare(a.Name, b.Name) })
	return applying, nil
}

// matches: a policy that names nothing applies to everything in its namespace.
func matches(p *eventingv1alpha1.EventPolicy, kind schema.GroupKind, meta *metav1.ObjectMeta) (bool, error) {
	if len(p.Spec.To) == 0 {
		return true, nil
	}
	for _, to := range p.Spec.To {
		if to.Ref != nil && strings.EqualFold(to.Ref.Name, meta.Name) && isKind(to.Ref.APIVersion, to.Ref.Kind, kind) {
			return true, nil
		}
		if to.Selector == nil || to.Selector.TypeMeta == nil || !isKind(to.Selector.APIVersion, to.Selector.Kind, kind) {
			continue
		}
		selector, err := metav1.LabelSelectorAsSelector(to.Selector.LabelSelector)
		if err != nil {
			return false, fmt.Errorf("spec.to.selector: %w", err)
		}
		if selector.Matches(labels.Set(meta.Labels)) {
			return true, nil
		}
	}
	return false, nil
}

// isKind compares without the version.
func isKind(apiVersion, kind string, want schema.GroupKind) bool {
	group, _, _ := strings.Cut(apiVersion, "/")
	return strings.EqualFold(group, want.Group) && strings.EqualFold(kind, want.Kind)
}
