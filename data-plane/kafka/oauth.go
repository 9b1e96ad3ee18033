package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"knative.dev/eventing-kafka-go/data-plane/kafka/credentials"
)

const (
	// tokenTimeout bounds asking for a token.
	tokenTimeout = 10 * time.Second
	// tokenRenewal is how long before its end a token is replaced, at most a fifth of its life.
	tokenRenewal = time.Minute
)

// tokens asks an endpoint for tokens and keeps one for all connections of a client.
type tokens struct {
	config clientcredentials.Config
	http   *http.Client

	mu    sync.Mutex
	token *oauth2.Token
	renew time.Time
}

// oauthMechanism authenticates by OAUTHBEARER with tokens of an endpoint (SEC-14). Brokers that end sessions with the
// token get a new one on the same connection, which kgo sees to.
func oauthMechanism(o *credentials.OAuth) sasl.Mechanism {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}}
	if o.CA != nil {
		transport.TLSClientConfig.RootCAs = x509.NewCertPool()
		transport.TLSClientConfig.RootCAs.AppendCertsFromPEM(o.CA) // it was checked
	}
	t := &tokens{
		config: clientcredentials.Config{ClientID: o.ClientID, ClientSecret: o.ClientSecret, TokenURL: o.Endpoint, Scopes: strings.Fields(o.Scope)},
		http:   &http.Client{Timeout: tokenTimeout, Transport: transport},
	}
	return oauth.Oauth(func(ctx context.Context) (oauth.Auth, error) {
		token, err := t.get(ctx)
		return oauth.Auth{Token: token, Extensions: o.Extensions}, err
	})
}

// get returns a token that is valid for a while. The one before serves as long as it is valid when there is no new one.
func (t *tokens) get(ctx context.Context) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if t.token != nil && now.Before(t.renew) {
		return t.token.AccessToken, nil
	}
	token, err := t.config.Token(context.WithValue(ctx, oauth2.HTTPClient, t.http))
	if err != nil {
		if t.token != nil && now.Before(t.token.Expiry) {
			return t.token.AccessToken, nil
		}
		return "", tokenError(err)
	}
	t.token, t.renew = token, now // one that does not say when it ends is asked for each time
	if life := token.Expiry.Sub(now); !token.Expiry.IsZero() {
		t.renew = token.Expiry.Add(-min(tokenRenewal, life/5))
	}
	return token.AccessToken, nil
}

// tokenError leaves out what the endpoint sent but for its error code, as it may repeat what it was sent.
func tokenError(err error) error {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) && refused.Response != nil {
		return fmt.Errorf("the token endpoint answered %d %.100s", refused.Response.StatusCode, refused.ErrorCode)
	}
	return fmt.Errorf("the token endpoint: %w", err)
}
