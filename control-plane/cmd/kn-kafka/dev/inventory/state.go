package inventory

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"

	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"

	messagingv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/messaging/v1beta1"
	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/manifest"
	"knative.dev/eventing-kafka-go/control-plane/translate"
)

// stateVersion is that of the file; another one is refused.
const stateVersion = 1

// state is what survives a restart.
type state struct {
	Version int `json:"version"`
	// ContractGeneration is the number of the last contract.
	ContractGeneration uint64             `json:"contractGeneration"`
	Objects            map[string]*Record `json:"objects"`
}

// Record is what is remembered of an object, much of which a cluster keeps in its status.
type Record struct {
	// Generation counts the changes of the spec.
	Generation int64 `json:"generation"`
	// Value is the object as it was last accepted.
	Value json.RawMessage `json:"value"`
	// Topic is the topic of a Broker or KafkaChannel.
	Topic string `json:"topic,omitempty"`
	// Created are the topics that were made for the object: only they may be deleted with it.
	Created []string `json:"created,omitempty"`
	// Groups are the consumer groups that read the topic.
	Groups []string `json:"groups,omitempty"`
	// Group is the consumer group of a Trigger, Subscription or KafkaSource, Partitions how many partitions of each topic have their
	// start.
	Group      string           `json:"group,omitempty"`
	Partitions map[string]int32 `json:"partitions,omitempty"`
	// Removed says that the object was taken away, and what belongs to it has to go.
	Removed bool `json:"removed,omitempty"`
}

// AddCreated notes that a topic was made for the object. It is recorded once and for all: a topic that vanished and was
// made again is ours as well.
func (r *Record) AddCreated(topic string) {
	if !slices.Contains(r.Created, topic) {
		r.Created = append(r.Created, topic)
	}
}

// Open reads what an earlier run has left in a file; one that is not there is an empty inventory.
func Open(file string, kinds manifest.Kinds) (*Inventory, error) {
	i := &Inventory{kinds: kinds, state: &state{Version: stateVersion, Objects: map[string]*Record{}}, objects: map[manifest.ID]*entry{}}
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return i, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the state of the last run: %w", err)
	}
	if err := json.Unmarshal(data, i.state); err != nil {
		return nil, fmt.Errorf("read the state of the last run: %s: %w", file, err)
	}
	if i.state.Version != stateVersion {
		return nil, fmt.Errorf("read the state of the last run: %s has version %d, expected %d", file, i.state.Version, stateVersion)
	}
	if i.state.Objects == nil {
		i.state.Objects = map[string]*Record{}
	}
	return i, nil
}

// Save writes the state into a file, whole or not at all.
func (i *Inventory) Save(file string) error {
	data, err := json.MarshalIndent(i.state, "", " ")
	if err != nil {
		return fmt.Errorf("save state: %w", err)
	}
	if err := os.WriteFile(file+".new", data, 0o600); err != nil {
		return fmt.Errorf("save state: %w", err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		return fmt.Errorf("save state: %w", err)
	}
	return nil
}

// record notes that an object was accepted: its generation grows when its spec differs from what was known. It returns
// whether anything differs.
func (s *state) record(o *manifest.Object) (changed bool) {
	r := s.Objects[key(o.ID)]
	if r == nil {
		r = &Record{}
		s.Objects[key(o.ID)] = r
	}
	r.Removed = false
	o.Value.SetGeneration(0)
	value := marshal(o.Value)
	changed = !sameJSON(value, r.Value)
	if r.Generation == 0 || !sameJSON(spec(value), spec(r.Value)) {
		r.Generation++
	}
	r.Value = value
	o.Value.SetGeneration(r.Generation)
	r.recall(o)
	return changed
}

// recall puts into an object what its status would say.
func (r *Record) recall(o *manifest.Object) {
	if r.Topic != "" {
		status := map[string]string{translate.TopicStatusAnnotation: r.Topic}
		switch v := o.Value.(type) {
		case *eventingv1.Broker:
			v.Status.Annotations = status
		case *messagingv1beta1.KafkaChannel:
			v.Status.Annotations = status
		}
	}
	if t, ok := o.Value.(*eventingv1.Trigger); ok && r.Group != "" {
		t.Status.Annotations = map[string]string{translate.GroupStatusAnnotation: r.Group}
	}
}

// Record returns what is remembered of an object that runs or did; the caller may change it.
func (i *Inventory) Record(id manifest.ID) *Record { return i.state.Objects[key(id)] }

// Removed is an object that was taken away and what belongs to it.
type Removed struct {
	Name   string // for Forget
	Record *Record
}

// Removed returns the objects that were taken away, in a fixed order.
func (i *Inventory) Removed() []Removed {
	var all []Removed
	for _, name := range slices.Sorted(maps.Keys(i.state.Objects)) {
		if r := i.state.Objects[name]; r.Removed {
			all = append(all, Removed{Name: name, Record: r})
		}
	}
	return all
}

// Forget drops the record of an object whose belongings are gone.
func (i *Inventory) Forget(name string) { delete(i.state.Objects, name) }

// Absent are the names of the objects that an earlier run had, which nobody took away and no manifest declares.
func (i *Inventory) Absent() []string {
	var names []string
	for name, r := range i.state.Objects {
		if !r.Removed && r.Topic != "" && !i.runs(name) {
			names = append(names, name)
		}
	}
	return names
}

func (i *Inventory) runs(name string) bool {
	for id := range i.objects {
		if key(id) == name {
			return true
		}
	}
	return false
}

// ContractGeneration is the number of the last contract.
func (i *Inventory) ContractGeneration() uint64 { return i.state.ContractGeneration }

// SetContractGeneration notes the number of a contract before it is used.
func (i *Inventory) SetContractGeneration(n uint64) { i.state.ContractGeneration = n }

// marshal cannot fail: the value came from JSON.
func marshal(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		return json.RawMessage("null")
	}
	return data
}

// spec is the part of an object whose changes make a generation: all but metadata and status.
func spec(object json.RawMessage) []byte {
	fields := map[string]json.RawMessage{}
	_ = json.Unmarshal(object, &fields) // nothing is an empty object
	delete(fields, "metadata")
	delete(fields, "status")
	return marshal(fields)
}
