package contract

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// full is the contract of testdata/full.txtpb.
func full(tb testing.TB) *Contract {
	tb.Helper()
	c := &Contract{}
	if err := prototext.Unmarshal(readTestdata(tb, "full.txtpb"), c); err != nil {
		tb.Fatal(err)
	}
	return c
}

func readTestdata(tb testing.TB, name string) []byte {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

var goldenFiles = map[string]Format{"full.json": FormatJSON, "full.pb": FormatProtobuf, "full.pb.zst": FormatZstd}

// CT-01: what is written is what was always written, byte by byte where that does not depend on a compressor.
func TestGoldenFilesAreWrittenAsEver(t *testing.T) {
	for name, format := range goldenFiles {
		t.Run(name, func(t *testing.T) {
			got, err := Encode(full(t), format)
			if err != nil {
				t.Fatal(err)
			}
			if *update {
				if err := os.WriteFile(filepath.Join("testdata", name), got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want := readTestdata(t, name)
			if format != FormatZstd && !bytes.Equal(got, want) {
				t.Errorf("%s differs from what is written now:\n%s", name, got)
			}
		})
	}
}

func TestGoldenFilesAreReadAsEver(t *testing.T) {
	for name, format := range goldenFiles {
		t.Run(name, func(t *testing.T) {
			got, gotFormat, err := Decode(readTestdata(t, name))
			if err != nil {
				t.Fatal(err)
			}
			if gotFormat != format {
				t.Errorf("read as %s", gotFormat)
			}
			if want := asWritten(full(t), format); !proto.Equal(got, want) {
				t.Errorf("read as\n%s\nwant\n%s", prototext.Format(got), prototext.Format(want))
			}
		})
	}
}

// asWritten is what of c a reader of that format gets to see.
func asWritten(c *Contract, f Format) *Contract {
	if f == FormatJSON {
		return WithoutOwnFields(c)
	}
	return c
}

func TestEveryFieldIsSetInTheGoldenContract(t *testing.T) {
	set := map[protoreflect.FullName]bool{}
	walk(full(t).ProtoReflect(), func(fd protoreflect.FieldDescriptor) { set[fd.FullName()] = true })
	messages := File_contract_proto.Messages()
	for i := range messages.Len() {
		fields := messages.Get(i).Fields()
		for j := range fields.Len() {
			if name := fields.Get(j).FullName(); !set[name] {
				t.Errorf("%s is not set in full.txtpb", name)
			}
		}
	}
}

// walk visits every set field of m, at every depth.
func walk(m protoreflect.Message, visit func(protoreflect.FieldDescriptor)) {
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		visit(fd)
		switch {
		case fd.IsMap() || fd.Message() == nil:
		case fd.IsList():
			for i := range v.List().Len() {
				walk(v.List().Get(i).Message(), visit)
			}
		default:
			walk(v.Message(), visit)
		}
		return true
	})
}

// A reader made of nothing but the list of the incumbent's fields reads our JSON strictly, and finds all of it.
func TestTheIncumbentsSchemaReadsOurJSON(t *testing.T) {
	theirs := dynamicpb.NewMessage(incumbentFile(t).Messages().ByName("Contract"))
	if err := protojson.Unmarshal(readTestdata(t, "full.json"), theirs); err != nil {
		t.Fatal(err)
	}
	binary, err := proto.Marshal(theirs)
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := Decode(binary)
	if err != nil {
		t.Fatal(err)
	}
	if want := WithoutOwnFields(full(t)); !proto.Equal(got, want) {
		t.Errorf("read as\n%s\nwant\n%s", prototext.Format(got), prototext.Format(want))
	}
}

// The JSON that the incumbent's control plane writes, with a field of a version to come, is read.
func TestOurReaderReadsTheIncumbentsJSON(t *testing.T) {
	ours := WithoutOwnFields(full(t))
	binary, err := proto.Marshal(ours)
	if err != nil {
		t.Fatal(err)
	}
	theirs := dynamicpb.NewMessage(incumbentFile(t).Messages().ByName("Contract"))
	if err := proto.Unmarshal(binary, theirs); err != nil {
		t.Fatal(err)
	}
	written, err := protojson.Marshal(theirs)
	if err != nil {
		t.Fatal(err)
	}
	written = bytes.Replace(written, []byte("{"), []byte(`{"later":{"x":[1]},`), 1)
	got, format, err := Decode(written)
	if err != nil || format != FormatJSON {
		t.Fatal(format, err)
	}
	if !proto.Equal(got, ours) {
		t.Errorf("read as\n%s\nwant\n%s", prototext.Format(got), prototext.Format(ours))
	}
}
