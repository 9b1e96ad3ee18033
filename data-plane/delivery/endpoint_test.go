package delivery

import (
	"strings"
	"testing"
)

func TestNoPasswordOfAURLIsShown(t *testing.T) {
	for target, want := range map[string]string{
		"http://svc/path":           "http://svc/path",
		"http://user@svc/":          "http://user@svc/",
		"http://user:secret@svc/":   "http://user:xxxxx@svc/",
		"http://user:sec%ret@svc/":  "http://xxxxx@svc/",
		"http://user:sec//ret@svc/": "http://xxxxx@svc/",
		"user:sec%ret@svc":          "//xxxxx@svc",
		"http://svc:none/":          "http://svc:none/",
	} {
		if got := Shown(target); got != want {
			t.Errorf("%q is shown as %q, want %q", target, got, want)
		}
		if _, err := newEndpoint(&Clients{}, target+"%", ""); err != nil && strings.Contains(err.Error(), "ret") {
			t.Errorf("%q: %v", target, err)
		}
	}
}
