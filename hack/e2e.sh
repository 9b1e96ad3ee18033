#!/usr/bin/env bash
# Runs test/e2e: users' journeys on a real cluster of one node, with a real Apache Kafka and Knative Eventing, from the
# files of a release. Arguments go to go test.
#
# A cluster that is up is used and stays up.
#
#   E2E_KEEP=yes             what it brings up stays up too
#   E2E_CLUSTER_KIND=kind    uses kind, where Docker runs
#
# Exits with hack/cluster.sh's 3 where this machine does not allow it, or no cluster comes up on it. Tests that fail are run
# once more, each by itself, as nobody but them is to blame then; which ones those were is said at the end.
# shellcheck source=hack/env.sh
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"

cluster=(hack/cluster.sh)
[[ ${E2E_CLUSTER_KIND:-} != kind ]] || cluster+=(kind)
release=$ROOT/.cache/e2e-release
next=$ROOT/.cache/e2e-next

end() { [[ ${E2E_KEEP:-} ]] || "${cluster[@]}" down || true; }
trap 'exit 143' TERM # so that the cluster is ended too
trap 'exit 130' INT

began=$SECONDS
away() { echo "e2e.sh: $1 does not come up on this machine" >&2; exit 3; }
took() { echo "FIGURE $1: $((SECONDS - began)) s"; began=$SECONDS; }

"${cluster[@]}" deps
hack/kafka.sh deps
took "programs and packages"
if ! "${cluster[@]}" kubectl get --raw /readyz >/dev/null 2>&1; then
  trap end EXIT
  "${cluster[@]}" up || away "a cluster"
  took "cluster up"
  "${cluster[@]}" kafka >/dev/null || away "Kafka"
  took "Kafka up"
  "${cluster[@]}" eventing || away "Knative Eventing"
  took "Knative Eventing"
fi
"${cluster[@]}" in hack/release.sh --base scratch --platforms "linux/$(go env GOARCH)" --out "$release" 2>"$ROOT/.cache/e2e-release.log" ||
  { tail -5 "$ROOT/.cache/e2e-release.log"; exit 1; }
# The same images as another version, to be applied over this one.
mapfile -t images < <(sed 's/^/--image\n/; s/ /=/' "$release/images.txt")
hack/release.sh --yaml-only --tag v99.0.0 --out "$next" "${images[@]}" 2>>"$ROOT/.cache/e2e-release.log"
go build -o .cache/plugins/kn-source-kafka ./control-plane/cmd/kn-kafka
go build -o .cache/witness ./test/e2e/cmd/witness
witness=$("${cluster[@]}" push witness .cache/witness)
took "images of this project"
journeys() {
  PATH=$ROOT/.cache/plugins:$PATH "${cluster[@]}" in env E2E_NEXT="$next/eventing-kafka.yaml" E2E_RELEASE="$release/eventing-kafka.yaml" E2E_WITNESS="$witness" E2E_CLUSTER="$ROOT/hack/cluster.sh" \
    KAFKA="$("${cluster[@]}" servers)" go test -tags e2e -count=1 -v "$@" ./test/e2e
}
output=$(mktemp)
if journeys "$@" | tee "$output"; then
  rm -f "$output"
  exit 0
fi
mapfile -t failed < <(sed -n 's/^--- FAIL: \(Test[A-Za-z0-9_]*\) .*/\1/p' "$output")
rm -f "$output"
((${#failed[@]})) || exit 1
for test in "${failed[@]}"; do
  echo "e2e.sh: $test failed, once more"
  journeys "$@" -run "^$test\$" || { echo "e2e.sh: $test failed twice" >&2; exit 1; }
done
echo "e2e.sh: failed at first and passed by themselves: ${failed[*]}"
