package conformance

import (
	"bufio"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// mostUncovered is how long the list of rules without a case may be. It only goes down.
const mostUncovered = 23

var update = flag.Bool("update", false, "take rules that have a case now out of testdata/uncovered.txt")

// words returns the first word of each line of a file, and the rest of it; lines that begin with # are comments.
func words(t *testing.T, name string) (order []string, rest map[string]string) {
	t.Helper()
	file, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rest = map[string]string{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		word, more, _ := strings.Cut(strings.TrimSpace(lines.Text()), " ")
		if word == "" || strings.HasPrefix(word, "#") {
			continue
		}
		if _, twice := rest[word]; twice {
			t.Errorf("%s: %s is there twice", name, word)
		}
		order, rest[word] = append(order, word), strings.TrimSpace(more)
	}
	return order, rest
}

// TestEveryRuleHasACase: what must hold has a case, or a reason in testdata/uncovered.txt, which may only shrink.
func TestEveryRuleHasACase(t *testing.T) {
	covered, names, count := map[string]int{}, map[string]bool{}, 0
	see := func(direction string, r rule) {
		count++
		if len(r.IDs) == 0 || r.Name == "" || names[direction+r.Name] {
			t.Errorf("%s: %q: every case has a name of its own and the rules that it shows", direction, r.Name)
		}
		names[direction+r.Name] = true
		for _, id := range r.IDs {
			covered[id]++
		}
	}
	for _, c := range loadIngress(t) {
		see("ingress: ", c.rule)
	}
	for _, c := range loadEgress(t, newEndpoints(t)) {
		see("egress: ", c.rule)
	}
	for _, id := range wholeRun {
		covered[id]++
	}
	must, _ := words(t, "must.txt")
	uncovered, reasons := words(t, "uncovered.txt")
	var missing []string
	for _, id := range must {
		reason, excused := reasons[id]
		switch {
		case covered[id] == 0 && !excused:
			t.Errorf("%s has no case", id)
		case covered[id] > 0 && excused && !*update:
			t.Errorf("%s has a case now: take it out of testdata/uncovered.txt (-update)", id)
		case covered[id] == 0 && reason == "":
			t.Errorf("%s: testdata/uncovered.txt gives no reason", id)
		}
		if covered[id] == 0 {
			missing = append(missing, id)
		}
	}
	for _, id := range uncovered {
		if !slices.Contains(must, id) {
			t.Errorf("%s is no rule that must hold, and needs no reason", id)
		}
	}
	t.Logf("%d cases; of %d rules that must hold %d have none: %s", count, len(must), len(missing), strings.Join(missing, " "))
	if len(missing) > mostUncovered {
		t.Errorf("%d rules without a case, at most %d are allowed", len(missing), mostUncovered)
	}
	if *update {
		shrink(t, covered)
	}
}

// shrink writes uncovered.txt without the rules that have a case.
func shrink(t *testing.T, covered map[string]int) {
	t.Helper()
	path := filepath.Join("testdata", "uncovered.txt")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := slices.DeleteFunc(strings.Split(string(content), "\n"), func(line string) bool {
		id, _, _ := strings.Cut(line, " ")
		return covered[id] > 0
	})
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
}
