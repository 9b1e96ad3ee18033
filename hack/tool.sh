#!/usr/bin/env bash
# Builds a development tool into .bin/ and prints where it is. Usage: hack/tool.sh golangci-lint|go-licenses
#
# Each tool has a module of its own below hack/tools, so that its requirements stay out of ours. Building one takes a
# module proxy or a filled module cache; a tool that is there already is built again only when its go.mod or go.sum
# changed.
# shellcheck source=hack/env.sh
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"

tool=${1:?name of a folder in hack/tools}
module=hack/tools/$tool
program=$ROOT/.bin/$tool
package=$(sed -n 's/^tool //p' "$module/go.mod")

if [[ ! -x $program || $module/go.mod -nt $program || $module/go.sum -nt $program ]]; then
  flags="-mod=mod -trimpath"
  # Built with -trimpath, go-licenses takes every package for one of the standard library and reports nothing.
  [[ $tool == go-licenses ]] && flags="-mod=mod"
  mkdir -p .bin
  echo "building $tool" >&2
  CGO_ENABLED=0 GOFLAGS=$flags go -C "$module" build -o "$program" "$package"
fi
echo "$program"
