package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	kyaml "sigs.k8s.io/yaml"
)

// document is one YAML document of a file, or one item of a List in it.
type document struct {
	source Source
	json   []byte
}

// chunk is the text between two separators.
type chunk struct {
	line int // of its first line, from 1
	text []byte
}

// split cuts a file at its document separators. Documents are cut before they are parsed so that a broken one leaves
// the others readable.
func split(data []byte) []chunk {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	var all []chunk
	current := chunk{line: 1}
	for line := 1; len(data) > 0; line++ {
		end := bytes.IndexByte(data, '\n') + 1
		if end == 0 {
			end = len(data)
		}
		text := data[:end]
		data = data[end:]
		if rest, ok := bytes.CutPrefix(text, []byte("---")); ok && isBlank(rest) {
			all = append(all, current)
			current = chunk{line: line + 1}
			continue
		}
		current.text = append(current.text, text...)
	}
	return append(all, current)
}

// isBlank tells whether what follows a separator is nothing but a comment.
func isBlank(rest []byte) bool {
	text := strings.TrimSpace(string(rest))
	return text == "" || (strings.HasPrefix(text, "#") && rest[0] != '#')
}

// parse turns a chunk into its documents: none when it holds only comments, one for each item of a List.
func (c chunk) parse(file string) ([]document, []Problem) {
	fail := func(line int, reason string) []Problem {
		return []Problem{{Location: Location{File: file, Line: line}, Reason: reason}}
	}
	var root, more yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(c.text))
	err := decoder.Decode(&root)
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err != nil {
		line, reason := yamlError(err)
		return nil, fail(c.line+max(line, 1)-1, reason)
	}
	shift(&root, c.line-1)
	body := root.Content[0]
	if body.Kind == yaml.ScalarNode && body.Tag == "!!null" {
		return nil, nil
	}
	if !errors.Is(decoder.Decode(&more), io.EOF) {
		return nil, fail(c.line, "holds a second YAML document that is not separated by a line with ---")
	}
	if body.Kind != yaml.MappingNode {
		return nil, fail(body.Line, "is not an object: a manifest is a mapping with apiVersion, kind and metadata")
	}
	if problems := duplicateKeys(file, body); len(problems) > 0 {
		return nil, problems
	}
	// kubectl reads YAML with this package too, so that yes, 0o7 and the like mean the same here.
	data, err := kyaml.YAMLToJSON(c.text)
	if err != nil {
		line, reason := yamlError(err)
		return nil, fail(c.line+max(line, 1)-1, reason)
	}
	return expand(document{source: Source{Location: Location{File: file, Line: body.Line}, node: body}, json: data})
}

// expand returns the items of a List, or the document itself.
func expand(d document) ([]document, []Problem) {
	var list struct {
		APIVersion string            `json:"apiVersion"`
		Kind       string            `json:"kind"`
		Items      []json.RawMessage `json:"items"`
	}
	if json.Unmarshal(d.json, &list) != nil || !strings.HasSuffix(list.Kind, "List") || list.Items == nil {
		return []document{d}, nil
	}
	_, items, _ := step(d.source.node, "items")
	var all []document
	var problems []Problem
	for i, item := range list.Items {
		node := target(target(items).Content[i])
		at := Location{File: d.source.File, Line: node.Line}
		if node.Kind != yaml.MappingNode {
			problems = append(problems, Problem{Location: at, Field: fmt.Sprintf("items[%d]", i), Reason: "is not an object"})
			continue
		}
		all = append(all, document{source: Source{Location: at, node: node}, json: item})
	}
	return all, problems
}

// shift makes the lines of a chunk those of its file. An aliased node is reached once, where it is declared.
func shift(node *yaml.Node, lines int) {
	node.Line += lines
	for _, child := range node.Content {
		shift(child, lines)
	}
}

// duplicateKeys reports fields that are set twice: YAML forbids them and the API server refuses them, while a plain
// reader would quietly use the last.
func duplicateKeys(file string, node *yaml.Node) []Problem {
	var problems []Problem
	if node.Kind == yaml.MappingNode {
		seen := map[string]int{}
		for i := 0; i+1 < len(node.Content); i += 2 {
			key := node.Content[i]
			if key.Kind != yaml.ScalarNode || key.Tag == "!!merge" {
				continue
			}
			if first, ok := seen[key.Value]; ok {
				problems = append(problems, Problem{Location: Location{File: file, Line: key.Line}, Field: key.Value,
					Reason: fmt.Sprintf("is set twice, first in line %d", first)})
			}
			seen[key.Value] = key.Line
		}
	}
	for _, child := range node.Content {
		problems = append(problems, duplicateKeys(file, child)...)
	}
	return problems
}

// yamlError splits the error of a YAML package into the line within the text, 0 when it names none, and the reason.
func yamlError(err error) (line int, reason string) {
	reason = strings.TrimPrefix(strings.TrimPrefix(err.Error(), "error converting YAML to JSON: "), "yaml: ")
	match := regexp.MustCompile(`^line (\d+): `).FindStringSubmatch(reason)
	if match == nil {
		return 0, "is not YAML: " + reason
	}
	line, _ = strconv.Atoi(match[1]) // the pattern admits digits only
	return line, "is not YAML: " + reason[len(match[0]):]
}
