// Package translate turns API objects and what was resolved about them into entries of the contract, and owns the
// names of what belongs to an object: topics, consumer groups, Services and addresses.
//
// Everything here is a pure function of its arguments: no I/O, no clock, no goroutine, no state, and no argument is
// changed. kn-kafka dev and the reconcilers run the same functions, so that a manifest means the same to both. All
// functions are safe for concurrent use.
//
// An error of one Trigger or subscriber never touches the others, nor where events enter: it comes back as an [Error]
// beside the entry, and [KeepWorking] carries over what ran before.
package translate

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"knative.dev/eventing-kafka-go/proto/contract"
)

// Target is a resolved destination.
type Target struct {
	// URI is an absolute http or https URL.
	URI string `json:"uri"`
	// CACerts are PEM certificates of the authorities to trust besides the trust bundles; "" is none.
	CACerts string `json:"caCerts,omitempty"`
	// Audience is whom the token sent along is for; "" is no token.
	Audience string `json:"audience,omitempty"`
}

// Connection is a Kafka cluster and the Secrets to authenticate with; at most one of AuthSecret and MultiAuth is set.
type Connection struct {
	BootstrapServers []string
	// AuthSecret is a Secret in the format with key "protocol"; its version is the Secret's resourceVersion.
	AuthSecret *contract.Reference
	// MultiAuth is authentication put together from keys of Secrets.
	MultiAuth *contract.MultiSecretReference
	// ParkingTopic takes what neither subscriber nor dead letter sink took, of all objects of an installation that
	// deliver events. It exists already. "" is none, such events are held.
	ParkingTopic string
}

// DefaultParkingTopic is the parking topic of an installation that does not name another.
const DefaultParkingTopic = "knative-eventing-parked"

// Ingress is what is known about where events enter, besides what follows from the object.
type Ingress struct {
	// Paths are served beside the object's own path.
	Paths []string
	// Audience that tokens must be for; "" asks for none.
	Audience string
	// Policies of which one must admit a request. They are enforced only with an Audience.
	Policies []*contract.EventPolicy
}

// Group is what is known about the consumer group of an egress.
type Group struct {
	// ID is the consumer group. "" is allowed for subscribers of a channel and means ChannelGroup.
	ID string
	// Partitions is the number of partitions of each topic whose start is committed.
	Partitions map[string]int32
	// Members is the number of members wanted; 0 is one.
	Members int32
	// Paused makes the group leave.
	Paused bool
	// ServiceAccount is whose tokens are sent to targets with an audience.
	ServiceAccount string
}

// Flags are the feature flags that reach the data plane.
type Flags struct {
	// EventTypeAutocreate makes EventTypes from the events seen.
	EventTypeAutocreate bool
	// RateLimiter limits ordered deliveries.
	RateLimiter bool
	// OrderedExecutorMetrics measures the queues of ordered deliveries.
	OrderedExecutorMetrics bool
}

// resource returns an entry with what all kinds have in common.
func resource(object *contract.Reference, topics []string, c Connection, f Flags) (*contract.Resource, error) {
	r := &contract.Resource{
		Uid:              object.GetUuid(),
		Topics:           topics,
		BootstrapServers: strings.Join(c.BootstrapServers, ","),
		Reference:        object,
	}
	switch {
	case r.GetUid() == "":
		return nil, wrong("metadata.uid", "empty")
	case len(topics) == 0:
		return nil, wrong("", "no topic")
	case len(c.BootstrapServers) == 0:
		return nil, wrong("", "%w", errNoServers)
	}
	for _, topic := range topics {
		if err := ValidateTopicName(topic); err != nil {
			return nil, err
		}
	}
	if err := c.checkParking(); err != nil {
		return nil, err
	}
	r.ParkingTopic = c.ParkingTopic
	c.authenticate(r)
	if f.EventTypeAutocreate {
		r.FeatureFlags = &contract.FeatureFlags{EnableEventTypeAutocreate: true}
	}
	return r, nil
}

// authenticate sets how the resource authenticates at Kafka.
func (c Connection) authenticate(r *contract.Resource) {
	switch {
	case c.MultiAuth != nil:
		r.Auth = &contract.Resource_MultiAuthSecret{MultiAuthSecret: c.MultiAuth}
	case c.AuthSecret != nil:
		r.Auth = &contract.Resource_AuthSecret{AuthSecret: c.AuthSecret}
	default:
		r.Auth = &contract.Resource_AbsentAuth{AbsentAuth: &contract.Empty{}}
	}
}

// Connected returns a resource with nothing but the connection: what the control plane connects with itself is what a
// data plane would. Without servers it is an error.
func Connected(c Connection) (*contract.Resource, error) {
	if len(c.BootstrapServers) == 0 {
		return nil, errNoServers
	}
	r := &contract.Resource{BootstrapServers: strings.Join(c.BootstrapServers, ",")}
	c.authenticate(r)
	return r, nil
}

var errNoServers = errors.New("no bootstrap servers")

// checkParking says what is wrong with the name of the parking topic.
func (c Connection) checkParking() error {
	if c.ParkingTopic == "" {
		return nil
	}
	return at("parking topic", ValidateTopicName(c.ParkingTopic))
}

// finish puts the egresses into one order, whatever order a cache listed them in, and sets the hash of the content.
func finish(r *contract.Resource) *contract.Resource {
	sortEgresses(r.Egresses)
	r.ContentHash = contract.ResourceHash(r)
	return r
}

func sortEgresses(egresses []*contract.Egress) {
	slices.SortFunc(egresses, func(a, b *contract.Egress) int { return cmp.Compare(a.GetUid(), b.GetUid()) })
}

// reference names an object.
func reference(meta *metav1.ObjectMeta, gv schema.GroupVersion, kind string) *contract.Reference {
	return &contract.Reference{
		Uuid:         string(meta.UID),
		Namespace:    meta.Namespace,
		Name:         meta.Name,
		Kind:         kind,
		GroupVersion: gv.String(),
	}
}

// apply sets what the group decides about an egress.
func (g Group) apply(e *contract.Egress, f Flags) {
	e.ConsumerGroup = g.ID
	e.InitialPartitions = g.Partitions
	e.VReplicas = g.Members
	e.Paused = g.Paused
	e.OidcServiceAccountName = g.ServiceAccount
	if f.RateLimiter || f.OrderedExecutorMetrics {
		e.FeatureFlags = &contract.EgressFeatureFlags{
			EnableRateLimiter:            f.RateLimiter,
			EnableOrderedExecutorMetrics: f.OrderedExecutorMetrics,
		}
	}
}
