package credentials

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"time"
)

// TLS returns the configuration of encryption: TLS 1.2 or 1.3, the brokers' names verified (SEC-05). It is nil for a
// protocol without. The configuration has no ServerName: whoever dials sets that of the broker.
func (s *Settings) TLS() (*tls.Config, error) {
	if !s.Encrypted() {
		return nil, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS13}
	if s.CA != nil {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(s.CA) {
			return nil, s.Source.CA.Wrong("no certificate in PEM could be read")
		}
	}
	if s.Cert == nil {
		return config, nil
	}
	pair, err := tls.X509KeyPair(s.Cert, s.Key)
	if err != nil {
		return nil, s.wrongPair()
	}
	config.Certificates = []tls.Certificate{pair}
	return config, nil
}

// Expiry is when the certificates end: the first of the client's chain, and the last of the authorities, of which a
// bundle may hold old ones. Zero without any. It is for settings whose TLS could be made.
func (s *Settings) Expiry() (client, authorities time.Time) {
	for _, c := range certificates(s.Cert) {
		if client.IsZero() || c.NotAfter.Before(client) {
			client = c.NotAfter
		}
	}
	for _, c := range certificates(s.CA) {
		if c.NotAfter.After(authorities) {
			authorities = c.NotAfter
		}
	}
	return client, authorities
}

// certificates are those of a text that can be read.
func certificates(text []byte) (all []*x509.Certificate) {
	for rest := bytes.TrimSpace(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return all
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		if c, err := x509.ParseCertificate(block.Bytes); err == nil {
			all = append(all, c)
		}
	}
}

// wrongPair says which of certificate and key cannot be used. The errors of crypto/tls may quote what they read, and do
// not say which key of the Secret they mean.
func (s *Settings) wrongPair() error {
	cert := firstBlock(s.Cert, func(kind string) bool { return kind == "CERTIFICATE" })
	if cert == nil {
		return s.Source.Cert.Wrong("no certificate in PEM")
	}
	if _, err := x509.ParseCertificate(cert.Bytes); err != nil {
		return s.Source.Cert.Wrong("the certificate cannot be read")
	}
	key := firstBlock(s.Key, func(kind string) bool { return kind == "PRIVATE KEY" || strings.HasSuffix(kind, " PRIVATE KEY") })
	switch {
	case key == nil:
		return s.Source.Key.Wrong("no private key in PEM")
	case key.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(key.Headers["Proc-Type"], "ENCRYPTED"):
		return s.Source.Key.Wrong("the private key is encrypted, which is not supported: store it without a pass phrase")
	case !readable(key.Bytes):
		return s.Source.Key.Wrong("the private key cannot be read; PKCS #1, PKCS #8 and EC keys can")
	}
	return s.Source.Key.Wrong("the private key is not the one of the certificate in " + s.Source.Cert.Key)
}

func firstBlock(text []byte, wanted func(kind string) bool) *pem.Block {
	for rest := bytes.TrimSpace(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil || wanted(block.Type) {
			return block
		}
	}
}

// readable reports whether a private key is in one of the forms that SEC-04 asks for.
func readable(der []byte) bool {
	if _, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return true
	}
	if _, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		return true
	}
	_, err := x509.ParseECPrivateKey(der)
	return err == nil
}
