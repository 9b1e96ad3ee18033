// Package issuers knows who issues the tokens that senders show, and with which keys, so that data planes can verify them
// without access to the API server.
//
// Where config-features names no other base URL, tokens are the API server's: it is asked with the controller's own
// identity, and nobody else ever is. Another issuer is asked as anybody would, over HTTPS.
//
// What was found stays while nothing newer can be found. A Follower has one goroutine, Run, and may be used by any other.
package issuers

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
	"knative.dev/eventing/pkg/apis/feature"

	"knative.dev/eventing-kafka-go/proto/contract"
)

const (
	// refresh is how often keys are read again, retry the same while that fails.
	refresh = 5 * time.Minute
	retry   = 10 * time.Second
	// limit bounds an answer.
	limit = 256 << 10

	discoveryPath = "/.well-known/openid-configuration"
	// apiServerKeys is where every API server has its keys.
	apiServerKeys = "/openid/v1/jwks"
)

// Options of a Follower.
type Options struct {
	// Flags are those in force.
	Flags func() feature.Flags
	// APIServer reads a path of the API server.
	APIServer func(ctx context.Context, path string) ([]byte, error)
	// Client asks other issuers, and follows redirects to https URLs alone. Default: one that trusts the system's roots,
	// with a time limit.
	Client *http.Client
	// Changed is called when what is known has changed.
	Changed func()
	Log     *slog.Logger
}

// Follower follows the issuers.
type Follower struct {
	options Options
	poke    chan struct{}

	mu    sync.Mutex
	of    string // the base URL that known belongs to
	known []*contract.TokenIssuer
}

// New returns a Follower, which knows nothing before it runs.
func New(o Options) *Follower {
	if o.Client == nil {
		o.Client = &http.Client{Timeout: 10 * time.Second}
	}
	careful := *o.Client
	careful.CheckRedirect = secureRedirect
	o.Client = &careful
	return &Follower{options: o, poke: make(chan struct{}, 1)}
}

// Known returns the issuers, none when the flag authentication-oidc is off. It is false as long as nothing was found: then
// what was known before is still good.
func (f *Follower) Known() ([]*contract.TokenIssuer, bool) {
	flags := f.options.Flags()
	if !flags.IsOIDCAuthentication() {
		return nil, true
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.known, f.of == flags.OIDCDiscoveryBaseURL()
}

// FlagsChanged has the Follower look again.
func (f *Follower) FlagsChanged() {
	select {
	case f.poke <- struct{}{}:
	default:
	}
}

// Run follows the issuers until ctx ends.
func (f *Follower) Run(ctx context.Context) {
	for {
		next := time.NewTimer(f.look(ctx))
		select {
		case <-ctx.Done():
			next.Stop()
			return
		case <-next.C:
		case <-f.poke:
			next.Stop()
		}
	}
}

// look asks once, and returns when to ask again.
func (f *Follower) look(ctx context.Context) time.Duration {
	flags := f.options.Flags()
	if !flags.IsOIDCAuthentication() {
		return refresh
	}
	base := flags.OIDCDiscoveryBaseURL()
	issuer, err := f.ask(ctx, base)
	if err != nil {
		f.options.Log.WarnContext(ctx, "keys of the issuer of tokens not read, what was known stays", "issuer", base, "error", err)
		return retry
	}
	f.mu.Lock()
	changed := f.of != base || len(f.known) != 1 || !proto.Equal(f.known[0], issuer)
	f.of, f.known = base, []*contract.TokenIssuer{issuer}
	f.mu.Unlock()
	if changed {
		f.options.Changed()
	}
	return refresh
}

// discovery is what of a discovery document matters.
type discovery struct {
	Issuer string `json:"issuer"`
	Keys   string `json:"jwks_uri"`
}

func (f *Follower) ask(ctx context.Context, base string) (*contract.TokenIssuer, error) {
	get, keysAt := f.options.APIServer, apiServerKeys
	if base != string(feature.DefaultOIDCDiscoveryBaseURL) {
		get, keysAt = f.get, ""
	}
	at := discoveryPath
	if keysAt == "" {
		at = strings.TrimSuffix(base, "/") + discoveryPath
	}
	content, err := get(ctx, at)
	if err != nil {
		return nil, fmt.Errorf("read discovery document: %w", err)
	}
	var d discovery
	if err := json.Unmarshal(content, &d); err != nil {
		return nil, fmt.Errorf("discovery document: %w", err)
	}
	if d.Issuer == "" {
		return nil, errors.New("the discovery document names no issuer")
	}
	if content, err = get(ctx, cmp.Or(keysAt, d.Keys)); err != nil {
		return nil, fmt.Errorf("read keys of issuer %s: %w", d.Issuer, err)
	}
	keys, err := normal(content)
	if err != nil {
		return nil, fmt.Errorf("keys of issuer %s: %w", d.Issuer, err)
	}
	return &contract.TokenIssuer{Issuer: d.Issuer, Keys: keys}, nil
}

// normal writes a set of keys in one way, whatever order and spaces it has.
func normal(content []byte) (string, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(content, &set); err != nil {
		return "", err
	}
	if len(set.Keys) == 0 {
		return "", errors.New("there are none")
	}
	for i, key := range set.Keys {
		var b bytes.Buffer
		if err := json.Compact(&b, key); err != nil {
			return "", err
		}
		set.Keys[i] = b.Bytes()
	}
	slices.SortFunc(set.Keys, func(a, b json.RawMessage) int { return bytes.Compare(a, b) })
	text, err := json.Marshal(set)
	return string(text), err
}

// get reads from an issuer that is not the API server.
func (f *Follower) get(ctx context.Context, address string) ([]byte, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	if err := secure(u); err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	resp, err := f.options.Client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %s: %s", address, resp.Status)
	}
	return io.ReadAll(io.LimitReader(resp.Body, limit))
}

// secure refuses addresses whose answers anybody on the way could change.
func secure(u *url.URL) error {
	if u.Scheme != "https" {
		return fmt.Errorf("%q is no https URL: whoever is on the way could put in keys", u.Redacted())
	}
	return nil
}

// maxRedirects is that of net/http, whose own check a check of ours replaces.
const maxRedirects = 10

// secureRedirect follows where an issuer points to, but never away from https.
func secureRedirect(next *http.Request, before []*http.Request) error {
	if len(before) >= maxRedirects {
		return fmt.Errorf("redirected more than %d times", maxRedirects)
	}
	return secure(next.URL)
}
