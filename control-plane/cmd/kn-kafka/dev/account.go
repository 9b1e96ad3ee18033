package dev

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/dev/resolve"
	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/display"
	"knative.dev/eventing-kafka-go/data-plane/status"
)

// maxEvents is how many events of a second are shown: more cannot be read, and showing them would slow them down.
const maxEvents = 100

// account is what is told to people: each thing once, when it is new.
type account struct {
	mu sync.Mutex // keeps lines whole
	w  io.Writer

	problems, notes []string          // as last told; used by the loop alone
	blocks          map[string]string // by UID of a resource; used by the loop alone
	counters        map[string]string // by UID of a route or group; used by the ticker alone
	errors          map[string]string // by UID of a route or group; used by the ticker alone

	shown throttle
}

// throttle lets a number of events through in each second.
type throttle struct {
	mu             sync.Mutex
	second         int64
	shown, skipped int
}

// take tells whether an event is shown, and how many of an earlier second were not.
func (t *throttle) take(now time.Time) (show bool, skipped int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if second := now.Unix(); second != t.second {
		skipped = t.skipped
		t.second, t.shown, t.skipped = second, 0, 0
	}
	if t.shown < maxEvents {
		t.shown++
		return true, skipped
	}
	t.skipped++
	return false, skipped
}

// tellDelivery shows an event that arrived at a display; all of them in the style for programs.
func (a *account) tellDelivery(p *display.Printer, name string, d display.Delivery) {
	if p.Style == display.JSON {
		p.Print(name, d)
		return
	}
	show, skipped := a.shown.take(d.At)
	if skipped > 0 {
		a.say("… and %d events more in that second", skipped)
	}
	if show {
		p.Print(name, d)
	}
}

func newAccount(w io.Writer) *account {
	return &account{w: w, blocks: map[string]string{}, counters: map[string]string{}, errors: map[string]string{}}
}

// Write makes the account an io.Writer, so that everything goes through one lock.
func (a *account) Write(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.w.Write(p)
}

func (a *account) say(format string, args ...any) {
	_, _ = fmt.Fprintf(a, format+"\n", args...)
}

// tellProblems tells the problems that are new, and when none is left.
func (a *account) tellProblems(now []string) {
	for _, p := range now {
		if !slices.Contains(a.problems, p) {
			a.say("%s", p)
		}
	}
	if len(now) == 0 && len(a.problems) > 0 {
		a.say("accepted: nothing is refused any more")
	}
	a.problems = now
}

func (a *account) tellNotes(now []string) {
	for _, n := range now {
		if !slices.Contains(a.notes, n) {
			a.say("note: %s", n)
		}
	}
	a.notes = now
}

// tellResources tells what is run and where, as far as it has changed.
func (a *account) tellResources(address string, resources []*resolve.Resource) {
	shared := sharedPaths(resources)
	blocks := map[string]string{}
	for _, r := range resources {
		if r.Failed {
			continue
		}
		block := describe(address, r, shared)
		blocks[r.UID()] = block
		if a.blocks[r.UID()] != block {
			_, _ = io.WriteString(a, "\n"+block)
		}
	}
	a.blocks = blocks
}

// sharedPaths are the short paths that several resources claim, with all of them.
func sharedPaths(resources []*resolve.Resource) map[string][]*resolve.Resource {
	shared := map[string][]*resolve.Resource{}
	for _, r := range resources {
		if len(r.Paths) > 0 {
			shared[r.Paths[0]] = append(shared[r.Paths[0]], r)
		}
	}
	maps.DeleteFunc(shared, func(_ string, r []*resolve.Resource) bool { return len(r) < 2 })
	return shared
}

// conflicts says which paths are refused.
func conflicts(resources []*resolve.Resource) []string {
	var all []string
	shared := sharedPaths(resources)
	for _, path := range slices.Sorted(maps.Keys(shared)) {
		var claims []string
		for _, r := range shared[path] {
			claims = append(claims, fmt.Sprintf("%s (%s), which is at %s", r.Object.ID, r.Object.Source, r.Paths[1]))
		}
		all = append(all, fmt.Sprintf("path %s is claimed by %s", path, strings.Join(claims, ", and by ")))
	}
	return all
}

