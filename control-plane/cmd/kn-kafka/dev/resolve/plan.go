// Package resolve finds out what the objects of kn-kafka dev refer to, as the controllers of a cluster would, and puts
// together what translate makes contract entries of.
//
// It owns the meaning of references: which address a Broker, a channel or any other destination has on this machine,
// and which ConfigMap says what. It must not talk to Kafka. It keeps no state; a Plan belongs to the goroutine that
// asked for it.
package resolve

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/dev/inventory"
	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/manifest"
	"knative.dev/eventing-kafka-go/control-plane/kafkaadmin"
	"knative.dev/eventing-kafka-go/control-plane/translate"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// World is what references are resolved in.
type World struct {
	Inventory *inventory.Inventory
	// Address is where events are taken: http://HOST:PORT.
	Address string
	// Maps are the addresses of objects that are not Kafka's, by NAMESPACE/NAME.
	Maps map[string]string
	// Embedded says that Kafka asks nobody for credentials.
	Embedded bool
	// Display returns the address of the built-in display that stands in for an object without a map.
	Display func(ref manifest.ID) (string, error)
}

// Plan is everything that shall run.
type Plan struct {
	Resources []*Resource
	// TrustBundles are PEM bundles for all HTTPS targets.
	TrustBundles []string
	// Settings are the contents of the files that [SettingsFiles] lists.
	Settings map[string]string
	// Problems are why something of it cannot run.
	Problems []manifest.Problem
	// Notes are what is different here from a cluster.
	Notes []string
}

// Topic is a topic of a resource.
type Topic struct {
	translate.Topic
	// External says that it must exist and is not ours to create or delete.
	External bool
}

// Resource is a Broker, KafkaChannel, KafkaSink or KafkaSource with its egresses.
type Resource struct {
	Object *manifest.Object
	// Paths are those of its ingress, the shortest first, none without one; Host is its name in a cluster, "" for none.
	Paths []string
	Host  string
	// Failed says that nothing can be made of it: what it was before goes on.
	Failed bool
	Topics []Topic
	// Start is where its groups begin.
	Start kafkaadmin.Start
	// Secret is what the manifests authenticate at Kafka with, or nil; Net is the same of a KafkaSource, key by key.
	Secret *contract.Reference
	Net    *contract.MultiSecretReference
	Groups []Group
	// Broken are the egresses that cannot be made: those that were before go on.
	Broken []*translate.Error
	// Translate makes the contract entry.
	Translate func(translate.Connection, map[types.UID]translate.Group) (*contract.Resource, []*translate.Error, error)
}

// Group is the consumer group of a Trigger, Subscription or KafkaSource.
type Group struct {
	// UID is that of the egress: of the Trigger, Subscription or KafkaSource.
	UID types.UID
	// Object is what declares it.
	Object *manifest.Object
	ID     string
	// Target tells people where events go.
	Target string
}

// UID is the identity of the resource in the contract.
func (r *Resource) UID() string { return string(r.Object.Value.GetUID()) }

// Make resolves everything that the inventory holds.
func Make(w World) *Plan {
	p := &planner{World: w, plan: &Plan{}}
	p.settings()
	w.Inventory.Each("messaging.knative.dev", "KafkaChannel", p.channel)
	w.Inventory.Each("eventing.knative.dev", "Broker", p.broker)
	w.Inventory.Each("eventing.knative.dev", "KafkaSink", p.sink)
	w.Inventory.Each("sources.knative.dev", "KafkaSource", p.source)
	p.orphans()
	return p.plan
}

// planner is one Make under way.
type planner struct {
	World
	plan   *Plan
	naming *translate.Naming
	flags  translate.Flags
}

// fail reports a problem of an object.
func (p *planner) fail(o *manifest.Object, field, format string, args ...any) {
	problem := manifest.Problem{Location: o.Source.At(field), Object: o.ID, Field: field, Reason: fmt.Sprintf(format, args...)}
	if !slices.Contains(p.plan.Problems, problem) {
		p.plan.Problems = append(p.plan.Problems, problem)
	}
}

// refuse reports it and returns it as an error of translate, so that what ran before is kept.
func (p *planner) refuse(o *manifest.Object, field, format string, args ...any) *translate.Error {
	p.fail(o, field, format, args...)
	return &translate.Error{Object: &contract.Reference{Uuid: string(o.Value.GetUID()), Namespace: o.ID.Namespace, Name: o.ID.Name, Kind: o.ID.Kind},
		Field: field, Err: fmt.Errorf(format, args...)}
}

func (p *planner) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(p.plan.Notes, text) {
		p.plan.Notes = append(p.plan.Notes, text)
	}
}

func (p *planner) configMap(id manifest.ID) *corev1.ConfigMap {
	object := p.Inventory.Get(id)
	if object == nil {
		return nil
	}
	return object.Value.(*corev1.ConfigMap) //nolint:forcetypeassert // the kind says so
}

// orphans reports what belongs to a Broker or channel that is not there, or that is of another kind.
func (p *planner) orphans() {
	p.Inventory.Each("messaging.knative.dev", "Subscription", func(o *manifest.Object) {
		id, ok := p.channelOf(o)
		switch segment, ours := segmentOf(id); {
		case ok:
		case ours && segment == "channel":
			p.fail(o, "spec.channel", "%v", absent(id))
		default:
			p.note("%s (%s) is not run: its channel is no KafkaChannel but %s", o.ID, o.Source, id)
		}
	})
	p.Inventory.Each("eventing.knative.dev", "Trigger", func(o *manifest.Object) {
		id, ok := p.brokerOf(o)
		switch broker := p.Inventory.Get(id); {
		case ok:
		case id.Name == "":
			p.fail(o, "spec.broker", "is missing: brokerRef is not supported")
		case broker == nil:
			p.fail(o, "spec.broker", "%v", absent(id))
		default:
			p.note("%s (%s) is not run: its %s is of class %s", o.ID, o.Source, id, classOf(broker))
		}
	})
}

// absent is the error of a reference to an object of ours that does not run.
func absent(id manifest.ID) error {
	return fmt.Errorf("%s does not run: it is not among the manifests, or something is wrong with it", id)
}

// secret is the reference of the contract to a Secret of the manifests, which the field of an object names.
func (p *planner) secret(o *manifest.Object, field, namespace, name string) (*contract.Reference, *translate.Error) {
	if name == "" {
		return nil, nil
	}
	if p.Embedded {
		p.note("Secret %s/%s is not used: the embedded Kafka asks nobody for credentials", namespace, name)
		return nil, nil
	}
	secret := p.Inventory.Get(manifest.ID{Kind: "Secret", Namespace: namespace, Name: name})
	if secret == nil {
		return nil, p.refuse(o, field, "Secret %s/%s is not among the manifests", namespace, name)
	}
	return &contract.Reference{
		Uuid: string(secret.Value.GetUID()), Namespace: namespace, Name: name, Kind: "Secret", GroupVersion: "v1",
		Version: fmt.Sprint(secret.Value.GetGeneration()),
	}, nil
}
