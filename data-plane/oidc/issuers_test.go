package oidc

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"knative.dev/eventing-kafka-go/data-plane/oidc/oidctest"
	"knative.dev/eventing-kafka-go/proto/contract"
)

const (
	name = "https://kubernetes.default.svc"
	aud  = "eventing.knative.dev/broker/ns/b"
	sub  = "system:serviceaccount:ns:sender"
)

func TestATokenIsRefusedForAReason(t *testing.T) {
	now := time.Now()
	ours, other := oidctest.New(name, "k1"), oidctest.New(name, "k1")
	issuers := NewIssuers([]*contract.TokenIssuer{oidctest.Contract(ours)})
	at := func(d time.Duration) any { return now.Add(d).Unix() }
	good := ours.Token(aud, sub, now, nil)
	header, rest, _ := strings.Cut(good, ".")
	unsigned := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + strings.Split(rest, ".")[0] + "."
	for what, row := range map[string]struct {
		token, reason string // no reason: it is good
	}{
		"a good one":                                {good, ""},
		"one with an audience among others":         {ours.Token(aud, sub, now, map[string]any{"aud": []string{"x", aud}}), ""},
		"one whose audience is no list":             {ours.Token(aud, sub, now, map[string]any{"aud": aud}), ""},
		"one that has expired within the leeway":    {ours.Token(aud, sub, now, map[string]any{"exp": at(-leeway / 2)}), ""},
		"one of a clock that is a little fast":      {ours.Token(aud, sub, now, map[string]any{"nbf": at(leeway / 2)}), ""},
		"one that says nothing of its beginning":    {ours.Token(aud, sub, now, map[string]any{"nbf": nil, "iat": nil}), ""},
		"one for another audience":                  {ours.Token("other", sub, now, nil), "not for audience"},
		"one for nobody":                            {ours.Token(aud, sub, now, map[string]any{"aud": nil}), "not for audience"},
		"an expired one":                            {ours.Token(aud, sub, now, map[string]any{"exp": at(-time.Minute)}), "expired"},
		"one without expiry":                        {ours.Token(aud, sub, now, map[string]any{"exp": nil}), "no expiry"},
		"one of the future":                         {ours.Token(aud, sub, now, map[string]any{"nbf": at(time.Minute)}), "not valid yet"},
		"one that is issued in the future":          {ours.Token(aud, sub, now, map[string]any{"iat": at(time.Minute)}), "not valid yet"},
		"one of another issuer":                     {oidctest.New("https://evil", "k1").Token(aud, sub, now, nil), "https://evil"},
		"one with another key of the same name":     {other.Token(aud, sub, now, nil), "signature"},
		"one with a key that nobody knows":          {oidctest.New(name, "k2").Token(aud, sub, now, nil), "key is not known"},
		"one that is not signed":                    {unsigned, "no signed"},
		"one with the payload of another":           {header + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"`+name+`","aud":"`+aud+`","exp":9999999999}`)) + "." + good[strings.LastIndex(good, ".")+1:], "signature"},
		"none at all":                               {"", "no signed"},
		"no token":                                  {"abc", "no signed"},
		"one that is longer than anybody has to be": {strings.Repeat("x", longestToken+1), "too long"},
	} {
		for range 2 { // the second time it may be remembered
			claims, err := issuers.Verify(row.token, aud, now)
			switch {
			case row.reason == "" && (err != nil || claims.flat["sub"][0] != sub):
				t.Errorf("%s: %v", what, err)
			case row.reason != "" && (err == nil || !strings.Contains(err.Error(), row.reason)):
				t.Errorf("%s: %v, want %q", what, err, row.reason)
			}
		}
	}
}

func TestAKeyWithoutAnIDIsTried(t *testing.T) {
	now := time.Now()
	first, second := oidctest.New(name, ""), oidctest.New(name, "")
	issuers := NewIssuers([]*contract.TokenIssuer{oidctest.Contract(first, second)})
	if _, err := issuers.Verify(second.Token(aud, sub, now, nil), aud, now); err != nil {
		t.Error(err)
	}
}

func TestARememberedTokenExpires(t *testing.T) {
	now := time.Now()
	ours := oidctest.New(name, "k")
	issuers := NewIssuers([]*contract.TokenIssuer{oidctest.Contract(ours)})
	token := ours.Token(aud, sub, now, nil)
	for after, good := range map[time.Duration]bool{0: true, 59 * time.Minute: true, 61 * time.Minute: false} {
		if _, err := issuers.Verify(token, aud, now.Add(after)); (err == nil) != good {
			t.Errorf("after %v: %v", after, err)
		}
	}
	if _, err := issuers.Verify(token, "other", now); err == nil {
		t.Error("a token that is remembered is taken for another audience")
	}
}

func TestRotatedKeysForgetWhatWasVerifiedWithThoseBefore(t *testing.T) {
	now := time.Now()
	before, after := oidctest.New(name, "k1"), oidctest.New(name, "k2")
	issuers := NewIssuers([]*contract.TokenIssuer{oidctest.Contract(before)})
	token := before.Token(aud, sub, now, nil)
	if _, err := issuers.Verify(token, aud, now); err != nil {
		t.Fatal(err)
	}
	if issuers.Renew([]*contract.TokenIssuer{oidctest.Contract(before)}) != issuers {
		t.Error("the same keys make other issuers, which have to verify everything again")
	}
	both := issuers.Renew([]*contract.TokenIssuer{oidctest.Contract(before, after)})
	for _, issuer := range []*oidctest.Issuer{before, after} {
		if _, err := both.Verify(issuer.Token(aud, sub, now, nil), aud, now); err != nil {
			t.Error(err)
		}
	}
	if _, err := both.Renew([]*contract.TokenIssuer{oidctest.Contract(after)}).Verify(token, aud, now); err == nil {
		t.Error("a token is taken whose key was withdrawn")
	}
}

func TestWhatIsRememberedIsBounded(t *testing.T) {
	now := time.Now()
	issuers := NewIssuers(nil)
	for n := range rememberedTokens + 10 {
		issuers.remember([32]byte{byte(n), byte(n >> 8)}, &Claims{to: now.Add(time.Minute)}, now)
	}
	if len(issuers.seen) != 10 {
		t.Errorf("%d tokens are remembered", len(issuers.seen))
	}
	issuers.seen = map[[32]byte]*Claims{}
	for n := range rememberedTokens {
		issuers.remember([32]byte{byte(n), byte(n >> 8)}, &Claims{to: now.Add(time.Duration(1+n%2) * time.Minute)}, now)
	}
	issuers.remember([32]byte{255, 255}, &Claims{to: now.Add(time.Hour)}, now.Add(90*time.Second))
	if len(issuers.seen) != rememberedTokens/2+1 {
		t.Errorf("%d tokens are remembered when half of them have expired", len(issuers.seen))
	}
}

func TestKeysThatAreNoneAreSaid(t *testing.T) {
	for keys, problem := range map[string]string{
		"":   "no JSON Web Key Set",
		"x":  "no JSON Web Key Set",
		"{}": "no public key",
		`{"keys":[{"kty":"oct","k":"c2VjcmV0","kid":"a","alg":"HS256"}]}`: "no public key",
	} {
		if got := NewIssuers([]*contract.TokenIssuer{{Issuer: name, Keys: keys}}).Problem(); !strings.Contains(got, problem) || !strings.Contains(got, name) {
			t.Errorf("%q: %q", keys, got)
		}
	}
	if NewIssuers(nil).Problem() == "" {
		t.Error("no issuer is no problem")
	}
	if p := NewIssuers([]*contract.TokenIssuer{oidctest.Contract(oidctest.New(name, "k")), {Issuer: "x"}}).Problem(); p != "" {
		t.Errorf("one broken issuer stops the other: %s", p)
	}
}
