package delivery

import (
	"errors"
	"fmt"
	"net/url"
)

// endpoint is an absolute URL that events are posted to, and the connections to it.
type endpoint struct {
	url    string
	host   string
	path   string // path and query, as sent
	client *client
}

// newEndpoint parses a destination of the contract. trust is PEM.
func newEndpoint(clients *Clients, target, trust string) (*endpoint, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, fmt.Errorf("parse %q: %w", target, errors.Unwrap(err))
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%q is no absolute http or https URL", target)
	}
	c, err := clients.acquire(u.Scheme == "https", u.Host, trust)
	if err != nil {
		return nil, fmt.Errorf("trust of %q: %w", target, err)
	}
	return &endpoint{url: target, host: u.Host, path: u.RequestURI(), client: c}, nil
}

func (e *endpoint) release() {
	if e != nil {
		e.client.release()
	}
}
