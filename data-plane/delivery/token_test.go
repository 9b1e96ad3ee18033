package delivery

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"knative.dev/eventing-kafka-go/data-plane/telemetry"
	"knative.dev/eventing-kafka-go/proto/contract"
	"knative.dev/eventing-kafka-go/proto/tokens"
)

// TestEachEndpointGetsItsToken is EG-21.
func TestEachEndpointGetsItsToken(t *testing.T) {
	subscriber, atSubscriber := record(t, func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotFound) })
	letters, atLetters := record(t, nil)
	registry := telemetry.NewRegistry(telemetry.Options{})
	t.Cleanup(func() { _ = registry.Close(t.Context()) })
	var missing error
	target, err := NewTarget(Spec{
		Resource: &contract.Resource{Topics: []string{"t"}, Reference: &contract.Reference{Namespace: "ns", Name: "b", Kind: "Broker"}},
		Egress: &contract.Egress{
			Destination: subscriber.URL, DestinationAudience: "sub", OidcServiceAccountName: "t1-oidc",
			EgressConfig:  &contract.EgressConfig{DeadLetter: letters.URL, DeadLetterAudience: "letters"},
			ReplyStrategy: &contract.Egress_DiscardReply{DiscardReply: &contract.Empty{}},
		},
		Clients: NewClients(), Telemetry: registry.Egress("e", telemetry.Labels{}),
		Token: func(id tokens.Identity, _ time.Time) (string, error) { return id.String(), missing },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(target.Release)

	missing = errors.New("no token was mounted yet")
	j := job()
	for range 3 { // it waits, for as long as it takes, and uses up no attempt
		next := target.Attempt(j)
		if next.Outcome != Pending || next.Wait != tokenWait || next.Subscriber.Made || j.Attempts() != 0 || !errors.Is(next.Err, missing) {
			t.Fatalf("without a token: %+v after %d attempts", next, j.Attempts())
		}
	}
	if atSubscriber.header != nil {
		t.Error("a request was made without the token that it needs")
	}
	missing = nil
	if next := target.Attempt(j); next.Outcome != DeadLettered {
		t.Fatalf("%+v", next)
	}
	for got, audience := range map[*recorded]string{atSubscriber: "sub", atLetters: "letters"} {
		want := "Bearer " + tokens.Identity{Namespace: "ns", ServiceAccount: "t1-oidc", Audience: audience}.String()
		if have := got.header.Values("Authorization"); strings.Join(have, "|") != want {
			t.Errorf("got %q, want %q", have, want)
		}
	}
}

// TestARequestSaysOnceWhoSends: the user of a URL is shown where no token is.
func TestARequestSaysOnceWhoSends(t *testing.T) {
	for name, row := range map[string]struct{ audience, want string }{
		"a user alone":       {"", "Basic dXNlcjpzZWNyZXQ="},
		"a user and a token": {"sub", "Bearer the-token"},
	} {
		t.Run(name, func(t *testing.T) {
			letters, atLetters := record(t, nil)
			subscriber, atSubscriber := record(t, func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotFound) })
			withUser := strings.Replace(subscriber.URL, "//", "//user:secret@", 1)
			registry := telemetry.NewRegistry(telemetry.Options{})
			t.Cleanup(func() { _ = registry.Close(t.Context()) })
			target, err := NewTarget(Spec{
				Resource: &contract.Resource{Topics: []string{"t"}, Reference: &contract.Reference{Namespace: "ns"}},
				Egress: &contract.Egress{
					Destination: withUser, DestinationAudience: row.audience, OidcServiceAccountName: "t1-oidc",
					EgressConfig:  &contract.EgressConfig{DeadLetter: letters.URL},
					ReplyStrategy: &contract.Egress_DiscardReply{DiscardReply: &contract.Empty{}},
				},
				Clients: NewClients(), Telemetry: registry.Egress("e", telemetry.Labels{}),
				Token: func(tokens.Identity, time.Time) (string, error) { return "the-token", nil },
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(target.Release)
			if next := target.Attempt(job()); next.Outcome != DeadLettered {
				t.Fatalf("%+v", next)
			}
			if have := atSubscriber.header.Values("Authorization"); strings.Join(have, "|") != row.want {
				t.Errorf("got %q, want %q", have, row.want)
			}
			if have := atLetters.header.Values("Authorization"); len(have) != 0 {
				t.Errorf("the dead letter sink is told %q", have)
			}
			if dest := atLetters.header.Get("Ce-Knativeerrordest"); dest != strings.Replace(withUser, "secret", "xxxxx", 1) {
				t.Errorf("the dead letter names %q", dest)
			}
		})
	}
}
