package egress

import (
	"cmp"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"knative.dev/eventing-kafka-go/data-plane/delivery"
	"knative.dev/eventing-kafka-go/data-plane/offsets"
)

var update = flag.Bool("update", false, "rewrite the traces in testdata")

// A script is blocks of commands, one a line, then ----, then the trace of what a group does, each line with its virtual
// time, those of the same moment sorted. The trace is what the test compares. Commands:
//
//	order unordered|partition|key    before the first record, or a change
//	plan retry=2 delay=1s            the delivery policy, linear, with a dead letter sink
//	subscriber 2 503,503             the answers to the event at offset 2, 200 after them; all others are taken
//	latency 100ms                    of the subscriber
//	produce 3 | produce a b -        records without key, or with these keys
//	advance 5s                       time goes by
//	revoke | assign | crash          what becomes of the owner of the partition
func TestScriptsOfAGroup(t *testing.T) {
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
			want, trace := strings.TrimSpace(string(content))+"\n", strings.TrimSpace(got.String())+"\n"
			if *update {
				if err := os.WriteFile(file, []byte(trace), 0o600); err != nil {
					t.Fatal(err)
				}
			} else if trace != want {
				t.Errorf("got\n%s\nwant\n%s", trace, want)
			}
		})
	}
}

// play runs a script in virtual time and returns its trace.
func play(t *testing.T, script string) string {
	var trace []moment
	end := ""
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		answers := map[int64][]int{}
		var latency time.Duration
		s := newStage(unordered, parsePlan(t, nil))
		s.trace = func(format string, args ...any) {
			trace = append(trace, moment{time.Since(begun), fmt.Sprintf(format, args...)})
		}
		s.answer = func(offset int64) (int, time.Duration) {
			if len(answers[offset]) == 0 {
				return 200, latency
			}
			next := answers[offset][0]
			answers[offset] = answers[offset][1:]
			return next, latency
		}
		owned := false
		for line := range strings.SplitSeq(script, "\n") {
			words := strings.Fields(line)
			if len(words) == 0 || words[0] == "#" {
				continue
			}
			switch words[0] {
			case "order":
				in := map[string]order{"unordered": unordered, "partition": byPartition, "key": byKey}[words[1]]
				if owned {
					s.group.retarget(s.group.target, in, nil)
				}
				s.group.order = in
			case "plan":
				s.plan = parsePlan(t, words[1:])
			case "subscriber":
				offset := int64(number(t, words[1]))
				for status := range strings.SplitSeq(words[2], ",") {
					answers[offset] = append(answers[offset], number(t, status))
				}
			case "latency":
				latency = duration(t, words[1])
			case "produce":
				if !owned {
					s.assign()
					owned = true
				}
				s.produce(keysOf(words[1:])...)
			case "advance":
				time.Sleep(duration(t, words[1])) // virtual time
			case "revoke":
				s.revoke()
				s.crash() // which finds nothing, and ends the committer
			case "crash":
				s.crash()
			case "assign":
				s.assign()
			default:
				t.Fatalf("unknown command %q", line)
			}
			synctest.Wait()
		}
		s.crash()
		time.Sleep(time.Hour) // what is on its way ends
		end = fmt.Sprintf("end: committed %d%s", s.committed, describe(s.committed, s.metadata))
	})
	slices.SortFunc(trace, func(a, b moment) int { return cmp.Or(cmp.Compare(a.at, b.at), strings.Compare(a.what, b.what)) })
	var text strings.Builder
	for _, m := range trace {
		fmt.Fprintf(&text, "%v %s\n", m.at, m.what)
	}
	return text.String() + end
}

// moment is a line of a trace.
type moment struct {
	at   time.Duration
	what string
}

func keysOf(words []string) []string {
	if n, err := strconv.Atoi(words[0]); err == nil {
		return strings.Split(strings.Repeat("-", n), "")
	}
	return words
}

func parsePlan(t *testing.T, words []string) delivery.Plan {
	t.Helper()
	p := delivery.Plan{DeadLetter: true, Policy: delivery.Policy{Linear: true, RetryAfterMax: -1, Timeout: time.Second}}
	for _, word := range words {
		name, value, _ := strings.Cut(word, "=")
		switch name {
		case "retry":
			p.Policy.Retries = number(t, value)
		case "delay":
			p.Policy.Delay = duration(t, value)
		default:
			t.Fatalf("unknown word %q", word)
		}
	}
	return p
}

