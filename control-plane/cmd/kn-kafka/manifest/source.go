// Package manifest reads Kubernetes manifests the way an API server with the project's webhooks takes them in: files,
// folders and stdin become typed objects that are decoded strictly, defaulted and validated, and every complaint
// carries file, line and field.
//
// It owns the reading and the admission of objects, not what they mean together: references are not resolved here and
// nothing is run. It keeps no state between calls; all functions may be called concurrently, and Watch uses one
// goroutine, its caller's.
package manifest

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Location is a place in a manifest.
type Location struct {
	// File is the path as it was given or found; "<stdin>" for standard input.
	File string
	// Line counts from 1; 0 means the file as a whole.
	Line int
}

// String is FILE:LINE.
func (l Location) String() string {
	if l.Line == 0 {
		return l.File
	}
	return l.File + ":" + strconv.Itoa(l.Line)
}

// Source is where an object was declared. It finds the lines of the object's fields.
type Source struct {
	Location
	node   *yaml.Node
	prefix string
}

// At is the place of a field such as spec.delivery.retry, spec.filters[0].exact[type] or
// metadata.annotations[a.b/c]. A field that is not there has the place of the nearest one that would hold it.
func (s Source) At(path string) Location {
	node, line := s.node, s.Line
	for rest := s.full(path); node != nil; {
		key, value, tail := step(node, rest)
		if value == nil {
			break
		}
		line, node, rest = key.Line, value, tail
	}
	return Location{File: s.File, Line: line}
}

// Mention is the place of the first scalar whose value appears quoted in text, for errors that name a value and not
// its field; without one it is the place of the object.
func (s Source) Mention(text string) Location {
	if node := mention(s.node, text); node != nil {
		return Location{File: s.File, Line: node.Line}
	}
	return s.Location
}

// Below is the source of an object that is made of the part of s at prefix: its field spec.x is found at PREFIX.spec.x.
func (s Source) Below(prefix string) Source {
	s.prefix = s.full(prefix)
	return s
}

func (s Source) full(path string) string {
	// KafkaChannel and core report some fields under names that are not those of the object (CH-12).
	path = strings.Replace(path, "spec.subscribable.subscriber[", "spec.subscribers[", 1)
	if strings.HasPrefix(path, "annotations") {
		path = "metadata." + path
	}
	if s.prefix == "" {
		return path
	}
	return s.prefix + "." + path
}

// step goes one element of path down from node: the key (or item) it found, the value there and the rest of the path.
// Keys may hold dots, so the longest key of the mapping that the path begins with is taken.
func step(node *yaml.Node, path string) (key, value *yaml.Node, rest string) {
	node = target(node)
	path = strings.TrimPrefix(path, ".")
	inner, after, bracket := bracketed(path)
	switch {
	case path == "":
		return nil, nil, ""
	case node.Kind == yaml.SequenceNode && bracket:
		index, err := strconv.Atoi(inner)
		if err != nil || index < 0 || index >= len(node.Content) {
			return nil, nil, ""
		}
		return node.Content[index], node.Content[index], after
	case node.Kind == yaml.MappingNode && bracket:
		key, value = longestKey(node, inner, true)
		return key, value, after
	case node.Kind == yaml.MappingNode:
		if key, value = longestKey(node, path, false); key != nil {
			return key, value, path[len(key.Value):]
		}
	}
	return nil, nil, ""
}

// longestKey finds the longest key of mapping that path begins with, or equals when exact; merged mappings count.
func longestKey(mapping *yaml.Node, path string, exact bool) (key, value *yaml.Node) {
	consider := func(k, v *yaml.Node) {
		if k != nil && (key == nil || len(k.Value) > len(key.Value)) {
			key, value = k, v
		}
	}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		k, v := mapping.Content[i], mapping.Content[i+1]
		switch {
		case k.Tag == "!!merge":
			for _, m := range merged(v) {
				consider(longestKey(m, path, exact))
			}
		case k.Value == path:
			consider(k, v)
		case !exact && strings.HasPrefix(path, k.Value) && strings.ContainsRune(".[", rune(path[len(k.Value)])):
			consider(k, v)
		}
	}
	return key, value
}

func merged(node *yaml.Node) []*yaml.Node {
	node = target(node)
	switch node.Kind {
	case yaml.MappingNode:
		return []*yaml.Node{node}
	case yaml.SequenceNode:
		var all []*yaml.Node
		for _, item := range node.Content {
			if item = target(item); item.Kind == yaml.MappingNode {
				all = append(all, item)
			}
		}
		return all
	}
	return nil
}

// bracketed splits "[x].y" into x and ".y".
func bracketed(path string) (inner, after string, ok bool) {
	if !strings.HasPrefix(path, "[") {
		return "", "", false
	}
	inner, after, ok = strings.Cut(path[1:], "]")
	return inner, after, ok
}

func target(node *yaml.Node) *yaml.Node {
	for node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	return node
}

func mention(node *yaml.Node, text string) *yaml.Node {
	if node == nil {
		return nil
	}
	if node.Kind == yaml.ScalarNode && node.Value != "" && strings.Contains(text, strconv.Quote(node.Value)) {
		return node
	}
	for i, child := range node.Content {
		if node.Kind == yaml.MappingNode && i%2 == 0 {
			continue // a key
		}
		if found := mention(child, text); found != nil {
			return found
		}
	}
	return nil
}

// ID is the identity of an object, as an API server knows it.
type ID struct{ Group, Kind, Namespace, Name string }

// String is KIND NAMESPACE/NAME, or KIND NAME without a namespace.
func (id ID) String() string {
	if id.Namespace == "" {
		return id.Kind + " " + id.Name
	}
	return id.Kind + " " + id.Namespace + "/" + id.Name
}

// Problem is why a manifest, or one object of it, is refused.
type Problem struct {
	Location
	// Object is what was refused, as far as that is known.
	Object ID
	// Field is the path of the wrong field; "" means the object as a whole.
	Field string
	// Reason is a phrase for people.
	Reason string

	missing bool // a path is not there
}

// Error is FILE:LINE: OBJECT: FIELD: REASON.
func (p Problem) Error() string {
	text := p.Location.String()
	if p.Object.Kind != "" {
		text += ": " + p.Object.String()
	}
	if p.Field != "" {
		text += ": " + p.Field
	}
	return fmt.Sprintf("%s: %s", text, p.Reason)
}
