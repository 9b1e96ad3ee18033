#!/usr/bin/env bash
# Proves that what is committed and can be derived is what would be derived now. Runs every check and names those that
# fail.
# shellcheck source=hack/env.sh
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"

failed=()
check() { # name command [argument …]
  echo "--- $1"
  "${@:2}" || failed+=("$1")
}
check "layout" hack/check-layout.sh
check "modules and vendor" hack/verify-modules.sh
check "generated code" hack/verify-codegen.sh
check "licences" hack/update-licenses.sh --verify

((${#failed[@]} == 0)) || { printf 'verify: %s: FAILED\n' "${failed[@]}" >&2; exit 1; }
