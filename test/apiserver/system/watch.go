package system

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	toolswatch "k8s.io/client-go/tools/watch"

	"knative.dev/eventing-kafka-go/test/apiserver/env"
	"knative.dev/eventing-kafka-go/test/apiserver/program"
)

// Watch tells of every change of objects of a kind from now on, until the test ends. seen runs on a goroutine of its own. An
// API server ends a watch that is slow to read; it goes on from where it was then.
func (s *System) Watch(tb testing.TB, kind schema.GroupVersionKind, namespace string, seen func(watch.EventType, *env.Object)) {
	tb.Helper()
	client := s.Of(kind, namespace)
	now, err := client.List(tb.Context(), metav1.ListOptions{Limit: 1})
	if err != nil {
		tb.Fatalf("list %s: %v", kind.Kind, err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(tb.Context()))
	changes, err := toolswatch.NewRetryWatcherWithContext(ctx, now.GetResourceVersion(),
		&cache.ListWatch{WatchFuncWithContext: client.Watch})
	if err != nil {
		cancel()
		tb.Fatalf("watch %s: %v", kind.Kind, err)
	}
	done := make(chan error, 1)
	go func() {
		for change := range changes.ResultChan() {
			if o, ok := change.Object.(*env.Object); ok {
				seen(change.Type, o)
			} else if ctx.Err() == nil { // it may be how the end of ctx is told
				done <- fmt.Errorf("%v", change.Object)
				return
			}
		}
		done <- ctx.Err()
	}()
	tb.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			tb.Errorf("watch %s: it ended early: %v", kind.Kind, err)
		}
	})
}

// Versions returns the resourceVersion of every object of kinds, by kind, namespace and name.
func (s *System) Versions(tb testing.TB, kinds ...schema.GroupVersionKind) map[string]string {
	tb.Helper()
	versions := map[string]string{}
	for _, kind := range kinds {
		list, err := s.Of(kind, "").List(tb.Context(), metav1.ListOptions{})
		if err != nil {
			tb.Fatalf("list %s: %v", kind.Kind, err)
		}
		for _, o := range list.Items {
			versions[kind.Kind+" "+o.GetNamespace()+"/"+o.GetName()] = o.GetResourceVersion()
		}
	}
	return versions
}

// leaderMode is what a replica says about each of its leases: who it is there.
var leaderMode = regexp.MustCompile(`([a-z0-9.-]+) will run in leader-elected mode with id \\?"([^"\\]+)`)

// identities are the names under which a replica stands for leases, by lease.
func identities(replica *program.Process) map[string]string {
	ids := map[string]string{}
	for _, m := range leaderMode.FindAllStringSubmatch(replica.Output(), -1) {
		ids[m[1]] = m[2]
	}
	return ids
}

// Identity returns under which name a replica stands for a lease; it waits until it says so.
func Identity(tb testing.TB, replica *program.Process, lease string) (id string) {
	tb.Helper()
	env.Until(tb, env.Patience, func() string {
		if id = identities(replica)[lease]; id == "" {
			return "the replica does not stand for lease " + lease
		}
		return ""
	})
	return id
}

// Holder returns who has a lease, "" for nobody.
func (s *System) Holder(tb testing.TB, lease string) string {
	tb.Helper()
	l, err := s.Kube.CoordinationV1().Leases(env.SystemNamespace).Get(tb.Context(), lease, metav1.GetOptions{})
	if err != nil || l.Spec.HolderIdentity == nil {
		return ""
	}
	return *l.Spec.HolderIdentity
}

// Free deletes the leases of a replica that was killed, for which others would wait until they expire.
func (s *System) Free(tb testing.TB, killed *program.Process) {
	tb.Helper()
	for lease, id := range identities(killed) {
		if s.Holder(tb, lease) != id {
			continue
		}
		err := s.Kube.CoordinationV1().Leases(env.SystemNamespace).Delete(tb.Context(), lease, metav1.DeleteOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			tb.Fatal(err)
		}
	}
}

// reconciled is a line of a replica about one reconcile.
type reconciled struct {
	Kind    string `json:"knative.dev/kind"` // none: contracts
	Message string `json:"message"`
	Key     string `json:"knative.dev/key"`
}

// Reconciles counts what a replica has reconciled since it had said so many bytes: by kind and key.
func Reconciles(replica *program.Process, since int) map[string]map[string]int {
	counts := map[string]map[string]int{}
	for line := range strings.Lines(replica.Output()[since:]) {
		var r reconciled
		if json.Unmarshal([]byte(line), &r) != nil || r.Message != "Reconcile succeeded" {
			continue
		}
		of := cmp.Or(r.Kind[strings.LastIndexByte(r.Kind, '.')+1:], "contracts")
		if counts[of] == nil {
			counts[of] = map[string]int{}
		}
		counts[of][r.Key]++
	}
	return counts
}

// Usage is what a process has taken of the machine so far.
type Usage struct {
	// CPU in seconds.
	CPU float64
	// PeakMiB is the most memory that it took up at a time.
	PeakMiB int
}

// UsageOf asks the system, which only Linux answers: elsewhere all is 0.
func UsageOf(p *program.Process) (u Usage) {
	const ticks = 100 // a second, on every Linux
	if text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Pid())); err == nil {
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		user, _ := strconv.ParseFloat(fields[11], 64)
		system, _ := strconv.ParseFloat(fields[12], 64)
		u.CPU = (user + system) / ticks
	}
	if text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Pid())); err == nil {
		for line := range strings.Lines(string(text)) {
			var kib int
			if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kib); err == nil {
				u.PeakMiB = kib >> 10
			}
		}
	}
	return u
}
