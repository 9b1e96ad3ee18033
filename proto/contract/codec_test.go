package contract

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"google.golang.org/protobuf/proto"
)

var formats = []Format{FormatZstd, FormatProtobuf, FormatJSON}

func TestParseFormat(t *testing.T) {
	for _, f := range formats {
		if got, err := ParseFormat(string(f)); got != f || err != nil {
			t.Errorf("%s is parsed as %s, %v", f, got, err)
		}
	}
	if got, err := ParseFormat(""); got != FormatZstd || err != nil {
		t.Errorf("the default is %s, %v", got, err)
	}
	if _, err := ParseFormat("yaml"); err == nil || !strings.Contains(err.Error(), `"yaml"`) {
		t.Errorf("an unknown format is refused with %v", err)
	}
	if _, err := Encode(&Contract{}, "yaml"); err == nil || !strings.Contains(err.Error(), `"yaml"`) {
		t.Errorf("encoding to an unknown format is refused with %v", err)
	}
}

func TestDecode(t *testing.T) {
	for _, tt := range []struct {
		name   string
		in     string
		format Format
		want   *Contract
		err    error
	}{
		{name: "no bytes are an empty contract", in: "", format: FormatProtobuf, want: &Contract{}},
		{name: "empty JSON is an empty contract", in: "{}", format: FormatJSON, want: &Contract{}},
		{name: "JSON may be indented", in: "\n {\n \"generation\": \"7\" }\n", format: FormatJSON, want: &Contract{Generation: 7}},
		{name: "unknown fields of JSON are ignored", in: `{"generation":7,"later":{"a":1}}`, format: FormatJSON,
			want: &Contract{Generation: 7}},
		{name: "the frame of nothing is an empty contract", in: zstdEmpty, format: FormatZstd, want: &Contract{}},
		{name: "JSON that ends early is damaged", in: `{"generation":"7"`, format: FormatJSON, err: ErrDamaged},
		{name: "JSON of the wrong type is damaged", in: `{"resources":"none"}`, format: FormatJSON, err: ErrDamaged},
		{name: "two JSON documents are damaged", in: `{}{}`, format: FormatJSON, err: ErrDamaged},
		{name: "a field that ends early is damaged", in: "\x12\x05abc", format: FormatProtobuf, err: ErrDamaged},
		{name: "text that is not UTF-8 is damaged", in: "\x12\x03\x0a\x01\xff", format: FormatProtobuf, err: ErrDamaged},
		{name: "prose is damaged", in: "not found\n", format: FormatProtobuf, err: ErrDamaged},
		{name: "YAML is damaged", in: "generation: 7\nresources: []\n", format: FormatProtobuf, err: ErrDamaged},
		{name: "an unknown field of the incumbent's range is damaged", in: "\x68\x01", format: FormatProtobuf, err: ErrDamaged},
		{name: "a magic number alone is damaged", in: zstdMagic, format: FormatZstd, err: ErrDamaged},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, format, err := Decode([]byte(tt.in))
			if !errors.Is(err, tt.err) || (err != nil) != (tt.err != nil) {
				t.Fatalf("error %v, want %v", err, tt.err)
			}
			if format != tt.format {
				t.Errorf("format %s, want %s", format, tt.format)
			}
			if tt.want != nil && !proto.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestUnknownOwnFieldsAreKeptAndIgnored(t *testing.T) {
	raw, err := Encode(full(t), FormatProtobuf)
	if err != nil {
		t.Fatal(err)
	}
	raw = append(raw, 0xca, 0x0c, 1, 'x') // field 201
	got, _, err := Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := Encode(got, FormatProtobuf); err != nil || !bytes.Equal(again, raw) {
		t.Errorf("written again as %q, %v", again, err)
	}
}

func TestANewerContractIsRefusedWithBothVersions(t *testing.T) {
	raw, err := Encode(&Contract{RequiredVersion: SchemaVersion + 1}, FormatZstd)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = Decode(raw)
	if !errors.Is(err, ErrNewer) || !strings.Contains(err.Error(), "it asks for 2, this build knows 1") {
		t.Errorf("got %v", err)
	}
	if raw, err = Encode(&Contract{RequiredVersion: SchemaVersion}, FormatZstd); err != nil {
		t.Fatal(err)
	}
	if _, _, err = Decode(raw); err != nil {
		t.Errorf("the version that this build knows is refused: %v", err)
	}
}

func TestEqualContractsGiveEqualBytes(t *testing.T) {
	for _, f := range formats {
		want, err := Encode(full(t), f)
		if err != nil {
			t.Fatal(err)
		}
		for range 20 { // maps have another order each time
			if got, err := Encode(full(t), f); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%s: other bytes, %v", f, err)
			}
		}
	}
}

func TestJSONHasNoOwnFields(t *testing.T) {
	got, err := Encode(full(t), FormatJSON)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lines(t, "own.txt") {
		w := strings.Fields(l)
		if w[0] == "field" && w[3] != "paths" && bytes.Contains(got, []byte(`"`+w[3]+`"`)) {
			t.Errorf("%s is in %s", w[3], got)
		}
	}
	if c := full(t); !proto.Equal(c, full(t)) || c.GetResources()[0].GetEgresses()[0].GetOrderScope() != OrderScope_KEY_SCOPE {
		t.Error("encoding changed the contract")
	}
}

func TestEveryPartOfAFrameIsDamaged(t *testing.T) {
	raw, err := Encode(full(t), FormatZstd)
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n < len(raw); n++ {
		if _, _, err := Decode(raw[:n]); !errors.Is(err, ErrDamaged) {
			t.Fatalf("the first %d of %d bytes: %v", n, len(raw), err)
		}
	}
}

func TestEveryFlippedBitOfAFrameIsNoticed(t *testing.T) {
	raw, err := Encode(full(t), FormatZstd)
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(raw) * 8 {
		b := bytes.Clone(raw)
		b[i/8] ^= 1 << (i % 8)
		c, _, err := Decode(b)
		var large *TooLargeError
		if err == nil && proto.Equal(c, full(t)) {
			continue // a bit that says nothing, such as one of the window size
		}
		if !errors.Is(err, ErrDamaged) && !errors.As(err, &large) {
			t.Errorf("bit %d: %v", i, err)
		}
	}
}

func TestAFrameIsOneFrameWithAChecksum(t *testing.T) {
	plain, err := proto.Marshal(full(t))
	if err != nil {
		t.Fatal(err)
	}
	frame := func(opts ...zstd.EOption) []byte {
		enc, err := zstd.NewWriter(nil, opts...)
		if err != nil {
			t.Fatal(err)
		}
		defer enc.Close()
		return enc.EncodeAll(plain, nil)
	}
	good := frame()
	for _, tt := range []struct {
		name string
		in   []byte
		want string
	}{
		{"written by another encoder", good, ""},
		{"written at another level", frame(zstd.WithEncoderLevel(zstd.SpeedFastest)), ""},
		{"without a checksum", frame(zstd.WithEncoderCRC(false)), "without a checksum"},
		{"twice", append(bytes.Clone(good), good...), "behind the end"},
		{"with the rest of a longer one", append(bytes.Clone(good), 1, 2, 3), "3 bytes behind the end"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := Decode(tt.in)
			if (err != nil) != (tt.want != "") || (err != nil && (!errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), tt.want))) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestAStreamedFrameIsRead(t *testing.T) { // it does not say its size, as when a command line tool wrote it
	plain, err := proto.Marshal(full(t))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	enc, err := zstd.NewWriter(&out)
	if err != nil {
		t.Fatal(err)
	}
	for part := range bytes.Lines(plain) {
		if _, err := enc.Write(part); err != nil {
			t.Fatal(err)
		}
		if err := enc.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if err := enc.Close(); err != nil {
		t.Fatal(err)
	}
	if c, _, err := Decode(out.Bytes()); err != nil || !proto.Equal(c, full(t)) {
		t.Errorf("got %v, %v", c, err)
	}
}

func TestASmallFileCannotFillTheMemory(t *testing.T) {
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer enc.Close()
	bomb := enc.EncodeAll(make([]byte, MaxDecodedBytes+1), nil)
	_, _, err = Decode(bomb)
	var large *TooLargeError
	if !errors.As(err, &large) || large.Limit != MaxDecodedBytes {
		t.Errorf("a file of %d bytes gives %v", len(bomb), err)
	}
}

func TestTooLargeAContractIsRefusedWithAWayOut(t *testing.T) {
	c := withTriggers(1, 4_000)
	for _, f := range []Format{FormatJSON, FormatProtobuf} {
		_, err := Encode(c, f)
		var large *TooLargeError
		if !errors.As(err, &large) || large.Limit != MaxBytes || large.Size <= MaxBytes {
			t.Fatalf("%s: %v", f, err)
		}
		for _, part := range []string{fmt.Sprint(large.Size), fmt.Sprint(MaxBytes), string(f), "use the contract format protobuf-zstd"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q does not say %q", err, part)
			}
		}
	}
	noise := make([]byte, 2*MaxBytes)
	for i, rnd := 0, rand.New(rand.NewPCG(5, 6)); i < len(noise); i++ {
		noise[i] = byte(rnd.IntN(128)) // leaves nothing to compress but one bit of eight
	}
	_, err := Encode(&Contract{TrustBundles: []string{string(noise)}}, FormatZstd)
	var large *TooLargeError
	if !errors.As(err, &large) || !strings.Contains(err.Error(), "fewer resources") {
		t.Errorf("got %v", err)
	}
}

func TestAnErrorNamesTheResource(t *testing.T) {
	_, err := Encode(&Contract{Resources: []*Resource{{Uid: "a"}, {Uid: "b", Topics: []string{"\xff"}}}}, FormatZstd)
	if err == nil || !strings.Contains(err.Error(), `resource "b"`) {
		t.Errorf("got %v", err)
	}
}

// withTriggers returns a contract of Brokers with that many Triggers each, as an installation has them.
func withTriggers(brokers, each int) *Contract {
	rnd := rand.New(rand.NewPCG(1, 2))
	uid := func() string {
		return fmt.Sprintf("%08x-%04x-4%03x-a%03x-%012x", rnd.Uint32(), rnd.IntN(1<<16), rnd.IntN(1<<12), rnd.IntN(1<<12), rnd.Int64N(1<<48))
	}
	c := &Contract{Generation: 12345}
	for b := range brokers {
		ns, broker := fmt.Sprintf("team-%d", b), fmt.Sprintf("broker-%d", b)
		r := &Resource{
			Uid: uid(), Topics: []string{"knative-broker-" + ns + "-" + broker}, BootstrapServers: "my-cluster-kafka-bootstrap.kafka:9092",
			Ingress:      &Ingress{Path: "/" + ns + "/" + broker},
			EgressConfig: &EgressConfig{Retry: 10, BackoffDelay: 200},
			Reference:    &Reference{Uuid: uid(), Namespace: ns, Name: broker, Kind: "Broker", GroupVersion: "eventing.knative.dev/v1"},
		}
		for i := range each {
			name, id := fmt.Sprintf("trigger-%d", i), uid()
			r.Egresses = append(r.Egresses, &Egress{
				Uid: id, ConsumerGroup: "knative-trigger-" + ns + "-" + name,
				Destination:       fmt.Sprintf("http://service-%d.%s.svc.cluster.local/", rnd.IntN(each), ns),
				ReplyStrategy:     &Egress_ReplyToOriginalTopic{ReplyToOriginalTopic: &Empty{}},
				Filter:            &Filter{Attributes: map[string]string{"type": fmt.Sprintf("com.example.%s.%d", ns, i)}},
				Reference:         &Reference{Uuid: id, Namespace: ns, Name: name, Kind: "Trigger", GroupVersion: "eventing.knative.dev/v1"},
				VReplicas:         1,
				InitialPartitions: map[string]int32{r.Topics[0]: 10},
			})
		}
		r.ContentHash = ResourceHash(r)
		c.Resources = append(c.Resources, r)
	}
	return c
}

// What 10,000 Triggers take up; in a ConfigMap, where they must fit, only as FormatZstd.
func TestTenThousandTriggersFit(t *testing.T) {
	for _, brokers := range []int{1, 100} {
		c := withTriggers(brokers, 10_000/brokers)
		size := proto.Size(c)
		t.Logf("%d Brokers: %s %d bytes, %d a Trigger", brokers, FormatProtobuf, size, size/10_000)
		raw, err := encodeJSON(c)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%d Brokers: %s %d bytes, %d a Trigger", brokers, FormatJSON, len(raw), len(raw)/10_000)
		packed, err := Encode(c, FormatZstd)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%d Brokers: %s %d bytes, %d a Trigger", brokers, FormatZstd, len(packed), len(packed)/10_000)
	}
}

func BenchmarkEncode(b *testing.B) {
	c := withTriggers(10, 100)
	for _, f := range formats {
		b.Run(string(f), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Encode(c, f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	c := withTriggers(10, 100)
	for _, f := range formats {
		raw, err := Encode(c, f)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(string(f), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := Decode(raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// What a data plane spends on a new contract of 1,000 Triggers before it applies it.
func BenchmarkCheck(b *testing.B) {
	c := withTriggers(10, 100)
	other := proto.CloneOf(c)
	other.Resources[9].Egresses[99].Destination = "http://other"
	b.Run("Validate", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if p := Validate(c); len(p) > 0 {
				b.Fatal(p[0].Err)
			}
		}
	})
	b.Run("Hash", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			Hash(c)
		}
	})
	b.Run("Equivalent", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if Equivalent(c, other) {
				b.Fatal("equivalent")
			}
		}
	})
}
