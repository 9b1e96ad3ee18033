#!/usr/bin/env bash
# Proves that the generated code is what hack/update-codegen.sh writes. Works on a copy: the checkout stays as it is.
set -o errexit -o nounset -o pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
cd "$ROOT"
COPY=$(mktemp -d)
trap 'rm -rf "$COPY"' EXIT

# What is in the checkout, committed or not, but for what git ignores. vendor/ is only read: a link will do.
git ls-files --cached --others --exclude-standard -- . ':!vendor' |
  while IFS= read -r file; do if [[ -e $file ]]; then printf '%s\0' "$file"; fi; done |
  tar --create --null --files-from=- | tar --extract --directory="$COPY"
ln -s "$ROOT/vendor" "$COPY/vendor"
bash "$COPY/hack/update-codegen.sh"

status=0
for generated in control-plane/apis control-plane/client config/crds proto; do
  diff --recursive --unified "$generated" "$COPY/$generated" || status=1
done
if ((status != 0)); then
  echo "generated code is not up to date: run hack/update-codegen.sh" >&2
fi
exit "$status"
