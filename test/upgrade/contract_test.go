package upgrade

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/bufbuild/protocompile"
	"github.com/klauspost/compress/zstd"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"knative.dev/eventing-kafka-go/proto/contract"
)

// freeze writes the hashes of a release that has none yet: those of the files beside them, with the program of that release.
var freeze = flag.Bool("freeze", false, "write the hashes of a new folder of testdata")

// releases are the folders of testdata: contracts as a release wrote them, in all formats, its schema, and what it took
// entries for.
func releases(t *testing.T) []string {
	t.Helper()
	folders, err := filepath.Glob("testdata/*/full.txtpb")
	if err != nil || len(folders) == 0 {
		t.Fatalf("no releases: %v", err)
	}
	for i := range folders {
		folders[i] = filepath.Dir(folders[i])
	}
	return folders
}

func read(t *testing.T, parts ...string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var formats = map[string]contract.Format{
	"full.json": contract.FormatJSON, "full.pb": contract.FormatProtobuf, "full.pb.zst": contract.FormatZstd,
}

// What an older controller has written means the same to this data plane.
func TestContractsOfOlderReleasesAreRead(t *testing.T) {
	for _, release := range releases(t) {
		want := &contract.Contract{}
		if err := prototext.Unmarshal(read(t, release, "full.txtpb"), want); err != nil {
			t.Fatal(err)
		}
		for name, format := range formats {
			t.Run(release+"/"+name, func(t *testing.T) {
				got, as, err := contract.Decode(read(t, release, name))
				if err != nil || as != format {
					t.Fatalf("read as %q: %v", as, err)
				}
				want := want
				if format == contract.FormatJSON { // which has the fields of the Java data plane alone
					want = contract.WithoutOwnFields(want)
				}
				if !proto.Equal(got, want) {
					t.Errorf("it means\n%s\nand meant\n%s", prototext.Format(got), prototext.Format(want))
				}
			})
		}
	}
}

// Pods report hashes of what they run, and a controller of another release compares: both must come to the same one.
func TestHashesAreThoseOfOlderReleases(t *testing.T) {
	for _, release := range releases(t) {
		c, _, err := contract.Decode(read(t, release, "full.pb"))
		if err != nil {
			t.Fatal(err)
		}
		var hashes bytes.Buffer
		for _, r := range c.GetResources() {
			fmt.Fprintf(&hashes, "route %s %s\n", r.GetUid(), contract.IngressHash(r))
			for _, e := range r.GetEgresses() {
				fmt.Fprintf(&hashes, "group %s %s\n", e.GetUid(), contract.EgressHash(r, e))
			}
		}
		file := filepath.Join(release, "hashes.txt")
		if *freeze {
			if _, err := os.Stat(file); os.IsNotExist(err) {
				if err := os.WriteFile(file, hashes.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
		if want := read(t, file); !bytes.Equal(hashes.Bytes(), want) {
			t.Errorf("%s: hashes are\n%s\nand were\n%s", release, hashes.String(), want)
		}
	}
}

// What this controller writes is read by the schema of an older data plane, which passes over what it does not know and
// loses nothing of it.
func TestContractsAreReadByOlderReleases(t *testing.T) {
	now := &contract.Contract{}
	if err := prototext.Unmarshal(read(t, "../../proto/contract/testdata/full.txtpb"), now); err != nil {
		t.Fatal(err)
	}
	for _, release := range releases(t) {
		theirs := schemaOf(t, release).Messages().ByName("Contract")
		for name, format := range formats {
			t.Run(release+"/"+name, func(t *testing.T) {
				written, err := contract.Encode(now, format)
				if err != nil {
					t.Fatal(err)
				}
				m := dynamicpb.NewMessage(theirs)
				if err := decode(m, written, format); err != nil {
					t.Fatalf("%s does not read it: %v", release, err)
				}
				again, err := proto.Marshal(m)
				if err != nil {
					t.Fatal(err)
				}
				got, _, err := contract.Decode(again)
				if err != nil {
					t.Fatal(err)
				}
				want := now
				if format == contract.FormatJSON {
					want = contract.WithoutOwnFields(now)
				}
				if !proto.Equal(got, want) {
					t.Errorf("it reads\n%s\nwritten was\n%s", prototext.Format(got), prototext.Format(want))
				}
			})
		}
	}
}

// decode reads as an older release did: JSON of fields that it knows, binary, or binary in a zstd frame.
func decode(m *dynamicpb.Message, written []byte, format contract.Format) error {
	switch format {
	case contract.FormatJSON:
		return protojson.Unmarshal(written, m)
	case contract.FormatZstd:
		reader, err := zstd.NewReader(nil)
		if err != nil {
			return err
		}
		defer reader.Close()
		if written, err = reader.DecodeAll(written, nil); err != nil {
			return err
		}
	}
	return proto.Unmarshal(written, m)
}

func schemaOf(t *testing.T, release string) protoreflect.FileDescriptor {
	t.Helper()
	compiler := protocompile.Compiler{Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{ImportPaths: []string{release}})}
	files, err := compiler.Compile(t.Context(), "contract.proto")
	if err != nil {
		t.Fatal(err)
	}
	return files[0]
}

// A field keeps its number, its type and its names for ever: an older program reads it as what it was.
func TestNoFieldOfAnOlderReleaseChanges(t *testing.T) {
	for _, release := range releases(t) {
		schema := schemaOf(t, release)
		for i := range schema.Messages().Len() {
			compare(t, release, schema.Messages().Get(i), contract.File_contract_proto.Messages().ByName(schema.Messages().Get(i).Name()))
		}
		for i := range schema.Enums().Len() {
			was := schema.Enums().Get(i)
			is := contract.File_contract_proto.Enums().ByName(was.Name())
			for j := range was.Values().Len() {
				v := was.Values().Get(j)
				if is == nil || is.Values().ByNumber(v.Number()) == nil || is.Values().ByNumber(v.Number()).Name() != v.Name() {
					t.Errorf("%s: value %d %s of %s is another one now, or none", release, v.Number(), v.Name(), was.Name())
				}
			}
		}
	}
}

func compare(t *testing.T, release string, was, is protoreflect.MessageDescriptor) {
	t.Helper()
	if is == nil {
		t.Errorf("%s: there is no message %s any more", release, was.Name())
		return
	}
	for i := range was.Fields().Len() {
		f := was.Fields().Get(i)
		now := is.Fields().ByNumber(f.Number())
		switch {
		case now == nil:
			t.Errorf("%s: field %d of %s is gone: an older program goes on writing and reading it", release, f.Number(), was.Name())
		case now.Name() != f.Name() || now.JSONName() != f.JSONName() || now.Kind() != f.Kind() || now.Cardinality() != f.Cardinality():
			t.Errorf("%s: field %d of %s was %s %s and is %s %s", release, f.Number(), was.Name(), f.Kind(), f.Name(), now.Kind(), now.Name())
		}
	}
}
