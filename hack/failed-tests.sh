#!/usr/bin/env bash
# Reads what `go test -v` printed and prints what belongs to the tests that failed, each with the last lines it wrote.
#
#   hack/failed-tests.sh LOG             what failed, with its output
#   hack/failed-tests.sh tests LOG       only the names, of tests without a parent
#   hack/failed-tests.sh packages LOG    only the packages
set -o errexit -o nounset -o pipefail

lines=80 # of each test

case $1 in
  tests) sed -nE 's/^--- FAIL: ([A-Za-z0-9_]+) .*/\1/p' "$2" | sort -u ;;
  packages) sed -nE 's/^FAIL\t([^ \t]+).*/\1/p' "$2" | sort -u ;;
  *)
    awk -v lines="$lines" '
      function keep(name, line) { kept[name, count[name]++ % lines] = line }
      function show(name,   i) {
        print "--- what " (name == "" ? "was printed last" : name " printed")
        for (i = (count[name] > lines ? count[name] - lines : 0); i < count[name]; i++) print kept[name, i % lines]
      }
      function forget() { split("", kept); split("", count); test = "" }
      /^=== (RUN|NAME|CONT|PAUSE) / { test = $3; next }
      /^(ok|\?) / || /^(ok|\?)\t/ { forget(); next }
      /^FAIL\t/ { show(""); print; forget(); next }
      /^ *--- FAIL: / { show($3); print; delete kept[""]; count[""] = 0; next }
      { keep(test, $0); keep("", $0) }
    ' "$1"
    ;;
esac
