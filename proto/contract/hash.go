package contract

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// firstOwnField is the lowest number of a field that eventing-kafka-broker does not have.
const firstOwnField protoreflect.FieldNumber = 100

// hashBytes is how much of a SHA-256 is kept: 128 bits tell any two contents apart, and every resource carries one.
const hashBytes = 16

// Hash returns the content hash of a message in hex: equal messages have equal hashes. Fields that this build does not
// know count too, and because new fields get the highest numbers, a build that knows them computes the same hash.
func Hash(m proto.Message) string {
	// The one error is text that is not UTF-8. Such a message can be neither encoded nor have been decoded.
	b, _ := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:hashBytes])
}

// ResourceHash is the value of Resource.contentHash: Hash of the resource without that field, in whatever order its
// egresses are listed. For a contract written as JSON give it the resource WithoutOwnFields, which is what is read.
func ResourceHash(r *Resource) string {
	s := sorted(r)
	s.ContentHash = ""
	return Hash(s)
}

// EgressHash is the content hash of an egress together with what of its resource changes how it runs: topics, servers,
// authentication, overrides, switches, reference, and the delivery that it inherits.
func EgressHash(r *Resource, e *Egress) string {
	s := shallow(r)
	s.Uid, s.ContentHash, s.Ingress, s.Egresses = "", "", nil, []*Egress{e}
	if e.GetEgressConfig() != nil {
		s.EgressConfig = nil
	}
	return Hash(s)
}

// IngressHash is the content hash of a resource without its egresses and what only they read: what a pod that takes
// events reports for a route. A Trigger that comes or goes does not change it.
func IngressHash(r *Resource) string {
	s := shallow(r)
	s.ContentHash, s.Egresses, s.EgressConfig, s.CloudEventOverrides = "", nil, nil, nil
	s.ParkingTopic, s.InvalidRecords = "", InvalidRecords_DISCARD
	return Hash(s)
}

// Equivalent reports whether two contracts ask for the same: the generation does not count, nor does the order of
// resources and of their egresses. Everything else counts, also contentHash, because it is what pods report.
func Equivalent(a, b *Contract) bool {
	ra, rb := a.GetResources(), b.GetResources()
	if len(ra) != len(rb) {
		return false
	}
	ha, hb := shallow(a), shallow(b)
	ha.Generation, hb.Generation = 0, 0
	ha.Resources, hb.Resources = nil, nil
	if !proto.Equal(ha, hb) {
		return false
	}
	sa, sb := sortedByUID(ra), sortedByUID(rb)
	for i := range sa {
		if sa[i] != sb[i] && !proto.Equal(sorted(sa[i]), sorted(sb[i])) {
			return false
		}
	}
	return true
}

// NextGeneration returns the generation after g; it never reaches the two highest values, which eventing-kafka-broker
// reserves.
func NextGeneration(g uint64) uint64 {
	if g >= math.MaxUint64-2 {
		return 0
	}
	return g + 1
}

// WithoutOwnFields returns a copy of m without the fields that eventing-kafka-broker does not have (numbers from 100)
// at any depth: what FormatJSON writes and what its readers see.
func WithoutOwnFields[M proto.Message](m M) M {
	out := proto.Clone(m).(M)
	stripOwn(out.ProtoReflect())
	return out
}

func stripOwn(m protoreflect.Message) {
	m.SetUnknown(nil)
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case fd.Number() >= firstOwnField:
			m.Clear(fd)
		case fd.IsMap() || fd.Message() == nil: // the schema's maps hold text and numbers
		case fd.IsList():
			for i := range v.List().Len() {
				stripOwn(v.List().Get(i).Message())
			}
		default:
			stripOwn(v.Message())
		}
		return true
	})
}

// shallow returns a new message with the same field values; what they point to is shared.
func shallow[M proto.Message](m M) M {
	src := m.ProtoReflect()
	dst := src.New()
	if src.IsValid() {
		src.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
			dst.Set(fd, v)
			return true
		})
		dst.SetUnknown(src.GetUnknown())
	}
	return dst.Interface().(M)
}

// sorted returns a shallow copy of r with its egresses by UID.
func sorted(r *Resource) *Resource {
	s := shallow(r)
	s.Egresses = sortedByUID(r.GetEgresses())
	return s
}

// sortedByUID returns the entries by UID; entries that share one, which is a mistake of the writer, by content.
func sortedByUID[E interface {
	proto.Message
	GetUid() string
}](in []E) []E {
	out := slices.Clone(in)
	slices.SortStableFunc(out, func(a, b E) int {
		if c := strings.Compare(a.GetUid(), b.GetUid()); c != 0 {
			return c
		}
		return strings.Compare(Hash(a), Hash(b))
	})
	return out
}
