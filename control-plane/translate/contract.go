package translate

import (
	"cmp"
	"crypto/x509"
	"encoding/pem"
	"slices"

	"knative.dev/eventing-kafka-go/proto/contract"
)

// Contract puts a contract together: resources by UID, the trust bundles that hold a certificate, the names of the
// dispatchers, the last two sorted and without repetitions. Its generation is that of before when both mean the same,
// else the next one; before may be nil. The result may share memory with resources.
func Contract(before *contract.Contract, resources []*contract.Resource, trustBundles, dispatchers []string) *contract.Contract {
	c := &contract.Contract{
		Generation:   before.GetGeneration(),
		Resources:    slices.SortedFunc(slices.Values(resources), func(a, b *contract.Resource) int { return cmp.Compare(a.GetUid(), b.GetUid()) }),
		TrustBundles: slices.DeleteFunc(sortedSet(trustBundles), func(s string) bool { return !holdsCertificate(s) }),
		Dispatchers:  sortedSet(dispatchers),
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
