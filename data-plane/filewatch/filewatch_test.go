package filewatch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
)

// deadline is for what must happen; nothing waits that long unless it fails.
const deadline = time.Minute

// watching is a Watch under test. Its interval is so long that only notifications can explain what is seen.
type watching struct {
	t        *testing.T
	path     string
	contents chan string
	errs     chan error
	log      *syncBuffer
}

// start watches path until the test ends, and proves that Watch returns when its context ends.
func start(t *testing.T, path string, opts Options, open func() (*fsnotify.Watcher, error)) *watching {
	t.Helper()
	w := &watching{t: t, path: path, contents: make(chan string, 10_000), errs: make(chan error, 10_000), log: &syncBuffer{}}
	if opts.Interval == 0 {
		opts.Interval = time.Hour
	}
	opts.OnError = func(err error) { w.errs <- err }
	opts.Log = slog.New(slog.NewTextHandler(w.log, nil))
	if open == nil {
		open = fsnotify.NewWatcher
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- watch(ctx, path, opts, open, func(b []byte) { w.contents <- string(b) }) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("Watch returned %v", err)
			}
		case <-time.After(deadline):
			t.Error("Watch does not return")
		}
	})
	return w
}

// want takes the next content, which must be exactly this.
func (w *watching) want(content string) {
	w.t.Helper()
	if got := w.next(); got != content {
		w.t.Fatalf("got %.60q, want %.60q", got, content)
	}
}

// wantEventually takes contents until this one; the ones before may be seen or not, but only from among skippable.
func (w *watching) wantEventually(content string, skippable ...string) {
	w.t.Helper()
	for {
		got := w.next()
		if got == content {
			return
		}
		var known bool
		for _, s := range skippable {
			known = known || got == s
		}
		if !known {
			w.t.Fatalf("got %.60q on the way to %.60q", got, content)
		}
	}
}

func (w *watching) next() string {
	w.t.Helper()
	select {
	case got := <-w.contents:
		return got
	case <-time.After(deadline):
		w.t.Fatal("nothing was reported")
		return ""
	}
}

// wantError takes the next report of OnError.
func (w *watching) wantError(want error) {
	w.t.Helper()
	select {
	case got := <-w.errs:
		if !errors.Is(got, want) {
			w.t.Fatalf("error %v, want %v", got, want)
		}
	case <-time.After(deadline):
		w.t.Fatalf("no error was reported, want %v", want)
	}
}

// wantErrorEventually drains reports of OnError until this one.
func (w *watching) wantErrorEventually(want error) {
	w.t.Helper()
	for end := time.After(deadline); ; {
		select {
		case got := <-w.errs:
			if errors.Is(got, want) {
				return
			}
		case <-end:
			w.t.Fatalf("no error was reported, want %v", want)
		}
	}
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	must(t, os.WriteFile(path, []byte(content), 0o644))
}

// replace writes beside the file and renames, as careful writers do.
func replace(t *testing.T, path, content string) {
	t.Helper()
	write(t, path+".new", content)
	must(t, os.Rename(path+".new", path))
}

// mount is a directory as the kubelet projects ConfigMaps into: the file is a link through "..data" to a directory
// with the content, and a new content is a new directory to which "..data" is exchanged.
type mount struct {
	t   *testing.T
	dir string
	n   int
}

func newMount(t *testing.T, content string) *mount {
	m := &mount{t: t, dir: t.TempDir()}
	m.swap(content)
	must(t, os.Symlink(filepath.Join("..data", "data"), filepath.Join(m.dir, "data")))
	return m
}

func (m *mount) path() string { return filepath.Join(m.dir, "data") }

func (m *mount) swap(content string) {
	m.t.Helper()
	old, _ := os.Readlink(filepath.Join(m.dir, "..data"))
	m.n++
	version := fmt.Sprintf("..2026_01_01_00_00_00.%d", m.n)
	must(m.t, os.Mkdir(filepath.Join(m.dir, version), 0o755))
	write(m.t, filepath.Join(m.dir, version, "data"), content)
	must(m.t, os.Symlink(version, filepath.Join(m.dir, "..data_tmp")))
	must(m.t, os.Rename(filepath.Join(m.dir, "..data_tmp"), filepath.Join(m.dir, "..data")))
	if old != "" {
		must(m.t, os.RemoveAll(filepath.Join(m.dir, old)))
	}
}

func TestTheFirstContentIsReported(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	write(t, path, "one")
	start(t, path, Options{}, nil).want("one")
}

func TestEverySwapOfAMountedFileIsReported(t *testing.T) {
	m := newMount(t, "0")
	w := start(t, m.path(), Options{}, nil)
	w.want("0")
	for i := range 100 {
		m.swap(fmt.Sprint(i + 1))
		w.want(fmt.Sprint(i + 1))
	}
}

