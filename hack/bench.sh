#!/usr/bin/env bash
# Measures the data plane beside the floor and prints both and their ratios.
#
#   hack/bench.sh [-short] [-sections start,ingress,drain,keys,reach,ledger,commits,latency,swap,filters,triggers,processes,idle] [-json FILE]
#
# It builds what it runs, starts Apache Kafka by hack/kafka.sh (a fake one when this machine has no Java), and ends
# everything on any exit. The full run takes about twenty minutes, -short about six.
#
#   BENCH_KAFKA=HOST:PORT  measure against this Kafka instead; its own processor time is then not known
#   BENCH_PLANE=           leave the data plane out, or measure this binary instead of a new build
#   BENCH_FOLDER=DIR       keep files and logs there; default a temporary folder, kept only when the run fails
#
# Logs of a run: one for each process, numbered in the order of their starts.
# shellcheck source=hack/env.sh
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"

folder=${BENCH_FOLDER:-$(mktemp -d "${TMPDIR:-/tmp}/bench.XXXXXX")}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
bin=$folder/bin
runner=""

# Ends what the runner has left behind if it could not do so itself: only processes of this run's own binaries, since a
# process id may have gone to somebody else.
cleanup() {
  local code=$? pid
  trap - EXIT INT TERM HUP
  if [[ $runner ]] && kill -0 "$runner" 2>/dev/null; then
    kill "$runner" 2>/dev/null || true
    wait "$runner" || true
  fi
  if [[ -f $folder/pids ]]; then
    while read -r pid; do
      case $(readlink "/proc/$pid/exe" 2>/dev/null) in "$bin"/* | "${BENCH_PLANE:-none}") kill -9 "$pid" 2>/dev/null || true ;; esac
    done <"$folder/pids"
  fi
  KAFKA_DIR=$folder/kafka hack/kafka.sh down || true
  if [[ ! ${BENCH_FOLDER:-} ]]; then
    if ((code == 0)); then rm -rf "$folder"; else echo "bench.sh: logs are in $folder" >&2; fi
  fi
  exit "$code"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

packages=(./test/performance/bench ./test/performance/floor ./test/performance/load ./test/performance/sink)
if [[ ! ${BENCH_PLANE+set} ]]; then
  packages+=(./data-plane/cmd/kafka-data-plane)
  plane=$bin/kafka-data-plane
else
  plane=$BENCH_PLANE
fi
mkdir -p "$bin"
CGO_ENABLED=0 go build -buildvcs=false -o "$bin/" "${packages[@]}"

"$bin/bench" -bin "$bin" -plane "$plane" -kafka-script "$ROOT/hack/kafka.sh" -folder "$folder" "$@" &
runner=$!
wait "$runner"
