package delivery

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/data-plane/cloudevent"
	"knative.dev/eventing-kafka-go/data-plane/eventtypes"
	"knative.dev/eventing-kafka-go/data-plane/filter"
	"knative.dev/eventing-kafka-go/data-plane/telemetry"
	"knative.dev/eventing-kafka-go/data-plane/tracing"
	"knative.dev/eventing-kafka-go/proto/contract"
	"knative.dev/eventing-kafka-go/proto/tokens"
)

// Spec is what a Target is built from.
type Spec struct {
	Resource *contract.Resource
	Egress   *contract.Egress
	// TrustBundles are PEM certificates that every destination is trusted by.
	TrustBundles []string
	Clients      *Clients
	// Produce writes replies to the resource's topic and what is parked to the parking topic. Nil is allowed where
	// [Produces] says so.
	Produce   Produce
	Telemetry *telemetry.Egress
	// Backoff holds for every egress of the process.
	Backoff Backoff
	// Tracer makes spans of deliveries; nil makes none.
	Tracer *tracing.Tracer
	// Types remembers the types of replies, and of the events of a KafkaSource (IN-55, IN-56); nil does not.
	Types *eventtypes.Seen
	// Keys returns what filters need of Secrets; nil has none.
	Keys filter.Keys
	// Token returns the token of an identity, or why there is none now. Nil is allowed where the egress has no audience.
	Token func(tokens.Identity, time.Time) (string, error)
}

// Produce writes a record and calls promise once, when as many replicas have it as the settings of producers say: all that
// are in sync, unless a user's file asks for less. It never blocks.
type Produce func(rec *kgo.Record, promise func(*kgo.Record, error))

// Target is a resolved destination: where events of an egress go, which of them, and what becomes of the others.
// It is immutable; a change of the contract makes a new one.
type Target struct {
	match      filter.Match
	selective  bool // there is something to match
	plan       Plan
	overrides  []cloudevent.Extension
	headers    string   // of every request, whatever its endpoint
	foreign    *foreign // nil: no events are made of records that are none
	structured bool
	strict     bool
	subscriber *endpoint
	deadLetter *endpoint // nil: none
	replyTo    *endpoint // nil: to the topic, or nowhere
	replyTopic string
	produce    Produce
	parking    *parking // nil: none
	provenance provenance
	stats      *telemetry.Egress
	scratch    *scratchPool

	parkInvalid bool // else a record that is no event is discarded
	tracer      *tracing.Tracer
	uuid, name  string // of the egress, in spans
	servers     string // of Kafka, in spans
	types       *eventtypes.Seen
	source      bool // a KafkaSource, whose events are of types of its own
	token       func(tokens.Identity, time.Time) (string, error)
}

// NewTarget builds the target of an egress. The error names what of the contract cannot be used.
func NewTarget(s Spec) (*Target, error) {
	match, err := filter.CompileWith(s.Keys, s.Egress.GetFilter(), s.Egress.GetDialectedFilter())
	if err != nil {
		return nil, fmt.Errorf("filter: %w", err)
	}
	t := &Target{
		match:      match,
		selective:  len(s.Egress.GetFilter().GetAttributes()) > 0 || len(s.Egress.GetDialectedFilter()) > 0,
		plan:       Plan{Policy: policy(s)},
		overrides:  overrides(s.Resource.GetCloudEventOverrides()),
		headers:    "prefer: reply\r\nkn-namespace: " + namespace(s) + "\r\n",
		foreign:    foreignOf(s),
		structured: config(s).GetFormat() == "json",
		produce:    s.Produce,
		stats:      s.Telemetry,
		scratch:    newScratchPool(),
		provenance: provenance{group: s.Egress.GetConsumerGroup()},

		parkInvalid: s.Resource.GetInvalidRecords() == contract.InvalidRecords_PARK,
		tracer:      s.Tracer,
		uuid:        s.Egress.GetUid(),
		servers:     s.Resource.GetBootstrapServers(),
		name:        s.Egress.GetReference().GetName(),
		types:       s.Types,
		source:      s.Resource.GetReference().GetKind() == "KafkaSource",
		token:       s.Token,
	}
	if t.parking, err = parkingOf(s); err != nil {
		return nil, err
	}
	t.plan.Parking = t.parking != nil
	if err := t.connect(s); err != nil {
		t.Release()
		return nil, err
	}
	return t, nil
}

// policy is the delivery policy of the egress.
func policy(s Spec) Policy {
	p := PolicyOf(config(s))
	p.Grace, p.Backoff = milliseconds(s.Egress.GetPace().GetRefusalGrace()), s.Backoff
	return p
}

