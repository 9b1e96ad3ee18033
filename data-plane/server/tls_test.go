package server_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"knative.dev/eventing-kafka-go/data-plane/server"
)

// writePair writes a self-signed certificate with this serial number, and its key.
func writePair(t testing.TB, dir string, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"tls.crt": {Type: "CERTIFICATE", Bytes: der}, "tls.key": {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// serial returns the serial number that the TLS port shows, or 0 while it is closed.
func serial(r *rig) int64 {
	address := r.TLSAddr()
	if address == nil {
		return 0
	}
	conn, err := tls.Dial("tcp", address.String(), &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // the test looks itself
	if err != nil {
		return 0
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

func TestHTTPSFollowsTheCertificate(t *testing.T) {
	dir := t.TempDir()
	r := startRig(t, rigOptions{acquire: instant(1 << 20), server: server.Options{
		TLSAddr: "127.0.0.1:0", CertFile: filepath.Join(dir, "tls.crt"), KeyFile: filepath.Join(dir, "tls.key")}})
	if r.TLSAddr() != nil {
		t.Fatal("open without a certificate")
	}
	writePair(t, dir, 1)
	until(t, "the certificate is served (IN-02)", func() bool { return serial(r) == 1 })

	clients := map[string]*http.Transport{}
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: protocol == "HTTP/2.0"} //nolint:gosec // as above
		clients[protocol] = transport
		defer transport.CloseIdleConnections()
	}
	check := func() {
		t.Helper()
		for protocol, transport := range clients {
			client := &http.Client{Transport: transport, Timeout: patience}
			url := "https://" + r.TLSAddr().String() + "/ns/name"
			if a, err := post(client, url, strings.NewReader("x")); err != nil || a.status != 202 {
				t.Fatalf("%s: %+v, %v", protocol, a, err)
			}
			resp, err := client.Get("https://" + r.TLSAddr().String() + "/healthz")
			if err != nil || resp.Proto != protocol || resp.StatusCode != 200 {
				t.Fatalf("%+v, %v; want %s (IN-05, IN-06)", resp, err, protocol)
			}
			resp.Body.Close()
		}
	}
	check()
	address := r.TLSAddr().String()

	if err := os.WriteFile(filepath.Join(dir, "tls.crt"), []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	check() // the pair that fits is kept
	writePair(t, dir, 2)
	until(t, "the new certificate is served (IN-02)", func() bool { return serial(r) == 2 })
	if r.TLSAddr().String() != address {
		t.Error("the port was closed in between")
	}
	check() // on connections from before, too

	if err := os.Remove(filepath.Join(dir, "tls.key")); err != nil {
		t.Fatal(err)
	}
	until(t, "the port is closed (IN-02)", func() bool { return r.TLSAddr() == nil })
	if a, err := post(http.DefaultClient, r.url(), strings.NewReader("x")); err != nil || a.status != 202 {
		t.Errorf("the plain port: %+v, %v (IN-03)", a, err)
	}
	writePair(t, dir, 3)
	until(t, "a new certificate is served", func() bool { return serial(r) == 3 })
}
