package kubelet

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// folder is a mounted folder: every file is a link into ..data, which is a link to a folder with the content; a new
// folder is written and ..data exchanged for a link to it in one step.
type folder struct {
	dir     string
	source  Source
	current string            // the folder with the content
	files   map[string][]byte // what it holds
	written int
}

// project exchanges the content if the source has another one.
func (f *folder) project(ctx context.Context, kube kubernetes.Interface, namespace string) error {
	files, err := f.read(ctx, kube, namespace)
	if err != nil {
		return err
	}
	if f.current != "" && maps.EqualFunc(files, f.files, func(a, b []byte) bool { return string(a) == string(b) }) {
		return nil
	}
	return f.swap(files)
}

// read returns the files of the source, none when it is missing.
func (f *folder) read(ctx context.Context, kube kubernetes.Interface, namespace string) (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, name := range append(slices.Clone(f.source.Secrets), f.source.Secret) {
		if name == "" {
			continue
		}
		secret, err := kube.CoreV1().Secrets(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			return nil, err
		}
		maps.Copy(files, secret.Data)
	}
	if name := f.source.ConfigMap; name != "" {
		config, err := kube.CoreV1().ConfigMaps(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			return nil, err
		}
		maps.Copy(files, config.BinaryData)
		for key, value := range config.Data {
			files[key] = []byte(value)
		}
	}
	return files, nil
}

func (f *folder) swap(files map[string][]byte) error {
	f.written++
	next := filepath.Join(f.dir, fmt.Sprintf("..%d", f.written))
	if err := os.Mkdir(next, 0o700); err != nil {
		return err
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(next, name), content, 0o600); err != nil {
			return err
		}
	}
	link := filepath.Join(f.dir, "..data_tmp")
	if err := os.Symlink(filepath.Base(next), link); err != nil {
		return err
	}
	if err := os.Rename(link, filepath.Join(f.dir, "..data")); err != nil {
		return err
	}
	if err := f.link(files); err != nil {
		return err
	}
	old := f.current
	f.current, f.files = next, files
	if old == "" {
		return nil
	}
	return os.RemoveAll(old)
}

// link makes the names that users see: one for each file that is there, none for one that is gone.
func (f *folder) link(files map[string][]byte) error {
	for name := range files {
		err := os.Symlink(filepath.Join("..data", name), filepath.Join(f.dir, name))
		if err != nil && !os.IsExist(err) {
			return err
		}
	}
	for name := range f.files {
		if _, ok := files[name]; !ok {
			if err := os.Remove(filepath.Join(f.dir, name)); err != nil {
				return err
			}
		}
	}
	return nil
}