// describe is a resource for people, in several lines.
func describe(address string, r *resolve.Resource, shared map[string][]*resolve.Resource) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  (%s)\n", r.Object.ID, r.Object.Source)
	label := "events to"
	for _, path := range r.Paths {
		if shared[path] == nil {
			fmt.Fprintf(&b, "  %-10s %s%s\n", label, address, path)
			label = ""
		}
	}
	if r.Host != "" {
		fmt.Fprintf(&b, "  %-10s %s with Host: %s\n", label, address, r.Host)
	}
	for _, topic := range r.Topics {
		fmt.Fprintf(&b, "  %-10s %s\n", "topic", topic.Name)
	}
	for _, g := range r.Groups {
		fmt.Fprintf(&b, "  %s → %s\n", g.Object.ID, g.Target)
	}
	return b.String()
}

// tellTraffic tells the counts that have changed and the errors that are new.
func (a *account) tellTraffic(report status.Report, now time.Time) {
	a.forgetRemoved(report)
	for _, r := range report.Routes {
		refused := uint64(0)
		var answers []string
		for _, code := range slices.Sorted(maps.Keys(r.Answers)) {
			refused += r.Answers[code]
			answers = append(answers, fmt.Sprintf("%s×%d", code, r.Answers[code]))
		}
		text := fmt.Sprintf("in %d", r.Accepted)
		if refused > 0 {
			text += fmt.Sprintf(", refused %d (%s)", refused, strings.Join(answers, " "))
		}
		a.tellCount(now, "route "+r.UID, title(r.Kind, r.Namespace, r.Name), text, r.Accepted+refused, r.LastError)
		a.tellError(now, "served "+r.UID, title(r.Kind, r.Namespace, r.Name), r.Problem)
	}
	for _, g := range report.Groups {
		in := g.Delivered + g.Filtered + g.DeadLettered + g.Lost + g.Parked + g.Discarded
		text := fmt.Sprintf("in %d, delivered %d, filtered %d, retried %d, dead-lettered %d", in, g.Delivered, g.Filtered, g.Retried, g.DeadLettered)
		for _, extra := range []struct {
			n    uint64
			text string
		}{
			{g.Replied, "replied"}, {g.Lost, "failed without a dead letter sink"}, {g.Parked, "parked"}, {g.Discarded, "discarded"},
			{uint64(max(g.Waiting, 0)), "waiting for a retry"},
		} {
			if extra.n > 0 {
				text += fmt.Sprintf(", %s %d", extra.text, extra.n)
			}
		}
		a.tellCount(now, "group "+g.UID, title(g.Kind, g.Namespace, g.Name), text, in+g.Retried, g.LastError)
		a.tellError(now, "runs "+g.UID, title(g.Kind, g.Namespace, g.Name), g.Problem)
	}
}

// forgetRemoved drops what was told of routes and groups that are gone, as they may come back from zero.
func (a *account) forgetRemoved(report status.Report) {
	known := map[string]bool{}
	for _, r := range report.Routes {
		known["route "+r.UID], known["served "+r.UID] = true, true
	}
	for _, g := range report.Groups {
		known["group "+g.UID], known["runs "+g.UID] = true, true
	}
	gone := func(key, _ string) bool { return !known[key] }
	maps.DeleteFunc(a.counters, gone)
	maps.DeleteFunc(a.errors, gone)
}

// tellCount tells a line of counts that has changed, and the last error with it.
func (a *account) tellCount(now time.Time, key, name, text string, events uint64, lastError string) {
	if known := a.counters[key]; known != text && (events > 0 || known != "") {
		a.counters[key] = text
		a.say("%s  %s: %s", now.Format(time.TimeOnly), name, text)
	}
	a.tellError(now, key, name, lastError)
}

func (a *account) tellError(now time.Time, key, name, text string) {
	if known := a.errors[key]; known != text {
		a.errors[key] = text
		if text != "" {
			a.say("%s  %s: error: %s", now.Format(time.TimeOnly), name, text)
		}
	}
}

// title is an object for people; kinds are in lower case in reports.
func title(kind, namespace, name string) string {
	for _, known := range []string{"KafkaChannel", "Subscription", "Broker", "Trigger", "KafkaSink", "KafkaSource"} {
		if strings.EqualFold(kind, known) {
			kind = known
		}
	}
	return kind + " " + namespace + "/" + name
}
