package dev

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/dev/deploy"
	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/dev/inventory"
	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/dev/resolve"
	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/manifest"
	"knative.dev/eventing-kafka-go/data-plane/kafka/credentials"
	"knative.dev/eventing-kafka-go/data-plane/plane"
)

const (
	// loadTime bounds the wait for the data plane to load a contract that was written.
	loadTime = 10 * time.Second
	// loadPoll is how often it is asked meanwhile.
	loadPoll = 2 * time.Millisecond
	// cleanPause is waited before something is taken away that could not be.
	cleanPause = 250 * time.Millisecond
	// retryMin and retryMax bound the wait before Kafka is tried again.
	retryMin, retryMax = 500 * time.Millisecond, 15 * time.Second
	// startTime is for how long what Kafka refuses is tried again before the start is over: a Kafka that has just been
	// started does not do everything at once.
	startTime = 15 * time.Second
	// tickInterval is how often counts are told.
	tickInterval = time.Second
)

// loop turns the manifests into what runs, again and again. It belongs to one goroutine.
type loop struct {
	o         options
	account   *account
	inventory *inventory.Inventory
	displays  *displays
	cluster   *cluster
	deployer  *deploy.Deployer
	mount     *deploy.Mount // of the contract
	secrets   *deploy.Mount // of the credentials
	settings  *settingsMounts
	plane     *plane.Plane
	state     string // file of the inventory
	address   string // http://HOST:PORT of the ingress

	reading manifest.Options
	retry   time.Duration // the wait before the next retry
	plan    *resolve.Plan // what was last deployed
}

// run works until the context ends. ready is called after the first round.
func (l *loop) run(ctx context.Context, changed <-chan struct{}, ready func() error) error {
	next, err := l.round(ctx, true)
	for limit := time.Now().Add(startTime); err == nil && l.retry > 0 && ctx.Err() == nil && time.Now().Before(limit); {
		if pause(ctx, retryMin) {
			next, err = l.round(ctx, true)
		}
	}
	if err != nil || ctx.Err() != nil {
		return err
	}
	if err := ready(); err != nil {
		return err
	}
	for {
		var timer <-chan time.Time
		if next > 0 {
			timer = time.After(next)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-l.plane.Done():
			return fmt.Errorf("the data plane has ended: %w", l.plane.Wait())
		case <-changed:
		case <-timer:
		}
		if next, err = l.round(ctx, false); err != nil {
			return err
		}
	}
}

// pause returns false when the context ends first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// round reads the manifests and deploys them once. It returns when to do so again without a change, 0 for never. Only
// the first round fails when nothing can be run; later on, what ran goes on.
func (l *loop) round(ctx context.Context, first bool) (time.Duration, error) {
	set := manifest.Read(l.o.paths, l.reading)
	report := l.inventory.Update(ctx, set, time.Now())
	if !first {
		l.tellChanges(report)
	}
	l.plan = resolve.Make(resolve.World{
		Inventory: l.inventory, Address: l.address, Maps: l.o.maps, Display: l.displays.address, Embedded: l.cluster.embedded != nil,
	})
	if err := l.settings.write(l.plan.Settings); err != nil {
		return 0, err
	}
	result, err := l.deployer.Apply(ctx, l.plan)
	if ctx.Err() != nil {
		return 0, nil //nolint:nilerr // what failed did so because we end
	}
	if err != nil && first {
		return 0, err
	}
	problems := texts("refused: ", report.Problems, l.plan.Problems)
	for _, conflict := range conflicts(l.plan.Resources) {
		problems = append(problems, "refused: "+conflict)
	}
	problems = append(problems, texts("error: ", result.Problems)...)
	if err != nil {
		problems = append(problems, "error: "+err.Error())
	}
	notes := append(l.skipped(set), l.plan.Notes...)
	if first {
		notes = append(notes, l.absent()...)
	}
	l.account.tellNotes(append(notes, result.Notes...))
	l.account.tellProblems(problems)
	l.account.tellResources(l.address, l.plan.Resources)
	cleaned, again := l.deployer.Clean(ctx)
	for _, text := range cleaned {
		l.account.say("%s", text)
	}
	if err := l.inventory.Save(l.state); err != nil {
		return 0, err
	}
	return l.next(report.Again, again, result.Retry || err != nil), nil
}

