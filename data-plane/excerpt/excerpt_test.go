package excerpt

import "testing"

func TestOnlyLongTextsAreCut(t *testing.T) {
	for name, row := range map[string]struct {
		text string
		most int
		want string
	}{
		"nothing":              {"", 4, ""},
		"one that just fits":   {"abcd", 4, "abcd"},
		"one that does not":    {"abcde", 4, "abcd…"},
		"a character is whole": {"abcé", 4, "abc…"},
	} {
		if got := Of(row.text, row.most); got != row.want {
			t.Errorf("%s: %q, want %q", name, got, row.want)
		}
	}
}
