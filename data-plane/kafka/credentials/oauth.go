package credentials

import (
	"crypto/x509"
	"net"
	"net/url"
	"strings"

	"knative.dev/eventing-kafka-go/proto/contract"
)

// oauth takes what ClientCredentials needs.
func (f *fields) oauth(o *OAuth) error {
	for _, required := range []struct {
		what  string
		field contract.SecretField
		into  *string
	}{
		{"the token endpoint", fieldEndpoint, &o.Endpoint},
		{"the client id", fieldClientID, &o.ClientID},
		{"the client secret", fieldClientSecret, &o.ClientSecret},
	} {
		if *required.into = string(f.values[required.field]); *required.into == "" {
			return f.missing(required.what, required.field)
		}
	}
	if !safeEndpoint(o.Endpoint) {
		return f.places[fieldEndpoint].Wrong("not an https URL")
	}
	o.Scope = string(f.values[fieldScope])
	if o.CA = f.values[fieldEndpointCA]; o.CA != nil && !x509.NewCertPool().AppendCertsFromPEM(o.CA) {
		return f.places[fieldEndpointCA].Wrong("no certificate in PEM could be read")
	}
	for pair := range strings.SplitSeq(string(f.values[fieldExtensions]), ",") {
		if pair = strings.TrimSpace(pair); pair == "" {
			continue
		}
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" || name == "auth" || strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz") != "" {
			return f.places[fieldExtensions].Wrong("not a list of name=value, separated by commas, whose names have letters alone")
		}
		if o.Extensions == nil {
			o.Extensions = map[string]string{}
		}
		o.Extensions[name] = value
	}
	return nil
}

// safeEndpoint reports whether a client secret may be sent to an address.
func safeEndpoint(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback())
}
