#!/usr/bin/env bash
# Runs test/integration on a real Apache Kafka on this machine's loopback, on free ports, and ends it.
# Arguments go to go test. Exits with hack/kafka.sh's 3 where Java or the broker cannot be had.
# shellcheck source=hack/env.sh
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"

KAFKA_DIR=$(mktemp -d)
export KAFKA_DIR KAFKA_PORT=${KAFKA_PORT:-0}
end() {
  hack/kafka.sh down || true
  rm -rf "$KAFKA_DIR"
}
trap end EXIT
trap 'exit 143' TERM # so that the brokers are ended too
trap 'exit 130' INT

hack/kafka.sh deps
servers=$(hack/kafka.sh up)
echo "Kafka is at $servers"
KAFKA=$servers go test -count=1 "$@" ./test/integration/...
