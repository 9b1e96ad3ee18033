package ingress

import (
	"strings"
	"testing"
	"time"

	"knative.dev/eventing-kafka-go/data-plane/cloudevent"
	"knative.dev/eventing-kafka-go/data-plane/oidc/oidctest"
	"knative.dev/eventing-kafka-go/proto/contract"
)

const sender = "system:serviceaccount:ns:sender"

// guarded is a resource that only senders of namespace ns may send events of type t to.
func guarded(r *contract.Resource) {
	r.Ingress.Audience = "aud"
	r.Ingress.EventPolicies = []*contract.EventPolicy{{
		TokenMatchers: []*contract.TokenMatcher{{Matcher: &contract.TokenMatcher_Prefix{
			Prefix: &contract.Prefix{Attributes: map[string]string{"sub": "system:serviceaccount:ns:"}},
		}}},
		Filters: []*contract.DialectedFilter{{Filter: &contract.DialectedFilter_Exact{
			Exact: &contract.Exact{Attributes: map[string]string{"type": "t"}},
		}}},
	}}
}

func withIssuer(c *contract.Contract, issuers ...*oidctest.Issuer) *contract.Contract {
	c.TokenIssuers = []*contract.TokenIssuer{oidctest.Contract(issuers...)}
	return c
}

func bearing(token string, headers []cloudevent.Header) []cloudevent.Header {
	return append(headers, cloudevent.Header{Name: "authorization", Value: "Bearer " + token})
}

func TestATokenDecidesWhoMaySend(t *testing.T) {
	now := time.Now()
	issuer := oidctest.New("iss", "k")
	good := issuer.Token("aud", sender, now, nil)
	for name, row := range map[string]struct {
		headers []cloudevent.Header
		body    string
		status  int
		reason  string
	}{
		"a good token (IN-45)":                   {bearing(good, event()), "", 202, ""},
		"none (IN-14)":                           {event(), "", 401, "required"},
		"no bearer token (IN-14)":                {event("Authorization", "Basic abc"), "", 401, "Bearer"},
		"the token of another audience (IN-47)":  {bearing(issuer.Token("x", sender, now, nil), event()), "", 401, "audience"},
		"a sender that no policy knows (IN-15)":  {bearing(issuer.Token("aud", "system:serviceaccount:other:s", now, nil), event()), "", 403, "sender"},
		"an event that the policy does not pass": {bearing(good, event("ce-type", "u")), "", 403, "event"},
		"no event, of a good sender (IN-16)":     {bearing(good, []cloudevent.Header{{Name: "a", Value: "b"}}), "", 400, "CloudEvent"},
		"claims count before the body (IN-49)":   {event(), strings.Repeat("x", 1<<20), 401, "required"},
	} {
		c := &cluster{}
		i := start(t, c)
		i.Apply(withIssuer(contractOf(resource("a", guarded)), issuer), nil)
		a := send(t, i, call{headers: row.headers, body: row.body})
		if a.Status != row.status || !strings.Contains(a.Reason, row.reason) {
			t.Errorf("%s: %d %s", name, a.Status, a.Reason)
		}
		if (a.Status == 401) != (len(a.Headers) == 1 && a.Headers[0] == Field{"Www-Authenticate", "Bearer"}) {
			t.Errorf("%s: %v", name, a.Headers)
		}
		if (len(c.written) == 1) != (row.status == 202) {
			t.Errorf("%s: %d records", name, len(c.written))
		}
		for _, r := range c.written {
			for _, h := range r.Headers {
				if strings.EqualFold(h.Key, "authorization") {
					t.Errorf("%s: the token is in the record", name)
				}
			}
		}
	}
}

func TestABatchNeedsAllOfItsEventsAdmitted(t *testing.T) {
	issuer := oidctest.New("iss", "k")
	c := &cluster{}
	i := start(t, c)
	i.Apply(withIssuer(contractOf(resource("a", guarded)), issuer), nil)
	batch := func(types ...string) Answer {
		var events []string
		for _, eventType := range types {
			events = append(events, `{"specversion":"1.0","id":"1","source":"s","type":"`+eventType+`"}`)
		}
		return send(t, i, call{contentType: "application/cloudevents-batch+json",
			headers: bearing(issuer.Token("aud", sender, time.Now(), nil), nil), body: "[" + strings.Join(events, ",") + "]"})
	}
	if a := batch("t", "u"); a.Status != 403 || len(c.written) != 0 {
		t.Errorf("with one event that no policy passes: %+v, %d records", a, len(c.written))
	}
	if a := batch("t", "t"); a.Status != 202 || len(c.written) != 2 {
		t.Errorf("without: %+v, %d records", a, len(c.written))
	}
}

// TestARouteThatCannotBeGuardedIsNotOpen is CT-33.
func TestARouteThatCannotBeGuardedIsNotOpen(t *testing.T) {
	issuer := oidctest.New("iss", "k")
	headers := bearing(issuer.Token("aud", sender, time.Now(), nil), event())
	i := start(t, &cluster{})
	i.Apply(contractOf(resource("a", guarded), resource("b")), nil)
	if a := send(t, i, call{headers: headers}); a.Status != 503 || !strings.Contains(a.Reason, "keys") {
		t.Errorf("without keys: %+v", a)
	}
	if a := send(t, i, call{target: "/ns/b"}); a.Status != 202 {
		t.Errorf("another resource: %+v", a)
	}
	i.Apply(withIssuer(contractOf(resource("a", guarded, func(r *contract.Resource) {
		r.Ingress.EventPolicies[0].TokenMatchers = append(r.Ingress.EventPolicies[0].TokenMatchers, &contract.TokenMatcher{})
	})), issuer), nil)
	if a := send(t, i, call{headers: headers}); a.Status != 503 || !strings.Contains(a.Reason, "tokenMatchers[1]") {
		t.Errorf("with a policy that is not understood: %+v", a)
	}
	i.Apply(withIssuer(contractOf(resource("a", guarded)), issuer), nil)
	if a := send(t, i, call{headers: headers}); a.Status != 202 {
		t.Errorf("when the keys have come: %+v", a)
	}
	open := resource("a", guarded, func(r *contract.Resource) { r.Ingress.Audience = "" })
	i.Apply(contractOf(open), nil)
	if a := send(t, i, call{}); a.Status != 202 {
		t.Errorf("policies without an audience are not enforced (IN-51): %+v", a)
	}
}

func TestAGuardThatComesWhileABodyIsReadCounts(t *testing.T) {
	issuer := oidctest.New("iss", "k")
	c := &cluster{}
	i := start(t, c)
	i.Apply(withIssuer(contractOf(resource("a")), issuer), nil)
	for token, status := range map[string]int{"": 401, issuer.Token("aud", sender, time.Now(), nil): 202} {
		i.Apply(withIssuer(contractOf(resource("a")), issuer), nil)
		r := i.NewRequest()
		r.Received, r.Method, r.Target = time.Now(), "POST", "/ns/a"
		r.Headers = append(r.Headers, event()...)
		if token != "" {
			r.Headers = bearing(token, r.Headers)
		}
		if a, ok := i.Admit(r); !ok {
			t.Fatalf("%+v", a)
		}
		i.Apply(withIssuer(contractOf(resource("a", guarded)), issuer), nil)
		answers := make(chan Answer, 1)
		i.Handle(r, func(a Answer) { answers <- a })
		if a := <-answers; a.Status != status {
			t.Errorf("got %+v, want %d", a, status)
		}
	}
}
