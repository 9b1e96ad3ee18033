package delivery

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"

	"knative.dev/eventing-kafka-go/proto/tokens"
)

// endpoint is an absolute URL that events are posted to, and the connections to it.
type endpoint struct {
	url      string
	prologue string // request line and the headers that every request has
	client   *client
	identity tokens.Identity // whose token is shown; without an audience none is
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
	prologue := "POST " + u.RequestURI() + " HTTP/1.1\r\nhost: " + u.Host + "\r\nuser-agent: knative-eventing-kafka\r\n"
	if u.User != nil {
		password, _ := u.User.Password()
		pair := base64.StdEncoding.EncodeToString([]byte(u.User.Username() + ":" + password))
		prologue += "authorization: Basic " + pair + "\r\n"
	}
	return &endpoint{url: target, prologue: prologue, client: c}, nil
}

func (e *endpoint) release() {
	if e != nil {
		e.client.release()
	}
}
