#!/usr/bin/env bash
# Regenerates deepcopy, clientset, listers, informers, injection and CRD schemas.
# Reads vendor/ alone: no network, no GOPATH layout. Any checkout path works.
set -o errexit -o nounset -o pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
cd "$ROOT"
MODULE=$(go list -m)
CLIENT=control-plane/client
APIS=control-plane/apis
BOILERPLATE=$ROOT/hack/boilerplate.go.txt
# Every group and version that has a +genclient type: "group:version[,version]" separated by spaces.
GROUPS_VERSIONS="messaging:v1,v1beta1"

# -trimpath: without it every checkout folder compiles all of vendor/ again.
export GOFLAGS="-mod=vendor -trimpath" GOPROXY=off
# The generators are installed here, and nothing else is touched.
GOBIN=$(mktemp -d); export GOBIN
trap 'rm -rf "$GOBIN"' EXIT

# KUBE_CODEGEN_TAG must be unset: it would make the script ask for another version by network.
unset KUBE_CODEGEN_TAG
# shellcheck source=/dev/null
source vendor/k8s.io/code-generator/kube_codegen.sh

kube::codegen::gen_helpers --boilerplate "$BOILERPLATE" "$ROOT/$APIS"

rm -rf "${ROOT:?}/$CLIENT"
kube::codegen::gen_client --boilerplate "$BOILERPLATE" \
  --output-dir "$ROOT/$CLIENT" --output-pkg "$MODULE/$CLIENT" --with-watch "$ROOT/$APIS"

# generate-knative.sh does not clear stale output (its rm is given an import path); the rm above does.
bash vendor/knative.dev/pkg/hack/generate-knative.sh injection \
  "$MODULE/$CLIENT" "$MODULE/$APIS" "$GROUPS_VERSIONS" --go-header-file "$BOILERPLATE"

go run ./hack/protogen -root proto -out proto/contract contract.proto
go tool controller-gen crd:crdVersions=v1,allowDangerousTypes=true "paths=./$APIS/..." output:crd:dir=config/crds
