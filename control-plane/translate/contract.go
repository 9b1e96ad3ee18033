package translate

import (
	"cmp"
	"crypto/x509"
	"encoding/pem"
	"slices"

	"knative.dev/eventing-kafka-go/proto/contract"
)

// Shared is what all resources of a contract have in common.
type Shared struct {
	// TrustBundles are PEM; those that hold no certificate are left out.
	TrustBundles []string
	// Dispatchers are names of pods.
	Dispatchers []string
	// Issuers are those of the tokens that ingresses with an audience ask for.
	Issuers []*contract.TokenIssuer
}

// Contract puts a contract together: resources by UID, and what they share sorted and without repetitions. Its generation
// is that of before when both mean the same, else the next one; before may be nil. The result may share memory with what is
// handed in.
func Contract(before *contract.Contract, resources []*contract.Resource, shared Shared) *contract.Contract {
	c := &contract.Contract{
		Generation:   before.GetGeneration(),
		Resources:    slices.SortedFunc(slices.Values(resources), func(a, b *contract.Resource) int { return cmp.Compare(a.GetUid(), b.GetUid()) }),
		TrustBundles: slices.DeleteFunc(sortedSet(shared.TrustBundles), func(s string) bool { return !holdsCertificate(s) }),
		Dispatchers:  sortedSet(shared.Dispatchers),
		TokenIssuers: slices.SortedFunc(slices.Values(shared.Issuers), func(a, b *contract.TokenIssuer) int {
			return cmp.Compare(a.GetIssuer(), b.GetIssuer())
		}),
	}
	if before == nil || !contract.Equivalent(before, c) {
		c.Generation = contract.NextGeneration(before.GetGeneration())
	}
	return c
}

func sortedSet(in []string) []string { return slices.Compact(slices.Sorted(slices.Values(in))) }

// holdsCertificate is true when at least one certificate in a PEM bundle can be parsed.
func holdsCertificate(bundle string) bool {
	for rest := []byte(bundle); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return false
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		if _, err := x509.ParseCertificate(block.Bytes); err == nil {
			return true
		}
	}
}