// next is when the next round is due.
func (l *loop) next(missing time.Duration, clean, failed bool) time.Duration {
	due := missing
	sooner := func(d time.Duration) {
		if due == 0 || d < due {
			due = d
		}
	}
	if clean {
		sooner(cleanPause)
	}
	if !failed {
		l.retry = 0
		return due
	}
	l.retry = min(max(2*l.retry, retryMin), retryMax)
	sooner(l.retry)
	return due
}

func (l *loop) tellChanges(r inventory.Report) {
	for _, change := range []struct {
		text string
		ids  []manifest.ID
	}{{"added", r.Added}, {"changed", r.Changed}, {"removed", r.Removed}} {
		for _, id := range change.ids {
			l.account.say("%s  %s: %s", time.Now().Format(time.TimeOnly), change.text, id)
		}
	}
}

// skipped names the objects that are not ours.
func (l *loop) skipped(set *manifest.Set) []string {
	var all []string
	for _, s := range set.Skipped {
		all = append(all, fmt.Sprintf("%s is not run here: only a cluster can (%s)", s.ID, s.Location))
	}
	return all
}

// absent names what an earlier run has left that no manifest declares now.
func (l *loop) absent() []string {
	var all []string
	for _, name := range l.inventory.Absent() {
		all = append(all, fmt.Sprintf("%s of an earlier run is not among the manifests: its topic is kept", name))
	}
	return all
}

func texts(prefix string, lists ...[]manifest.Problem) []string {
	var all []string
	for _, list := range lists {
		for _, p := range list {
			all = append(all, prefix+p.Error())
		}
	}
	return all
}

// write mounts credentials and a contract and returns when the data plane runs it.
func (l *loop) write(ctx context.Context, secrets, encoded []byte, generation uint64) error {
	if err := l.secrets.Write(credentials.File, secrets); err != nil {
		return err
	}
	if err := l.mount.Write(contractFile, encoded); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, loadTime)
	defer cancel()
	poll := time.NewTicker(loadPoll)
	defer poll.Stop()
	for {
		now := l.plane.Report().Contract
		if now.Generation == generation {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("the data plane has not loaded contract %d: %s", generation, now.LastError), ctx.Err())
		case <-poll.C:
		}
	}
}

// watch tells the loop about changes of the manifests until the context ends.
func (l *loop) watch(ctx context.Context, changed chan<- struct{}) error {
	return manifest.Watch(ctx, l.o.paths, l.reading, func() {
		select {
		case changed <- struct{}{}:
		default: // one is waiting already
		}
	})
}

// tick tells the traffic until the context ends.
func (l *loop) tick(ctx context.Context) error {
	ticker := time.NewTicker(tickInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-ticker.C:
			l.account.tellTraffic(l.plane.Report(), now)
		}
	}
}

// parseMaps reads NAMESPACE/NAME=URL.
func parseMaps(pairs []string) (map[string]string, error) {
	maps := map[string]string{}
	for _, pair := range pairs {
		name, url, ok := strings.Cut(pair, "=")
		if !ok || strings.Count(name, "/") != 1 || !strings.HasPrefix(url, "http") {
			return nil, fmt.Errorf("--map %q: expected NAMESPACE/NAME=URL", pair)
		}
		maps[name] = url
	}
	return maps, nil
}

// groups are the consumer groups of what was last deployed.
func (l *loop) groups() []string {
	var all []string
	for _, r := range l.plan.Resources {
		for _, g := range r.Groups {
			all = append(all, g.ID)
		}
	}
	return all
}

// statePath is where the inventory is kept.
func statePath(data string) string { return filepath.Join(data, "state.json") }
