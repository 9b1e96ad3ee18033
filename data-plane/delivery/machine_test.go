package delivery

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"knative.dev/eventing-kafka-go/data-plane/cloudevent"
)

var update = flag.Bool("update", false, "rewrite the traces in testdata")

// A script is blocks of "plan …" and answers, one line for each attempt, then ----, then the trace that the state machine
// makes of it. "restore" sets what an earlier owner wrote down, "ledger" shows what a later one would be told. The trace is what the test compares.
func TestScriptsOfTheStateMachine(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("scripts: %v, %v", files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var got strings.Builder
			for block := range strings.SplitSeq(strings.TrimSpace(string(content)), "\n\n") {
				script, _, _ := strings.Cut(block, "\n----")
				fmt.Fprintf(&got, "%s\n----\n%s\n\n", script, play(t, script))
			}
			want := strings.TrimSpace(string(content)) + "\n"
			if trace := strings.TrimSpace(got.String()) + "\n"; *update {
				if err := os.WriteFile(file, []byte(trace), 0o600); err != nil {
					t.Fatal(err)
				}
			} else if trace != want {
				t.Errorf("got\n%s\nwant\n%s", trace, want)
			}
		})
	}
}

// play runs a script and returns its trace; the time in it is virtual.
func play(t *testing.T, script string) string {
	t.Helper()
	var plan Plan
	var d Delivery
	var trace []string
	var clock time.Duration
	lines := bufio.NewScanner(strings.NewReader(script))
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		switch {
		case len(words) == 0 || words[0] == "#":
		case words[0] == "plan":
			plan = parsePlan(t, words[1:])
		case words[0] == "restore":
			d.Restore(parseLedger(t, words[1:]))
			trace = append(trace, resume(&d, plan, clock)...)
		case words[0] == "resume":
			trace = append(trace, resume(&d, plan, clock)...)
		case words[0] == "park":
			d.Park()
		case words[0] == "unpark":
			d.Unpark()
		case words[0] == "ledger":
			trace = append(trace, fmt.Sprintf("%v ledger: tried %d, status %d", clock, d.Tried(), d.Status()))
		default:
			trace = append(trace, resume(&d, plan, clock)...)
			stage, result := d.Stage(), parseResult(t, words)
			result.Elapsed = clock
			action := d.Next(plan, result)
			line := fmt.Sprintf("%v %s: %s", clock, stageName(stage), strings.Join(words, " "))
			switch {
			case action.Outcome != Pending:
				line += " → " + outcomeName(action.Outcome)
			case action.Wait > 0:
				line += fmt.Sprintf(" → wait %v", action.Wait)
				clock += action.Wait
			default:
				line += " → at once"
			}
			trace = append(trace, line)
		}
	}
	return strings.Join(trace, "\n")
}

// resume is what happens before each attempt; it is silent where the event goes on.
func resume(d *Delivery, p Plan, clock time.Duration) []string {
	if outcome := d.Resume(p); outcome != Pending {
		return []string{fmt.Sprintf("%v resumed → %s", clock, outcomeName(outcome))}
	}
	return nil
}

func parsePlan(t *testing.T, words []string) Plan {
	t.Helper()
	p := Plan{Policy: Policy{RetryAfterMax: -1, Timeout: time.Second}}
	for _, word := range words {
		name, value, _ := strings.Cut(word, "=")
		switch name {
		case "retry":
			n, err := strconv.Atoi(value)
			if err != nil {
				t.Fatal(err)
			}
			p.Policy.Retries = n
		case "linear":
			p.Policy.Linear = true
		case "delay":
			p.Policy.Delay = parseDuration(t, value)
		case "retryAfterMax":
			p.Policy.RetryAfterMax = parseDuration(t, value)
		case "grace":
			p.Policy.Grace = parseDuration(t, value)
		case "max":
			p.Policy.Backoff.Max = parseDuration(t, value)
		case "jitter":
			p.Policy.Backoff.Jitter = parseFloat(t, value)
		case "replies":
			p.Replies = true
		case "parking":
			p.Parking = true
		case "deadletter":
			p.DeadLetter = true
		default:
			t.Fatalf("unknown word %q", word)
		}
	}
	return p
}

func parseLedger(t *testing.T, words []string) (attempts, status int) {
	t.Helper()
	if _, err := fmt.Sscanf(strings.Join(words, " "), "tried=%d status=%d", &attempts, &status); err != nil {
		t.Fatal(err)
	}
	return attempts, status
}

func parseFloat(t *testing.T, s string) float64 {
	t.Helper()
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func parseDuration(t *testing.T, s string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func parseResult(t *testing.T, words []string) Result {
	t.Helper()
	r := Result{RetryAfter: -1}
	switch words[0] {
	case "taken":
	case "error":
		r.Err, r.Cause = errors.New("broken"), Broken
	case "timeout":
		r.Err, r.Cause = errors.New("no answer"), TimedOut
	case "unreachable":
		r.Err, r.Cause = errUnreachable, Unreachable
	default:
		status, err := strconv.Atoi(words[0])
		if err != nil {
			t.Fatal(err)
		}
		r.Status = status
		if status >= 300 {
			r.Err = errStatus(status)
		}
	}
	for _, word := range words[1:] {
		name, value, _ := strings.Cut(word, "=")
		switch name {
		case "reply":
			r.Reply = &cloudevent.Event{ID: "reply"}
		case "badreply":
			r.Err = errors.New("reply is no CloudEvent")
		case "retry-after":
			r.RetryAfter = parseDuration(t, value)
		case "random":
			r.Random = parseFloat(t, value)
		default:
			t.Fatalf("unknown word %q", word)
		}
	}
	return r
}

func stageName(s Stage) string {
	return [...]string{"subscriber", "reply", "dead letter", "dead letter's reply", "parking topic"}[s]
}

func outcomeName(o Outcome) string {
	return [...]string{"pending", "delivered", "filtered", "dead-lettered", "lost", "discarded", "parked"}[o]
}

func TestAnEventGoesOnUnderAPlanThatHasChanged(t *testing.T) {
	all, none := Plan{Replies: true, DeadLetter: true, Parking: true}, Plan{}
	for stage, want := range map[Stage]Outcome{
		ToSubscriber: Pending, ToReply: Delivered, ToDeadLetter: Lost, ToDeadLetterReply: DeadLettered, ToParking: Lost,
	} {
		d := Delivery{stage: stage}
		if got := d.Resume(all); got != Pending {
			t.Errorf("%s with everything: %s", stageName(stage), outcomeName(got))
		}
		if got := d.Resume(none); got != want {
			t.Errorf("%s with nothing: %s, want %s", stageName(stage), outcomeName(got), outcomeName(want))
		}
	}
}
