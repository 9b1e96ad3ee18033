package translate

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"knative.dev/eventing-kafka-go/proto/contract"
)

func entry(uid string, egresses ...string) *contract.Resource {
	r := &contract.Resource{Uid: uid}
	for _, e := range egresses {
		r.Egresses = append(r.Egresses, &contract.Egress{Uid: e, ConsumerGroup: "of " + uid})
	}
	return finish(r)
}

func TestContractGeneration(t *testing.T) {
	first := Contract(nil, []*contract.Resource{entry("b"), entry("a", "1", "2")}, Shared{Dispatchers: []string{"pod-1", "pod-0"}})
	if first.GetGeneration() != 1 || first.GetResources()[0].GetUid() != "a" || !slices.Equal(first.GetDispatchers(), []string{"pod-0", "pod-1"}) {
		t.Errorf("first: %v", first)
	}
	same := Contract(first, []*contract.Resource{entry("a", "2", "1"), entry("b")}, Shared{Dispatchers: []string{"pod-0", "pod-1", "pod-0"}})
	if !proto.Equal(same, first) {
		t.Errorf("another order is another contract: %v (CT-08)", same)
	}
	if next := Contract(same, []*contract.Resource{entry("a", "1")}, Shared{}); next.GetGeneration() != 2 {
		t.Errorf("generation %d after a change (CT-08)", next.GetGeneration())
	}
	if empty := Contract(&contract.Contract{}, nil, Shared{}); empty.GetGeneration() != 0 {
		t.Errorf("an empty contract has changed: generation %d", empty.GetGeneration())
	}
}

func TestContractKeepsTrustBundlesWithCertificates(t *testing.T) {
	a, b := certificate(t, 1), certificate(t, 2)
	damaged := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}))
	key := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")}))
	mixed := damaged + key + a
	got := Contract(nil, nil, Shared{TrustBundles: []string{b, "", "no PEM", damaged, key, mixed, b, a}}).GetTrustBundles()
	want := []string{a, b, mixed}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got %d bundles, want %d (CT-23)", len(got), len(want))
	}
}

func certificate(t *testing.T, serial int64) string {
	t.Helper()
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))
	template := &x509.Certificate{SerialNumber: big.NewInt(serial)}
	der, err := x509.CreateCertificate(nil, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func TestKeepWorking(t *testing.T) {
	about := func(uid string) *Error {
		return &Error{Object: &contract.Reference{Uuid: uid, Kind: "Trigger", Namespace: "ns", Name: uid}, Err: errors.New("x")}
	}
	before := entry("r", "broken", "fine", "removed")
	tests := []struct {
		name   string
		now    *contract.Resource
		before *contract.Resource
		errs   []*Error
		want   *contract.Resource
	}{
		{"a broken one keeps what it had, a removed one goes (CT-27)", entry("r", "fine"), before, []*Error{about("broken")}, entry("r", "broken", "fine")},
		{"a new one that is broken had nothing", entry("r", "fine"), before, []*Error{about("new")}, entry("r", "fine")},
		{"one that is there is not doubled", entry("r", "broken"), before, []*Error{about("broken")}, entry("r", "broken")},
		{"nothing before", entry("r", "fine"), nil, []*Error{about("broken")}, entry("r", "fine")},
		{"nothing now", nil, before, []*Error{about("broken")}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			now, old := proto.CloneOf(tt.now), proto.CloneOf(tt.before)
			if got := KeepWorking(now, old, tt.errs); !proto.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
			if !proto.Equal(now, tt.now) || !proto.Equal(old, tt.before) {
				t.Error("an argument was changed")
			}
		})
	}
}

func TestErrorNamesObjectFieldAndReason(t *testing.T) {
	cause := errors.New("not resolved")
	err := error(&Error{Object: &contract.Reference{Kind: "Trigger", Namespace: "ns", Name: "n"}, Field: "spec.subscriber", Err: cause})
	if want := "Trigger ns/n: spec.subscriber: not resolved"; err.Error() != want || !errors.Is(err, cause) {
		t.Errorf("got %q", err)
	}
}
