#!/usr/bin/env bash
# Runs test/apiserver: the programs of the control plane against a real kube-apiserver and etcd on this machine's loopback.
# Arguments go to go test. Exits with hack/cluster.sh's 3 where these cannot be built.
# shellcheck source=hack/env.sh
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"

hack/cluster.sh apiserver deps
# One package after the other: each starts an API server of its own.
APISERVER=1 go test -count=1 -p 1 "$@" ./test/apiserver/...
