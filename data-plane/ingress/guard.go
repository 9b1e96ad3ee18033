package ingress

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"knative.dev/eventing-kafka-go/data-plane/oidc"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// guard admits the senders of a route that has an audience (IN-45); nil admits everybody. Without an audience policies are
// not enforced (IN-51).
type guard struct {
	audience string
	issuers  *oidc.Issuers
	policies oidc.Policies
}

// newGuard makes the guard of an ingress. With an error nobody can be admitted, so the route must not be served (CT-33).
func newGuard(in *contract.Ingress, issuers *oidc.Issuers) (*guard, error) {
	if in.GetAudience() == "" {
		return nil, nil
	}
	if problem := issuers.Problem(); problem != "" {
		return nil, fmt.Errorf("ingress.audience: senders cannot be authenticated: %s", problem)
	}
	policies, err := oidc.CompilePolicies(in.GetEventPolicies())
	if err != nil {
		return nil, fmt.Errorf("ingress.%w", err)
	}
	return &guard{in.GetAudience(), issuers, policies}, nil
}

// authenticate checks the sender's token and which policies admit its claims (IN-47, IN-48); the body is not needed for that
// (IN-49).
func (r *Request) authenticate() (Answer, bool) {
	g := r.route.guard
	if g == nil {
		r.admitted = nil
		return Answer{}, true
	}
	token, err := bearer(r.header("Authorization"))
	if err != nil {
		return unauthorized(err), false
	}
	claims, err := g.issuers.Verify(token, g.audience, r.Received)
	if err != nil {
		return unauthorized(fmt.Errorf("the token is refused: %w", err)), false
	}
	if r.admitted = g.policies.Admitting(claims); len(r.admitted) == 0 {
		return forbidden("no EventPolicy admits this sender"), false
	}
	return Answer{}, true
}

// permitted says whether the policies that admit the sender admit all of its events.
func (r *Request) permitted() bool {
	if r.route.guard == nil {
		return true
	}
	for n := range r.events {
		if !r.admitted.Pass(&r.events[n]) {
			return false
		}
	}
	return true
}

var (
	errNoToken  = errors.New("a token is required: Authorization: Bearer")
	errNoBearer = errors.New("the Authorization header has no Bearer token")
)

// bearer returns the token of an Authorization header.
func bearer(header string) (string, error) {
	if header == "" {
		return "", errNoToken
	}
	scheme, token, _ := strings.Cut(header, " ")
	if token = strings.TrimSpace(token); !strings.EqualFold(scheme, "Bearer") || token == "" {
		return "", errNoBearer
	}
	return token, nil
}

func unauthorized(err error) Answer {
	return Answer{Status: http.StatusUnauthorized, Reason: oneLine(err.Error()), Headers: []Field{{"Www-Authenticate", "Bearer"}}}
}

func forbidden(reason string) Answer { return Answer{Status: http.StatusForbidden, Reason: reason} }
