// Package contractmap reads the ConfigMaps that hold contracts, and says what is in them.
//
// It owns the form of those ConfigMaps. A Reader decodes each version of one once; it may be used by any goroutine, and
// what it returns must not be changed.
package contractmap

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1listers "k8s.io/client-go/listers/core/v1"

	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/proto/contract"
)

const (
	// Key is the one key of binaryData (CT-06).
	Key = "data"
	// RefusedAnnotation holds, as JSON, why the entries of objects are not in the contract, by UID.
	RefusedAnnotation = "kafka.eventing.knative.dev/refused"
	// maxRefused bounds that annotation, of which a ConfigMap holds 256 KiB; who is beyond it is told by an entry that is
	// not there.
	maxRefused = 1000
)

// Snapshot is one version of a contract.
type Snapshot struct {
	Contract *contract.Contract
	// Version is the ConfigMap's resourceVersion, "" when there is no ConfigMap.
	Version string
	// Size is that of the encoded contract in bytes, Format what it was encoded as.
	Size   int
	Format contract.Format
	// Refused is why entries are not in it, by UID of the object.
	Refused map[string]string

	routes, groups map[string]string
}

// Route returns the contract.IngressHash of a resource that is in the contract.
func (s *Snapshot) Route(uid string) (hash string, ok bool) {
	hash, ok = s.routes[uid]
	return hash, ok
}

// Group returns the contract.EgressHash of an egress that is in the contract.
func (s *Snapshot) Group(uid string) (hash string, ok bool) {
	hash, ok = s.groups[uid]
	return hash, ok
}

// Has says whether anything under a UID is in the contract.
func (s *Snapshot) Has(uid string) bool {
	_, route := s.routes[uid]
	_, group := s.groups[uid]
	return route || group
}

// Reader reads contracts from a cache of ConfigMaps.
type Reader struct {
	ConfigMaps corev1listers.ConfigMapLister

	mu    sync.Mutex
	known map[string]*Snapshot
}

// Get returns the contract of a data plane; an empty one when there is no ConfigMap. An error says what cannot be read.
func (r *Reader) Get(d dataplane.DataPlane) (*Snapshot, error) {
	cm, err := r.ConfigMaps.ConfigMaps(d.Namespace).Get(d.ContractName)
	if apierrors.IsNotFound(err) {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.known, d.Key())
		return &Snapshot{Contract: &contract.Contract{}}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("get ConfigMap %s: %w", d.Key(), err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.known[d.Key()]; s != nil && s.Version == cm.ResourceVersion && cm.ResourceVersion != "" {
		return s, nil
	}
	s, err := Parse(cm)
	if err != nil {
		return nil, err
	}
	if r.known == nil {
		r.known = map[string]*Snapshot{}
	}
	r.known[d.Key()] = s
	return s, nil
}

// Parse reads a ConfigMap.
func Parse(cm *corev1.ConfigMap) (*Snapshot, error) {
	c, format, err := contract.Decode(cm.BinaryData[Key])
	if err != nil {
		return nil, fmt.Errorf("contract in ConfigMap %s/%s: %w", cm.Namespace, cm.Name, err)
	}
	s := &Snapshot{
		Contract: c, Version: cm.ResourceVersion, Size: len(cm.BinaryData[Key]), Format: format, Refused: refused(cm),
		routes: map[string]string{}, groups: map[string]string{},
	}
	for _, res := range c.GetResources() {
		if res.GetIngress() != nil {
			s.routes[res.GetUid()] = contract.IngressHash(res)
		}
		for _, e := range res.GetEgresses() {
			s.groups[e.GetUid()] = contract.EgressHash(res, e)
		}
	}
	return s, nil
}

func refused(cm *corev1.ConfigMap) map[string]string {
	var m map[string]string
	if text := cm.Annotations[RefusedAnnotation]; text != "" {
		if err := json.Unmarshal([]byte(text), &m); err != nil {
			return nil // somebody else wrote it; the next write puts it right
		}
	}
	return m
}

// Make returns the ConfigMap of a data plane with an encoded contract. before is the one that there is, nil for none.
func Make(d dataplane.DataPlane, encoded []byte, refused map[string]string, before *corev1.ConfigMap) *corev1.ConfigMap {
	cm := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: d.Namespace, Name: d.ContractName}}
	if before != nil {
		cm = before.DeepCopy()
	}
	cm.Data, cm.BinaryData = nil, map[string][]byte{Key: encoded}
	delete(cm.Annotations, RefusedAnnotation)
	if len(refused) > 0 {
		if cm.Annotations == nil {
			cm.Annotations = map[string]string{}
		}
		text, _ := json.Marshal(Bounded(refused)) // a map of texts
		cm.Annotations[RefusedAnnotation] = string(text)
	}
	return cm
}

// Bounded is what fits into the annotation of all that was refused: always the same of the same.
func Bounded(refused map[string]string) map[string]string {
	if len(refused) <= maxRefused {
		return refused
	}
	short := make(map[string]string, maxRefused)
	for _, uid := range slices.Sorted(maps.Keys(refused))[:maxRefused] {
		short[uid] = refused[uid]
	}
	return short
}
