#!/usr/bin/env bash
# Runs fuzz targets one after the other, each for a time, and prints what became of each.
#
#   hack/fuzz.sh [TIME [PATTERN]]   TIME of each target (default 30s); only targets whose folder/Name matches PATTERN
#   hack/fuzz.sh list               only names them
#   hack/fuzz.sh keep [PATTERN]     adds to the corpora in testdata/fuzz what runs on this machine have found: of each
#                                   target small and larger inputs, up to 40 files and 16 KiB, the committed ones included
#
# FUZZ_PARALLEL=N limits the workers of a target; default one for each processor.
#
# Targets are found by their names. An input that fails is written to testdata/fuzz beside its test, by go test, which
# runs it from then on: mend the cause and commit the file with it. Exits 1 when a target failed.
# shellcheck source=hack/env.sh
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"

max_files=40
max_bytes=16384

# targets prints "folder Name" for every target whose folder/Name matches.
targets() {
  git ls-files --cached --others --exclude-standard -- '*_test.go' ':!vendor' ':!third_party' |
    xargs grep -HoE '^func Fuzz[A-Za-z0-9_]*' |
    sed -E 's|^(.*)/[^/]*:func (Fuzz.*)$|\1 \2|' | sort -u |
    while read -r folder name; do
      if [[ $folder/$name =~ $1 ]]; then echo "$folder $name"; fi
    done
}

# keep copies inputs of all sizes up to 1 KiB, evenly chosen, until the corpus is as large as it may be.
keep() { # folder name
  local found corpus=$1/testdata/fuzz/$2 files=0 bytes=0 size file
  found=$(go env GOCACHE)/fuzz/$(go list "./$1")/$2
  [[ -d $found ]] || return 0
  mkdir -p "$corpus"
  files=$(find "$corpus" -type f | wc -l)
  bytes=$(find "$corpus" -type f -printf '%s\n' | awk '{ n += $1 } END { print n + 0 }')
  while read -r size file; do
    [[ ! -e $corpus/$(basename "$file") ]] || continue
    ((files += 1, bytes += size))
    ((files <= max_files && bytes <= max_bytes)) || break
    cp "$file" "$corpus/"
  done < <(find "$found" -type f -size -2k -printf '%s %p\n' | sort -n |
    awk -v most="$max_files" '{ line[NR] = $0 } END { for (i = 1; i <= NR; i += (NR > most ? NR / most : 1)) print line[int(i)] }')
  find "$corpus" -type f | wc -l | xargs echo "$1 $2:"
}

case ${1:-30s} in
  list) targets "" ;;
  keep) targets "${2:-}" | while read -r folder name; do keep "$folder" "$name"; done ;;
  *)
    failed=0 results=()
    while read -r folder name; do
      echo "=== $folder $name"
      log=$(mktemp)
      outcome=ok
      go test -run='^$' -fuzz="^$name\$" -fuzztime="${1:-30s}" -fuzzminimizetime=1x -parallel="${FUZZ_PARALLEL:-$(getconf _NPROCESSORS_ONLN)}" "./$folder" </dev/null 2>&1 |
        tee "$log" | grep --line-buffered -v '^fuzz: elapsed: .*execs' || true
      grep -q '^ok ' "$log" || { outcome=FAILED; failed=1; }
      execs=$(sed -nE 's/.*execs: ([0-9]+).*/\1/p' "$log" | tail -n 1)
      total=$(sed -nE 's/.*total: ([0-9]+)\).*/\1/p' "$log" | tail -n 1)
      results+=("$(printf '%-36s %-20s %12s executions %6s inputs  %s' "$folder" "$name" "${execs:-0}" "${total:-0}" "$outcome")")
      rm -f "$log"
    done < <(targets "${2:-}")
    printf '%s\n' "${results[@]}"
    exit "$failed"
    ;;
esac
