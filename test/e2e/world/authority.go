package world

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"testing"
	"time"

	"knative.dev/eventing-kafka-go/test/e2e/witness"
)

// Authority issues certificates, as cert-manager does for an issuer.
type Authority struct {
	// CA is its certificate in PEM.
	CA string

	certificate *x509.Certificate
	key         *rsa.PrivateKey
}

// NewAuthority makes an authority.
func NewAuthority(tb testing.TB, name string) *Authority {
	tb.Helper()
	template := certificate(tb, name)
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	key := newKey(tb)
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		tb.Fatal(err)
	}
	signed, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return &Authority{CA: encoded("CERTIFICATE", der), certificate: signed, key: key}
}

// Issue returns a server's certificate for names with an RSA key in PKCS #1, both in PEM.
func (a *Authority) Issue(tb testing.TB, names ...string) witness.Identity {
	tb.Helper()
	template := certificate(tb, names[0])
	template.DNSNames, template.ExtKeyUsage = names, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	key := newKey(tb)
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		tb.Fatal(err)
	}
	return witness.Identity{Certificate: encoded("CERTIFICATE", der), Key: encoded("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key))}
}

func certificate(tb testing.TB, name string) *x509.Certificate {
	tb.Helper()
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		tb.Fatal(err)
	}
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name, Organization: []string{"local"}},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
	}
}

func newKey(tb testing.TB) *rsa.PrivateKey {
	tb.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

func encoded(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// Identify has the witness serve HTTPS under its name with a certificate of an authority.
func (s *Space) Identify(tb testing.TB, a *Authority) {
	tb.Helper()
	s.must(tb, http.MethodPut, "identity", a.Issue(tb, s.host()), nil)
}

// ToSecure is the address of a name at the witness with TLS.
func (s *Space) ToSecure(name string) string { return "https://" + s.host() + "/to/" + name }
