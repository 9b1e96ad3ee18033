package plane

import (
	"cmp"
	"crypto/x509"
	"encoding/pem"
	"maps"
	"os"
	"slices"
	"time"

	"knative.dev/eventing-kafka-go/data-plane/contractfile"
	"knative.dev/eventing-kafka-go/data-plane/telemetry"
)

// certificateEnds tells when the certificates of this process expire: that of the ingress, and for each Secret the first
// one in it (SEC-31).
func (p *Plane) certificateEnds(s contractfile.State) []telemetry.CertificateEnd {
	var ends []telemetry.CertificateEnd
	if p.config.Ingress && p.config.CertFile != "" {
		if content, err := os.ReadFile(p.config.CertFile); err == nil {
			if end := firstEnd(content); !end.IsZero() {
				ends = append(ends, telemetry.CertificateEnd{Use: "ingress", At: end})
			}
		}
	}
	if s.Current == nil {
		return ends
	}
	for _, name := range slices.Sorted(maps.Keys(s.Current.Credentials)) {
		var end time.Time
		for _, value := range s.Current.Credentials[name] {
			if e := firstEnd(value); !e.IsZero() && (end.IsZero() || e.Before(end)) {
				end = e
			}
		}
		if !end.IsZero() {
			ends = append(ends, telemetry.CertificateEnd{Use: cmp.Or(name, "kafka"), At: end})
		}
	}
	return ends
}

// firstEnd is when the first of the certificates in a text of PEM expires; zero when there is none.
func firstEnd(text []byte) time.Time {
	var end time.Time
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err == nil && (end.IsZero() || cert.NotAfter.Before(end)) {
			end = cert.NotAfter
		}
	}
	return end
}
