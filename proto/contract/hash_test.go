package contract

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"math"
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Each row changes the golden contract in one way.
var changes = []struct {
	name       string
	change     func(*Contract)
	equivalent bool // CT-08
	resource   bool // ResourceHash of the first resource stays
	egress     bool // EgressHash of its first egress stays
}{
	{"nothing", func(*Contract) {}, true, true, true},
	{"another generation", func(c *Contract) { c.Generation = 1 }, true, true, true},
	{"resources in another order", func(c *Contract) { shuffle(c.Resources) }, true, true, true},
	{"egresses in another order", func(c *Contract) { shuffle(orders(c).Egresses) }, true, true, true},
	{"one resource more", func(c *Contract) { c.Resources = append(c.Resources, &Resource{Uid: "new"}) }, false, true, true},
	{"one resource twice and another missing", func(c *Contract) { c.Resources[1] = c.Resources[2] }, false, true, true},
	{"one egress more", func(c *Contract) { orders(c).Egresses = append(orders(c).Egresses, &Egress{Uid: "new"}) }, false, false, true},
	{"other trust bundles", func(c *Contract) { c.TrustBundles = nil }, false, true, true},
	{"other dispatchers", func(c *Contract) { c.Dispatchers = c.Dispatchers[:1] }, false, true, true},
	{"another content hash", func(c *Contract) { orders(c).ContentHash = "x" }, false, true, true},
	{"another path", func(c *Contract) { orders(c).Ingress.Path = "/x" }, false, false, true},
	{"another topic", func(c *Contract) { orders(c).Topics[0] = "x" }, false, false, false},
	{"other servers", func(c *Contract) { orders(c).BootstrapServers = "x:1" }, false, false, false},
	{"a rotated Secret", func(c *Contract) { orders(c).GetAuthSecret().Version = "4712" }, false, false, false},
	{"overrides", func(c *Contract) {
		orders(c).CloudEventOverrides = &CloudEventOverrides{Extensions: map[string]string{"a": "b"}}
	},
		false, false, false},
	{"another reference", func(c *Contract) { orders(c).Reference.Name = "x" }, false, false, false},
	{"delivery of a resource whose egress has its own", func(c *Contract) { orders(c).EgressConfig.Retry = 1 }, false, false, true},
	{"delivery of the egress", func(c *Contract) { bill(c).EgressConfig.Retry = 1 }, false, false, false},
	{"another destination", func(c *Contract) { bill(c).Destination = "http://x" }, false, false, false},
	{"an own field of the egress", func(c *Contract) { bill(c).OrderScope = 0 }, false, false, false},
	{"a field that this build does not know", func(c *Contract) { bill(c).ProtoReflect().SetUnknown([]byte{0xca, 0x0c, 1, 'x'}) },
		false, false, false},
	{"another uid of the egress", func(c *Contract) { bill(c).Uid = "x" }, false, false, false},
}

func orders(c *Contract) *Resource {
	for _, r := range c.GetResources() {
		if r.GetReference().GetUuid() == "11111111-0000-4000-8000-000000000001" {
			return r
		}
	}
	return nil
}

func bill(c *Contract) *Egress {
	for _, e := range orders(c).GetEgresses() {
		if e.GetConsumerGroup() == "knative-trigger-shop-bill" {
			return e
		}
	}
	return nil
}

func shuffle[E any](s []E) { s[0], s[len(s)-1] = s[len(s)-1], s[0] }

// twoEgresses is the golden contract with a second egress, so that there is an order.
func twoEgresses(tb testing.TB) *Contract {
	c := full(tb)
	second := proto.CloneOf(orders(c).Egresses[0])
	second.Uid, second.ConsumerGroup = "22222222-0000-4000-8000-000000000009", "other"
	orders(c).Egresses = append(orders(c).Egresses, second)
	return c
}

func TestWhatCountsAsAChange(t *testing.T) {
	before := twoEgresses(t)
	untouched := proto.CloneOf(before)
	for _, tt := range changes {
		t.Run(tt.name, func(t *testing.T) {
			after := proto.CloneOf(before)
			tt.change(after)
			if got := Equivalent(before, after); got != tt.equivalent {
				t.Errorf("Equivalent is %v", got)
			}
			if got := Equivalent(after, before); got != tt.equivalent {
				t.Errorf("Equivalent the other way round is %v", got)
			}
			if orders(after) == nil || bill(after) == nil {
				return
			}
			if got := ResourceHash(orders(before)) == ResourceHash(orders(after)); got != tt.resource {
				t.Errorf("ResourceHash stays: %v", got)
			}
			if got := EgressHash(orders(before), bill(before)) == EgressHash(orders(after), bill(after)); got != tt.egress {
				t.Errorf("EgressHash stays: %v", got)
			}
			if !proto.Equal(before, untouched) {
				t.Error("the contract was changed by comparing it")
			}
		})
	}
}

func TestEquivalentTakesNothingForAnEmptyContract(t *testing.T) {
	if !Equivalent(nil, &Contract{Generation: 3}) || Equivalent(nil, &Contract{Resources: []*Resource{{}}}) {
		t.Error("nil is not like an empty contract")
	}
}

func TestEquivalentWithMissingUIDs(t *testing.T) {
	a := &Contract{Resources: []*Resource{{Topics: []string{"x"}}, {Topics: []string{"y"}}}}
	b := &Contract{Resources: []*Resource{{Topics: []string{"y"}}, {Topics: []string{"x"}}}}
	if !Equivalent(a, b) {
		t.Error("the order of resources without UIDs counts")
	}
}

