package apiserver

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/translate"
	"knative.dev/eventing-kafka-go/proto/tokens"
	"knative.dev/eventing-kafka-go/test/apiserver/env"
	"knative.dev/eventing-kafka-go/test/apiserver/system"
)

// identified: with authentication-oidc senders show tokens of the API server, which policies are about, and subscribers
// are shown some.
func identified(t *testing.T, s *system.System) {
	const ns, other, audience = "identified", "identified-other", "the-subscriber"
	features := s.Apply(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: config-features, namespace: knative-eventing}}")
	if _, err := s.Patch(t, features, "data: {authentication-oidc: enabled, default-authorization-mode: allow-same-namespace}"); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if _, err := s.Patch(t, features, "data: {authentication-oidc: null, default-authorization-mode: null}"); err != nil {
			t.Error(err)
		}
	}()
	for namespace, account := range map[string]string{ns: "sender", other: "stranger"} {
		s.Namespace(t, namespace)
		s.Apply(t, "{apiVersion: v1, kind: ServiceAccount, metadata: {name: "+account+", namespace: "+namespace+"}}")
	}
	s.Apply(t, brokerConfig(s, ns))
	own := "eventing.knative.dev/broker/" + ns + "/events" // ST-05
	b := s.Apply(t, brokerOf(ns, "events", ""))
	env.Until(t, env.Patience, func() string {
		b = s.Get(t, brokerKind, ns, "events")
		if address, _ := field(t, b, "status.address").(map[string]any); address["audience"] != own {
			return fmt.Sprintf("the address is %v, %s", address, system.Lacks(b))
		}
		return system.Lacks(b)
	})
	trigger := s.Ready(t, fmt.Sprintf("{apiVersion: eventing.knative.dev/v1, kind: Trigger, metadata: {name: one, namespace: %s}, spec: {broker: events, "+
		"subscriber: {uri: %s/identified, audience: %s}}}", ns, s.Subscriber.URL, audience))

	sender, stranger := issue(t, s, ns, "sender", own), issue(t, s, other, "stranger", own)
	answers := func(what string, code int, token string) {
		t.Helper()
		env.Until(t, env.Patience, func() string { // the keys of the issuer, and policies, come with a contract of their own
			if got, text := s.Send(t, dataplane.Broker, b, system.Event{ID: what, Type: "a", Token: token}); got != code {
				return fmt.Sprintf("%s is answered %d %s, not %d", what, got, text, code)
			}
			return ""
		})
	}
	answers("a sender of the same namespace", http.StatusAccepted, sender)
	answers("a sender without a token", http.StatusUnauthorized, "")
	answers("a token for somebody else", http.StatusUnauthorized, issue(t, s, ns, "sender", "elsewhere"))
	answers("a sender of another namespace", http.StatusForbidden, stranger)

	// What the subscriber was shown is a token of the Trigger, for it alone.
	s.AwaitDelivery(t, "/identified", "a sender of the same namespace")
	account := "one-oidc-eventing.knative.dev-trigger" // ST-18
	shown := s.Subscriber.Shown("/identified", "a sender of the same namespace")
	if name, ok := reviewed(t, s, strings.TrimPrefix(shown, "Bearer "), audience); name != "system:serviceaccount:"+ns+":"+account || !ok {
		t.Errorf("the subscriber was shown a token of %q for %s: %v", name, audience, ok)
	}
	if _, ok := reviewed(t, s, strings.TrimPrefix(shown, "Bearer "), own); ok {
		t.Error("the token is good for the Broker too")
	}

	policy := s.Apply(t, "{apiVersion: eventing.knative.dev/v1alpha1, kind: EventPolicy, metadata: {name: strangers, namespace: "+ns+"}, spec: {"+
		"to: [{ref: {apiVersion: eventing.knative.dev/v1, kind: Broker, name: events}}], from: [{sub: 'system:serviceaccount:"+other+":stranger'}]}}")
	_, err := s.Patch(t, policy, "status: {from: ['system:serviceaccount:"+other+":stranger'], conditions: [{type: Ready, status: 'True'}]}", "status")
	if err != nil { // core's controller does that
		t.Fatal(err)
	}
	answers("a sender that a policy admits", http.StatusAccepted, stranger)
	answers("a sender that it does not admit", http.StatusForbidden, sender)
	b = s.AwaitReady(t, b)
	if applied := fmt.Sprint(field(t, b, "status.policies")); !strings.Contains(applied, "strangers") {
		t.Errorf("the status names the policies %s", applied)
	}
	s.Delete(t, policy)

	restored(t, s, tokens.Identity{Namespace: ns, ServiceAccount: account, Audience: audience})
	s.AwaitFinished(t, annotation(t, trigger, translate.GroupStatusAnnotation), annotation(t, b, translate.TopicStatusAnnotation))
	s.Gone(t, trigger)
	s.Gone(t, b)
}

// issue has the API server issue a token.
func issue(t *testing.T, s *system.System, namespace, account, audience string) string {
	t.Helper()
	made, err := s.Kube.CoreV1().ServiceAccounts(namespace).CreateToken(t.Context(), account,
		&authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{Audiences: []string{audience}}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return made.Status.Token
}

// reviewed asks the API server whose a token is, and whether it is good for an audience.
func reviewed(t *testing.T, s *system.System, token, audience string) (name string, good bool) {
	t.Helper()
	review, err := s.Kube.AuthenticationV1().TokenReviews().Create(t.Context(),
		&authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: token, Audiences: []string{audience}}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return review.Status.User.Username, review.Status.Authenticated
}

// restored: a Secret with tokens that somebody spoils is put right.
func restored(t *testing.T, s *system.System, id tokens.Identity) {
	t.Helper()
	d := s.Planes[dataplane.Broker]
	o := s.Get(t, kind("", "v1", "Secret"), d.Namespace, d.TokensName(id.Shard()))
	if _, err := s.Patch(t, o, "data: {"+tokens.File(id.Shard())+": eA==}"); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	env.Until(t, env.Patience, func() string {
		secret, err := s.Kube.CoreV1().Secrets(d.Namespace).Get(t.Context(), o.GetName(), metav1.GetOptions{})
		if err != nil {
			return err.Error()
		}
		held, err := tokens.Decode(secret.Data[tokens.File(id.Shard())])
		if err != nil || !slices.ContainsFunc(held, func(held tokens.Token) bool { return held.Identity == id }) {
			return fmt.Sprintf("Secret %s holds no token of %s: %v", o.GetName(), id, err)
		}
		return ""
	})
	t.Logf("a Secret with tokens that was spoiled was put right after %v", since(began))
}
