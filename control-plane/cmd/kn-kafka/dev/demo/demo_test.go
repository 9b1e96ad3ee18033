package demo

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const file = `
send:
- {to: /a, id: "1", type: t, source: s, extensions: {partitionkey: k}, arrives: [{at: n/x}, {at: n/y, times: 2, with: {code: "503"}}]}
- {to: /a, id: "2", type: t, source: s, extensions: {partitionkey: k}, arrives: [{at: n/x}, {at: n/z, id: 2-reply, type: r}]}
- {to: /a, id: "3", type: t, source: s, extensions: {partitionkey: l}, arrives: []}
ordered: [n/x]
`

func read(t *testing.T, content string) (*Expectations, error) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "e")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return Read(name)
}

// deliver notes deliveries written as DISPLAY:ID, those to n/z as replies and those to n/y with a code.
func deliver(e *Expectations, deliveries string) *Ledger {
	l := NewLedger()
	for _, d := range strings.Fields(deliveries) {
		at, id, _ := strings.Cut(d, ":")
		sent := e.Send[0]
		for _, s := range e.Send {
			if s.ID == strings.TrimSuffix(id, "-reply") {
				sent = s
			}
		}
		made := sent.Event()
		made.SetID(id)
		if at == "n/z" {
			made.SetType("r")
		}
		if at == "n/y" {
			made.SetExtension("code", "503")
		}
		l.Add(at, made)
	}
	return l
}

func TestCompare(t *testing.T) {
	t.Parallel()
	e, err := read(t, file)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, deliveries string
		want             []string
	}{
		{"all is well", "n/x:1 n/y:1 n/y:1 n/x:2 n/z:2-reply", nil},
		{"one is missing", "n/x:1 n/y:1 n/y:1 n/x:2", []string{"r id=2-reply at n/z: delivered 0 times, expected 1"}},
		{"one arrives too often", "n/x:1 n/y:1 n/y:1 n/x:2 n/x:2 n/z:2-reply", []string{"t id=2 at n/x: delivered 2 times, expected 1"}},
		{"one arrives where it should not", "n/x:1 n/y:1 n/y:1 n/x:2 n/x:3 n/z:2-reply", []string{"t id=3 at n/x: delivered 1 times, not expected there"}},
		{"one arrives at a display that nobody named", "n/x:1 n/y:1 n/y:1 n/x:2 n/z:2-reply n/q:1", []string{"t id=1 at n/q: delivered 1 times, not expected there"}},
		{"two of a key change places", "n/x:2 n/x:1 n/y:1 n/y:1 n/z:2-reply", []string{"t id=1 at n/x: arrived after 2, which was sent later"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := e.Compare(deliver(e, test.deliveries)); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestCompareLooksAtExtensions(t *testing.T) {
	t.Parallel()
	e, err := read(t, strings.Replace(file, `"503"`, `"404"`, 1))
	if err != nil {
		t.Fatal(err)
	}
	got := e.Compare(deliver(e, "n/x:1 n/y:1 n/y:1 n/x:2 n/z:2-reply"))
	if len(got) != 1 || got[0] != "t id=1 at n/y: code is 503, expected 404" {
		t.Errorf("a wrong extension: %q", got)
	}
}

func TestMissingCountsDeliveries(t *testing.T) {
	t.Parallel()
	e, err := read(t, file)
	if err != nil {
		t.Fatal(err)
	}
	for deliveries, want := range map[string]int{"": 5, "n/y:1 n/q:1": 4, "n/x:1 n/x:1 n/x:1": 4, "n/x:1 n/y:1 n/y:1 n/x:2 n/z:2-reply": 0} {
		if got := e.Missing(deliver(e, deliveries)); got != want {
			t.Errorf("after %q %d are missing, want %d", deliveries, got, want)
		}
	}
}

func TestWrongFilesAreRefused(t *testing.T) {
	t.Parallel()
	for _, content := range []string{
		"", "send: []", "send: [{to: a, id: b, type: c, source: d}]", "send: [{to: /a, type: c, source: d}]",
		"send: [{to: /a, id: b, type: c, source: d, arives: []}]",
		"send: [{to: /a, id: b, type: c, source: d}, {to: /a, id: b, type: c, source: d}]",
	} {
		if _, err := read(t, content); err == nil {
			t.Errorf("%q is accepted", content)
		}
	}
}
