package environment

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/client-go/rest"
)

// away fails a number of times, as a transport does whose server is away.
type away struct {
	times int
	err   error
}

func (a *away) RoundTrip(r *http.Request) (*http.Response, error) {
	if a.times--; a.times >= 0 {
		return nil, fmt.Errorf("dial tcp: %w", a.err)
	}
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: r}, nil
}

func TestCachesWaitForAnAPIServerThatIsAway(t *testing.T) {
	for _, tt := range []struct {
		name, method, query string
		err                 error
		waits               bool
	}{
		{"a watch", http.MethodGet, "?watch=true&resourceVersion=7", syscall.ECONNREFUSED, true},
		{"the list of a cache", http.MethodGet, "?limit=500&resourceVersion=0", syscall.ECONNRESET, true},
		{"an object that somebody waits for", http.MethodGet, "", syscall.ECONNREFUSED, false},
		{"a write", http.MethodPost, "?resourceVersion=1", syscall.ECONNREFUSED, false},
		{"a certificate that is not trusted", http.MethodGet, "?watch=true", errors.New("x509: unknown authority"), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				config := &rest.Config{}
				Patiently(t.Context(), config)
				request, err := http.NewRequestWithContext(t.Context(), tt.method, "https://api/pods"+tt.query, http.NoBody)
				if err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				response, err := config.WrapTransport(&away{60, tt.err}).RoundTrip(request)
				if err == nil {
					_ = response.Body.Close()
				}
				if took := time.Since(began); (err == nil) != tt.waits || tt.waits != (took == 60*lookAgain) {
					t.Errorf("after %v: %v", took, err)
				}
			})
		})
	}
}

func TestNobodyWaitsForAnAPIServerAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		process, end := context.WithCancel(t.Context())
		config := &rest.Config{}
		Patiently(process, config)
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://api/pods?watch=true", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Minute, end)
		response, err := config.WrapTransport(&away{1 << 30, syscall.ECONNREFUSED}).RoundTrip(request)
		if err == nil {
			_ = response.Body.Close()
			t.Error("it was answered")
		}
	})
}
