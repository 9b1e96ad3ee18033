package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asCommand makes this test binary be kn-kafka, so that what is tested is the program and not a build of it.
const asCommand = "KN_KAFKA_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

const samples = "../../../samples"

// program prepares kn-kafka with a folder of its own for temporary files.
func program(t *testing.T, temp string, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append(os.Environ(), asCommand+"=1", "TMPDIR="+temp)
	return cmd
}

func TestTheProgramEndsCleanlyOnSignals(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			temp := t.TempDir()
			cmd := program(t, temp, "dev", "-f", samples, "--listen", "127.0.0.1:0", "--status", "127.0.0.1:0")
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			var stderr strings.Builder
			cmd.Stderr = &stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			address, rest := ready(t, out)
			event, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address+"/demo/orders", strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			for name, value := range map[string]string{"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t"} {
				event.Header.Set(name, value)
			}
			answer, err := http.DefaultClient.Do(event)
			if err != nil {
				t.Fatal(err)
			}
			_ = answer.Body.Close()
			if answer.StatusCode != http.StatusAccepted {
				t.Errorf("answer %s", answer.Status)
			}
			if err := cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			printed, err := io.ReadAll(rest)
			if err != nil {
				t.Error(err)
			}
			if err := cmd.Wait(); err != nil {
				t.Errorf("%v\n%s%s", err, printed, stderr.String())
			}
			if stderr.Len() > 0 {
				t.Errorf("complaints:\n%s", stderr.String())
			}
			if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v %v", left, err)
			}
		})
	}
}

// ready reads up to the line that says where events are taken.
func ready(t *testing.T, out io.Reader) (address string, rest io.Reader) {
	t.Helper()
	reader := bufio.NewReader(out)
	for {
		line, err := reader.ReadString('\n')
		if err != nil {
			t.Fatalf("ended before it was ready: %v", err)
		}
		if address, ok := strings.CutPrefix(strings.TrimSpace(line), "ready: "); ok {
			return address, reader
		}
	}
}

func TestTheSamplesDoWhatTheyAreExpectedTo(t *testing.T) {
	t.Parallel()
	out, err := program(t, t.TempDir(), "dev", "-f", samples, "--once", "--listen", "127.0.0.1:0", "--status", "127.0.0.1:0").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "\nevery event arrived where it should and nowhere else\n") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestTheDemoFailsWhenSomethingElseHappens(t *testing.T) {
	t.Parallel()
	original, err := os.ReadFile(filepath.Join(samples, "demo.expect"))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, from, to, want string }{
		{"an event arrives where it is not expected", "  - {at: demo/created}\n", "", "wrong: order.created id=event-1 at demo/created: delivered 1 times, not expected there\n"},
		{"a dead letter has another code", `"503"`, `"500"`, "wrong: payment.requested id=payment-1 at demo/dead-letters: knativeerrorcode is 503, expected 500\n"},
		{"an event is not accepted", "to: /demo/orders", "to: /demo/unknown", "404 Not Found"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(string(original), test.from) {
				t.Fatalf("the expectations have no %q", test.from)
			}
			file := filepath.Join(t.TempDir(), "wrong.expect")
			if err := os.WriteFile(file, []byte(strings.Replace(string(original), test.from, test.to, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := program(t, t.TempDir(), "dev", "-f", samples, "--once="+file, "--listen", "127.0.0.1:0", "--status", "127.0.0.1:0").CombinedOutput()
			if err == nil || !strings.Contains(string(out), test.want) {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

func TestEveryCommandHasHelp(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "dev", "send", "display", "lag"} {
		out, err := program(t, t.TempDir(), strings.Fields(name+" --help")...).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "Usage:\n  kn-kafka "+name) {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

func TestTheNameDecidesWhichPluginItIs(t *testing.T) {
	for called, want := range map[string]string{
		"/usr/bin/kn-source-kafka": "create delete describe list update",
		"kn-source-kafka.exe":      "create delete describe list update",
		"./kn-kafka":               "describe dev display lag migrate send source status",
	} {
		var names []string
		for _, c := range command(called).Commands() {
			names = append(names, c.Name())
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: %s", called, got)
		}
	}
}
