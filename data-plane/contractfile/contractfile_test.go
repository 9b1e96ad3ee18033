package contractfile

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
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"knative.dev/eventing-kafka-go/proto/contract"
)

// deadline is for what must happen; nothing waits that long unless it fails.
const deadline = time.Minute

// reading is a Source under test, with a consumer that records what it is given. The interval is so long that nothing
// is explained by the timer.
type reading struct {
	*Source
	t       *testing.T
	applied chan Snapshot
	log     *syncBuffer
	stop    func()
}

func read(t *testing.T, o Options) *reading {
	t.Helper()
	r := &reading{t: t, applied: make(chan Snapshot, 10_000), log: &syncBuffer{}}
	o.Interval = time.Hour
	o.Log = slog.New(slog.NewTextHandler(r.log, nil))
	r.Source = New(o, func(s Snapshot) { r.applied <- s })
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("Run returned %v", err)
			}
		case <-time.After(deadline):
			t.Error("Run does not return")
		}
	})
	t.Cleanup(r.stop)
	return r
}

// want takes the next applied contract, which must be this one.
func (r *reading) want(c *contract.Contract) Snapshot {
	r.t.Helper()
	select {
	case s := <-r.applied:
		if !proto.Equal(s.Contract, c) {
			r.t.Fatalf("applied %v, want %v", s.Contract, c)
		}
		return s
	case <-time.After(deadline):
		r.t.Fatalf("nothing was applied, state %+v", r.State())
		return Snapshot{}
	}
}

// until polls the state.
func (r *reading) until(what string, ok func(State) bool) State {
	r.t.Helper()
	for end := time.Now().Add(deadline); ; time.Sleep(time.Millisecond) {
		st := r.State()
		if ok(st) {
			return st
		}
		if time.Now().After(end) {
			r.t.Fatalf("not %s: %+v", what, st)
		}
	}
}

