#!/usr/bin/env bash
# Collects the licences of everything that our programs contain into third_party/VENDOR-LICENSE, and the sources that a
# licence asks for. With --verify it changes nothing and fails if the folder is not up to date.
# shellcheck source=hack/env.sh
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"

out=third_party/VENDOR-LICENSE
licenses=$(hack/tool.sh go-licenses)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fresh=$work/licenses

found=$(go list -mod=vendor -f '{{if eq .Name "main"}}{{.ImportPath}}{{end}}' ./control-plane/... ./data-plane/...)
mapfile -t programs <<<"$found"
[[ -n $found ]] || { echo "update-licenses: found no program" >&2; exit 1; }

# It loads packages as the compiler does, but must see the real folders of the sources.
# What is compiled in depends on the platform; that of the images counts.
export GOFLAGS=-mod=vendor GOOS=linux GOARCH=amd64
run() { # command [argument …]; what it says about assembly files is noise
  "$licenses" "$@" --ignore knative.dev/eventing-kafka-go >"$work/log" 2>&1 || { cat "$work/log" >&2; return 1; }
}
run check "${programs[@]}"
run save "${programs[@]}" --save_path "$fresh" --force
chmod -R u+w "$fresh"

# Failing silently, with too little in its report, is how this tool fails: every module that is compiled in must be there.
go list -deps -f '{{with .Module}}{{if not .Main}}{{.Path}}{{end}}{{end}}' "${programs[@]}" | sort -u >"$work/modules"
[[ -s $work/modules ]] || { echo "update-licenses: found no module" >&2; exit 1; }
while read -r module; do
  [[ -n $(find "$fresh/$module" -type f -print -quit 2>/dev/null) ]] ||
    { echo "update-licenses: the report lacks $module" >&2; exit 1; }
done <"$work/modules"

if [[ ${1:-} == --verify ]]; then
  diff -r "$out" "$fresh" >/dev/null && exit 0
  diff -rq "$out" "$fresh" >&2 || true
  echo "update-licenses: $out is not up to date: run hack/update-licenses.sh" >&2
  exit 1
fi
rm -rf "${out:?}"
mkdir -p "$out"
cp -R "$fresh/." "$out"
echo "$(find "$out" -type f | wc -l) files in $out"
