package properties

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// pairs writes entries down as key and value in turn.
func pairs(entries []Entry) []string {
	var out []string
	for _, e := range entries {
		out = append(out, e.Key, e.Value)
	}
	return out
}

func TestParse(t *testing.T) { // CFG-13
	for name, row := range map[string]struct {
		text string
		want []string
	}{
		"an empty file has no entry":                           {"", nil},
		"an equals sign separates":                             {"linger.ms=5", []string{"linger.ms", "5"}},
		"a colon separates":                                    {"linger.ms:5", []string{"linger.ms", "5"}},
		"white space separates":                                {"linger.ms \t 5", []string{"linger.ms", "5"}},
		"white space around a separator is not part of either": {"  linger.ms  =  5", []string{"linger.ms", "5"}},
		"white space at the end belongs to the value":          {"a=b  ", []string{"a", "b  "}},
		"only the first separator separates":                   {"a=b=c:d", []string{"a", "b=c:d"}},
		"a second separator belongs to the value":              {"a = = b", []string{"a", "= b"}},
		"a key without a value has an empty one":               {"a", []string{"a", ""}},
		"a value without a key has an empty key":               {"=b", []string{"", "b"}},
		"# and ! begin comments":                               {"# a=b\n  ! c=d\ne=f", []string{"e", "f"}},
		"a # inside a value is part of it":                     {"a=b # c", []string{"a", "b # c"}},
		"blank lines are skipped":                              {"\n \t\f\na=b\n\n", []string{"a", "b"}},
		"lines end in any of the three ways":                   {"a=1\rb=2\r\nc=3\nd=4", []string{"a", "1", "b", "2", "c", "3", "d", "4"}},
		"a backslash continues a line":                         {"a=b,\\\n   c,\\\r\n\td", []string{"a", "b,c,d"}},
		"a continuation that looks like a comment is none":     {"a=\\\n#b", []string{"a", "#b"}},
		"a comment is not continued":                           {"# a \\\nb=c", []string{"b", "c"}},
		"an escaped backslash does not continue":               {"a=b\\\\\nc=d", []string{"a", `b\`, "c", "d"}},
		"three backslashes continue after one":                 {"a=b\\\\\\\nc", []string{"a", `b\c`}},
		"a blank continuation ends the line":                   {"a=b\\\n\nc=d", []string{"a", "b", "c", "d"}},
		"a continuation of nothing is dropped":                 {"a=b\\", []string{"a", "b"}},
		"separators in keys are escaped":                       {`a\=b\:c\ d=e`, []string{"a=b:c d", "e"}},
		"control characters have escapes":                      {`a=\t\n\r\f`, []string{"a", "\t\n\r\f"}},
		"any other escape is the character itself":             {`a=\"\q\é`, []string{"a", `"qé`}},
		"\\u is a UTF-16 unit":                                 {`\u0061=\u00E9\u20ac`, []string{"a", "é€"}},
		"a pair of units is one character":                     {`a=\uD83D\uDE00`, []string{"a", "😀"}},
		"half a pair cannot be written":                        {`a=\uD83Dx`, []string{"a", "\uFFFDx"}},
		"half a pair leaves what follows alone":                {`a=\uD83D\u0062`, []string{"a", "\uFFFDb"}},
		"a key may come twice":                                 {"a=1\na=2", []string{"a", "1", "a", "2"}},
		"a byte order mark is no part of a key":                {"\ufeffa=b", []string{"a", "b"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Parse([]byte(row.text))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(pairs(got), row.want) {
				t.Errorf("got %q, want %q", pairs(got), row.want)
			}
		})
	}
}

func TestParseNamesTheLineOfABrokenEscape(t *testing.T) {
	for _, text := range []string{`a=\u12`, `a=\u12G4`, `a=\u`, `\u-123=a`, `a=\u+123`} {
		_, err := Parse([]byte("# comment\n" + text))
		if err == nil || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestParseCountsLinesOfTheText(t *testing.T) {
	got, err := Parse([]byte("# one\na=\\\n1\n\nb=2"))
	if err != nil || len(got) != 2 || got[0].Line != 2 || got[1].Line != 5 {
		t.Errorf("%+v, %v", got, err)
	}
}

// escape writes a key or a value as one that has to be read back.
func escape(s string) string {
	var out strings.Builder
	for _, r := range s {
		if control := strings.IndexRune("\t\n\r\f", r); control >= 0 {
			out.WriteString(`\` + "tnrf"[control:control+1])
			continue
		}
		if strings.ContainsRune(`=:#!\ `, r) {
			out.WriteByte('\\')
		}
		out.WriteRune(r)
	}
	return out.String()
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"a=b", "# c\na : b\\\n  c\n", `\u0041=\uD83D\uDE00`, "a\\", "\\\n", "=\r\r\n", "a=\\u00", "\ufeff!x"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		entries, err := Parse(content)
		if err != nil {
			if !strings.Contains(string(content), `\u`) {
				t.Fatalf("an error without an escape: %v", err)
			}
			return
		}
		var again strings.Builder
		for _, e := range entries {
			if !utf8.ValidString(e.Key) || !utf8.ValidString(e.Value) {
				return // what is not UTF-8 is passed on and cannot be written with escapes
			}
			if strings.HasPrefix(e.Key, "\ufeff") {
				return // would be taken for a byte order mark
			}
			again.WriteString(escape(e.Key) + "=" + escape(e.Value) + "\n")
		}
		read, err := Parse([]byte(again.String()))
		if err != nil || !slices.Equal(pairs(read), pairs(entries)) {
			t.Errorf("%q became %q and that %q, %v", content, again.String(), pairs(read), err)
		}
	})
}
