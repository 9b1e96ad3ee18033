package resolve

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"

	"knative.dev/eventing-kafka-go/control-plane/apis/eventing"
	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/manifest"
	"knative.dev/eventing-kafka-go/control-plane/translate"
)

// destination is a resolved destination.
type destination struct {
	translate.Target
	// name tells people what it is.
	name string
}

// url is the target's as an API type. It was parsed before.
func (d destination) url() *apis.URL {
	u, _ := apis.ParseURL(d.URI)
	return u
}

// resolve finds the address of a destination of an object in a namespace. A nil or empty one has none.
func (p *planner) resolve(dest *duckv1.Destination, namespace string) (*destination, error) {
	if dest == nil || (dest.Ref == nil && dest.URI == nil) {
		return nil, nil
	}
	d := &destination{}
	if dest.CACerts != nil {
		d.CACerts = *dest.CACerts
	}
	if dest.Audience != nil {
		d.Audience = *dest.Audience
	}
	if dest.Ref == nil {
		d.URI, d.name = dest.URI.String(), dest.URI.String()
		return d, nil
	}
	id := idOf(dest.Ref, namespace)
	address, name, err := p.address(id)
	if err != nil {
		return nil, err
	}
	base, err := apis.ParseURL(address)
	if err != nil {
		return nil, fmt.Errorf("address of %s: %w", id, err)
	}
	if dest.URI != nil {
		base = base.ResolveReference(dest.URI)
	}
	d.URI, d.name = base.String(), name
	return d, nil
}

func idOf(ref *duckv1.KReference, namespace string) manifest.ID {
	id := manifest.ID{Group: ref.Group, Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name}
	if version, err := schema.ParseGroupVersion(ref.APIVersion); err == nil && ref.APIVersion != "" {
		id.Group = version.Group
	}
	if id.Namespace == "" {
		id.Namespace = namespace
	}
	return id
}

// address is where an object takes events, and what it is for people.
func (p *planner) address(id manifest.ID) (address, name string, err error) {
	segment, ours := segmentOf(id)
	if ours && p.isRun(id) {
		return p.Address + longPath(segment, id), id.String(), nil
	}
	if mapped := p.Maps[id.Namespace+"/"+id.Name]; mapped != "" {
		return strings.TrimSuffix(mapped, "/"), fmt.Sprintf("%s at %s", id, mapped), nil
	}
	if ours {
		return "", "", absent(id)
	}
	address, err = p.Display(id)
	return address, id.String() + " (built-in display)", err
}

// segmentOf is the first segment of the long path of a kind that the data plane takes events for.
func segmentOf(id manifest.ID) (string, bool) {
	switch id.Group + "/" + id.Kind {
	case "eventing.knative.dev/Broker":
		return "broker", true
	case "messaging.knative.dev/KafkaChannel", "messaging.knative.dev/Channel":
		return "channel", true
	case "eventing.knative.dev/KafkaSink":
		return "sink", true
	}
	return "", false
}

// longPath tells objects of one name but different kinds apart.
func longPath(segment string, id manifest.ID) string {
	return "/" + segment + translate.Path(id.Namespace, id.Name)
}

// isRun tells whether events for an object are taken here.
func (p *planner) isRun(id manifest.ID) bool {
	switch id.Kind {
	case "Broker":
		o := p.Inventory.Get(id)
		return o != nil && classOf(o) == eventing.KafkaBrokerClass
	case "KafkaSink":
		return p.Inventory.Get(id) != nil
	default:
		id.Kind = "KafkaChannel" // a Channel stands for one of its name
		return p.Inventory.Get(id) != nil
	}
}
