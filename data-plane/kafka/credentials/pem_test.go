package credentials

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"knative.dev/eventing-kafka-go/proto/contract"
)

// material is what users put into Secrets, in PEM.
type material struct {
	ca, otherCA                          string
	cert, pkcs1, pkcs8, encrypted        string // RSA
	ecCert, ecKey, ecPKCS8, ecParameters string
}

func newMaterial(tb testing.TB) material {
	tb.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		tb.Fatal(err)
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	ecDER, err := x509.MarshalECPrivateKey(ec)
	if err != nil {
		tb.Fatal(err)
	}
	return material{
		ca: selfSigned(tb, ec), otherCA: selfSigned(tb, key), cert: selfSigned(tb, key), ecCert: selfSigned(tb, ec),
		pkcs1: text("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)), pkcs8: pkcs8(tb, key),
		encrypted: text("ENCRYPTED PRIVATE KEY", []byte("encrypted")),
		ecKey:     text("EC PRIVATE KEY", ecDER), ecPKCS8: pkcs8(tb, ec), ecParameters: text("EC PARAMETERS", []byte{6, 1, 0}),
	}
}

func text(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func pkcs8(tb testing.TB, key crypto.Signer) string {
	tb.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		tb.Fatal(err)
	}
	return text("PRIVATE KEY", der)
}

func selfSigned(tb testing.TB, key crypto.Signer) string {
	tb.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "kafka"},
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		tb.Fatal(err)
	}
	return text("CERTIFICATE", der)
}

// torn keeps the frame of a PEM block and loses a part of what is in it.
func torn(s string) string {
	block, _ := pem.Decode([]byte(s))
	return text(block.Type, block.Bytes[:len(block.Bytes)/2])
}

func TestEncryptionIsNeverWeakerThanTLS12(t *testing.T) {
	m := newMaterial(t)
	for name, data := range map[string]values{
		"PKCS #1":        {"protocol": "SSL", "ca.crt": m.ca, "user.crt": m.cert, "user.key": m.pkcs1},
		"PKCS #8":        {"protocol": "SSL", "ca.crt": m.ca, "user.crt": m.cert, "user.key": m.pkcs8},
		"EC":             {"protocol": "SSL", "ca.crt": m.ca, "user.crt": m.ecCert, "user.key": m.ecKey},
		"EC in PKCS #8":  {"protocol": "SSL", "ca.crt": m.ca, "user.crt": m.ecCert, "user.key": m.ecPKCS8},
		"no certificate": {"protocol": "SSL", "ca.crt": m.ca, "user.skip": "true"},
		"no authority":   {"protocol": "SSL", "user.skip": "true"},
	} {
		t.Run(name, func(t *testing.T) {
			settings, err := FromSecret(secret, data.data())
			if err != nil {
				t.Fatal(err)
			}
			config, err := settings.TLS()
			if err != nil {
				t.Fatal(err)
			}
			if config.InsecureSkipVerify || config.MinVersion != tls.VersionTLS12 || config.MaxVersion != tls.VersionTLS13 {
				t.Errorf("versions %x to %x, unverified %v", config.MinVersion, config.MaxVersion, config.InsecureSkipVerify)
			}
			if (config.RootCAs != nil) != (data["ca.crt"] != "") || (len(config.Certificates) == 1) != (data["user.crt"] != "") {
				t.Errorf("authorities %v, %d certificates", config.RootCAs, len(config.Certificates))
			}
		})
	}
	plain := Settings{}
	if config, err := plain.TLS(); config != nil || err != nil {
		t.Errorf("plain text: %v, %v", config, err)
	}
}

// FuzzKeyPair holds that whatever users store, it is either usable or refused with the Secret and one of its keys named
// and nothing of the content told.
func FuzzKeyPair(f *testing.F) {
	m := newMaterial(f)
	for _, seed := range [][3]string{
		{m.ca, m.cert, m.pkcs1}, {m.ca, m.cert, m.pkcs8}, {m.ca, m.ecCert, m.ecKey}, {m.ca, m.ecCert, m.ecPKCS8},
		{"", m.ecCert, m.ecParameters + m.ecKey}, {"x", m.cert, m.encrypted}, {m.ca, torn(m.cert), torn(m.pkcs8)},
		{m.ca, m.cert + m.ca, m.ecKey}, {"", "", ""}, {m.ca, "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", m.pkcs1},
	} {
		f.Add([]byte(seed[0]), []byte(seed[1]), []byte(seed[2]))
	}
	f.Fuzz(func(t *testing.T, ca, cert, key []byte) {
		data := map[string][]byte{"protocol": []byte("SSL"), "ca.crt": ca, "user.crt": cert, "user.key": key}
		settings, err := FromSecret(secret, data)
		if err != nil {
			refused(t, err, nil, "key")
			if !strings.Contains(err.Error(), "ca.crt") && !strings.Contains(err.Error(), "user.") {
				t.Errorf("%q names no key", err)
			}
			return
		}
		config, err := settings.TLS()
		if err != nil || settings.Protocol != contract.Protocol_SSL || len(config.Certificates) != 1 {
			t.Errorf("accepted, but %v", err)
		}
	})
}
