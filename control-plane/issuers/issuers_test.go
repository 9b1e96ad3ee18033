package issuers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"knative.dev/eventing/pkg/apis/feature"
)

const document = `{"issuer":"https://kubernetes.default.svc.cluster.local","jwks_uri":"https://10.0.0.1:6443/openid/v1/jwks"}`

// apiServer is an API server; its keys may be changed.
type apiServer struct {
	mu    sync.Mutex
	keys  string
	err   error
	asked []string
}

func (a *apiServer) set(keys string, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.keys, a.err = keys, err
}

func (a *apiServer) requests() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.asked)
}

func (a *apiServer) read(_ context.Context, path string) ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = append(a.asked, path)
	if a.err != nil {
		return nil, a.err
	}
	if path == discoveryPath {
		return []byte(document), nil
	}
	return []byte(a.keys), nil
}

func on(base string) feature.Flags {
	flags := feature.Flags{feature.OIDCAuthentication: feature.Enabled}
	if base != "" {
		flags[feature.OIDCDiscoveryBaseURL] = feature.Flag(base)
	}
	return flags
}

// known is what a Follower knows, as text.
func known(f *Follower) string {
	all, ok := f.Known()
	text := fmt.Sprint(ok)
	for _, i := range all {
		text += " " + i.GetIssuer() + " " + i.GetKeys()
	}
	return text
}

func TestTheKeysOfTheAPIServerAreFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &apiServer{keys: `{"keys": [ {"kid":"b"}, {"kid":"a"} ]}`}
		var flags atomic.Pointer[feature.Flags]
		switchTo := func(to feature.Flags) { flags.Store(&to) }
		switchTo(feature.Flags{})
		var changed atomic.Int64
		f := New(Options{
			Flags: func() feature.Flags { return *flags.Load() }, APIServer: api.read,
			Changed: func() { changed.Add(1) }, Log: slog.New(slog.DiscardHandler),
		})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go f.Run(ctx)
		expect := func(what, want string, changes int64) {
			t.Helper()
			synctest.Wait()
			if got := known(f); got != want || changed.Load() != changes {
				t.Errorf("%s: %s after %d changes, want %s after %d", what, got, changed.Load(), want, changes)
			}
		}
		expect("the flag is off", "true", 0)
		if asked := api.requests(); len(asked) > 0 {
			t.Errorf("asked %v", asked)
		}
		keys := `{"keys": [ {"kid":"b"}, {"kid":"a"} ]}`
		api.set(keys, errors.New("away"))
		switchTo(on(""))
		f.FlagsChanged()
		expect("the API server is away", "false", 0)
		api.set(keys, nil)
		time.Sleep(retry)
		first := `true https://kubernetes.default.svc.cluster.local {"keys":[{"kid":"a"},{"kid":"b"}]}`
		expect("it is back", first, 1)
		if asked := api.requests(); asked[len(asked)-1] != "/openid/v1/jwks" {
			t.Errorf("asked for %v: jwks_uri may be an address that the controller does not reach", asked)
		}
		api.set(`{"keys":[{"kid":"a"},{ "kid" : "b" }]}`, nil)
		time.Sleep(refresh)
		expect("the same in another form", first, 1)
		api.set(`{"keys":[{"kid":"c"}]}`, nil)
		time.Sleep(refresh)
		second := `true https://kubernetes.default.svc.cluster.local {"keys":[{"kid":"c"}]}`
		expect("keys that changed", second, 2)
		api.set(`{"keys":[]}`, nil)
		time.Sleep(refresh)
		expect("no keys are no reason to forget", second, 2)
		switchTo(feature.Flags{})
		expect("switched off", "true", 2)
		switchTo(on("https://other"))
		expect("another issuer was not asked yet", `false https://kubernetes.default.svc.cluster.local {"keys":[{"kid":"c"}]}`, 2)
	})
}

func TestAnotherIssuerIsAskedAsAnybodyWould(t *testing.T) {
	var server, plain *httptest.Server
	server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Authorization") != "":
			t.Error("it was shown a token")
		case r.URL.Path == "/cluster"+discoveryPath:
			fmt.Fprintf(w, `{"issuer":"https://issuer","jwks_uri":"%s/keys"}`, server.URL)
		case r.URL.Path == "/plain"+discoveryPath:
			fmt.Fprint(w, `{"issuer":"https://issuer","jwks_uri":"http://127.0.0.1:1/keys"}`)
		case r.URL.Path == "/nameless"+discoveryPath:
			fmt.Fprint(w, `{}`)
		case r.URL.Path == "/broken"+discoveryPath:
			fmt.Fprint(w, `<html>`)
		case r.URL.Path == "/moved"+discoveryPath:
			http.Redirect(w, r, "/cluster"+discoveryPath, http.StatusFound)
		case r.URL.Path == "/downgraded"+discoveryPath:
			fmt.Fprintf(w, `{"issuer":"https://issuer","jwks_uri":"%s/keys-in-the-clear"}`, server.URL)
		case r.URL.Path == "/keys-in-the-clear":
			http.Redirect(w, r, plain.URL, http.StatusFound)
		case strings.HasPrefix(r.URL.Path, "/round"):
			http.Redirect(w, r, r.URL.Path, http.StatusFound)
		case r.URL.Path == "/keys":
			fmt.Fprint(w, `{"keys":[{"kid":"x"}]}`)
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	plain = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		t.Error("it was asked for keys in the clear")
		fmt.Fprint(w, `{"keys":[{"kid":"of somebody else"}]}`)
	}))
	defer plain.Close()
	for path, want := range map[string]string{
		"/cluster/": `https://issuer {"keys":[{"kid":"x"}]}`, "/cluster": `https://issuer {"keys":[{"kid":"x"}]}`,
		"/gone": "404 Not Found", "/plain": "is no https URL", "/nameless": "names no issuer", "/broken": "discovery document: invalid",
		"/moved": `https://issuer {"keys":[{"kid":"x"}]}`, "/downgraded": "is no https URL", "/round": "redirected more than 10 times",
	} {
		f := New(Options{Client: server.Client(), APIServer: func(context.Context, string) ([]byte, error) {
			return nil, errors.New("the API server was asked")
		}})
		issuer, err := f.ask(t.Context(), server.URL+path)
		if got := fmt.Sprint(issuer.GetIssuer(), " ", issuer.GetKeys(), err); !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	f := New(Options{})
	if _, err := f.ask(t.Context(), strings.Replace(server.URL, "https", "http", 1)); err == nil || !strings.Contains(err.Error(), "is no https URL") {
		t.Errorf("%v", err)
	}
}
