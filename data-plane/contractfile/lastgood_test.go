package contractfile

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"knative.dev/eventing-kafka-go/proto/contract"
)

// kept returns Options whose last-good file holds c, written by a Source that has ended.
func kept(t *testing.T, c *contract.Contract) Options {
	t.Helper()
	r := read(t, paths(t, zstd(t, c)))
	r.want(c)
	r.stop()
	if _, err := os.Stat(r.o.LastGood); err != nil {
		t.Fatal(err)
	}
	return Options{Path: r.o.Path, LastGood: r.o.LastGood}
}

// At a start the mounted file counts if it is a contract; whatever else it is, the last good one runs.
func TestTheLastGoodContractIsThereAfterARestart(t *testing.T) {
	good := numbered(5, 3)
	for _, tt := range []struct {
		name   string
		damage func(t *testing.T, path string)
		reason string
	}{
		{"while the file is missing", func(t *testing.T, path string) { must(t, os.Remove(path)) }, "no such file"},
		{"while the directory is missing", func(t *testing.T, path string) { must(t, os.RemoveAll(filepath.Dir(path))) }, "no such file"},
		{"while the file is empty", func(t *testing.T, path string) { replace(t, path, nil) }, "empty"},
		{"while the file is torn", func(t *testing.T, path string) { replace(t, path, zstd(t, numbered(6, 4))[:30]) }, "damaged"},
		{"while the file is for a newer build", func(t *testing.T, path string) {
			replace(t, path, zstd(t, &contract.Contract{RequiredVersion: contract.SchemaVersion + 1}))
		}, "newer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := kept(t, good)
			tt.damage(t, o.Path)
			r := read(t, o)
			if s := r.want(good); !s.FromLastGood || s.Format != contract.FormatZstd {
				t.Errorf("snapshot %+v", s)
			}
			st := r.until("stale", func(st State) bool { return st.Stale && st.Loads == 1 })
			if !strings.Contains(st.LastError, tt.reason) {
				t.Errorf("state %+v", st)
			}

			must(t, os.MkdirAll(filepath.Dir(o.Path), 0o755))
			replace(t, o.Path, zstd(t, good)) // the mount is back: nothing to do
			st = r.until("what is mounted", func(st State) bool { return st.Same == 1 })
			if st.Stale || st.Current.FromLastGood || st.Loads != 1 {
				t.Errorf("state %+v", st)
			}
			replace(t, o.Path, zstd(t, numbered(6, 1)))
			if s := r.want(numbered(6, 1)); s.FromLastGood {
				t.Errorf("snapshot %+v", s)
			}
		})
	}
}

func TestTheMountedContractWinsOverTheLastGoodOne(t *testing.T) {
	o := kept(t, numbered(5, 3))
	replace(t, o.Path, zstd(t, numbered(4, 1))) // even with a lower generation: somebody restored it
	r := read(t, o)
	if s := r.want(numbered(4, 1)); s.FromLastGood {
		t.Errorf("snapshot %+v", s)
	}
}

func TestARemovalOfEverythingIsKeptToo(t *testing.T) {
	o := kept(t, numbered(9, 0))
	must(t, os.Remove(o.Path))
	r := read(t, o)
	if s := r.want(numbered(9, 0)); !s.FromLastGood {
		t.Errorf("snapshot %+v", s)
	}
}

func TestEachContractReplacesTheLastGoodOne(t *testing.T) {
	r := read(t, paths(t, zstd(t, numbered(1, 1))))
	r.want(numbered(1, 1))
	for g := uint64(2); g < 10; g++ {
		replace(t, r.o.Path, zstd(t, numbered(g, int(g))))
		r.want(numbered(g, int(g)))
	}
	r.stop()
	next, err := readLastGood(r.o.LastGood)
	if err != nil || !proto.Equal(next.Contract, numbered(9, 9)) {
		t.Errorf("kept %v, %v", next.Contract, err)
	}
	files, err := os.ReadDir(filepath.Dir(r.o.LastGood))
	if err != nil || len(files) != 1 {
		t.Errorf("left behind: %v, %v", files, err)
	}
}

func TestEveryFormatIsKeptWithAChecksum(t *testing.T) {
	for _, f := range []contract.Format{contract.FormatZstd, contract.FormatProtobuf, contract.FormatJSON} {
		r := read(t, paths(t, encode(t, numbered(1, 2), f)))
		r.want(numbered(1, 2))
		r.stop()
		b, err := os.ReadFile(r.o.LastGood)
		if err != nil || !bytes.Equal(b, zstd(t, numbered(1, 2))) {
			t.Errorf("%s is kept as %q, %v", f, b, err)
		}
	}
}

func TestADamagedLastGoodFileIsNotUsed(t *testing.T) {
	for _, tt := range []struct {
		name   string
		damage func(b []byte) []byte
	}{
		{"torn", func(b []byte) []byte { return b[:len(b)-10] }},
		{"bad checksum", func(b []byte) []byte { b[len(b)-1] ^= 1; return b }},
		{"empty", func([]byte) []byte { return nil }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := kept(t, numbered(5, 3))
			b, err := os.ReadFile(o.LastGood)
			must(t, err)
			replace(t, o.LastGood, tt.damage(b))
			must(t, os.Remove(o.Path))
			r := read(t, o)
			r.until("failing", func(st State) bool { return st.Stale })
			replace(t, o.Path, zstd(t, numbered(1, 1)))
			r.want(numbered(1, 1)) // and nothing before it
			if !strings.Contains(r.log.String(), "cannot be used") {
				t.Errorf("logged:\n%s", r.log)
			}
		})
	}
}

func TestAContractThatCannotBeKeptRuns(t *testing.T) {
	o := paths(t, zstd(t, numbered(1, 1)))
	must(t, os.WriteFile(filepath.Dir(o.LastGood), nil, 0o644)) // a file where its directory should be
	r := read(t, o)
	r.want(numbered(1, 1))
	st := r.until("reported", func(st State) bool { return st.LastGoodError != "" })
	if st.Stale {
		t.Errorf("state %+v", st)
	}
	must(t, os.Remove(filepath.Dir(o.LastGood)))
	replace(t, o.Path, zstd(t, numbered(2, 2)))
	r.want(numbered(2, 2))
	r.until("kept", func(st State) bool { return st.LastGoodError == "" })
}

func TestWithoutALastGoodFileNothingIsKept(t *testing.T) {
	o := paths(t, zstd(t, numbered(1, 1)))
	o.LastGood = ""
	r := read(t, o)
	r.want(numbered(1, 1))
	r.stop()
	files, err := os.ReadDir(filepath.Dir(o.Path))
	if err != nil || len(files) != 1 {
		t.Errorf("files %v, %v", files, err)
	}
}
