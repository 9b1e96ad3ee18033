package oidc

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"knative.dev/eventing-kafka-go/data-plane/cloudevent"
	"knative.dev/eventing-kafka-go/data-plane/filter"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// Policies are those of one resource: one of them must admit (IN-48).
type Policies []policy

type policy struct {
	matchers []matcher
	match    filter.Match
}

// matcher asks for all of its claims.
type matcher struct {
	claims map[string]string
	prefix bool
}

// CompilePolicies prepares policies. The error names the one that cannot be used.
func CompilePolicies(from []*contract.EventPolicy) (Policies, error) {
	var all Policies
	for i, p := range from {
		match, err := filter.Compile(nil, p.GetFilters())
		if err != nil {
			return nil, fmt.Errorf("eventPolicies[%d].filters: %w", i, err)
		}
		matchers, err := compileMatchers(p.GetTokenMatchers())
		if err != nil {
			return nil, fmt.Errorf("eventPolicies[%d].%w", i, err)
		}
		all = append(all, policy{matchers: matchers, match: match})
	}
	return all, nil
}

func compileMatchers(from []*contract.TokenMatcher) ([]matcher, error) {
	var all []matcher
	for i, m := range from {
		switch kind := m.GetMatcher().(type) {
		case *contract.TokenMatcher_Exact:
			all = append(all, matcher{claims: kind.Exact.GetAttributes()})
		case *contract.TokenMatcher_Prefix:
			all = append(all, matcher{claims: kind.Prefix.GetAttributes(), prefix: true})
		default:
			return nil, fmt.Errorf("tokenMatchers[%d]: %w", i, errUnknownMatcher)
		}
		if len(all[i].claims) == 0 {
			return nil, fmt.Errorf("tokenMatchers[%d]: %w", i, errNoClaims)
		}
	}
	return all, nil
}

var (
	errUnknownMatcher = errors.New("neither exact nor prefix, or from a newer control plane")
	errNoClaims       = errors.New("it asks for no claim, which everybody would match")
)

// Admitting returns the policies that admit a bearer, some of whose events they may still refuse; none is nobody's.
func (all Policies) Admitting(c *Claims) Policies {
	if !slices.ContainsFunc(all, func(p policy) bool { return !p.admits(c) }) {
		return all
	}
	var some Policies
	for _, p := range all {
		if p.admits(c) {
			some = append(some, p)
		}
	}
	return some
}

// Pass says whether one of the policies admits an event.
func (all Policies) Pass(e *cloudevent.Event) bool {
	return slices.ContainsFunc(all, func(p policy) bool { return p.match(e) })
}

func (p policy) admits(c *Claims) bool {
	return slices.ContainsFunc(p.matchers, func(m matcher) bool { return m.matches(c) })
}

func (m matcher) matches(c *Claims) bool {
	for name, want := range m.claims {
		if !slices.ContainsFunc(c.flat[name], func(have string) bool {
			return have == want || m.prefix && strings.HasPrefix(have, want)
		}) {
			return false
		}
	}
	return true
}

// flatten writes nested claims as one level: names are joined by dots, a list is each of its values.
func flatten(claims map[string]any) map[string][]string {
	flat := map[string][]string{}
	flattenInto(flat, "", claims)
	return flat
}

func flattenInto(flat map[string][]string, name string, value any) {
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			if name != "" {
				key = name + "." + key
			}
			flattenInto(flat, key, inner)
		}
	case []any:
		for _, inner := range v {
			flattenInto(flat, name, inner)
		}
	case string:
		flat[name] = append(flat[name], v)
	default: // numbers, truth values and null as JSON has them
		if text, err := json.Marshal(v); err == nil {
			flat[name] = append(flat[name], string(text))
		}
	}
}
