package process

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"knative.dev/eventing-kafka-go/data-plane/status"
	"knative.dev/eventing-kafka-go/test/integration/poll"
)

// limit bounds the start and the violent end of a process, and a look at its status.
const limit = 60 * time.Second

// Plane is one data plane: what survives its processes. Only one process of it runs at a time.
type Plane struct {
	role     string
	name     string // "" for none
	program  string // "" is the one that Build has made
	mount    *Mount
	lastGood string
	grace    time.Duration
	env      []string
	ingress  atomic.Pointer[string]
	run      *run   // nil: none is running
	runs     []*run // all there were
}

// run is one process.
type run struct {
	cmd    *exec.Cmd
	out    *output
	status string
	ended  chan struct{}
	err    error // how it ended, to be read after ended is closed
}

// New makes a data plane that runs the contract of a mount. role is ingress, egress or all; grace is what it is told to
// take at most when it is asked to end; env are further variables, NAME=VALUE.
func New(tb testing.TB, role string, mount *Mount, grace time.Duration, env ...string) *Plane {
	tb.Helper()
	p := &Plane{role: role, mount: mount, lastGood: filepath.Join(tb.TempDir(), "last-good"), grace: grace, env: env}
	tb.Cleanup(func() {
		if p.run != nil {
			p.Kill(tb)
		}
		for _, r := range p.runs {
			r.inspect(tb, p.role)
		}
	})
	return p
}

// Named is New with the name of a pod, by which the contract places groups.
func Named(tb testing.TB, name, role string, mount *Mount, grace time.Duration) *Plane {
	tb.Helper()
	p := New(tb, role, mount, grace)
	p.name = name
	return p
}

// Use has the next Start run another program than the one of this source tree.
func (p *Plane) Use(program string) { p.program = program }

// Start starts a process and waits until it is ready.
func (p *Plane) Start(tb testing.TB) {
	tb.Helper()
	if p.run != nil {
		tb.Fatalf("a process of this %s data plane runs already", p.role)
	}
	ctx := context.WithoutCancel(tb.Context()) // the end of the test ends it by Kill, and then looks at what it wrote
	r := &run{out: &output{}, ended: make(chan struct{}), cmd: exec.CommandContext(ctx, cmp.Or(p.program, program), p.role)}
	r.cmd.Env = append(os.Environ(),
		"DATA_PLANE_CONFIG_FILE_PATH="+p.mount.Path(), "CONTRACT_LAST_GOOD_FILE_PATH="+p.lastGood,
		"POD_NAME="+p.name, "INGRESS_HOST=127.0.0.1", "INGRESS_PORT=0", "STATUS_ADDRESS=127.0.0.1:0", "METRICS_ADDRESS=none",
		fmt.Sprintf("SHUTDOWN_GRACE_SECONDS=%d", int(p.grace.Seconds())),
	)
	r.cmd.Env = append(r.cmd.Env, p.env...)
	r.cmd.Stdout, r.cmd.Stderr, r.cmd.SysProcAttr = r.out, r.out, attributes()
	begun := make(chan error, 1)
	go r.wait(begun)
	if err := <-begun; err != nil {
		tb.Fatalf("start %s data plane: %v", p.role, err)
	}
	p.run = r
	p.runs = append(p.runs, r)
	poll.Until(tb, limit, func() string {
		if r.hasEnded() {
			tb.Fatalf("the %s data plane ended at once: %v\n%s", p.role, r.err, r.out.last())
		}
		ingress, at, ok := r.out.addresses()
		if !ok {
			return "the " + p.role + " data plane says where it listens"
		}
		r.status = at
		if !p.Report(tb).Ready {
			return "the " + p.role + " data plane is ready"
		}
		p.ingress.Store(&ingress)
		return ""
	})
}

// wait starts the process and lasts as long as it does, on one thread of the system (see attributes).
func (r *run) wait(begun chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := r.cmd.Start()
	begun <- err
	if err == nil {
		r.err = r.cmd.Wait()
	}
	close(r.ended)
}

func (r *run) hasEnded() bool {
	select {
	case <-r.ended:
		return true
	default:
		return false
	}
}

// inspect looks at what a process has written: for a test that failed, and for races.
func (r *run) inspect(tb testing.TB, role string) {
	if strings.Contains(r.out.String(), "DATA RACE") {
		tb.Errorf("the %s data plane has a race:\n%s", role, r.out.String())
	} else if tb.Failed() {
		tb.Logf("the last of what the %s data plane (process %d) wrote:\n%s", role, r.cmd.Process.Pid, r.out.last())
	}
}

// Ingress is where events are taken, HOST:PORT, of the process that was started last.
func (p *Plane) Ingress() string { return *p.ingress.Load() }

// Report is the status of the running process.
func (p *Plane) Report(tb testing.TB) status.Report {
	tb.Helper()
	client := http.Client{Timeout: limit}
	request, err := http.NewRequestWithContext(tb.Context(), http.MethodGet, "http://"+p.run.status+"/status", nil)
	if err != nil {
		tb.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		tb.Fatalf("status of the %s data plane: %v", p.role, err)
	}
	defer response.Body.Close()
	var report status.Report
	if err := json.NewDecoder(response.Body).Decode(&report); err != nil {
		tb.Fatalf("status of the %s data plane: %v", p.role, err)
	}
	return report
}

// Assigned is how many partitions an egress has in the running process.
func (p *Plane) Assigned(tb testing.TB, egress string) int {
	tb.Helper()
	for _, g := range p.Report(tb).Groups {
		if g.UID == egress {
			return len(g.Partitions)
		}
	}
	return 0
}

// Kill ends the process with kill -9 and waits until it is gone.
func (p *Plane) Kill(tb testing.TB) {
	tb.Helper()
	r := p.run
	p.run = nil
	if err := r.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		tb.Fatal(err)
	}
	select {
	case <-r.ended:
	case <-time.After(limit):
		tb.Fatalf("the %s data plane lives on after kill -9", p.role)
	}
}

// Freeze stops the process in its tracks: it keeps its connections and does nothing. Thaw lets it go on; Kill ends it as
// well.
func (p *Plane) Freeze(tb testing.TB) {
	tb.Helper()
	p.signal(tb, syscall.SIGSTOP)
}

// Thaw lets a frozen process go on.
func (p *Plane) Thaw(tb testing.TB) {
	tb.Helper()
	p.signal(tb, syscall.SIGCONT)
}

func (p *Plane) signal(tb testing.TB, s syscall.Signal) {
	tb.Helper()
	if err := p.run.cmd.Process.Signal(s); err != nil {
		tb.Fatalf("send %v to the %s data plane: %v", s, p.role, err)
	}
}

// Terminate asks the process to end (SIGTERM), waits until it has, for some time after its grace at most, and returns how
// long that took and the error that it ended with: nil for exit code 0.
func (p *Plane) Terminate(tb testing.TB) (time.Duration, error) {
	tb.Helper()
	r := p.run
	began := time.Now()
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		tb.Fatalf("ask the %s data plane to end: %v", p.role, err)
	}
	select {
	case <-r.ended:
	case <-time.After(p.grace + limit):
		tb.Fatalf("the %s data plane has not ended %v after SIGTERM, its grace is %v", p.role, p.grace+limit, p.grace)
	}
	p.run = nil
	return time.Since(began), r.err
}

// PeakMemory is the most memory that the process has occupied, in bytes; 0 where the system does not tell.
func (p *Plane) PeakMemory(tb testing.TB) int64 {
	tb.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.run.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err != nil {
				tb.Fatalf("peak memory: %v", err)
			}
			return kib << 10
		}
	}
	return 0
}
