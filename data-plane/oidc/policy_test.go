package oidc

import (
	"strings"
	"testing"

	"knative.dev/eventing-kafka-go/data-plane/cloudevent"
	"knative.dev/eventing-kafka-go/proto/contract"
)

func exact(claims ...string) *contract.TokenMatcher {
	return &contract.TokenMatcher{Matcher: &contract.TokenMatcher_Exact{Exact: &contract.Exact{Attributes: pairs(claims)}}}
}

func prefix(claims ...string) *contract.TokenMatcher {
	return &contract.TokenMatcher{Matcher: &contract.TokenMatcher_Prefix{Prefix: &contract.Prefix{Attributes: pairs(claims)}}}
}

func pairs(s []string) map[string]string {
	m := map[string]string{}
	for i := 0; i < len(s); i += 2 {
		m[s[i]] = s[i+1]
	}
	return m
}

func ofType(eventType string) []*contract.DialectedFilter {
	return []*contract.DialectedFilter{{Filter: &contract.DialectedFilter_Exact{Exact: &contract.Exact{Attributes: map[string]string{"type": eventType}}}}}
}

// TestOnePolicyMustAdmit is IN-48.
func TestOnePolicyMustAdmit(t *testing.T) {
	claims := &Claims{flat: flatten(map[string]any{
		"sub": "system:serviceaccount:ns:sender", "admin": true, "n": 5.0,
		"kubernetes.io": map[string]any{"namespace": "ns", "pod": map[string]any{"name": "p"}},
		"groups":        []any{"a", "b"},
	})}
	policy := func(filters []*contract.DialectedFilter, m ...*contract.TokenMatcher) *contract.EventPolicy {
		return &contract.EventPolicy{TokenMatchers: m, Filters: filters}
	}
	me, somebody := exact("sub", "system:serviceaccount:ns:sender"), exact("sub", "system:serviceaccount:ns:other")
	for name, row := range map[string]struct {
		policies        []*contract.EventPolicy
		sender, allowed bool // the sender may send something; this event passes
	}{
		"no policy is nobody's":                   {nil, false, false},
		"one that is exactly mine":                {[]*contract.EventPolicy{policy(nil, me)}, true, true},
		"one of somebody else":                    {[]*contract.EventPolicy{policy(nil, somebody)}, false, false},
		"one matcher is enough":                   {[]*contract.EventPolicy{policy(nil, somebody, me)}, true, true},
		"one policy is enough":                    {[]*contract.EventPolicy{policy(nil, somebody), policy(nil, me)}, true, true},
		"a policy without matchers admits nobody": {[]*contract.EventPolicy{policy(nil)}, false, false},
		"a prefix":                               {[]*contract.EventPolicy{policy(nil, prefix("sub", "system:serviceaccount:ns:"))}, true, true},
		"the prefix of another namespace":        {[]*contract.EventPolicy{policy(nil, prefix("sub", "system:serviceaccount:n:"))}, false, false},
		"an empty prefix is everybody's (IN-50)": {[]*contract.EventPolicy{policy(nil, prefix("sub", ""))}, true, true},
		"a prefix is not exact":                  {[]*contract.EventPolicy{policy(nil, exact("sub", "system:"))}, false, false},
		"a nested claim":                         {[]*contract.EventPolicy{policy(nil, exact("kubernetes.io.pod.name", "p"))}, true, true},
		"a value of a list":                      {[]*contract.EventPolicy{policy(nil, exact("groups", "b"))}, true, true},
		"a claim that is a truth value":          {[]*contract.EventPolicy{policy(nil, exact("admin", "true"))}, true, true},
		"a claim that is a number":               {[]*contract.EventPolicy{policy(nil, exact("n", "5"))}, true, true},
		"all claims of a matcher must match":     {[]*contract.EventPolicy{policy(nil, exact("groups", "b", "n", "6"))}, false, false},
		"a claim that is not there":              {[]*contract.EventPolicy{policy(nil, prefix("email", ""))}, false, false},
		"a filter that lets the event pass":      {[]*contract.EventPolicy{policy(ofType("good"), me)}, true, true},
		"a filter that does not":                 {[]*contract.EventPolicy{policy(ofType("bad"), me)}, true, false},
		"all filters must pass":                  {[]*contract.EventPolicy{policy(append(ofType("good"), ofType("bad")...), me)}, true, false},
		"another policy's filter":                {[]*contract.EventPolicy{policy(ofType("bad"), me), policy(ofType("good"), me)}, true, true},
		"the filter of somebody else's policy":   {[]*contract.EventPolicy{policy(ofType("bad"), me), policy(ofType("good"), somebody)}, true, false},
	} {
		policies, err := CompilePolicies(row.policies)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		admitted := policies.Admitting(claims)
		event := &cloudevent.Event{SpecVersion: "1.0", ID: "1", Source: "/s", Type: "good"}
		if sender, allowed := len(admitted) > 0, admitted.Pass(event); sender != row.sender || allowed != row.allowed {
			t.Errorf("%s: sender admitted %v, event %v", name, sender, allowed)
		}
	}
}

// A policy that is not understood must never be an open door.
func TestPoliciesThatAreNotUnderstoodAreRefused(t *testing.T) {
	for where, p := range map[string]*contract.EventPolicy{
		"eventPolicies[0].tokenMatchers[1]": {TokenMatchers: []*contract.TokenMatcher{exact("sub", "x"), {}}},
		"eventPolicies[0].tokenMatchers[0]": {TokenMatchers: []*contract.TokenMatcher{exact()}},
		"eventPolicies[0].filters":          {Filters: []*contract.DialectedFilter{{Filter: &contract.DialectedFilter_Cesql{Cesql: &contract.CESQL{Expression: "(("}}}}},
	} {
		if _, err := CompilePolicies([]*contract.EventPolicy{p}); err == nil || !strings.Contains(err.Error(), where) {
			t.Errorf("%s: %v", where, err)
		}
	}
}