// refused waits until content number n was refused, for that reason, and proves that nothing else happened.
func (r *reading) refused(n uint64, reason string) {
	r.t.Helper()
	st := r.until("refused", func(st State) bool { return st.Rejects >= n })
	if st.Rejects != n || !st.Stale || !strings.Contains(st.LastError, reason) || st.LastErrorAt.IsZero() {
		r.t.Fatalf("want refusal %d with %q, state %+v", n, reason, st)
	}
	if len(r.applied) > 0 {
		r.t.Fatalf("applied %v", (<-r.applied).Contract)
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

// replace writes beside the file and renames.
func replace(t *testing.T, path string, b []byte) {
	t.Helper()
	must(t, os.WriteFile(path+".new", b, 0o644))
	must(t, os.Rename(path+".new", path))
}

func encode(t *testing.T, c *contract.Contract, f contract.Format) []byte {
	t.Helper()
	b, err := contract.Encode(c, f)
	must(t, err)
	return b
}

// numbered is a contract of that generation whose content is that number of resources.
func numbered(generation uint64, resources int) *contract.Contract {
	c := &contract.Contract{Generation: generation}
	for i := range resources {
		c.Resources = append(c.Resources, &contract.Resource{
			Uid: fmt.Sprintf("uid-%d", i), Topics: []string{"t"}, BootstrapServers: "k:9092",
			Ingress: &contract.Ingress{Path: fmt.Sprintf("/n/%d", i)},
		})
	}
	return c
}

func zstd(t *testing.T, c *contract.Contract) []byte { return encode(t, c, contract.FormatZstd) }

// paths are a contract file, in place if there is a content, and a last-good file that is missing.
func paths(t *testing.T, content []byte) Options {
	t.Helper()
	o := Options{Path: filepath.Join(t.TempDir(), "data"), LastGood: filepath.Join(t.TempDir(), "state", "contract")}
	if content != nil {
		replace(t, o.Path, content)
	}
	return o
}

func TestEveryFormatIsAppliedWithWhatIsKnownOfIt(t *testing.T) {
	for _, f := range []contract.Format{contract.FormatZstd, contract.FormatProtobuf, contract.FormatJSON} {
		t.Run(string(f), func(t *testing.T) {
			c := numbered(7, 2)
			c.Resources[1].Topics = nil
			b := encode(t, c, f)
			before := time.Now()
			r := read(t, paths(t, b))
			s := r.want(c)
			if s.Format != f || s.Bytes != len(b) || s.Hash != contract.Hash(c) || s.FromLastGood || s.Credentials != nil ||
				s.LoadedAt.Before(before) {
				t.Errorf("snapshot %+v", s)
			}
			if len(s.Problems) != 1 || s.Problems[0].ResourceUID != "uid-1" {
				t.Errorf("problems %v", s.Problems)
			}
			if log := r.log.String(); !strings.Contains(log, "uid-1") || !strings.Contains(log, "topics: none") {
				t.Errorf("logged:\n%s", log)
			}
			st := r.until("loaded", func(st State) bool { return st.Loads == 1 })
			if st.Stale || st.LastError != "" || st.Rejects != 0 || st.Same != 0 || st.LastGoodError != "" ||
				st.Current.Hash != s.Hash || !proto.Equal(st.Current.Contract, c) {
				t.Errorf("state %+v", st)
			}
		})
	}
}

func TestAnEmptyFileIsAnEmptyContractForAProcessThatHasNothing(t *testing.T) {
	r := read(t, paths(t, []byte{}))
	r.want(&contract.Contract{})
	r.stop()
	if st := r.State(); st.Stale || st.Loads != 1 || st.Rejects != 0 {
		t.Errorf("state %+v", st)
	}
	if _, err := os.Stat(r.o.LastGood); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing was kept as the last good contract: %v", err)
	}
}

func TestAMissingFileIsWaitedFor(t *testing.T) {
	r := read(t, paths(t, nil))
	st := r.until("failing", func(st State) bool { return st.LastError != "" })
	if st.Current != nil || !st.Stale || st.Loads != 0 || st.Rejects != 0 {
		t.Errorf("state %+v", st)
	}
	replace(t, r.o.Path, zstd(t, numbered(1, 1)))
	r.want(numbered(1, 1))
	if st := r.until("loaded", func(st State) bool { return st.Loads == 1 }); st.Stale {
		t.Errorf("still stale: %+v", st)
	}
}

// CT-28, row by row: what comes after a good contract and leaves it running, and why.
func TestWhatIsNoContractLeavesTheLastOneRunning(t *testing.T) {
	good := numbered(5, 3)
	frame := func(t *testing.T) []byte { return zstd(t, numbered(6, 4)) }
	for _, tt := range []struct {
		name    string
		content func(t *testing.T) []byte
		reason  string
	}{
		{"no bytes", func(*testing.T) []byte { return nil }, "empty contract file"},
		{"a torn frame", func(t *testing.T) []byte { b := frame(t); return b[:len(b)/2] }, "damaged"},
		{"a frame with a bad checksum", func(t *testing.T) []byte { b := frame(t); b[len(b)-1] ^= 1; return b }, "damaged"},
		{"a frame over a longer one", func(t *testing.T) []byte { return append(frame(t), 1, 2, 3) }, "damaged"},
		{"torn JSON", func(t *testing.T) []byte {
			b := encode(t, numbered(6, 4), contract.FormatJSON)
			return b[:len(b)/2]
		}, "damaged"},
		{"torn plain binary", func(t *testing.T) []byte {
			b := encode(t, numbered(6, 4), contract.FormatProtobuf)
			return b[:len(b)-1]
		}, "damaged"},
		{"prose", func(*testing.T) []byte { return []byte("no such key\n") }, "damaged"},
		{"a contract for a newer build", func(t *testing.T) []byte {
			return zstd(t, &contract.Contract{Generation: 6, RequiredVersion: contract.SchemaVersion + 1})
		}, "newer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := read(t, paths(t, zstd(t, good)))
			r.want(good)
			replace(t, r.o.Path, tt.content(t))
			r.refused(1, tt.reason)
			if st := r.State(); !proto.Equal(st.Current.Contract, good) {
				t.Errorf("running %v", st.Current.Contract)
			}
			replace(t, r.o.Path, zstd(t, numbered(7, 1)))
			r.want(numbered(7, 1))
			st := r.until("loaded", func(st State) bool { return st.Loads == 2 })
			if st.Stale || !strings.Contains(st.LastError, tt.reason) {
				t.Errorf("state %+v", st)
			}
		})
	}
}

func TestAnEncodedEmptyContractRemovesEverything(t *testing.T) {
	for _, tt := range []struct {
		name  string
		bytes []byte
	}{
		{"frame of nothing", zstd(t, &contract.Contract{})},
		{"JSON of nothing", []byte("{}")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := read(t, paths(t, zstd(t, numbered(1, 3))))
			r.want(numbered(1, 3))
			replace(t, r.o.Path, tt.bytes)
			r.want(&contract.Contract{})
		})
	}
}

