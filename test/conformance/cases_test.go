package conformance

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"sigs.k8s.io/yaml"
)

// A case is data: testdata/README.md says what its fields mean. Cases are numbered in the order of files and lines, and
// what a case is given of its own (topics, paths, groups, endpoints) is named after that number.

// rule is what every case has.
type rule struct {
	Name string   `json:"name"`
	IDs  []string `json:"ids"`
	// Known is the defect that makes the case fail; a case that has one and passes is reported.
	Known string `json:"known"`
}

// payload is bytes, written in one of these ways. None of them: not given.
type payload struct {
	Body   *string `json:"body"`
	Times  int     `json:"times"` // the body so often
	Base64 string  `json:"base64"`
	JSON   string  `json:"json"` // a structured event, or what must equal it as JSON
	Null   bool    `json:"none"`
}

func (p payload) given() bool { return p.Body != nil || p.Base64 != "" || p.JSON != "" || p.Null }

func (p payload) bytes() []byte {
	switch {
	case p.JSON != "":
		return []byte(p.JSON)
	case p.Base64 != "":
		b, err := base64.StdEncoding.DecodeString(p.Base64)
		if err != nil {
			panic(err)
		}
		return b
	case p.Body == nil || p.Null:
		return nil
	}
	return bytes.Repeat([]byte(*p.Body), max(p.Times, 1))
}

// differs says how bytes are not what the payload says; "" when they are.
func (p payload) differs(got []byte) string {
	want := p.bytes()
	switch {
	case p.Null && got != nil:
		return fmt.Sprintf("is %q, want none", short(got))
	case p.JSON != "" && !sameJSON(want, got):
		return fmt.Sprintf("is %q, want JSON %s", short(got), want)
	case p.JSON == "" && !bytes.Equal(want, got):
		return fmt.Sprintf("is %q (%d bytes), want %q (%d bytes)", short(got), len(got), short(want), len(want))
	}
	return ""
}

func short(b []byte) []byte { return b[:min(len(b), 200)] }

func sameJSON(a, b []byte) bool {
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	again := func(v any) []byte { b, _ := json.Marshal(v); return b }
	return bytes.Equal(again(x), again(y))
}

// message is an event as HTTP or Kafka headers and a payload. With adds to the smallest event in binary mode, Without
// takes from it; Headers stand in its place.
type message struct {
	payload
	With    []string `json:"with"`
	Without []string `json:"without"`
	Headers []string `json:"headers"`
	Bare    bool     `json:"bare"` // no headers but those of Headers
}

// field splits "name: value". A value may begin and end with anything but spaces.
func field(line string) (name, value string) {
	name, value, _ = strings.Cut(line, ":")
	return name, strings.TrimPrefix(value, " ")
}

// lines returns the headers of a message, prefix being that of attributes. structured is the header of its content type.
func (m message) lines(prefix, id, structured string) []string {
	switch {
	case m.Headers != nil || m.Bare:
		return m.Headers
	case m.JSON != "":
		return append([]string{structured}, m.With...)
	}
	lines := []string{prefix + "specversion: 1.0", prefix + "id: " + id, prefix + "source: /s", prefix + "type: t"}
	for _, w := range m.With { // one that is there already is replaced
		name, _ := field(w)
		if i := slices.IndexFunc(lines[:4], func(l string) bool { n, _ := field(l); return n == name }); i >= 0 {
			lines[i] = w
			continue
		}
		lines = append(lines, w)
	}
	return slices.DeleteFunc(lines, func(l string) bool { n, _ := field(l); return slices.Contains(m.Without, n) })
}

// load reads the cases of a folder. names gives a case what its placeholders stand for.
func load[T any](t *testing.T, folder string, names func(number int) *strings.Replacer) []*T {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", folder, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases in %s: %v", folder, err)
	}
	var cases []*T
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var raw []json.RawMessage
		if err := yaml.UnmarshalStrict(content, &raw); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for i, r := range raw {
			c := new(T)
			if err := yaml.UnmarshalStrict([]byte(names(len(cases)).Replace(string(r))), c); err != nil {
				t.Fatalf("%s, case %d: %v: %s", file, i+1, err, r)
			}
			cases = append(cases, c)
		}
	}
	return cases
}

// merge puts a part of a contract, as protobuf writes it in JSON, over what a case has by default.
func merge[M proto.Message](t *testing.T, part json.RawMessage, into M) {
	t.Helper()
	if len(part) == 0 {
		return
	}
	over := into.ProtoReflect().New().Interface()
	if err := protojson.Unmarshal(part, over); err != nil {
		t.Fatalf("%v: %s", err, part)
	}
	proto.Merge(into, over)
}

// verdict collects what is wrong with a case.
type verdict struct{ faults []string }

func (v *verdict) fault(format string, args ...any) {
	v.faults = append(v.faults, fmt.Sprintf(format, args...))
}

// report fails the test of a case unless it passed, or fails as is known.
func (v *verdict) report(t *testing.T, r rule) {
	t.Helper()
	switch {
	case r.Known == "":
		for _, f := range v.faults {
			t.Errorf("%v: %s", r.IDs, f)
		}
	case len(v.faults) == 0:
		t.Errorf("passes though it is known to fail: %s", r.Known)
	default:
		t.Logf("known: %s (%s)", r.Known, strings.Join(v.faults, "; "))
	}
}

// compareLines says which lines are missing or too many.
func (v *verdict) compareLines(what string, got, want []string) {
	got, want = slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))
	if !slices.Equal(got, want) {
		v.fault("%s are %q, want %q", what, got, want)
	}
}

// within says whether the lines wanted are there, names in lower case, and those that must not be are not.
func (v *verdict) within(what string, got map[string]string, has, lacks []string) {
	for _, line := range has {
		name, value := field(line)
		if have, ok := got[name]; !ok || have != value {
			v.fault("%s: %s is %q (there: %v), want %q; all: %v", what, name, have, ok, value, slices.Sorted(maps.Keys(got)))
		}
	}
	for _, name := range lacks {
		if have, ok := got[name]; ok {
			v.fault("%s: %s is %q, want none", what, name, have)
		}
	}
}