func TestASwapIsServedAtOnce(t *testing.T) {
	m := newMount(t, "0")
	w := start(t, m.path(), Options{}, nil)
	w.want("0")
	best := time.Hour
	for i := range 20 {
		began := time.Now()
		m.swap(fmt.Sprint(i + 1))
		w.want(fmt.Sprint(i + 1))
		best = min(best, time.Since(began))
	}
	t.Logf("fastest of 20 swaps, including the swap itself: %v", best)
	if best > 100*time.Millisecond { // one undisturbed swap is enough to show that no timer is waited for
		t.Errorf("the fastest took %v", best)
	}
}

func TestOneSwapAmongTheEventsOfAStormIsNotLost(t *testing.T) {
	m := newMount(t, "0")
	w := start(t, m.path(), Options{}, nil)
	w.want("0")
	for range 300 {
		write(t, filepath.Join(m.dir, "noise"), "x")
	}
	m.swap("1")
	for range 300 {
		write(t, filepath.Join(m.dir, "noise"), "x")
	}
	w.want("1")
}

func TestAStormIsCoalesced(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "data")
	write(t, path, "")
	w := start(t, path, Options{}, nil)
	w.want("")
	const writes = 1500
	for i := range writes {
		replace(t, path, fmt.Sprint(i))
	}
	replace(t, path, "end")
	seen := 1
	for w.next() != "end" {
		seen++
	}
	t.Logf("%d of %d contents were read", seen, writes)
	if seen > writes/2 {
		t.Errorf("%d of %d contents were read", seen, writes)
	}
}

func TestTheSameContentIsSkipped(t *testing.T) {
	m := newMount(t, "one")
	w := start(t, m.path(), Options{}, nil)
	w.want("one")
	m.swap("one")
	m.swap("one")
	m.swap("two")
	w.want("two")
	m.swap("two")
	m.swap("one")
	w.want("one")
}

func TestAFileReplacedByRenameIsReported(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	write(t, path, "one")
	w := start(t, path, Options{}, nil)
	w.want("one")
	replace(t, path, "two")
	w.want("two")
}

func TestATornWriteEndsWithTheWholeContent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	write(t, path, "one")
	w := start(t, path, Options{}, nil)
	w.want("one")
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	must(t, err)
	defer f.Close()
	w.want("") // each step is seen, as there is no way to know that it is not the last
	_, err = f.WriteString("first half, ")
	must(t, err)
	w.want("first half, ")
	_, err = f.WriteString("second half")
	must(t, err)
	w.want("first half, second half")
}

func TestAMissingFileIsAnErrorAndNoChange(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	w := start(t, path, Options{}, nil)
	w.wantError(fs.ErrNotExist)
	write(t, path, "one")
	w.wantErrorEventually(nil)
	w.wantEventually("one", "")
	must(t, os.Remove(path))
	w.wantErrorEventually(fs.ErrNotExist)
	replace(t, path, "one")
	w.wantErrorEventually(nil) // back with the same content
	replace(t, path, "two")
	w.want("two")
}

func TestADirectoryThatIsNotThereYetIsWaitedFor(t *testing.T) {
	top := t.TempDir()
	path := filepath.Join(top, "a", "b", "c", "data")
	w := start(t, path, Options{}, nil)
	w.wantError(fs.ErrNotExist)
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	write(t, path, "one")
	w.wantEventually("one", "")
	write(t, path, "two")
	w.wantEventually("two", "")
}

func TestADirectoryThatGrowsStepByStepIsFollowed(t *testing.T) {
	top := t.TempDir()
	path := filepath.Join(top, "a", "b", "data")
	w := start(t, path, Options{}, nil)
	w.wantError(fs.ErrNotExist)
	must(t, os.Mkdir(filepath.Join(top, "a"), 0o755))
	w.wantError(fs.ErrNotExist) // it was noticed
	must(t, os.Mkdir(filepath.Join(top, "a", "b"), 0o755))
	w.wantError(fs.ErrNotExist)
	replace(t, path, "one")
	w.want("one")
}

func TestADirectoryThatIsDeletedAndMadeAgainIsFollowed(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "etc", "contract")
	path := filepath.Join(dir, "data")
	must(t, os.MkdirAll(dir, 0o755))
	write(t, path, "0")
	w := start(t, path, Options{}, nil)
	w.want("0")
	for i := range 20 {
		gone := dir
		if i%2 == 1 { // with its parent
			gone = filepath.Dir(dir)
		}
		must(t, os.RemoveAll(gone))
		if i%4 < 2 {
			w.wantErrorEventually(fs.ErrNotExist)
		} // else it may be back before that was noticed
		must(t, os.MkdirAll(dir, 0o755))
		replace(t, path, fmt.Sprintf("%d a", i))
		w.want(fmt.Sprintf("%d a", i))
		replace(t, path, fmt.Sprintf("%d b", i))
		w.want(fmt.Sprintf("%d b", i))
	}
}

