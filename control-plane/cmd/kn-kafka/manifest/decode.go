package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	kjson "sigs.k8s.io/json"
)

// Object is one object of a manifest.
type Object struct {
	ID     ID
	Source Source
	// Value is the typed object, of the version that is stored. Only Admit changes it, by defaulting.
	Value Resource
}

// Skipped is an object of a kind that is not ours.
type Skipped struct {
	Location
	ID ID
}

// Set is what some paths hold.
type Set struct {
	// Objects are the decoded objects in the order of their appearance, each identity once. They are neither
	// defaulted nor validated yet.
	Objects []*Object
	// Problems are what was refused.
	Problems []Problem
	// Skipped are the objects of kinds that are not ours.
	Skipped []Skipped
	// Unreadable are the files and folders of which a part could not be understood: what objects they hold is not
	// known. One that is not there holds none.
	Unreadable []string
}

// Read reads everything that the paths name.
func Read(paths []string, o Options) *Set {
	set := &Set{}
	names, problems := find(paths, o)
	for _, p := range problems {
		if p.missing {
			set.Problems = append(set.Problems, p)
			continue
		}
		set.unreadable([]Problem{p})
	}
	files, problems := load(names, o.Stdin)
	set.unreadable(problems)
	seen := map[ID]Location{}
	for _, f := range files {
		for _, c := range split(f.content) {
			documents, problems := c.parse(f.name)
			set.unreadable(problems)
			for _, d := range documents {
				set.add(d, o, seen)
			}
		}
	}
	return set
}

func (s *Set) unreadable(problems []Problem) {
	s.Problems = append(s.Problems, problems...)
	for _, p := range problems {
		if !slices.Contains(s.Unreadable, p.File) {
			s.Unreadable = append(s.Unreadable, p.File)
		}
	}
}

// add decodes one document into the set.
func (s *Set) add(d document, o Options, seen map[ID]Location) {
	id, kind, problem := identify(d, o)
	switch {
	case problem != nil && (id.Name == "" || id.Kind == ""):
		s.unreadable([]Problem{*problem})
		return
	case problem != nil:
		s.Problems = append(s.Problems, *problem)
		return
	case kind == nil:
		s.Skipped = append(s.Skipped, Skipped{Location: d.source.Location, ID: id})
		return
	}
	if first, ok := seen[id]; ok {
		s.Problems = append(s.Problems, Problem{Location: d.source.Location, Object: id,
			Reason: fmt.Sprintf("is declared twice, first at %s, which is used", first)})
		return
	}
	seen[id] = d.source.Location
	object, problems := decode(d, id, *kind)
	s.Problems = append(s.Problems, problems...)
	if object != nil {
		s.Objects = append(s.Objects, object)
	}
}

// header is what every object has.
type header struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name         string `json:"name"`
		GenerateName string `json:"generateName"`
		Namespace    string `json:"namespace"`
	} `json:"metadata"`
}

// identify tells which object a document is, and its kind; nil, nil is a kind that is skipped.
func identify(d document, o Options) (ID, *Kind, *Problem) {
	var h header
	if err := json.Unmarshal(d.json, &h); err != nil {
		p := decodingProblem(d.source, ID{}, err)
		return ID{}, nil, &p
	}
	version, err := schema.ParseGroupVersion(h.APIVersion)
	id := ID{Group: version.Group, Kind: h.Kind, Namespace: h.Metadata.Namespace, Name: h.Metadata.Name}
	fail := func(field, reason string) (ID, *Kind, *Problem) {
		return id, nil, &Problem{Location: d.source.At(field), Object: id, Field: field, Reason: reason}
	}
	switch {
	case h.APIVersion == "" || h.Kind == "":
		id.Kind = ""
		return fail("", "is not an object: apiVersion or kind is missing")
	case err != nil:
		return fail("apiVersion", err.Error())
	}
	kind, ok := o.Kinds[schema.GroupKind{Group: id.Group, Kind: id.Kind}]
	switch {
	case !ok && o.Kinds.mistyped(id):
		return fail("kind", fmt.Sprintf("%s has no kind of this name", h.APIVersion))
	case !ok:
		return id, nil, nil
	case id.Namespace == "" && !kind.Cluster:
		id.Namespace = o.namespace()
	}
	switch {
	case id.Name == "" && h.Metadata.GenerateName != "":
		return fail("metadata.generateName", "only a cluster can make up names: give it a name")
	case id.Name == "":
		return fail("metadata.name", "is missing")
	case kind.Versions[version.Version] == nil:
		return fail("apiVersion", fmt.Sprintf("version %q is not served, only %s", version.Version,
			strings.Join(slices.Sorted(maps.Keys(kind.Versions)), " and ")))
	}
	return id, &kind, nil
}