func TestAnInheritedDeliveryCountsForTheEgress(t *testing.T) {
	r := &Resource{EgressConfig: &EgressConfig{Retry: 1}}
	before := EgressHash(r, &Egress{Uid: "a"})
	r.EgressConfig.Retry = 2
	if EgressHash(r, &Egress{Uid: "a"}) == before {
		t.Error("EgressHash does not see the resource's delivery")
	}
}

func TestHashIsTheSameForEqualMessages(t *testing.T) {
	c := full(t)
	want := Hash(c)
	if len(want) != 32 {
		t.Errorf("%d hex digits", len(want))
	}
	for range 20 {
		if got := Hash(full(t)); got != want {
			t.Fatalf("%s, then %s", want, got)
		}
	}
	bill(c).Filter.Attributes["type"] = "other"
	if Hash(c) == want {
		t.Error("another value of a map has the same hash")
	}
}

// A build that does not know a field computes the hash that the one computes which does.
func TestHashSurvivesFieldsOfANewerBuild(t *testing.T) {
	newer, err := proto.MarshalOptions{Deterministic: true}.Marshal(bill(full(t)))
	if err != nil {
		t.Fatal(err)
	}
	newer = append(newer, 0xca, 0x0c, 1, 'x', 0xd0, 0x0c, 5) // fields 201 and 202, after all known ones
	sum := sha256.Sum256(newer)
	e := &Egress{}
	if err := proto.Unmarshal(newer, e); err != nil {
		t.Fatal(err)
	}
	if want := hex.EncodeToString(sum[:16]); Hash(e) != want {
		t.Errorf("got %s, the newer build has %s", Hash(e), want)
	}
}

func TestHashesOfJSONAreThoseOfWhatIsRead(t *testing.T) {
	raw, err := Encode(full(t), FormatJSON)
	if err != nil {
		t.Fatal(err)
	}
	read, _, err := Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	written := WithoutOwnFields(full(t))
	for i, r := range read.GetResources() {
		if w := written.GetResources()[i]; ResourceHash(w) != ResourceHash(r) {
			t.Errorf("resource %d has another hash", i)
		}
	}
}

func TestNextGeneration(t *testing.T) {
	for _, tt := range []struct{ from, want uint64 }{
		{0, 1},
		{41, 42},
		{math.MaxUint64 - 3, math.MaxUint64 - 2}, // 2^64-3, the highest
		{math.MaxUint64 - 2, 0},
		{math.MaxUint64 - 1, 0},
		{math.MaxUint64, 0},
	} {
		if got := NextGeneration(tt.from); got != tt.want {
			t.Errorf("after %d comes %d, want %d", tt.from, got, tt.want)
		}
	}
}

// Property: whatever the order, contracts stay equivalent, and any change of a byte of content is seen.
func TestEquivalentUnderAnyOrder(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	a := withTriggers(5, 7)
	for range 50 {
		b := proto.CloneOf(a)
		rnd.Shuffle(len(b.Resources), func(i, j int) { b.Resources[i], b.Resources[j] = b.Resources[j], b.Resources[i] })
		for _, r := range b.Resources {
			rnd.Shuffle(len(r.Egresses), func(i, j int) { r.Egresses[i], r.Egresses[j] = r.Egresses[j], r.Egresses[i] })
		}
		if !Equivalent(a, b) {
			t.Fatal("an order counts")
		}
		e := b.Resources[rnd.IntN(5)].Egresses[rnd.IntN(7)]
		e.Destination += "x"
		if Equivalent(a, b) {
			t.Fatalf("the change of %s does not count", e.Uid)
		}
	}
}

func TestWithoutOwnFieldsLeavesNothingFrom100(t *testing.T) {
	c := full(t)
	bill(c).ProtoReflect().SetUnknown([]byte{0xca, 0x0c, 1, 'x'})
	stripped := WithoutOwnFields(c)
	raw, err := proto.Marshal(stripped)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(raw, []byte{0xca, 0x0c, 1, 'x'}) {
		t.Error("an unknown field is left")
	}
	walk(stripped.ProtoReflect(), func(fd protoreflect.FieldDescriptor) {
		if fd.Number() >= firstOwnField {
			t.Errorf("%s is left", fd.FullName())
		}
	})
	if proto.Equal(c, stripped) {
		t.Error("the contract itself was stripped")
	}
}

func TestTheHashOfAnIngressIsThatOfWhatItsRouteDependsOn(t *testing.T) {
	r := full(t).GetResources()[0]
	for _, tc := range []struct {
		name    string
		change  func(*Resource)
		changes bool
	}{
		{"an egress that goes", func(r *Resource) { r.Egresses = nil }, false},
		{"the delivery of egresses", func(r *Resource) { r.EgressConfig = nil }, false},
		{"the hash of the whole entry", func(r *Resource) { r.ContentHash = "" }, false},
		{"the parking topic", func(r *Resource) { r.ParkingTopic = "other" }, false},
		{"the topic", func(r *Resource) { r.Topics = []string{"other"} }, true},
		{"the servers", func(r *Resource) { r.BootstrapServers = "other:9092" }, true},
		{"the path", func(r *Resource) { r.Ingress.Path = "/other" }, true},
		{"the Secret", func(r *Resource) { r.Auth = nil }, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			changed := proto.CloneOf(r)
			tc.change(changed)
			if got := IngressHash(changed) != IngressHash(r); got != tc.changes {
				t.Errorf("hash changed: %v, want %v", got, tc.changes)
			}
		})
	}
}
