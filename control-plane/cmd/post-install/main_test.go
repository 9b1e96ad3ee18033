package main

import (
	"strings"
	"testing"
)

func TestADryRunThatIsAskedForIsOne(t *testing.T) {
	for _, tc := range []struct {
		name, dryRun string
		args         []string
		what         string
		dry          bool
		err          string
	}{
		{"nothing is said", "", nil, "takeover", false, ""},
		{"by an argument", "", []string{"dry-run"}, "takeover", true, ""},
		{"by the variable", "true", nil, "takeover", true, ""},
		{"by the variable, in another spelling", "1", nil, "takeover", true, ""},
		{"of a rollback", "true", []string{"rollback"}, "rollback", true, ""},
		{"not any more", "false", []string{"rollback"}, "rollback", false, ""},
		{"in a way that is not understood", "yes please", nil, "", false, `DRY_RUN: "yes please" is neither true nor false`},
		{"with an argument that is none", "", []string{"dryrun"}, "", false, `["dryrun"] is none of takeover, dry-run, rollback`},
		{"with too many arguments", "", []string{"rollback", "dry-run"}, "", false, "is none of takeover"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			what, dry, err := command(tc.args, tc.dryRun)
			if what != tc.what || dry != tc.dry || (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
				t.Errorf("%q, %v, %v", what, dry, err)
			}
		})
	}
}
