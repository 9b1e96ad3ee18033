package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/fsnotify/fsnotify"
)

// routes is what the file says.
type routes struct {
	ingress map[string]string // path → topic
	egress  map[egressRoute]bool
}

type egressRoute struct {
	group, topic, url string
	ordered           bool
}

func readRoutes(path string) (routes, error) {
	r := routes{ingress: map[string]string{}, egress: map[egressRoute]bool{}}
	file, err := os.Open(path)
	if err != nil {
		return r, err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for n := 1; lines.Scan(); n++ {
		switch f := strings.Fields(lines.Text()); {
		case len(f) == 0:
		case len(f) == 3 && f[0] == "ingress":
			r.ingress[f[1]] = f[2]
		case len(f) == 5 && f[0] == "egress" && (f[4] == "ordered" || f[4] == "unordered"):
			r.egress[egressRoute{f[1], f[2], f[3], f[4] == "ordered"}] = true
		default:
			return r, fmt.Errorf("%s:%d: %q is no route", path, n, lines.Text())
		}
	}
	return r, lines.Err()
}

// watchRoutes calls apply with the routes of the file, at once and after every change, until ctx ends.
func watchRoutes(ctx context.Context, path string, apply func(routes)) error {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return err
	}
	defer watcher.Close()
	if err := watcher.Add(filepath.Dir(path)); err != nil {
		return err
	}
	for {
		r, err := readRoutes(path)
		if err != nil {
			return err
		}
		apply(r)
		select {
		case <-watcher.Events:
		case err := <-watcher.Errors:
			return err
		case <-ctx.Done():
			return nil
		}
	}
}