func TestTransientFailuresChangeNothing(t *testing.T) {
	good := zstd(t, numbered(1, 1))
	r := read(t, paths(t, good))
	r.want(numbered(1, 1))
	replace(t, r.o.Path, good[:20])
	r.refused(1, "damaged")
	replace(t, r.o.Path, good)
	st := r.until("the same again", func(st State) bool { return st.Same == 1 })
	if st.Stale || st.Loads != 1 {
		t.Errorf("state %+v", st)
	}
	must(t, os.Remove(r.o.Path))
	r.until("stale", func(st State) bool { return st.Stale })
	replace(t, r.o.Path, good)
	r.until("no longer stale", func(st State) bool { return !st.Stale })
	replace(t, r.o.Path, zstd(t, numbered(2, 2)))
	r.want(numbered(2, 2)) // nothing was applied in between
}

func TestDamagedContentThatWentAwayAndCameBackIsStillDamaged(t *testing.T) {
	good := zstd(t, numbered(1, 1))
	r := read(t, paths(t, good))
	r.want(numbered(1, 1))
	replace(t, r.o.Path, good[:20])
	r.refused(1, "damaged")
	must(t, os.Remove(r.o.Path))
	r.until("missing", func(st State) bool { return strings.Contains(st.LastError, "no such file") })
	replace(t, r.o.Path, good[:20])
	for end := time.Now().Add(deadline); !strings.Contains(r.log.String(), "can be read again"); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the file is not read again")
		}
	}
	if st := r.State(); !st.Stale {
		t.Errorf("state %+v", st)
	}
}

func TestATornWriteInPlaceIsSurvived(t *testing.T) {
	r := read(t, paths(t, zstd(t, numbered(1, 1))))
	r.want(numbered(1, 1))
	b := zstd(t, numbered(2, 50))
	f, err := os.OpenFile(r.o.Path, os.O_WRONLY|os.O_TRUNC, 0)
	must(t, err)
	defer f.Close()
	r.refused(1, "empty")
	_, err = f.Write(b[:len(b)/2])
	must(t, err)
	r.refused(2, "damaged")
	_, err = f.Write(b[len(b)/2:])
	must(t, err)
	r.want(numbered(2, 50))
}

func TestTheSameIsSkipped(t *testing.T) {
	two := numbered(1, 2)
	reordered := proto.CloneOf(two)
	reordered.Resources[0], reordered.Resources[1] = reordered.Resources[1], reordered.Resources[0]
	r := read(t, paths(t, zstd(t, two)))
	first := r.want(two)
	replace(t, r.o.Path, encode(t, two, contract.FormatJSON)) // CT-08: what it says is what it said
	st := r.until("the same", func(st State) bool { return st.Same == 1 })
	if st.Current.Format != contract.FormatJSON || st.Current.Bytes == first.Bytes || st.Current.LoadedAt != first.LoadedAt {
		t.Errorf("state %+v", st.Current)
	}
	replace(t, r.o.Path, zstd(t, reordered))
	st = r.until("the same", func(st State) bool { return st.Same == 2 })
	if st.Loads != 1 || len(r.applied) > 0 {
		t.Errorf("state %+v", st)
	}
}

func TestContentDecidesAndTheGenerationOnlyWarns(t *testing.T) {
	for _, tt := range []struct {
		name string
		next *contract.Contract
		warn string
	}{
		{"a higher generation", numbered(6, 1), ""},
		{"a higher generation of the same content", numbered(6, 2), ""},
		{"the same generation of another content", numbered(5, 3), "has the generation that runs but another content"},
		{"a lower generation", numbered(4, 3), "has a lower generation"},
		{"a lower generation of the same content", numbered(4, 2), "has a lower generation"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := read(t, paths(t, zstd(t, numbered(5, 2))))
			r.want(numbered(5, 2))
			replace(t, r.o.Path, zstd(t, tt.next))
			r.want(tt.next)
			// A machine whose notifications are used up by others is told of, and is no matter of the content.
			log := strings.ReplaceAll(r.log.String(), `level=WARN msg="No notifications`, `msg="No notifications`)
			if strings.Contains(log, "level=WARN") != (tt.warn != "") || !strings.Contains(log, tt.warn) {
				t.Errorf("logged:\n%s", log)
			}
		})
	}
}

