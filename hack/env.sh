# shellcheck shell=bash
# Sourced by the scripts beside it: goes to the root of the repository and sets how Go builds here.
#
# -trimpath, without which every checkout in another folder compiles all of vendor/ again. It is appended, because the
# environment may set flags of its own. Every caller must use the same flags, or they share nothing of the build cache.
set -o errexit -o nounset -o pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
cd "$ROOT"

GOFLAGS=$(go env GOFLAGS)
[[ $GOFLAGS == *-trimpath* ]] || GOFLAGS="${GOFLAGS:+$GOFLAGS }-trimpath"
export GOFLAGS
export CGO_ENABLED=${CGO_ENABLED:-0} # static programs, and no need for a C compiler; race detection sets it to 1
