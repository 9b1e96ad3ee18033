//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"knative.dev/eventing-kafka-go/test/apiserver/env"
	"knative.dev/eventing-kafka-go/test/e2e/witness"
	"knative.dev/eventing-kafka-go/test/e2e/world"
)

// token is one of a ServiceAccount, which is made if need be, for an audience.
func token(t *testing.T, s *world.Space, account, audience string) witness.Credentials {
	t.Helper()
	s.Make(t, "{apiVersion: v1, kind: ServiceAccount, metadata: {name: "+account+"}}")
	seconds := int64(3600)
	request, err := s.Kube.CoreV1().ServiceAccounts(s.Name).CreateToken(t.Context(), account, &authenticationv1.TokenRequest{
		Spec: authenticationv1.TokenRequestSpec{Audiences: []string{audience}, ExpirationSeconds: &seconds},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatalf("a token for %s: %v", account, err)
	}
	return witness.Credentials{Token: request.Status.Token}
}

// showed has the API server say whom a delivery's token is of, for an audience.
func showed(t *testing.T, s *world.Space, d witness.Delivery, audience string) string {
	t.Helper()
	shown, ok := strings.CutPrefix(d.Headers["authorization"], "Bearer ")
	if !ok {
		t.Errorf("delivered without a token: %v", d.Headers)
		return ""
	}
	review, err := s.Kube.AuthenticationV1().TokenReviews().Create(t.Context(), &authenticationv1.TokenReview{
		Spec: authenticationv1.TokenReviewSpec{Token: shown, Audiences: []string{audience}},
	}, metav1.CreateOptions{})
	if err != nil || !review.Status.Authenticated {
		t.Errorf("the token that was shown: %v %v", err, review.Status)
	}
	return review.Status.User.Username
}

// answers waits until a sender is answered so: policies and keys reach pods with the contract.
func answers(t *testing.T, s *world.Space, who, url string, with witness.Credentials, code int) {
	t.Helper()
	n := 0
	env.Until(t, world.Patience, func() string {
		n++
		a := s.Try(t, witness.Order{URL: url, Events: events("probe", fmt.Sprintf("%s-%d", who, n)), Credentials: with})[0]
		if a.Code != code {
			return fmt.Sprintf("%s is answered %d %s, not %d", who, a.Code, a.Reason, code)
		}
		return ""
	})
}

// With the flag, receivers ask who sends, policies say who may, and subscribers with an audience are shown a token of the
// object that delivers to them.
func TestOIDC(t *testing.T) {
	w := world.Start(t)
	s, other := w.Space(t, "oidc"), w.Space(t, "stranger")
	change(t, w, "config-features", "authentication-oidc", "enabled")
	topic := w.Kafka.Topic(t, "oidc", 1, nil)
	began := time.Now()
	s.Make(t, broker("b", "Kafka")+kafkaChannel("c", "")+fmt.Sprintf(`
---
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: {name: t}
spec: {broker: b, filters: [{exact: {type: wanted}}], subscriber: {uri: "%[1]s", audience: listener}}
---
apiVersion: messaging.knative.dev/v1
kind: Subscription
metadata: {name: s}
spec:
  channel: {apiVersion: messaging.knative.dev/v1beta1, kind: KafkaChannel, name: c}
  subscriber: {uri: "%[2]s", audience: reader}
---
apiVersion: sources.knative.dev/v1
kind: KafkaSource
metadata: {name: k}
spec: {bootstrapServers: ["%[3]s"], topics: [%[4]s], sink: {ref: {apiVersion: eventing.knative.dev/v1, kind: Broker, name: b}}}`,
		s.To("t"), s.To("s"), world.Servers, topic))
	audiences := map[string]string{kindBroker: "eventing.knative.dev/broker/" + s.Name + "/b", kindKafkaChannel: "messaging.knative.dev/kafkachannel/" + s.Name + "/c"}
	addresses := map[string]string{}
	for kind, name := range map[string]string{kindBroker: "b", kindKafkaChannel: "c"} {
		env.Until(t, world.Patience, func() string {
			o := s.Ready(t, kind, name)
			if have := text(o, "status", "address", "audience"); have != audiences[kind] {
				return fmt.Sprintf("%s has the audience %q", kind, have)
			}
			addresses[kind] = world.Address(t, o)
			return ""
		})
	}
	identities := map[string]string{}
	for kind, name := range map[string]string{kindTrigger: "t", kindSubscription: "s", kindSource: "k"} {
		account := text(s.Ready(t, kind, name), "status", "auth", "serviceAccountName")
		identities[kind] = "system:serviceaccount:" + s.Name + ":" + account
	}
	world.Since(t, "OIDC: apply to all Ready", began)

	right := token(t, s, "sender", audiences[kindBroker])
	answers(t, s, "nobody", addresses[kindBroker], witness.Credentials{}, 401)
	answers(t, s, "who has a token for another audience", addresses[kindBroker], token(t, s, "sender", "another"), 401)
	stranger := token(t, other, "stranger", audiences[kindBroker])
	answers(t, s, "somebody of another namespace", addresses[kindBroker], stranger, 403)
	s.SendWith(t, addresses[kindBroker], right, events("wanted", "1")...)
	s.SendWith(t, addresses[kindKafkaChannel], token(t, s, "sender", audiences[kindKafkaChannel]), events("wanted", "2")...)
	d := s.Await(t, "t", 1)
	wantIDs(t, "the Trigger", d, "1")
	if who := showed(t, s, d[0], "listener"); who != identities[kindTrigger] {
		t.Errorf("the Trigger delivers as %q, not as %q", who, identities[kindTrigger])
	}
	d = s.Await(t, "s", 1)
	wantIDs(t, "the Subscription", d, "2")
	if who := showed(t, s, d[0], "reader"); who != identities[kindSubscription] {
		t.Errorf("the Subscription delivers as %q, not as %q", who, identities[kindSubscription])
	}
	// A KafkaSource is a sender too, with the identity that it has.
	w.Kafka.Produce(t, plainEvent(topic, "3", "wanted"))
	wantIDs(t, "the Trigger", s.Await(t, "t", 2), "1", "3")

	began = time.Now()
	s.Make(t, fmt.Sprintf(`
apiVersion: eventing.knative.dev/v1alpha1
kind: EventPolicy
metadata: {name: only}
spec:
  to: [{ref: {apiVersion: eventing.knative.dev/v1, kind: Broker, name: b}}]
  from: [{sub: "system:serviceaccount:%s:stranger"}]
  filters: [{exact: {type: probe}}]`, other.Name))
	answers(t, s, "whom a policy names", addresses[kindBroker], stranger, 202)
	answers(t, s, "who was allowed without a policy", addresses[kindBroker], right, 403)
	world.Since(t, "EventPolicy: apply to enforced", began)
	if a := s.Try(t, witness.Order{URL: addresses[kindBroker], Events: events("unwanted", "4"), Credentials: stranger})[0]; a.Code != 403 {
		t.Errorf("an event that the policy does not admit is answered %d", a.Code)
	}
	env.Until(t, world.Patience, func() string {
		if status, why := world.Condition(s.Ready(t, kindBroker, "b"), "EventPoliciesReady"); status != "True" || strings.HasPrefix(why, "DefaultAuthorizationMode") {
			return "EventPoliciesReady: " + status + " " + why
		}
		return ""
	})
}
