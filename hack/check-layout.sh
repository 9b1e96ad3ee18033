#!/usr/bin/env bash
# Checks what no linter does: names and sizes of packages and files, purity, contexts, and that nothing
# names this machine.
# Prints one line for each violation, with the rule; exits 1 if there is any.
# shellcheck source=hack/env.sh
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"

max_lines=500 # of a file, generated ones aside
max_proto=700 # of the schema: one file, as the one that it stays compatible with is
max_files=15  # of a package, tests and generated files aside; nine are enough for most
pure="data-plane/offsets data-plane/filter data-plane/cloudevent data-plane/placement control-plane/translate proto/contract"

violations=0
complain() { # file rule
  echo "$1: $2"
  violations=$((violations + 1))
}

# Files of ours: committed or about to be.
files() { git ls-files --cached --others --exclude-standard -- "$@" ':!vendor' ':!third_party' | while read -r f; do [[ -f $f ]] && echo "$f"; done; }
generated() { head -n 40 "$1" | grep -qE '^// Code generated .* DO NOT EDIT\.$'; }

mapfile -t sources < <(files '*.go')
((${#sources[@]})) || { echo "check-layout: found no Go file"; exit 1; }
written=()
for f in "${sources[@]}"; do
  generated "$f" || written+=("$f")
done

# A package is named after what it is about. One that holds whatever several others need grows without end.
for f in "${written[@]}"; do
  for part in ${f//\// }; do
    case $part in
      util | utils | common | base | core | helper | helpers | misc | impl | manager)
        complain "$f" "a folder named $part says nothing: name it after what it is about" ;;
    esac
  done
  name=$(sed -n 's/^package \([a-z0-9_]*\).*/\1/p' "$f" | head -n 1)
  case $name in
    util | utils | common | base | core | helper | helpers | misc | impl | manager)
      complain "$f" "a package named $name says nothing: name it after what it is about" ;;
    v[0-9]*)
      [[ $f == control-plane/apis/* ]] || complain "$f" "only API versions are package names: change the code in place" ;;
  esac
done

# Sizes. The schema is one file, as its messages are global to those who share it.
for f in "${written[@]}" $(files '*.sh'); do
  n=$(wc -l <"$f")
  limit=$max_lines
  [[ $f != *.proto ]] || limit=$max_proto
  ((n <= limit)) || complain "$f" "$n lines, at most $limit: split it by noun"
done
for folder in $(dirname "${written[@]}" | sort -u); do
  n=$(printf '%s\n' "${written[@]}" | grep -cE "^${folder//./\\.}/[^/]*\.go$" || true)
  tests=$(printf '%s\n' "${written[@]}" | grep -cE "^${folder//./\\.}/[^/]*_test\.go$" || true)
  ((n - tests <= max_files)) || complain "$folder" "$((n - tests)) files, at most $max_files: split it by noun"
done

# A pure package is a function of its arguments: what runs beside it makes its result depend on time.
for f in "${written[@]}"; do
  [[ $f == *_test.go ]] && continue
  for package in $pure; do
    [[ $f == "$package"/* ]] || continue
    while read -r line; do
      complain "$f:$line" "a pure package starts no goroutine"
    done < <(grep -nE '^[[:space:]]*go[[:space:]]+[a-zA-Z_(]' "$f" | cut -d: -f1)
  done
done

# Work hangs on the context of whoever started it. Only main and tests begin without one; elsewhere a comment on the line,
# or right above it, says why.
for f in "${written[@]}"; do
  [[ $f == *_test.go || $f == */cmd/* || $f == hack/* || $f == test/* ]] && continue
  while read -r line; do
    complain "$f:$line" "a context out of nothing: take the caller's, or say in a comment why it must outlive that"
  done < <(awk '/context\.(Background|TODO)\(/ && !/\/\// && above !~ /^[[:space:]]*\/\// { print NR } { above = $0 }' "$f")
done

# The project is the same everywhere: no folder, home or name of the machine that it was written on.
here=()
[[ $ROOT == /*/* ]] && here+=("$ROOT") # a folder right below / may be named like anything
[[ ${HOME:-/} != / ]] && here+=("$HOME/")
machine=$(uname -n)
((${#machine} > 7)) && [[ $machine != localhost* ]] && here+=("$machine")
for text in ${here[@]+"${here[@]}"}; do
  while IFS=: read -r f n _; do
    complain "$f:$n" "names a folder or the name of this machine ($text)"
  done < <(files | tr '\n' '\0' | xargs -0 grep -nFI -- "$text" /dev/null || true)
done
while IFS=: read -r f n _; do
  complain "$f:$n" "a fixed place in a folder that all share: ask for a temporary one"
done < <(printf '%s\0' "${written[@]}" | xargs -0 grep -nE '"/(tmp|var/tmp)/' /dev/null || true)

# Shell scripts.
for f in $(files '*.sh' .ci/run); do
  bash -n "$f" || complain "$f" "not a shell script"
  [[ -x $f || $f == hack/env.sh || $f == hack/cluster/* ]] || complain "$f" "not executable"
  if command -v shellcheck >/dev/null; then
    shellcheck -x -S warning "$f" || complain "$f" "see shellcheck above"
  fi
done

((violations == 0)) || { echo "check-layout: $violations violations" >&2; exit 1; }
