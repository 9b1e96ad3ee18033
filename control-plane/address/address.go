// Package address says where events for an object enter: which addresses its status publishes in each mode of transport
// encryption, with which certificates and for which audience.
//
// It does no I/O beyond the Secret that it is handed a function for, and keeps no state.
package address

import (
	"fmt"
	"slices"

	"knative.dev/eventing/pkg/apis/feature"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"

	"knative.dev/eventing-kafka-go/control-plane/apis/conditions"
	"knative.dev/eventing-kafka-go/control-plane/credentials"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/translate"
)

// caKey is the key of the authority's certificates in the Secret of an ingress.
const caKey = "ca.crt"

// Entrance is where events for an object enter.
type Entrance struct {
	// HTTP and HTTPS are its addresses without and with encryption.
	HTTP, HTTPS *apis.URL
	// Group, Kind, Namespace and Name of the object make the audience of tokens.
	Group, Kind, Namespace, Name string
	// HTTPFirst puts the http address before the https one where both are published: so it is with Brokers.
	HTTPFirst bool
}

// At returns the entrance of an object at the shared ingress of a data plane. domain is that of the cluster.
func At(d dataplane.DataPlane, domain, group, kind, namespace, name string) Entrance {
	return Entrance{
		HTTP:  translate.IngressAddress("http", d.Ingress, d.Namespace, domain, namespace, name),
		HTTPS: translate.IngressAddress("https", d.Ingress, d.Namespace, domain, namespace, name),
		Group: group, Kind: kind, Namespace: namespace, Name: name,
	}
}

// Addresses returns what the status of an object publishes: the main address first, and all of them (ST-03 to ST-05).
// An error says which Secret lacks the certificates that an https address goes with.
func (e Entrance) Addresses(
	secret credentials.Get, d dataplane.DataPlane, flags feature.Flags,
) (main *duckv1.Addressable, all []duckv1.Addressable, err error) {
	var audience *string
	if flags.IsOIDCAuthentication() {
		text := translate.Audience(e.Group, e.Kind, e.Namespace, e.Name)
		audience = &text
	}
	http := duckv1.Addressable{Name: ptr("http"), URL: e.HTTP, Audience: audience}
	if !flags.IsPermissiveTransportEncryption() && !flags.IsStrictTransportEncryption() {
		return &http, []duckv1.Addressable{http}, nil
	}
	ca, err := authority(secret, d)
	if err != nil {
		return nil, nil, err
	}
	https := duckv1.Addressable{Name: ptr("https"), URL: e.HTTPS, Audience: audience, CACerts: ca}
	if flags.IsStrictTransportEncryption() {
		return &https, []duckv1.Addressable{https}, nil
	}
	all = []duckv1.Addressable{https, http}
	if e.HTTPFirst {
		slices.Reverse(all)
	}
	return &http, all, nil
}

// authority returns the certificates that clients of an ingress trust.
func authority(secret credentials.Get, d dataplane.DataPlane) (*string, error) {
	s, err := secret(d.Namespace, d.TLSSecretName)
	if err != nil {
		return nil, err
	}
	ca := string(s.Data[caKey])
	if ca == "" {
		return nil, fmt.Errorf("Secret %s/%s: missing or empty key %q", d.Namespace, d.TLSSecretName, caKey)
	}
	return &ca, nil
}

// Publish writes addresses into the status of an object and marks it Addressable. A status that cannot be made new keeps
// what it had: Addressable says what is wrong.
func Publish(status *duckv1.AddressStatus, m apis.ConditionManager, main *duckv1.Addressable, all []duckv1.Addressable, err error) {
	if err != nil {
		m.MarkFalse(conditions.Addressable, "NoCertificates", "%v", err)
		return
	}
	status.Address, status.Addresses = main, all
	m.MarkTrue(conditions.Addressable)
}

// Withdraw removes the addresses of an object that is being deleted (ST-07).
func Withdraw(status *duckv1.AddressStatus) {
	status.Address, status.Addresses = nil, nil
}

func ptr(s string) *string { return &s }
