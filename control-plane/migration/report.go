package migration

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"knative.dev/eventing-kafka-go/control-plane/migration/kube"
)

const (
	// ReportName is the ConfigMap that says what migrations have found and done.
	ReportName = "kafka-post-install-report"
	// maxLog and maxObjects bound what it holds of a takeover, in bytes: all of a ConfigMap is a MiB. maxLog is for the
	// state and the notes too.
	maxLog     = 64 << 10
	maxObjects = 128 << 10
	finished   = "finished"
)

// Report is a ConfigMap with what was found and done: for each takeover its objects, what users should know, and a line
// for each change. A nil Report keeps nothing.
type Report struct {
	Kube      kube.Client
	Namespace string
	Now       func() time.Time

	lines   map[string][]string
	surveys map[string]Survey
}

func (r *Report) found(t Takeover, s Survey) {
	if r == nil {
		return
	}
	if r.surveys == nil {
		r.surveys = map[string]Survey{}
	}
	r.surveys[t.Name()] = s
}

func (r *Report) did(t Takeover, step, what string) {
	if r == nil {
		return
	}
	if r.lines == nil {
		r.lines = map[string][]string{}
	}
	r.lines[t.Name()] = append(r.lines[t.Name()], fmt.Sprintf("%s %s: %s", r.Now().UTC().Format(time.RFC3339), step, what))
}

// reached writes down what was done by now, so that it is known of a program that is killed later. Steps without changes
// are passed over.
func (r *Report) reached(ctx context.Context, t Takeover, step string) error {
	if r == nil || len(r.lines[t.Name()]) == 0 {
		return nil
	}
	return r.write(ctx, t, r.surveys[t.Name()], "done: "+step)
}

// end writes down how a takeover has ended. One that never had anything to do writes nothing, and one that has nothing to do
// any more only that.
func (r *Report) end(ctx context.Context, t Takeover, result error) error {
	if r == nil {
		return nil
	}
	survey, state := r.surveys[t.Name()], finished
	switch {
	case result != nil:
		state = result.Error()
	case survey.Skip != "" && len(r.lines[t.Name()]) == 0:
		return r.skipped(ctx, t, survey)
	default:
		if after, err := t.Survey(ctx); err == nil {
			survey.Objects = after.Objects
		}
	}
	return r.write(ctx, t, survey, state)
}

// skipped says so where something else was written before: the program may have been killed after its last change.
func (r *Report) skipped(ctx context.Context, t Takeover, s Survey) error {
	before, err := r.read(ctx)
	if before == nil || err != nil {
		return err
	}
	was, found, _ := unstructured.NestedString(before.Object, "data", t.Name()+".state")
	if !found || strings.HasSuffix(was, " "+finished) || strings.HasSuffix(was, s.Skip) {
		return nil
	}
	state := "nothing to do: " + s.Skip
	if len(s.Objects) > 0 {
		state = finished
	}
	return r.write(ctx, t, s, state)
}

func (r *Report) read(ctx context.Context) (*kube.Object, error) {
	o, err := r.Kube.Get(ctx, kube.ConfigMaps, r.Namespace, ReportName)
	if err != nil {
		return nil, fmt.Errorf("read the report: %w", err)
	}
	return o, nil
}

func (r *Report) write(ctx context.Context, t Takeover, s Survey, state string) error {
	before, err := r.read(ctx)
	if err != nil {
		return err
	}
	var log string
	if before != nil {
		log, _, _ = unstructured.NestedString(before.Object, "data", t.Name()+".log")
	}
	data := map[string]any{
		t.Name() + ".state": r.Now().UTC().Format(time.RFC3339) + " " + head(state, maxLog),
		t.Name() + ".log":   tail(log+strings.Join(append(r.lines[t.Name()], ""), "\n"), maxLog),
	}
	if len(s.Notes) > 0 {
		data[t.Name()+".notes"] = head(strings.Join(s.Notes, "\n"), maxLog)
	}
	if len(s.Objects) > 0 {
		data[t.Name()+".objects"] = objects(s.Objects)
	}
	if before != nil {
		err = r.Kube.Merge(ctx, kube.ConfigMaps, before, map[string]any{"data": data})
	} else {
		err = r.Kube.Create(ctx, kube.ConfigMaps, &kube.Object{Object: map[string]any{
			"apiVersion": "v1", "kind": "ConfigMap",
			"metadata": map[string]any{"namespace": r.Namespace, "name": ReportName}, "data": data,
		}})
	}
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	delete(r.lines, t.Name())
	return nil
}

// objects are a line of JSON for each, as many as there is room for.
func objects(all []Object) string {
	var b strings.Builder
	for i, o := range all {
		line, _ := json.Marshal(o) // of texts
		if b.Len()+len(line) > maxObjects {
			fmt.Fprintf(&b, "# and %d more\n", len(all)-i)
			break
		}
		b.Write(append(line, '\n'))
	}
	return b.String()
}

// tail is the end of a text, from the beginning of a line.
func tail(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	text = text[len(text)-limit:]
	_, text, _ = strings.Cut(text, "\n")
	return text
}

// head is the beginning of a text, to the end of a line or of a character.
func head(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	text = text[:limit]
	if i := strings.LastIndexByte(text, '\n'); i > 0 {
		text = text[:i]
	}
	return strings.ToValidUTF8(text, "") + "\n…"
}
