package deploy

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestAMountIsExchangedWhole(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "mount")
	m, err := NewMount(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.ReadFile(m.Path("data")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("before the first write: %v", err)
	}
	if err := m.Write("data", []byte(strings.Repeat("0", 1<<16))); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var readers sync.WaitGroup
	readers.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			content, err := os.ReadFile(m.Path("data"))
			if err != nil && !errors.Is(err, fs.ErrNotExist) { // opened just before the folder went, as with a kubelet
				t.Error(err)
			}
			if err == nil && strings.Trim(string(content), string(content[:1])) != "" {
				t.Errorf("read a mixture of two versions")
			}
		}
	})
	for i := range 100 {
		if err := m.Write("data", []byte(strings.Repeat(string(rune('0'+i%10)), 1<<16))); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	readers.Wait()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 3 { // the file, ..data and the folder that it leads to
		t.Errorf("left are %v %v", entries, err)
	}
	if link, err := os.Readlink(m.Path("data")); err != nil || link != filepath.Join("..data", "data") {
		t.Errorf("the file leads to %q %v", link, err)
	}
}

func TestANewMountIsEmpty(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for range 2 {
		m, err := NewMount(dir)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(m.Path("data")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("what an earlier run has left is there: %v", err)
		}
		if err := m.Write("data", []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
}
