// Package oidctest issues tokens for tests, as a cluster does. It must not be imported by anything but tests.
package oidctest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"knative.dev/eventing-kafka-go/proto/contract"
)

// Issuer issues tokens with one key.
type Issuer struct {
	Name string
	key  jose.JSONWebKey
}

// New returns an issuer with a key of its own, whose id is keyID.
func New(name, keyID string) *Issuer {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return &Issuer{name, jose.JSONWebKey{Key: private, KeyID: keyID, Algorithm: string(jose.ES256), Use: "sig"}}
}

// Contract is what a contract says about issuers of the same name: their public keys together.
func Contract(issuers ...*Issuer) *contract.TokenIssuer {
	var set jose.JSONWebKeySet
	for _, i := range issuers {
		set.Keys = append(set.Keys, i.key.Public())
	}
	keys, err := json.Marshal(set)
	if err != nil {
		panic(err)
	}
	return &contract.TokenIssuer{Issuer: issuers[0].Name, Keys: string(keys)}
}

// Token issues a token for an audience that is valid for an hour from now on. changes replace claims; nil removes one.
func (i *Issuer) Token(audience, subject string, now time.Time, changes map[string]any) string {
	claims := map[string]any{
		"iss": i.Name, "aud": []string{audience}, "sub": subject,
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: i.key}, nil)
	if err != nil {
		panic(err)
	}
	token, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		panic(fmt.Errorf("sign: %w", err))
	}
	return token
}
