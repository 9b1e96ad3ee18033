package entries

import (
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	eventingduck "knative.dev/eventing/pkg/apis/duck/v1"
	"knative.dev/eventing/pkg/apis/feature"

	"knative.dev/eventing-kafka-go/control-plane/translate"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// ingress is what is known about where events for an object enter. Without authentication by OIDC there is no audience,
// and policies mean nothing.
func (b *Builder) ingress(
	meta *metav1.ObjectMeta, group, kind string, policies []eventingduck.AppliedEventPolicyRef, core feature.Flags,
) (translate.Ingress, error) {
	if !core.IsOIDCAuthentication() {
		return translate.Ingress{}, nil
	}
	in := translate.Ingress{Audience: translate.Audience(group, kind, meta.Namespace, meta.Name)}
	for _, ref := range policies {
		policy, err := b.Policy(meta.Namespace, ref.Name)
		if err != nil {
			return in, fmt.Errorf("get EventPolicy %s/%s: %w", meta.Namespace, ref.Name, err)
		}
		in.Policies = append(in.Policies, &contract.EventPolicy{
			TokenMatchers: subjects(policy.Status.From),
			Filters:       translate.Dialects(policy.Spec.Filters),
		})
	}
	if len(in.Policies) == 0 {
		in.Policies = defaultPolicies(meta.Namespace, core)
	}
	return in, nil
}

// subjects match the subject of a token: exactly, or by a prefix where the pattern ends with a star.
func subjects(from []string) []*contract.TokenMatcher {
	matchers := make([]*contract.TokenMatcher, 0, len(from))
	for _, sub := range from {
		if prefix, ok := strings.CutSuffix(sub, "*"); ok {
			matchers = append(matchers, &contract.TokenMatcher{Matcher: &contract.TokenMatcher_Prefix{
				Prefix: &contract.Prefix{Attributes: map[string]string{"sub": prefix}}}})
			continue
		}
		matchers = append(matchers, &contract.TokenMatcher{Matcher: &contract.TokenMatcher_Exact{
			Exact: &contract.Exact{Attributes: map[string]string{"sub": sub}}}})
	}
	return matchers
}

// defaultPolicies apply where no EventPolicy does; with an audience and without a policy nobody is let in.
func defaultPolicies(namespace string, core feature.Flags) []*contract.EventPolicy {
	switch {
	case core.IsAuthorizationDefaultModeAllowAll():
		return []*contract.EventPolicy{{TokenMatchers: subjects([]string{"*"})}}
	case core.IsAuthorizationDefaultModeDenyAll():
		return nil
	default:
		return []*contract.EventPolicy{{TokenMatchers: subjects([]string{"system:serviceaccount:" + namespace + ":*"})}}
	}
}
