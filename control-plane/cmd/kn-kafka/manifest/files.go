package manifest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Stdin is the path that stands for standard input.
const Stdin = "-"

// Options are how paths are read.
type Options struct {
	// Recursive also reads the folders in a folder, like kubectl's -R.
	Recursive bool
	// Stdin is what the path "-" holds. Standard input can be read only once, so the caller does it.
	Stdin []byte
	// Namespace is that of objects that name none; "" means "default".
	Namespace string
	// Kinds are what can be read.
	Kinds Kinds
}

// file is one manifest file: its name for people and its content.
type file struct {
	name    string
	content []byte
}

// find lists the manifest files that paths name: files as they are, of folders the *.yaml, *.yml and *.json files that
// are not hidden (an editor's temporary files are), in the order of their names, each once.
func find(paths []string, o Options) ([]string, []Problem) {
	var names []string
	var problems []Problem
	for _, path := range paths {
		found, err := expandPath(path, o.Recursive)
		if err != nil {
			problems = append(problems, Problem{Location: Location{File: path}, Reason: plain(err), missing: errors.Is(err, fs.ErrNotExist)})
		}
		for _, name := range found {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names, problems
}

func expandPath(path string, recursive bool) ([]string, error) {
	if path == Stdin {
		return []string{Stdin}, nil
	}
	path = filepath.Clean(path)
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	return folder(path, recursive)
}

func folder(path string, recursive bool) ([]string, error) {
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		name := filepath.Join(path, entry.Name())
		switch {
		case strings.HasPrefix(entry.Name(), "."):
		case entry.IsDir() && recursive:
			below, err := folder(name, recursive)
			if err != nil {
				return names, err
			}
			names = append(names, below...)
		case slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(name)) && isFile(name):
			names = append(names, name)
		}
	}
	return names, nil
}

// isFile follows links, as mounted ConfigMaps consist of them.
func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

// load reads the files. One that vanished since it was listed is treated as never listed.
func load(names []string, stdin []byte) ([]file, []Problem) {
	var files []file
	var problems []Problem
	for _, name := range names {
		if name == Stdin {
			files = append(files, file{name: "<stdin>", content: stdin})
			continue
		}
		content, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			problems = append(problems, Problem{Location: Location{File: name}, Reason: plain(err)})
			continue
		}
		files = append(files, file{name: name, content: content})
	}
	return files, problems
}

// plain is the error without the path, which the location names already.
func plain(err error) string {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return fmt.Sprintf("cannot be read: %v", pathError.Err)
	}
	return fmt.Sprintf("cannot be read: %v", err)
}