func number(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func duration(t *testing.T, s string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Random deliveries, failures, rebalances and crashes, of each order: nothing is lost; what was finished and committed is
// not delivered again; no attempt is forgotten that was committed, and none is made beyond the policy but those that a
// crash has undone; events in order are finished in order, at first.
func TestTheEngineAgreesWithItsPromisesUnderRandomScripts(t *testing.T) {
	for seed := range uint64(100) {
		synctest.Test(t, func(t *testing.T) { playRandom(t, seed) })
	}
}

// promises follows what happens to events and holds it against what was promised.
type promises struct {
	t       *testing.T
	seed    uint64
	stage   *stage
	in      order
	settled map[int64]bool // finished, says what is committed
	known   map[int64]int  // attempts, says what is committed
	lost    map[int64]int  // attempts that nobody could write down
}

func playRandom(t *testing.T, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 4))
	const retries = 3
	s := newStage(order(random.IntN(3)), parsePlan(t, []string{"retry=3", "delay=300ms"}))
	p := &promises{t: t, seed: seed, stage: s, in: s.group.order, settled: map[int64]bool{}, known: map[int64]int{}, lost: map[int64]int{}}
	s.answer = func(offset int64) (int, time.Duration) {
		p.delivers(offset)
		// By event and attempt, so that a seed says the same whichever goroutine is first.
		chance := rand.New(rand.NewPCG(seed, uint64(offset)<<8|uint64(s.attempts[offset])))
		latency := time.Duration(chance.IntN(50)) * time.Millisecond
		if chance.IntN(4) == 0 {
			return 503, latency
		}
		return 200, latency
	}
	s.assign()
	for range 60 {
		switch random.IntN(8) {
		case 0, 1, 2:
			var keys []string
			for range random.IntN(20) {
				keys = append(keys, []string{"a", "b", "c", "-"}[random.IntN(4)])
			}
			s.produce(keys...)
		case 3, 4, 5:
			time.Sleep(time.Duration(random.IntN(400)) * time.Millisecond)
		case 6:
			s.mu.Lock()
			s.commits = random.IntN(4) > 0
			s.mu.Unlock()
		default:
			p.handOver(random.IntN(2) == 0)
		}
		synctest.Wait()
	}
	s.mu.Lock()
	s.commits = true
	s.mu.Unlock()
	time.Sleep(time.Minute)
	s.revoke()
	s.crash()
	synctest.Wait()
	for offset := range int64(len(s.log)) {
		if s.finished[offset] == 0 {
			t.Errorf("seed %d: %d was lost", seed, offset)
		}
		if n := s.attempts[offset] - p.lost[offset]; n > retries+1 {
			t.Errorf("seed %d: %d attempts at %d beside %d that were lost", seed, n, offset, p.lost[offset])
		}
	}
	if s.committed != int64(len(s.log)) && len(s.log) > 0 {
		t.Errorf("seed %d: %d committed of %d", seed, s.committed, len(s.log))
	}
}

// handOver gives the partition to another owner, in good order or not.
func (p *promises) handOver(crash bool) {
	s := p.stage
	if !crash {
		s.revoke()
	}
	able := s.commits
	s.crash()
	time.Sleep(time.Second) // what is on its way ends before the next owner begins, as order is looked at here
	s.mu.Lock()
	l, _ := offsets.Decode(s.committed, s.metadata)
	open := map[int64]int{}
	for _, u := range l.Unfinished {
		open[u.Offset] = u.Attempts
		if u.Attempts < p.known[u.Offset] {
			p.t.Errorf("seed %d: %d: %d attempts are committed, %d were before", p.seed, u.Offset, u.Attempts, p.known[u.Offset])
		}
		p.known[u.Offset] = u.Attempts
	}
	for offset, n := range s.attempts {
		lost := n - open[offset]
		if lost > p.lost[offset] && s.finished[offset] == 0 && !crash && able {
			p.t.Errorf("seed %d: %d: an owner that left in good order has committed %d of %d attempts", p.seed, offset, open[offset], n)
		}
		p.lost[offset] = lost
	}
	for offset := range max(s.committed, l.Horizon) {
		if _, unfinished := open[offset]; !unfinished {
			p.settled[offset] = true
			if s.finished[offset] == 0 {
				p.t.Errorf("seed %d: %d is committed and not finished", p.seed, offset)
			}
		}
	}
	s.mu.Unlock()
	s.assign()
}

// delivers is called before each attempt, with the stage's mutex held.
func (p *promises) delivers(offset int64) {
	if p.settled[offset] {
		p.t.Errorf("seed %d: %d was finished and committed, and is delivered again", p.seed, offset)
	}
	what := ""
	switch rec := p.stage.log[offset]; {
	case p.in == unordered || p.in == byKey && len(rec.Key) == 0:
		return
	case p.in == byKey:
		what = string(rec.Key)
	}
	for before := range offset {
		if same := p.in == byPartition || string(p.stage.log[before].Key) == what; same && p.stage.finished[before] == 0 {
			p.t.Errorf("seed %d: %d is delivered before %d was finished", p.seed, offset, before)
		}
	}
}
