package contractmap

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1listers "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"

	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/proto/contract"
)

var plane = dataplane.DataPlane{Namespace: "ns", ContractName: "c"}

func sample() *contract.Contract {
	return &contract.Contract{Generation: 7, Resources: []*contract.Resource{
		{Uid: "r", Topics: []string{"t"}, Ingress: &contract.Ingress{Path: "/p"}, Egresses: []*contract.Egress{{Uid: "e"}}},
		{Uid: "s", Topics: []string{"t"}, Egresses: []*contract.Egress{{Uid: "f"}}},
	}}
}

func encoded(t *testing.T) []byte {
	t.Helper()
	b, err := contract.Encode(sample(), contract.FormatZstd)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestWhatWasWrittenIsRead(t *testing.T) {
	before := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "c", ResourceVersion: "5", Labels: map[string]string{"a": "b"}},
		Data:       map[string]string{"left": "over"},
	}
	cm := Make(plane, encoded(t), map[string]string{"x": "too large"}, before)
	if cm.ResourceVersion != "5" || cm.Labels["a"] != "b" || cm.Data != nil || before.BinaryData != nil {
		t.Errorf("made %+v of %+v", cm, before)
	}
	s, err := Parse(cm)
	if err != nil {
		t.Fatal(err)
	}
	want := sample()
	if hash, ok := s.Route("r"); !ok || hash != contract.IngressHash(want.Resources[0]) {
		t.Errorf("route r: %q %v", hash, ok)
	}
	if _, ok := s.Route("s"); ok {
		t.Error("a resource without ingress has a route")
	}
	if hash, ok := s.Group("f"); !ok || hash != contract.EgressHash(want.Resources[1], want.Resources[1].Egresses[0]) {
		t.Errorf("group f: %q %v", hash, ok)
	}
	if !s.Has("r") || !s.Has("e") || s.Has("x") || s.Refused["x"] != "too large" || s.Contract.GetGeneration() != 7 {
		t.Errorf("%+v", s)
	}
	if again := Make(plane, encoded(t), nil, cm); len(again.Annotations) != 0 {
		t.Errorf("what was refused stays: %v", again.Annotations)
	}
}

func TestRefusalsFitIntoAnAnnotation(t *testing.T) {
	refused := map[string]string{}
	for i := range 10_000 {
		refused[fmt.Sprintf("%036d", i)] = strings.Repeat("because ", 20)
	}
	text := Make(plane, nil, refused, nil).Annotations[RefusedAnnotation]
	if len(text) > 240<<10 {
		t.Errorf("%d bytes of annotation", len(text))
	}
	// Else a contract that refuses many would be another one each time, and be written for ever.
	if Make(plane, nil, refused, nil).Annotations[RefusedAnnotation] != text {
		t.Error("the same refusals are written in two ways")
	}
}

func TestAVersionIsDecodedOnce(t *testing.T) {
	indexer := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})
	r := &Reader{ConfigMaps: corev1listers.NewConfigMapLister(indexer)}
	s, err := r.Get(plane)
	if err != nil || s.Version != "" || len(s.Contract.GetResources()) != 0 {
		t.Fatalf("without ConfigMap: %+v, %v", s, err)
	}
	cm := Make(plane, encoded(t), nil, nil)
	cm.ResourceVersion = "1"
	if err := indexer.Add(cm); err != nil {
		t.Fatal(err)
	}
	first, err := r.Get(plane)
	if err != nil {
		t.Fatal(err)
	}
	if second, _ := r.Get(plane); second != first {
		t.Error("decoded again")
	}
	changed := Make(plane, []byte("{torn"), nil, cm)
	changed.ResourceVersion = "2"
	if err := indexer.Update(changed); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Get(plane); err == nil || !strings.Contains(err.Error(), "ns/c") {
		t.Errorf("a torn contract: %v", err)
	}
}
