package oidc

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"knative.dev/eventing-kafka-go/data-plane/excerpt"
	"knative.dev/eventing-kafka-go/proto/contract"
)

const (
	// leeway is how far the clocks of issuer and data plane may be apart.
	leeway = 10 * time.Second
	// longestToken bounds what is looked at; tokens of ServiceAccounts have about 1 KiB.
	longestToken = 16 << 10
	// rememberedTokens bounds how many verified tokens are remembered: a sender shows the same one for an hour.
	rememberedTokens = 4096
	// maxQuoted bounds what a sender can make an answer say.
	maxQuoted = 200
)

// algorithms are those of public keys; with a shared secret whoever can verify can issue.
var algorithms = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
}

// Claims are what a token says about its bearer. They never change.
type Claims struct {
	flat     map[string][]string
	audience jwt.Audience
	from, to time.Time // from may be zero
}

// Issuers verify the tokens of everybody who may issue any.
type Issuers struct {
	keys     map[string]jose.JSONWebKeySet
	problems []string
	source   []*contract.TokenIssuer

	mu   sync.RWMutex
	seen map[[sha256.Size]byte]*Claims // of tokens whose signature is good
}

// NewIssuers takes the issuers of a contract. What is wrong with one is said by Problem, and its tokens are refused.
func NewIssuers(from []*contract.TokenIssuer) *Issuers {
	i := &Issuers{keys: map[string]jose.JSONWebKeySet{}, seen: map[[sha256.Size]byte]*Claims{}, source: from}
	for _, issuer := range from {
		var set jose.JSONWebKeySet
		err := json.Unmarshal([]byte(issuer.GetKeys()), &set)
		set.Keys = slices.DeleteFunc(set.Keys, func(k jose.JSONWebKey) bool { return !k.Valid() || !k.IsPublic() })
		switch {
		case err != nil:
			i.problems = append(i.problems, fmt.Sprintf("the keys of issuer %q are no JSON Web Key Set", issuer.GetIssuer()))
		case len(set.Keys) == 0:
			i.problems = append(i.problems, fmt.Sprintf("issuer %q has no public key", issuer.GetIssuer()))
		default:
			i.keys[issuer.GetIssuer()] = set
		}
	}
	return i
}

// Renew returns the issuers of a contract: i itself, with all tokens that it remembers, if they are the same. i may be nil.
func (i *Issuers) Renew(from []*contract.TokenIssuer) *Issuers {
	if i != nil && slices.EqualFunc(i.source, from, func(a, b *contract.TokenIssuer) bool {
		return a.GetIssuer() == b.GetIssuer() && a.GetKeys() == b.GetKeys()
	}) {
		return i
	}
	return NewIssuers(from)
}

// Problem says why no token at all can be verified, "" if some can.
func (i *Issuers) Problem() string {
	switch {
	case len(i.keys) > 0:
		return ""
	case len(i.problems) > 0:
		return i.problems[0]
	}
	return "the contract brings no keys to verify tokens with"
}

// Verify checks signature, issuer, audience and time claims of a token (IN-47). The error says what is wrong, without the
// token.
func (i *Issuers) Verify(token, audience string, now time.Time) (*Claims, error) {
	if len(token) > longestToken {
		return nil, errors.New("it is too long")
	}
	id := sha256.Sum256([]byte(token))
	i.mu.RLock()
	claims := i.seen[id]
	i.mu.RUnlock()
	if claims == nil {
		var err error
		if claims, err = i.parse(token); err != nil {
			return nil, err
		}
		i.remember(id, claims, now)
	}
	return claims, claims.hold(audience, now)
}

// hold checks what depends on the request.
func (c *Claims) hold(audience string, now time.Time) error {
	switch {
	case !slices.Contains(c.audience, audience):
		return fmt.Errorf("it is not for audience %q", audience)
	case now.After(c.to.Add(leeway)):
		return errors.New("it has expired")
	case now.Before(c.from.Add(-leeway)):
		return errors.New("it is not valid yet")
	}
	return nil
}

// remember keeps a verified token. When there are too many, the expired ones go, else all.
func (i *Issuers) remember(id [sha256.Size]byte, c *Claims, now time.Time) {
	if now.After(c.to) {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.seen) >= rememberedTokens {
		for id, c := range i.seen {
			if now.After(c.to) {
				delete(i.seen, id)
			}
		}
		if len(i.seen) >= rememberedTokens {
			clear(i.seen)
		}
	}
	i.seen[id] = c
}

// parse verifies a signature and reads the claims.
func (i *Issuers) parse(token string) (*Claims, error) {
	parsed, err := jwt.ParseSigned(token, algorithms)
	if err != nil {
		return nil, errors.New("it is no signed JSON Web Token")
	}
	var unverified jwt.Claims
	if err := parsed.UnsafeClaimsWithoutVerification(&unverified); err != nil {
		return nil, errors.New("its claims cannot be read")
	}
	keys, known := i.keys[unverified.Issuer]
	if !known {
		return nil, fmt.Errorf("its issuer %q is not known", excerpt.Of(unverified.Issuer, maxQuoted))
	}
	var claims jwt.Claims
	var all map[string]any
	if err := verified(parsed, keys, &claims, &all); err != nil {
		return nil, err
	}
	if claims.Expiry == nil {
		return nil, errors.New("it has no expiry")
	}
	return &Claims{flat: flatten(all), audience: claims.Audience, from: later(claims.NotBefore, claims.IssuedAt), to: claims.Expiry.Time()}, nil
}

// verified reads the claims with the key that the token names, or else with any.
func verified(token *jwt.JSONWebToken, keys jose.JSONWebKeySet, into ...any) error {
	candidates := keys.Keys
	if kid := token.Headers[0].KeyID; kid != "" {
		if candidates = keys.Key(kid); len(candidates) == 0 {
			return errors.New("its key is not known")
		}
	}
	for _, key := range candidates {
		if token.Claims(key.Key, into...) == nil {
			return nil
		}
	}
	return errors.New("its signature is wrong")
}

// later is the later of two dates that may be missing.
func later(a, b *jwt.NumericDate) time.Time {
	switch {
	case a == nil && b == nil:
		return time.Time{}
	case a == nil || b != nil && b.Time().After(a.Time()):
		return b.Time()
	}
	return a.Time()
}
