package migration

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"knative.dev/eventing-kafka-go/control-plane/migration/kube"
)

const (
	// ReportName is the ConfigMap that says what migrations have found and done.
	ReportName = "kafka-post-install-report"
	// maxLog and maxObjects bound what it holds of a takeover, in bytes: all of a ConfigMap is a MiB.
	maxLog     = 64 << 10
	maxObjects = 128 << 10
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

// end writes down how a takeover has ended. One that had nothing to do leaves what was written before.
func (r *Report) end(ctx context.Context, t Takeover, result error) error {
	if r == nil || r.surveys[t.Name()].isEmpty() && len(r.lines[t.Name()]) == 0 && result == nil {
		return nil
	}
	survey := r.surveys[t.Name()]
	if result == nil {
		if after, err := t.Survey(ctx); err == nil {
			survey.Objects = after.Objects
			survey.Skip = after.Skip
		}
	}
	if err := r.write(ctx, t, survey, result); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

func (s Survey) isEmpty() bool {
	return len(s.Objects) == 0 && len(s.Notes) == 0 && len(s.Blockers) == 0
}

func (r *Report) write(ctx context.Context, t Takeover, s Survey, result error) error {
	before, err := r.Kube.Get(ctx, kube.ConfigMaps, r.Namespace, ReportName)
	if err != nil {
		return err
	}
	var log string
	if before != nil {
		cm, err := kube.ConfigMap(before)
		if err != nil {
			return err
		}
		log = cm.Data[t.Name()+".log"]
	}
	state := "finished"
	if result != nil {
		state = result.Error()
	}
	data := map[string]any{
		t.Name() + ".state": r.Now().UTC().Format(time.RFC3339) + " " + state,
		t.Name() + ".notes": strings.Join(s.Notes, "\n"),
		t.Name() + ".log":   tail(log+strings.Join(append(r.lines[t.Name()], ""), "\n"), maxLog),
	}
	if len(s.Objects) > 0 {
		data[t.Name()+".objects"] = objects(s.Objects)
	}
	delete(r.lines, t.Name())
	if before != nil {
		return r.Kube.Merge(ctx, kube.ConfigMaps, before, map[string]any{"data": data})
	}
	return r.Kube.Create(ctx, kube.ConfigMaps, &kube.Object{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": map[string]any{"namespace": r.Namespace, "name": ReportName}, "data": data,
	}})
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
