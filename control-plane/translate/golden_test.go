package translate

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"sigs.k8s.io/yaml"

	"knative.dev/eventing-kafka-go/proto/contract"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden is what a testdata/*.in.yaml holds: one of these. The comment at its top cites what it shows.
type golden struct {
	Channel *ChannelInput `json:"channelInput"`
	Broker  *BrokerInput  `json:"brokerInput"`
	Sink    *SinkInput    `json:"sinkInput"`
	Source  *SourceInput  `json:"sourceInput"`
}

func (g golden) translate() (*contract.Resource, []*Error, error) {
	switch {
	case g.Channel != nil:
		return KafkaChannel(*g.Channel)
	case g.Sink != nil:
		r, err := KafkaSink(*g.Sink)
		return r, nil, err
	case g.Source != nil:
		r, err := KafkaSource(*g.Source)
		return r, nil, err
	}
	return Broker(*g.Broker)
}

// result is what a testdata/*.out.yaml holds.
type result struct {
	Error    string         `json:"error,omitempty"`
	Problems []string       `json:"problems,omitempty"`
	Resource map[string]any `json:"resource,omitempty"`
}

func TestGolden(t *testing.T) {
	inputs, err := filepath.Glob("testdata/*.in.yaml")
	if err != nil || len(inputs) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, path := range inputs {
		name := strings.TrimSuffix(filepath.Base(path), ".in.yaml")
		t.Run(name, func(t *testing.T) {
			in := readGolden(t, path)
			r, problems, err := in.translate()
			checkResource(t, r)
			checkPure(t, in, readGolden(t, path))
			compare(t, filepath.Join("testdata", name+".out.yaml"), goldenText(t, r, problems, err))
		})
	}
}

func readGolden(t *testing.T, path string) golden {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var in golden
	if err := yaml.UnmarshalStrict(text, &in); err != nil {
		t.Fatal(err)
	}
	if in == (golden{}) {
		t.Fatal("expected an input")
	}
	return in
}

// checkResource proves that a data plane would accept what was translated.
func checkResource(t *testing.T, r *contract.Resource) {
	t.Helper()
	if r == nil {
		return
	}
	if want := contract.ResourceHash(r); r.GetContentHash() != want {
		t.Errorf("content hash %q, want %q (CT-32)", r.GetContentHash(), want)
	}
	c := &contract.Contract{Resources: []*contract.Resource{r}}
	for _, p := range contract.Validate(c) {
		t.Errorf("a data plane would refuse it: %v", p.Err)
	}
	for _, f := range []contract.Format{contract.FormatZstd, contract.FormatJSON} {
		encoded, err := contract.Encode(c, f)
		if err != nil {
			t.Fatal(err)
		}
		decoded, _, err := contract.Decode(encoded)
		want := c
		if f == contract.FormatJSON {
			want = contract.WithoutOwnFields(c)
		}
		if err != nil || !proto.Equal(decoded, want) {
			t.Errorf("%s does not come back as it was: %v (CT-01)", f, err)
		}
	}
}

// checkPure proves that translation has not changed its input.
func checkPure(t *testing.T, used, fresh golden) {
	t.Helper()
	a, err := json.Marshal(used)
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := json.Marshal(fresh); !bytes.Equal(a, b) {
		t.Errorf("the input was changed:\n%s\n%s", a, b)
	}
}

func goldenText(t *testing.T, r *contract.Resource, problems []*Error, err error) []byte {
	t.Helper()
	var out result
	if err != nil {
		out.Error = err.Error()
	}
	for _, p := range problems {
		out.Problems = append(out.Problems, p.Error())
	}
	if r != nil {
		r = proto.CloneOf(r)
		r.ContentHash = "" // checked, but of no use to a reader
		text, err := protojson.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &out.Resource); err != nil {
			t.Fatal(err)
		}
	}
	text, err := yaml.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func compare(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (go test -update writes it)", err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (go test -update rewrites it), got:\n%s", path, got)
	}
}
