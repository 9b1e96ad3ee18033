package tokens

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"knative.dev/eventing-kafka-go/proto/contract"
)

func some(n int) []Token {
	all := make([]Token, n)
	for i := range all {
		all[i] = Token{
			Identity: Identity{"ns", fmt.Sprintf("t%d-oidc-eventing.knative.dev-trigger", i), "aud"},
			Value:    strings.Repeat("x", 900), Expires: time.Unix(1_800_000_000, 0).UTC(),
		}
	}
	return all
}

func TestTokensComeBackInOneOrder(t *testing.T) {
	all := some(20)
	content, err := Encode(all)
	if err != nil {
		t.Fatal(err)
	}
	reversed := slices.Clone(all)
	slices.Reverse(reversed)
	if again, _ := Encode(reversed); string(again) != string(content) {
		t.Error("another order makes another file")
	}
	back, err := Decode(content)
	slices.SortFunc(all, compare)
	if err != nil || !reflect.DeepEqual(back, all) {
		t.Errorf("back came %v, %v", back, err)
	}
}

func TestTooManyTokensForOneSecretAreRefused(t *testing.T) {
	if _, err := Encode(some(900)); err != nil {
		t.Error(err)
	}
	_, err := Encode(some(1200))
	var large *TooLargeError
	if !errors.As(err, &large) || large.Size <= MaxBytes || large.Limit != MaxBytes {
		t.Errorf("got %v", err)
	}
}

func TestDamagedTokensAreRefusedWithoutTellingThem(t *testing.T) {
	for _, content := range []string{"", "secret", `{"format":1,"tokens":"secret"}`, `{"format":2,"tokens":[]}`, `[]`} {
		_, err := Decode([]byte(content))
		if !errors.Is(err, ErrDamaged) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", content, err)
		}
	}
}

func TestIdentitiesSpreadOverAllShards(t *testing.T) {
	count := make([]int, Shards)
	for _, token := range some(16_000) {
		count[token.Shard()]++
	}
	if slices.Min(count) < 800 || slices.Max(count) > 1200 {
		t.Errorf("16,000 tokens over shards: %v", count)
	}
}

func TestAContractAsksForTheTokensOfItsAudiences(t *testing.T) {
	in := func(namespace string) *contract.Reference { return &contract.Reference{Namespace: namespace} }
	of := func(e *contract.Egress) *contract.Contract {
		return &contract.Contract{Resources: []*contract.Resource{{
			Reference: in("resource"), EgressConfig: &contract.EgressConfig{DeadLetterAudience: "dead"}, Egresses: []*contract.Egress{e},
		}}}
	}
	own := &contract.EgressConfig{Retry: 1}
	for _, tt := range []struct {
		name string
		of   *contract.Egress
		want []Identity
	}{
		{"none without a ServiceAccount", &contract.Egress{Reference: in("ns"), DestinationAudience: "a"}, nil},
		{"none without an audience", &contract.Egress{Reference: in("ns"), OidcServiceAccountName: "sa", EgressConfig: own}, nil},
		{"the destination", &contract.Egress{Reference: in("ns"), OidcServiceAccountName: "sa", DestinationAudience: "a", EgressConfig: own},
			[]Identity{{"ns", "sa", "a"}}},
		{"all of them, once", &contract.Egress{Reference: in("ns"), OidcServiceAccountName: "sa", DestinationAudience: "z", ReplyUrlAudience: "z",
			EgressConfig: &contract.EgressConfig{DeadLetterAudience: "b"}}, []Identity{{"ns", "sa", "b"}, {"ns", "sa", "z"}}},
		{"the dead letter sink of the resource", &contract.Egress{Reference: in("ns"), OidcServiceAccountName: "sa"}, []Identity{{"ns", "sa", "dead"}}},
		{"the Subscription's namespace comes first", &contract.Egress{Subscription: in("sub"), Reference: in("ns"), OidcServiceAccountName: "sa",
			DestinationAudience: "a", EgressConfig: own}, []Identity{{"sub", "sa", "a"}}},
		{"the resource's comes last", &contract.Egress{OidcServiceAccountName: "sa", DestinationAudience: "a", EgressConfig: own}, []Identity{{"resource", "sa", "a"}}},
	} {
		if got := Wanted(of(tt.of)); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
