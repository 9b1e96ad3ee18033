package deploy

import (
	"fmt"
	"os"
	"path/filepath"
)

// dataLink is the link that is exchanged, with the name that the kubelet gives it.
const dataLink = "..data"

// Mount is a folder whose files are exchanged together, like a mounted ConfigMap: each is a link through one link that
// is replaced atomically.
type Mount struct {
	dir     string
	current string // folder that the link leads to
}

// NewMount makes an empty folder; what was there is removed.
func NewMount(dir string) (*Mount, error) {
	if err := os.RemoveAll(dir); err != nil {
		return nil, fmt.Errorf("make mount: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make mount: %w", err)
	}
	return &Mount{dir: dir}, nil
}

// Path is where a file is read.
func (m *Mount) Path(name string) string { return filepath.Join(m.dir, name) }

// Write exchanges the content of the folder for one file.
func (m *Mount) Write(name string, content []byte) error {
	next, err := os.MkdirTemp(m.dir, "..version-")
	if err == nil {
		err = os.WriteFile(filepath.Join(next, name), content, 0o600)
	}
	if err == nil {
		err = relink(filepath.Base(next), filepath.Join(m.dir, dataLink))
	}
	if err == nil {
		err = relink(filepath.Join(dataLink, name), m.Path(name))
	}
	if err != nil {
		return fmt.Errorf("write %s into the mount: %w", name, err)
	}
	previous := m.current
	m.current = next
	if previous != "" {
		if err := os.RemoveAll(previous); err != nil {
			return fmt.Errorf("remove the version before from the mount: %w", err)
		}
	}
	return nil
}

// Remove removes the folder.
func (m *Mount) Remove() error { return os.RemoveAll(m.dir) }

// relink makes link lead to target, in one step for those who follow it.
func relink(target, link string) error {
	if now, err := os.Readlink(link); err == nil && now == target {
		return nil
	}
	if err := os.Symlink(target, link+"_new"); err != nil {
		return err
	}
	return os.Rename(link+"_new", link)
}
