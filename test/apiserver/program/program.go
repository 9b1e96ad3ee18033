// Package program runs commands of this project as what they are in a cluster: processes, built as they are, with an
// environment, that are asked to end or killed.
//
// It knows nothing of Kubernetes. A Process is used by the goroutine of its test. Every process ends with its test.
package program

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	module = "knative.dev/eventing-kafka-go/"
	// patience is how long a process may take to end when it is asked to; then it is killed.
	patience = time.Minute
	// tail is how many lines of a process are shown when its test failed.
	tail = 40
	// width is how many bytes of such a line are shown.
	width = 600
)

// Build compiles a command of this module, such as control-plane/cmd/webhook, or a vendored one by its whole path, into a
// folder and returns the program.
func Build(tb testing.TB, dir, command string) string {
	tb.Helper()
	out := filepath.Join(dir, path.Base(command))
	if !strings.HasPrefix(command, "knative.dev/") {
		command = module + command
	}
	build := exec.CommandContext(tb.Context(), "go", "build", "-trimpath", "-o", out, command)
	if text, err := build.CombinedOutput(); err != nil {
		tb.Fatalf("build %s: %v\n%s", command, err, text)
	}
	return out
}

// Process is a program that runs.
type Process struct {
	name   string
	cmd    *exec.Cmd
	output output
	ended  chan struct{}
}

// Start runs a program with variables added to the environment, NAME=value, until the test ends or Stop or Kill end it.
func Start(tb testing.TB, file string, variables []string, arguments ...string) *Process {
	tb.Helper()
	p := &Process{name: filepath.Base(file), ended: make(chan struct{})}
	p.cmd = exec.Command(file, arguments...) //nolint:noctx // it is ended by Stop, Kill or the end of the test
	p.cmd.Env = append(os.Environ(), variables...)
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	p.cmd.SysProcAttr = attributes()
	started := make(chan error)
	go func() {
		defer close(p.ended)
		runtime.LockOSThread() // see attributes
		err := p.cmd.Start()
		started <- err
		if err == nil {
			_ = p.cmd.Wait() // how it ended is seen by whoever ended it
		}
	}()
	if err := <-started; err != nil {
		tb.Fatalf("start %s: %v", p.name, err)
	}
	tb.Cleanup(func() {
		p.Stop(tb)
		if tb.Failed() {
			tb.Logf("the last of what %s said:\n%s", p.name, p.output.tail())
		}
	})
	return p
}

// Stop asks the process to end and waits for it.
func (p *Process) Stop(tb testing.TB) {
	tb.Helper()
	p.end(tb, syscall.SIGTERM)
}

// Kill ends the process at once, as a machine that fails does.
func (p *Process) Kill(tb testing.TB) {
	tb.Helper()
	p.end(tb, syscall.SIGKILL)
}

func (p *Process) end(tb testing.TB, signal syscall.Signal) {
	tb.Helper()
	if p.Ended() {
		return
	}
	_ = p.cmd.Process.Signal(signal) // it may have ended meanwhile
	select {
	case <-p.ended:
	case <-time.After(patience):
		tb.Errorf("%s did not end within %v", p.name, patience)
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}

// Ended is true when the process runs no more.
func (p *Process) Ended() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// Wait waits until the process ends by itself and returns its exit code and all that it said.
func (p *Process) Wait(tb testing.TB, limit time.Duration) (int, string) {
	tb.Helper()
	select {
	case <-p.ended:
	case <-time.After(limit):
		tb.Fatalf("%s still runs after %v", p.name, limit)
	}
	return p.cmd.ProcessState.ExitCode(), p.output.String()
}

// Pid is the number of the process, for what is measured from outside.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Output is all that the process said so far.
func (p *Process) Output() string { return p.output.String() }

// FreePorts returns ports of the loopback that nobody listens at, all different.
func FreePorts(tb testing.TB, n int) []int {
	tb.Helper()
	ports := make([]int, 0, n)
	for range n {
		l, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			tb.Fatal(err)
		}
		defer l.Close() //nolint:errcheck // kept until all are found, so that they differ; a listener that was never used
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

// output keeps what a process writes. The process writes while the test reads.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func (o *output) tail() string {
	lines := strings.Split(strings.TrimSpace(o.String()), "\n")
	lines = lines[max(0, len(lines)-tail):]
	for i, line := range lines {
		lines[i] = line[:min(len(line), width)]
	}
	return strings.Join(lines, "\n")
}