func (o Options) namespace() string {
	if o.Namespace == "" {
		return "default"
	}
	return o.Namespace
}

// decode makes the typed object. Unknown fields and fields set twice are refused, as the webhooks and kubectl do; the
// status is dropped, as the API server does.
func decode(d document, id ID, kind Kind) (*Object, []Problem) {
	version, _ := schema.ParseGroupVersion(apiVersion(d.json)) // identify parsed it before
	value := kind.Versions[version.Version]()
	strict, err := kjson.UnmarshalStrict(withoutStatus(d.json), value)
	if err != nil {
		return nil, []Problem{decodingProblem(d.source, id, err)}
	}
	problems := make([]Problem, 0, len(strict))
	for _, err := range strict {
		problems = append(problems, decodingProblem(d.source, id, err))
	}
	value.SetNamespace(id.Namespace)
	if kind.Hub != nil {
		if value, err = kind.Hub(value); err != nil {
			problems = append(problems, Problem{Location: d.source.Location, Object: id, Reason: err.Error()})
		}
	}
	for _, e := range validation.ValidateObjectMetaAccessor(value, !kind.Cluster, nameRule(id), field.NewPath("metadata")) {
		problems = append(problems, Problem{Location: d.source.At(e.Field), Object: id, Field: e.Field, Reason: e.ErrorBody()})
	}
	if len(problems) > 0 {
		return nil, problems
	}
	if secret, ok := value.(*corev1.Secret); ok {
		mergeStringData(secret)
	}
	return &Object{ID: id, Source: d.source, Value: value}, nil
}

// nameRule is the form of a name: that of a namespace appears in host names.
func nameRule(id ID) validation.ValidateNameFunc {
	if id.Kind == "Namespace" {
		return validation.NameIsDNSLabel
	}
	return validation.NameIsDNSSubdomain
}

func apiVersion(data []byte) string {
	var h header
	_ = json.Unmarshal(data, &h) // identify read it before
	return h.APIVersion
}

func withoutStatus(data []byte) []byte {
	var fields map[string]json.RawMessage
	if json.Unmarshal(data, &fields) != nil || fields["status"] == nil {
		return data
	}
	delete(fields, "status")
	var out bytes.Buffer
	if err := json.NewEncoder(&out).Encode(fields); err != nil {
		return data // decoding it will say what is wrong
	}
	return out.Bytes()
}

func mergeStringData(secret *corev1.Secret) {
	for key, value := range secret.StringData {
		if secret.Data == nil {
			secret.Data = map[string][]byte{}
		}
		secret.Data[key] = []byte(value)
	}
	secret.StringData = nil
}

// decodingProblem places an error of a JSON package.
func decodingProblem(s Source, id ID, err error) Problem {
	problem := Problem{Location: s.Location, Object: id, Reason: strings.TrimPrefix(err.Error(), "json: ")}
	var strict kjson.FieldError
	var typed *json.UnmarshalTypeError
	switch {
	case errors.As(err, &strict):
		problem.Field = strict.FieldPath()
		problem.Reason, _, _ = strings.Cut(err.Error(), ` "`)
	case errors.As(err, &typed) && typed.Field != "":
		problem.Field = typed.Field
		problem.Reason = fmt.Sprintf("expected %s, got %s", typed.Type, typed.Value)
	default:
		problem.Location = s.Mention(err.Error())
		return problem
	}
	problem.Location = s.At(problem.Field)
	return problem
}
