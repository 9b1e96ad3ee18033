#!/usr/bin/env bash
# Runs test/integration and test/upgrade on a real Apache Kafka on this machine's loopback, on free ports, and ends it.
# Arguments go to go test. UPGRADE_FROM is the commit that this one is an upgrade from. Exits with hack/kafka.sh's 3 where
# Java or the broker cannot be had.
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
secured=() # where there is no openssl, what is secured is left out
command -v openssl >/dev/null && secured=(--sasl)
servers=$(hack/kafka.sh up ${secured[@]+"${secured[@]}"})
echo "Kafka is at $servers"
export KAFKA=$servers
# As long as nothing is released, the older side is a commit whose data plane keeps ledgers, where the clone has it.
earlier=3257a7ad0528e6bd15dd9517b4fe252d5aebce23
if [[ -z ${UPGRADE_FROM:-} ]] && ! git describe --tags --match 'v*' HEAD^ >/dev/null 2>&1; then
  ! git cat-file -e "$earlier^{commit}" 2>/dev/null || export UPGRADE_FROM=$earlier
fi
failed=0 # one after the other, as the first of them freezes Kafka
go test -count=1 "$@" ./test/integration/... || failed=1
go test -count=1 "$@" ./test/upgrade || failed=1
((failed == 0))
