package contract

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// CT-01, CT-02, CT-03: the schema is the incumbent's, and what is ours has numbers from 100.
func TestTheSchemaIsTheIncumbentsPlusOurs(t *testing.T) {
	if p := File_contract_proto.Package(); p != "" {
		t.Errorf("package %q, the incumbent's schema has none", p)
	}
	want := append(lines(t, "incumbent.txt"), lines(t, "own.txt")...)
	got := describe(File_contract_proto)
	for _, l := range want {
		if !slices.Contains(got, l) {
			t.Errorf("missing in contract.proto: %s", l)
		}
	}
	for _, l := range got {
		if !slices.Contains(want, l) {
			t.Errorf("in contract.proto only: %s", l)
		}
	}
}

func TestOwnFieldsHaveNumbersFrom100(t *testing.T) {
	for _, name := range []string{"incumbent.txt", "own.txt"} {
		for _, l := range lines(t, name) {
			var msg string
			var number int
			if n, _ := fmt.Sscanf(l, "field %s %d", &msg, &number); n == 2 && (number >= 100) != (name == "own.txt") {
				t.Errorf("%s: %s", name, l)
			}
		}
	}
}

func TestFieldsHaveTheirNamesInJSON(t *testing.T) {
	for _, m := range messagesOf(File_contract_proto) {
		for i := range m.Fields().Len() {
			if f := m.Fields().Get(i); f.JSONName() != string(f.Name()) {
				t.Errorf("%s is %q in JSON", f.FullName(), f.JSONName())
			}
		}
	}
}

// lines returns a list of the schema without comments.
func lines(tb testing.TB, name string) []string {
	tb.Helper()
	var out []string
	for l := range strings.Lines(string(readTestdata(tb, name))) {
		if l = strings.TrimSpace(l); l != "" && l[0] != '#' {
			out = append(out, l)
		}
	}
	return out
}

// describe lists a file in the form of testdata/incumbent.txt.
func describe(file protoreflect.FileDescriptor) []string {
	var out []string
	for _, m := range messagesOf(file) {
		out = append(out, fmt.Sprintf("message %s", m.Name()))
		for i := range m.Fields().Len() {
			f := m.Fields().Get(i)
			l := fmt.Sprintf("field %s %d %s %s", m.Name(), f.Number(), f.Name(), typeOf(f))
			if o := f.ContainingOneof(); o != nil && !o.IsSynthetic() {
				l += " oneof " + string(o.Name())
			}
			out = append(out, l)
		}
	}
	for i := range file.Enums().Len() {
		e := file.Enums().Get(i)
		out = append(out, fmt.Sprintf("enum %s", e.Name()))
		for j := range e.Values().Len() {
			v := e.Values().Get(j)
			out = append(out, fmt.Sprintf("value %s %d %s", e.Name(), v.Number(), v.Name()))
		}
	}
	return out
}

func messagesOf(file protoreflect.FileDescriptor) []protoreflect.MessageDescriptor {
	var out []protoreflect.MessageDescriptor
	for i := range file.Messages().Len() {
		out = append(out, file.Messages().Get(i))
	}
	return out
}

func typeOf(f protoreflect.FieldDescriptor) string {
	name := f.Kind().String()
	switch {
	case f.IsMap():
		return "map<" + typeOf(f.MapKey()) + "," + typeOf(f.MapValue()) + ">"
	case f.Message() != nil:
		name = string(f.Message().Name())
	case f.Enum() != nil:
		name = string(f.Enum().Name())
	}
	if f.IsList() {
		return "repeated:" + name
	}
	return name
}

// incumbentFile builds descriptors from testdata/incumbent.txt alone.
func incumbentFile(tb testing.TB) protoreflect.FileDescriptor {
	tb.Helper()
	var src strings.Builder
	src.WriteString("syntax = \"proto3\";\n")
	open := ""
	begin := func(block string) {
		if open != "" {
			src.WriteString("}\n")
		}
		open = block
		src.WriteString(block + " {\n")
	}
	for _, l := range lines(tb, "incumbent.txt") {
		w := strings.Fields(l)
		switch w[0] {
		case "message", "enum":
			begin(l)
		case "field":
			f := fmt.Sprintf("%s %s = %s;", strings.Replace(w[4], ":", " ", 1), w[3], w[2])
			if len(w) > 5 { // the source groups what has the same oneof; a oneof of its own each is enough to read and write
				f = fmt.Sprintf("oneof %s_%s { %s }", w[6], w[3], f)
			}
			src.WriteString(f + "\n")
		case "value":
			fmt.Fprintf(&src, "%s = %s;\n", w[3], w[2])
		}
	}
	src.WriteString("}\n")
	compiler := protocompile.Compiler{Resolver: &protocompile.SourceResolver{
		Accessor: protocompile.SourceAccessorFromMap(map[string]string{"incumbent.proto": src.String()})}}
	files, err := compiler.Compile(context.Background(), "incumbent.proto")
	if err != nil {
		tb.Fatal(err)
	}
	return files[0]
}

// sourceFile parses contract.proto with its comments.
func sourceFile(tb testing.TB) protoreflect.FileDescriptor {
	tb.Helper()
	compiler := protocompile.Compiler{
		Resolver:       &protocompile.SourceResolver{ImportPaths: []string{".."}},
		SourceInfoMode: protocompile.SourceInfoStandard,
	}
	files, err := compiler.Compile(context.Background(), "contract.proto")
	if err != nil {
		tb.Fatal(err)
	}
	return files[0]
}

func TestTheGeneratedCodeIsOfTheSchema(t *testing.T) {
	clean := func(f protoreflect.FileDescriptor) *descriptorpb.FileDescriptorProto {
		p := protodesc.ToFileDescriptorProto(f)
		p.SourceCodeInfo = nil
		return p
	}
	if a, b := clean(sourceFile(t)), clean(File_contract_proto); !proto.Equal(a, b) {
		t.Errorf("contract.pb.go is not generated from contract.proto as it is now")
	}
}

// Fields of these messages say in their own comment what they default to, who writes and who reads them. The others
// belong to one of their fields, whose comment says it.
var mainMessages = []protoreflect.Name{"Contract", "Resource", "Ingress", "Egress", "EgressConfig", "FeatureFlags",
	"EgressFeatureFlags"}

func TestEverythingInTheSchemaIsDocumented(t *testing.T) {
	file := sourceFile(t)
	comment := func(d protoreflect.Descriptor) string {
		c := strings.Join(strings.Fields(file.SourceLocations().ByDescriptor(d).LeadingComments), " ")
		if c == "" {
			t.Errorf("%s has no comment", d.FullName())
		}
		return c
	}
	for _, m := range messagesOf(file) {
		comment(m)
		for i := range m.Fields().Len() {
			f := m.Fields().Get(i)
			text := comment(f)
			for _, word := range []string{"efault", "Writer: ", "Reader: "} {
				if slices.Contains(mainMessages, m.Name()) && !strings.Contains(text, word) {
					t.Errorf("comment of %s does not say %q: %s", f.FullName(), word, text)
				}
			}
		}
	}
	for i := range file.Enums().Len() {
		e := file.Enums().Get(i)
		comment(e)
		for j := range e.Values().Len() {
			comment(e.Values().Get(j))
		}
	}
}
