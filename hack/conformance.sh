#!/usr/bin/env bash
# Runs the cases of test/conformance against a data plane and a fake Kafka, and says how many there are, which are known
# to fail, and which rules have none. Fails when a case does, or when a rule has neither a case nor a reason for that.
# Arguments go to go test.
# shellcheck source=hack/env.sh
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"

out=$(mktemp)
trap 'rm -f "$out"' EXIT
status=0
go test -count=1 -v "$@" ./test/conformance/... >"$out" || status=$?
# The names of what passed are of no interest; everything else is.
grep -Ev '^ *(=== |--- PASS)' "$out" || true
exit "$status"
