package process

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"knative.dev/eventing-kafka-go/proto/contract"
)

// Mount is a folder with a contract, exchanged the way a kubelet does it for a ConfigMap: the file is a link into
// ..data, which is a link to a folder with the content; a new folder is written and ..data exchanged for a link to it.
type Mount struct {
	dir     string
	current string // the folder with the content
	written int
}

const contractFile = "data"

// NewMount makes a mounted folder that holds a contract.
func NewMount(tb testing.TB, c *contract.Contract) *Mount {
	tb.Helper()
	m := &Mount{dir: tb.TempDir()}
	m.Swap(tb, c)
	if err := os.Symlink(filepath.Join("..data", contractFile), m.Path()); err != nil {
		tb.Fatal(err)
	}
	return m
}

// Path is where a data plane finds the contract.
func (m *Mount) Path() string { return filepath.Join(m.dir, contractFile) }

// Swap exchanges the contract in one step.
func (m *Mount) Swap(tb testing.TB, c *contract.Contract) {
	tb.Helper()
	content, err := contract.Encode(c, contract.FormatZstd)
	if err != nil {
		tb.Fatal(err)
	}
	m.written++
	next := filepath.Join(m.dir, fmt.Sprintf("..%d", m.written))
	if err := os.Mkdir(next, 0o700); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(next, contractFile), content, 0o600); err != nil {
		tb.Fatal(err)
	}
	link := filepath.Join(m.dir, "..data_tmp")
	if err := os.Symlink(filepath.Base(next), link); err != nil {
		tb.Fatal(err)
	}
	if err := os.Rename(link, filepath.Join(m.dir, "..data")); err != nil {
		tb.Fatal(err)
	}
	if m.current != "" {
		if err := os.RemoveAll(m.current); err != nil {
			tb.Fatal(err)
		}
	}
	m.current = next
}