func TestADirectoryThatIsMovedAwayAndReplacedIsFollowed(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "contract")
	path := filepath.Join(dir, "data")
	must(t, os.Mkdir(dir, 0o755))
	write(t, path, "0")
	w := start(t, path, Options{}, nil)
	w.want("0")
	for i := range 10 {
		must(t, os.Mkdir(dir+".new", 0o755))
		write(t, filepath.Join(dir+".new", "data"), fmt.Sprintf("%d a", i))
		must(t, os.Rename(dir, fmt.Sprintf("%s.old%d", dir, i)))
		must(t, os.Rename(dir+".new", dir))
		w.want(fmt.Sprintf("%d a", i))
		replace(t, path, fmt.Sprintf("%d b", i))
		w.want(fmt.Sprintf("%d b", i))
		write(t, filepath.Join(fmt.Sprintf("%s.old%d", dir, i), "data"), "not this")
	}
}

func TestADirectoryThatIsALinkMayBePointedElsewhere(t *testing.T) {
	top := t.TempDir()
	for _, d := range []string{"a", "b"} {
		must(t, os.Mkdir(filepath.Join(top, d), 0o755))
		write(t, filepath.Join(top, d, "data"), d)
	}
	link := filepath.Join(top, "current")
	must(t, os.Symlink("a", link))
	w := start(t, filepath.Join(link, "data"), Options{}, nil)
	w.want("a")
	must(t, os.Symlink("b", link+".new"))
	must(t, os.Rename(link+".new", link))
	w.want("b")
	replace(t, filepath.Join(top, "b", "data"), "b2")
	w.want("b2")
}

func TestAChangeWithoutANotificationIsSeenByTheTimer(t *testing.T) {
	elsewhere := filepath.Join(t.TempDir(), "real")
	write(t, elsewhere, "one")
	path := filepath.Join(t.TempDir(), "data")
	must(t, os.Symlink(elsewhere, path))
	w := start(t, path, Options{Interval: 10 * time.Millisecond}, nil)
	w.want("one")
	replace(t, elsewhere, "two")
	w.want("two")
}

func TestTheFileIsPolledWhileThereAreNoNotifications(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	write(t, path, "one")
	var allowed sync.Mutex
	allowed.Lock()
	open := func() (*fsnotify.Watcher, error) {
		if allowed.TryLock() {
			allowed.Unlock()
			return fsnotify.NewWatcher()
		}
		return nil, errors.New("too many open files")
	}
	w := start(t, path, Options{}, open)
	w.want("one")
	replace(t, path, "two")
	w.want("two") // the interval is an hour, but not without notifications
	if log := w.log.String(); !strings.Contains(log, "too many open files") || strings.Count(log, "level=WARN") != 1 {
		t.Errorf("logged:\n%s", log)
	}
	allowed.Unlock()
	for end := time.Now().Add(deadline); !strings.Contains(w.log.String(), "work again"); {
		if time.Now().After(end) {
			t.Fatal("notifications do not come back")
		}
		time.Sleep(time.Millisecond)
	}
	replace(t, path, "three")
	w.want("three")
}

func TestWhatIsNoFileIsNotRead(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "data")
	must(t, os.Mkdir(path, 0o755))
	w := start(t, path, Options{MaxBytes: 10}, nil)
	w.wantError(errNotRegular)
	must(t, os.Remove(path))
	replace(t, path, "0123456789")
	w.want("0123456789")
	replace(t, path, "0123456789a")
	for err := range w.errs {
		if err != nil && strings.Contains(err.Error(), "more than 10 bytes") {
			break
		}
	}
	replace(t, path, "0")
	w.want("0")
}

func TestWhileAContentIsTakenOnlyTheLatestCounts(t *testing.T) {
	m := newMount(t, "0")
	got := make(chan string)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- Watch(ctx, m.path(), Options{Interval: time.Hour}, func(b []byte) { got <- string(b) })
	}()
	receive := func() string {
		select {
		case s := <-got:
			return s
		case <-time.After(deadline):
			t.Fatal("nothing was reported")
			return ""
		}
	}
	if s := receive(); s != "0" {
		t.Fatalf("got %q", s)
	}
	m.swap("1") // is being handed over, or will be read as what it is then
	for i := 2; i <= 100; i++ {
		m.swap(fmt.Sprint(i))
	}
	var all []string
	for {
		s := receive()
		all = append(all, s)
		if s == "100" {
			break
		}
	}
	if len(all) > 3 { // one may be on its way, one may be read between two swaps
		t.Errorf("got %q", all)
	}
	cancel()
	must(t, <-ended)
}