func TestContractsAreAppliedOneAtATimeAndTheLatestWinsUnderStress(t *testing.T) {
	o := paths(t, zstd(t, numbered(1, 1)))
	var running atomic.Int32
	var last atomic.Uint64
	var count atomic.Int32
	s := New(Options{Path: o.Path, Interval: time.Hour, Log: slog.New(slog.DiscardHandler)}, func(s Snapshot) {
		if running.Add(1) != 1 {
			t.Error("applied concurrently")
		}
		if g := s.Contract.GetGeneration(); last.Swap(g) >= g {
			t.Errorf("generation %d after a later one", g)
		}
		count.Add(1)
		running.Add(-1)
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	const writes = 500
	for g := uint64(2); g <= writes; g++ {
		replace(t, o.Path, zstd(t, numbered(g, int(g%7))))
	}
	for end := time.Now().Add(deadline); last.Load() != writes; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("generation %d is the last that was applied", last.Load())
		}
	}
	cancel()
	must(t, <-ended)
	st := s.State()
	t.Logf("%d of %d contracts were applied", count.Load(), writes)
	if st.Rejects > 0 || st.Loads != uint64(count.Load()) {
		t.Errorf("state %+v", st)
	}
}

func TestASlowConsumerSkipsWhatWasReplacedMeanwhile(t *testing.T) {
	o := paths(t, zstd(t, numbered(1, 1)))
	started, release := make(chan uint64), make(chan struct{})
	s := New(Options{Path: o.Path, Interval: time.Hour, Log: slog.New(slog.DiscardHandler)}, func(s Snapshot) {
		started <- s.Contract.GetGeneration()
		<-release
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	if g := <-started; g != 1 {
		t.Fatalf("generation %d", g)
	}
	for g := uint64(2); g <= 50; g++ {
		replace(t, o.Path, zstd(t, numbered(g, 1)))
	}
	if s.State().Current != nil {
		t.Error("a contract is said to run before it was applied")
	}
	release <- struct{}{}
	if g := <-started; g != 50 {
		t.Errorf("generation %d comes next", g)
	}
	release <- struct{}{}
	cancel()
	must(t, <-ended)
}

func TestASwapOfTheMountedDirectoryIsApplied(t *testing.T) {
	dir := t.TempDir()
	swap := func(n int) {
		version := fmt.Sprintf("..v%d", n)
		must(t, os.Mkdir(filepath.Join(dir, version), 0o755))
		must(t, os.WriteFile(filepath.Join(dir, version, "data"), zstd(t, numbered(uint64(n), n)), 0o644))
		must(t, os.Symlink(version, filepath.Join(dir, "..data_tmp")))
		must(t, os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")))
		must(t, os.RemoveAll(filepath.Join(dir, fmt.Sprintf("..v%d", n-1))))
	}
	swap(1)
	must(t, os.Symlink(filepath.Join("..data", "data"), filepath.Join(dir, "data")))
	r := read(t, Options{Path: filepath.Join(dir, "data")})
	r.want(numbered(1, 1))
	for n := 2; n < 50; n++ {
		swap(n)
		r.want(numbered(uint64(n), n))
	}
}

func TestADeletedDirectoryIsSurvivedAndFollowedWhenItIsBack(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "contract")
	must(t, os.Mkdir(dir, 0o755))
	o := Options{Path: filepath.Join(dir, "data")}
	replace(t, o.Path, zstd(t, numbered(1, 1)))
	r := read(t, o)
	r.want(numbered(1, 1))
	must(t, os.RemoveAll(dir))
	st := r.until("stale", func(st State) bool { return st.Stale })
	if st.Current == nil || len(r.applied) > 0 {
		t.Errorf("state %+v", st)
	}
	must(t, os.Mkdir(dir, 0o755))
	replace(t, o.Path, zstd(t, numbered(2, 2)))
	r.want(numbered(2, 2))
	r.until("no longer stale", func(st State) bool { return !st.Stale })
}

func TestRunWithoutAPathFails(t *testing.T) {
	if err := New(Options{}, func(Snapshot) {}).Run(t.Context()); err == nil {
		t.Error("it does not")
	}
}

func TestTheConsumersPanicIsNotHidden(t *testing.T) {
	s := New(paths(t, zstd(t, numbered(1, 1))), func(Snapshot) { panic(errors.New("broken consumer")) })
	defer func() {
		if p := recover(); p == nil {
			t.Error("the panic was swallowed")
		}
		if _, err := os.Stat(s.o.LastGood); err == nil {
			t.Error("the contract that brought the process down was kept for its next start")
		}
	}()
	_ = s.Run(t.Context())
}
