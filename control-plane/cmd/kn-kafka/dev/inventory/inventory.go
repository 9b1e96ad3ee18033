// Package inventory is the API server of kn-kafka dev: it holds the objects that run, gives them UIDs and generations,
// admits changes as the webhooks would, and remembers across restarts what a cluster keeps in the objects' status.
//
// It owns which version of an object runs, and must not know what objects mean to Kafka or to the data plane. An object
// that is edited into something wrong goes on as it was. An object counts as removed only when it was missing for a
// moment: editors and version control take files away before they bring them back.
//
// An Inventory belongs to one goroutine.
package inventory

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"k8s.io/apimachinery/pkg/types"

	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/manifest"
)

// removalDelay is for how long an object must be missing.
const removalDelay = 250 * time.Millisecond

// Inventory holds the objects that run.
type Inventory struct {
	kinds   manifest.Kinds
	state   *state
	objects map[manifest.ID]*entry
}

// entry is an object that runs.
type entry struct {
	*manifest.Object
	missingSince time.Time // zero while it is there
}

// Report is what an update has changed.
type Report struct {
	Added, Changed, Removed []manifest.ID
	// Problems are all that is wrong now, not only what is new.
	Problems []manifest.Problem
	// Again is when to read again, because something may have been removed; 0 is never.
	Again time.Duration
}

// Update takes over what was read at the time now. ctx carries nothing but its values.
func (i *Inventory) Update(ctx context.Context, set *manifest.Set, now time.Time) Report {
	report := Report{Problems: slices.Clone(set.Problems)}
	present, refused := map[manifest.ID]bool{}, map[manifest.ID]bool{}
	ctx, problems := i.admission(ctx, set)
	report.Problems = append(report.Problems, problems...)
	candidates := slices.Clone(set.Objects)
	for n := 0; n < len(candidates); n++ { // derived objects are appended meanwhile
		candidate := candidates[n]
		if present[candidate.ID] {
			report.Problems = append(report.Problems, manifest.Problem{Location: candidate.Source.Location, Object: candidate.ID,
				Reason: "is declared by itself too, which is used"})
			continue
		}
		present[candidate.ID] = true
		problems := i.admit(ctx, candidate, &report)
		report.Problems = append(report.Problems, problems...)
		refused[candidate.ID] = len(problems) > 0
		derived, problems := i.derived(candidate.ID)
		report.Problems = append(report.Problems, problems...)
		candidates = append(candidates, derived...)
	}
	i.sweep(set, present, now, &report)
	for n := range report.Problems {
		p := &report.Problems[n]
		if i.objects[p.Object] != nil && (refused[p.Object] || !present[p.Object]) {
			p.Reason += " (what was accepted before goes on)"
		}
	}
	return report
}

// admit takes over one object if it is right.
func (i *Inventory) admit(ctx context.Context, candidate *manifest.Object, report *Report) []manifest.Problem {
	running := i.objects[candidate.ID]
	old := i.baseline(candidate.ID)
	keepDefaults(candidate, old)
	problems := manifest.Admit(ctx, candidate, old)
	problems = append(problems, ours(candidate)...)
	if len(problems) > 0 {
		if running != nil {
			running.missingSince = time.Time{}
		}
		return explain(candidate, problems)
	}
	candidate.Value.SetUID(UID(candidate.ID))
	changed := i.state.record(candidate)
	i.objects[candidate.ID] = &entry{Object: candidate}
	switch {
	case running == nil:
		report.Added = append(report.Added, candidate.ID)
	case changed:
		report.Changed = append(report.Changed, candidate.ID)
	}
	return nil
}

// baseline is the object as it was accepted before, in this run or in an earlier one; nil when it is new.
func (i *Inventory) baseline(id manifest.ID) *manifest.Object {
	if running := i.objects[id]; running != nil {
		return running.Object
	}
	record := i.state.Objects[key(id)]
	if record == nil {
		return nil
	}
	value := i.kinds.New(record.Value)
	if value == nil || json.Unmarshal(record.Value, value) != nil {
		return nil // a later version of the program has written it; then nothing is immutable
	}
	return &manifest.Object{ID: id, Value: value}
}

// sweep removes the objects that are missing for long enough.
func (i *Inventory) sweep(set *manifest.Set, present map[manifest.ID]bool, now time.Time, report *Report) {
	for _, id := range i.IDs() {
		e := i.objects[id]
		switch {
		case present[id] || hidden(set, e):
			e.missingSince = time.Time{}
		case e.missingSince.IsZero():
			e.missingSince = now
			report.Again = removalDelay
		case now.Sub(e.missingSince) < removalDelay:
			report.Again = max(report.Again, removalDelay-now.Sub(e.missingSince))
		default:
			delete(i.objects, id)
			i.state.Objects[key(id)].Removed = true
			report.Removed = append(report.Removed, id)
		}
	}
}

// hidden tells whether an object that was not found may be there nevertheless: in a part of its file that cannot be
// read, or as the object that something wrong was meant to be.
func hidden(set *manifest.Set, e *entry) bool {
	file := e.Source.File
	for _, unreadable := range set.Unreadable {
		if file == unreadable || strings.HasPrefix(file, unreadable+string(filepath.Separator)) {
			return true
		}
	}
	return slices.ContainsFunc(set.Problems, func(p manifest.Problem) bool {
		return p.Object.Name == e.ID.Name && (p.Object.Namespace == e.ID.Namespace || p.Object.Namespace == "")
	})
}

// IDs are the objects that run, in a fixed order.
func (i *Inventory) IDs() []manifest.ID {
	return slices.SortedFunc(maps.Keys(i.objects), compareIDs)
}

func compareIDs(a, b manifest.ID) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Group, b.Group),
		cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
}

// Get returns an object that runs, or nil. It must not be changed.
func (i *Inventory) Get(id manifest.ID) *manifest.Object {
	if e := i.objects[id]; e != nil {
		return e.Object
	}
	return nil
}

// Each calls f for the objects of a kind that run, in a fixed order.
func (i *Inventory) Each(group, kind string, f func(*manifest.Object)) {
	for _, id := range i.IDs() {
		if id.Group == group && id.Kind == kind {
			f(i.objects[id].Object)
		}
	}
}

// UID is the identity that an object keeps over restarts and on every machine, so that its consumer groups are found
// again.
func UID(id manifest.ID) types.UID {
	space := uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://knative.dev/eventing-kafka-go/kn-kafka/dev"))
	return types.UID(uuid.NewSHA1(space, []byte(key(id))).String())
}

// key is an ID as a word.
func key(id manifest.ID) string {
	return fmt.Sprintf("%s.%s/%s/%s", id.Kind, id.Group, id.Namespace, id.Name)
}

// sameJSON compares canonical JSON: json.Marshal sorts maps and both sides come from it.
func sameJSON(a, b []byte) bool { return bytes.Equal(a, b) }
