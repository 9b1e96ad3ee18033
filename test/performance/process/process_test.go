package process

import (
	"bytes"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	const tail = " S 1 42 42 0 -1 4194560 1234 0 5 0 301 52 7 8 20 0 12 0 99 1073741824 5000"
	tests := map[string]struct {
		stat string
		want time.Duration
		fail bool
	}{
		"adds user and system time":                 {stat: "42 (floor)" + tail, want: 3530 * time.Millisecond},
		"reads past a command with spaces and ')'":  {stat: "42 (a ) b (c)" + tail, want: 3530 * time.Millisecond},
		"refuses a line without a command":          {stat: "42 floor" + tail, fail: true},
		"refuses a line that ends before the times": {stat: "42 (floor) S 1 42", fail: true},
		"refuses a time that is no number":          {stat: strings.Replace("42 (floor)"+tail, "301", "x", 1), fail: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := parseStat([]byte(test.stat))
			if (err != nil) != test.fail || got != test.want {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

func TestParseStatus(t *testing.T) {
	tests := map[string]struct {
		status string
		want   Memory
		fail   bool
	}{
		"reads present and peak": {
			status: "Name:\tfloor\nVmHWM:\t   20480 kB\nVmRSS:\t   10240 kB\nThreads:\t9\n",
			want:   Memory{Resident: 10 << 20, Peak: 20 << 20},
		},
		"refuses a process without memory": {status: "Name:\tfloor\nState:\tZ (zombie)\n", fail: true},
		"refuses a size that is no number": {status: "VmHWM:\t many kB\n", fail: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := parseStatus([]byte(test.status))
			if (err != nil) != test.fail || got != test.want {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func TestUsageOfThisProcessGrowsWithItsWork(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("needs /proc")
	}
	before, err := CPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 32<<20)
	after := before
	for deadline := time.Now().Add(time.Minute); after < before+20*time.Millisecond; { // which others may have in between
		if time.Now().After(deadline) {
			t.Fatalf("used %v of processor time in a busy loop", after-before)
		}
		for i := range buffer {
			buffer[i]++
		}
		if after, err = CPU(os.Getpid()); err != nil {
			t.Fatal(err)
		}
	}
	m, err := MemoryOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if m.Peak < m.Resident || m.Resident < int64(len(buffer)) {
		t.Errorf("%+v with %d bytes in use", m, len(buffer))
	}
	runtime.KeepAlive(buffer)
}

func TestUsageOfAProcessThatIsNotThereIsAnError(t *testing.T) {
	const none = 1<<22 + 1 // above the highest process id that Linux gives
	if _, err := CPU(none); err == nil {
		t.Error("no error for processor time")
	}
	if _, err := MemoryOf(none); err == nil {
		t.Error("no error for memory")
	}
}

func TestStopEndsAChildThatIgnoresTheRequest(t *testing.T) {
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("needs a shell")
	}
	var out lines
	c, err := Start("stubborn", &out, []string{"WORD=ready"}, shell, "-c", `trap "" TERM; echo $WORD; while :; do sleep 0.01; done`)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Stop(0)
	for deadline := time.Now().Add(10 * time.Second); !out.contain("ready"); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the child did not start")
		}
	}
	if err := c.Ended(); err != nil {
		t.Fatalf("ended before it was asked to: %v", err)
	}
	c.Stop(20 * time.Millisecond)
	if c.Ended() == nil {
		t.Error("still running")
	}
}

func TestStartReportsACommandThatIsNotThere(t *testing.T) {
	if _, err := Start("nothing", &bytes.Buffer{}, nil, "/nonexistent/command"); err == nil {
		t.Error("no error")
	}
}

// lines is a buffer that is read while the child writes.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) contain(s string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.b.String(), s)
}
