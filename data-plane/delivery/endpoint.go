package delivery

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"knative.dev/eventing-kafka-go/proto/tokens"
)

// endpoint is an absolute URL that events are posted to, and the connections to it.
type endpoint struct {
	url      string // for people: without the password that it may have
	prologue string // request line and the headers that every request has
	client   *client
	identity tokens.Identity // whose token is shown; without an audience none is
	user     string          // the header that shows the user of the URL, "" for none; a token is shown instead
}

// newEndpoint parses a destination of the contract. trust is PEM.
func newEndpoint(clients *Clients, target, trust string) (*endpoint, error) {
	u, err := url.Parse(target)
	if err != nil {
		if strings.Contains(target, "@") { // what is wrong may be in the password
			return nil, fmt.Errorf("%q cannot be parsed", Shown(target))
		}
		return nil, fmt.Errorf("parse %q: %w", target, errors.Unwrap(err))
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%q is no absolute http or https URL", Shown(target))
	}
	c, err := clients.acquire(u.Scheme == "https", u.Host, trust)
	if err != nil {
		return nil, fmt.Errorf("trust of %q: %w", Shown(target), err)
	}
	prologue := "POST " + u.RequestURI() + " HTTP/1.1\r\nhost: " + u.Host + "\r\nuser-agent: knative-eventing-kafka\r\n"
	return &endpoint{url: Shown(target), prologue: prologue, client: c, user: basic(u.User)}, nil
}

// Shown is a URL as it may be shown: in reports, spans and dead letters, without the password of its user.
func Shown(target string) string {
	u, err := url.Parse(target)
	switch {
	case err != nil || u.Opaque != "":
		at := strings.LastIndexByte(target, '@')
		if at < 0 {
			return target
		}
		user := strings.Index(target[:at], "//")
		return target[:max(0, user)] + "//xxxxx" + target[at:]
	case u.User == nil:
		return target
	}
	return u.Redacted()
}

// basic is the header of a user and a password, "" for none.
func basic(user *url.Userinfo) string {
	if user == nil {
		return ""
	}
	password, _ := user.Password()
	return "authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password)) + "\r\n"
}

// appendAuthorization says who sends: whom the token names, or else the user of the URL. Never both, as a request may say
// it once.
func (e *endpoint) appendAuthorization(dst []byte, token string) []byte {
	if token == "" {
		return append(dst, e.user...)
	}
	return append(append(append(dst, "authorization: Bearer "...), token...), "\r\n"...)
}

func (e *endpoint) release() {
	if e != nil {
		e.client.release()
	}
}