// config is the delivery that holds for the egress: its own, else the resource's (EG-39).
func config(s Spec) *contract.EgressConfig {
	if own := s.Egress.GetEgressConfig(); own != nil {
		return own
	}
	return s.Resource.GetEgressConfig()
}

func (t *Target) connect(s Spec) error {
	trust := func(own string) string { return strings.Join(append(slices.Clone(s.TrustBundles), own), "\n") }
	var err error
	if t.subscriber, err = newEndpoint(s.Clients, s.Egress.GetDestination(), trust(s.Egress.GetDestinationCACerts())); err != nil {
		return fmt.Errorf("destination: %w", err)
	}
	c := config(s)
	if c.GetDeadLetter() != "" {
		if t.deadLetter, err = newEndpoint(s.Clients, c.GetDeadLetter(), trust(c.GetDeadLetterCACerts())); err != nil {
			return fmt.Errorf("dead letter sink: %w", err)
		}
		t.plan.DeadLetter = true
	}
	switch reply := s.Egress.GetReplyStrategy().(type) {
	case *contract.Egress_DiscardReply:
	case *contract.Egress_ReplyUrl:
		if t.replyTo, err = newEndpoint(s.Clients, reply.ReplyUrl, trust(s.Egress.GetReplyUrlCACerts())); err != nil {
			return fmt.Errorf("reply: %w", err)
		}
		t.plan.Replies = true
	default: // to the topic, also where nothing is said (CT-20)
		if s.Produce == nil || len(s.Resource.GetTopics()) == 0 {
			return errors.New("reply: there is no topic to produce to")
		}
		t.replyTopic = s.Resource.GetTopics()[0]
		t.plan.Replies = true
	}
	t.strict = s.Egress.GetStrictReplies() && t.plan.Replies
	return t.identify(s)
}

// identify says which tokens the endpoints are shown (EG-21).
func (t *Target) identify(s Spec) error {
	for _, e := range []struct {
		field, audience string
		*endpoint
	}{
		{"destinationAudience", s.Egress.GetDestinationAudience(), t.subscriber},
		{"replyUrlAudience", s.Egress.GetReplyUrlAudience(), t.replyTo},
		{"deadLetterAudience", config(s).GetDeadLetterAudience(), t.deadLetter},
	} {
		switch {
		case e.endpoint == nil || e.audience == "":
		case s.Egress.GetOidcServiceAccountName() == "" || s.Token == nil:
			return fmt.Errorf("%s: a token for %q is asked for, and there is no ServiceAccount whose it would be", e.field, e.audience)
		default:
			e.identity, _ = tokens.For(s.Resource, s.Egress, e.audience)
		}
	}
	return nil
}

// Produces says whether an egress needs Spec.Produce: for replies, or to park.
func Produces(r *contract.Resource, e *contract.Egress) bool {
	switch e.GetReplyStrategy().(type) {
	case *contract.Egress_DiscardReply, *contract.Egress_ReplyUrl:
		return r.GetParkingTopic() != ""
	}
	return true
}

func overrides(o *contract.CloudEventOverrides) []cloudevent.Extension {
	var extensions []cloudevent.Extension
	for _, name := range slices.Sorted(maps.Keys(o.GetExtensions())) {
		extensions = append(extensions, cloudevent.Extension{Name: name, Value: o.GetExtensions()[name]})
	}
	return extensions
}

// foreign is the object that makes events of records that are none: a KafkaSource always does (EG-60), others where they
// are told to.
type foreign struct {
	source string // of the events, without the topic
	key    cloudevent.KeyType
}

func foreignOf(s Spec) *foreign {
	ref := s.Resource.GetReference()
	if ref.GetKind() != "KafkaSource" && s.Resource.GetInvalidRecords() != contract.InvalidRecords_WRAP {
		return nil
	}
	plural := strings.ToLower(ref.GetKind()) + "s"
	return &foreign{
		source: cloudevent.ForeignSource(ref.GetNamespace(), plural, ref.GetName()),
		key:    cloudevent.KeyType(s.Egress.GetKeyType()),
	}
}

// namespace is the one sent as Kn-Namespace (EG-16).
func namespace(s Spec) string {
	if n := s.Egress.GetReference().GetNamespace(); n != "" {
		return n
	}
	return s.Resource.GetReference().GetNamespace()
}

// Destination is the subscriber's URL.
func (t *Target) Destination() string { return t.subscriber.url }

// Release gives the target's connections back. What is being sent goes on as long as another target uses them, and
// fails otherwise; so it comes after the last Attempt returned.
func (t *Target) Release() {
	t.subscriber.release()
	t.deadLetter.release()
	t.replyTo.release()
}
