#!/usr/bin/env bash
# Checks that go.mod, go.sum and vendor/ belong together: vendor/ holds exactly what go.mod asks for, byte for byte.
# Downloads modules that the module cache lacks; with GOPROXY=off it checks only what can be checked without.
# shellcheck source=hack/env.sh
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"

go list -mod=vendor ./... >/dev/null # compares go.mod with vendor/modules.txt
if [[ $(go env GOPROXY) == off ]]; then
  echo "verify-modules: GOPROXY is off: vendor/ was not compared with the modules themselves" >&2
  exit 0
fi

export GOFLAGS="-mod=mod"
go mod tidy -diff
go mod verify

fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
go mod vendor -o "$fresh/vendor"
if ! diff -rq vendor "$fresh/vendor" >&2; then
  echo "verify-modules: vendor/ is not what go.mod asks for: run go mod vendor" >&2
  exit 1
fi
