#!/usr/bin/env bash
# Runs test/chaos on a real Apache Kafka on this machine's loopback, on free ports, and ends it: processes and Kafka are
# killed, frozen and restarted under load, with the ledger and without, and what subscribers saw is held against what is
# promised.
#
#   hack/chaos.sh [-short] [arguments of go test]
#
#   CHAOS_SECONDS=n   how long chaos lasts in each of the two runs; default 300, -short 50
#   SEED=n            another schedule; default 1
#
# Exits with hack/kafka.sh's 3 where Java or the broker cannot be had.
# shellcheck source=hack/env.sh
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"

seconds=${CHAOS_SECONDS:-300}
if [[ ${1:-} == -short ]]; then
  shift
  seconds=${CHAOS_SECONDS:-50}
fi

KAFKA_DIR=$(mktemp -d)
export KAFKA_DIR KAFKA_PORT=${KAFKA_PORT:-0}
end() {
  hack/kafka.sh down || true
  rm -rf "$KAFKA_DIR"
}
trap end EXIT
trap 'exit 143' TERM # so that the broker is ended too
trap 'exit 130' INT

hack/kafka.sh deps
servers=$(hack/kafka.sh up)
echo "Kafka is at $servers"
# Twice the time, and as long again for what has piled up when it ends.
KAFKA=$servers CHAOS_SECONDS=$seconds go test -count=1 -v -timeout "$((4 * seconds + 600))s" "$@" ./test/chaos
