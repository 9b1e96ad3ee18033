#!/usr/bin/env bash
# Writes all generated code: deep copies, clients, listers, informers, injection, CRDs and the contract.
# It reads vendor/ alone: no network, no GOPATH layout, any checkout path.
set -o errexit -o nounset -o pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
cd "$ROOT"
# -trimpath: without it every checkout folder compiles all of vendor/ again. Appended, for the same flags as elsewhere.
GOFLAGS="$(go env GOFLAGS) -mod=vendor -trimpath"
export GOFLAGS GOPROXY=off
MODULE=$(go list -m)
CLIENT=control-plane/client
APIS=control-plane/apis
CRDS=config/crds
BOILERPLATE=$ROOT/hack/boilerplate.go.txt

# Every group and version that has a type with +genclient, as group:version[,version], found by its marker.
groups_versions() {
  grep --recursive --files-with-matches --include='*_types.go' '^// +genclient$' "$APIS" |
    sed "s|^$APIS/\(.*\)/\(.*\)/[^/]*$|\1 \2|" | sort --unique |
    awk '{ versions[$1] = versions[$1] (versions[$1] ? "," : "") $2 } END { for (g in versions) print g ":" versions[g] }' |
    sort | tr '\n' ' '
}

# kube_codegen.sh installs the generators into GOBIN.
GOBIN=$(mktemp -d)
export GOBIN
trap 'rm -rf "$GOBIN"' EXIT
# If set, kube_codegen.sh would ask the network for that version.
unset KUBE_CODEGEN_TAG
# shellcheck source=/dev/null
source vendor/k8s.io/code-generator/kube_codegen.sh

kube::codegen::gen_helpers --boilerplate "$BOILERPLATE" "$ROOT/$APIS"

# generate-knative.sh means to remove what is stale but is given an import path; this does it.
rm -rf "${ROOT:?}/$CLIENT"
mkdir -p "$CLIENT"/{clientset,listers,informers}
kube::codegen::gen_client --boilerplate "$BOILERPLATE" \
  --output-dir "$ROOT/$CLIENT" --output-pkg "$MODULE/$CLIENT" --with-watch "$ROOT/$APIS"
bash vendor/knative.dev/pkg/hack/generate-knative.sh injection \
  "$MODULE/$CLIENT" "$MODULE/$APIS" "$(groups_versions)" --go-header-file "$BOILERPLATE"

rm -f "$CRDS"/*.yaml
go tool controller-gen crd:crdVersions=v1,allowDangerousTypes=true "paths=./$APIS/..." "output:crd:dir=$CRDS"
go run ./hack/crdpatch "$CRDS"/*.yaml

go run ./hack/protogen -root proto -out proto/contract contract.proto
