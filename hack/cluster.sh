#!/usr/bin/env bash
# A Kubernetes API for tests on this machine's loopback, without containers: etcd and kube-apiserver, built from Go modules.
#
#   hack/cluster.sh apiserver deps    build what is missing (kube-apiserver: 6 CPU minutes, once for each version)
#   hack/cluster.sh apiserver up      start both on empty data; prints the kubeconfig of an administrator
#   hack/cluster.sh apiserver pids    print their process ids, one a line
#   hack/cluster.sh apiserver down    stop both and delete their data; logs stay
#
# There is no controller-manager: no garbage collection, no tokens for ServiceAccounts, no Endpoints, and namespaces never
# end. The administrator may act as anybody (kubectl --as), so that what a role allows can be tried.
#
# Settings come from the environment. Instances live side by side when APISERVER_DIR differs: ports are free ones.
#   APISERVER_DIR     state of this instance: data, logs, process ids, kubeconfig. Default .cache/apiserver of the repository
#   APISERVER_CACHE   programs, a folder for each version. Default eventing-kafka-go/kubernetes in the user's cache
#
# Exit codes: 1 it failed; 2 wrong usage; 3 the programs cannot be built here, so that callers can go on without them.
# shellcheck source=hack/env.sh
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"

dir=${APISERVER_DIR:-$ROOT/.cache/apiserver}
cache=${APISERVER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/eventing-kafka-go/kubernetes}

say() { echo "cluster.sh: $*" >&2; }
die() { say "$*"; exit 1; }

# --- programs --------------------------------------------------------------------------------------------------------

version_of() { # tool module
  sed -n "s|^\t*$2 \(v[^ ]*\).*|\1|p" "$ROOT/hack/tools/$1/go.mod" | head -n 1
}

kubernetes=$(version_of kube-apiserver k8s.io/kubernetes)
etcd=$(version_of etcd go.etcd.io/etcd/server/v3)
[[ $kubernetes && $etcd ]] || die "hack/tools says no version of kube-apiserver or etcd"
apiserver_program=$cache/$kubernetes/kube-apiserver
etcd_program=$cache/$etcd/etcd

# A program appears by a rename, so that it is complete whoever looks; who finds somebody building waits for that.
build() { # tool package program [linker flag …]
  [[ -x $3 ]] && return
  if command -v flock >/dev/null; then
    mkdir -p "$cache"
    exec 9>"$cache/lock"
    flock --nonblock 9 || { say "waiting for somebody who builds"; flock 9; }
    [[ -x $3 ]] && { exec 9>&-; return; }
  fi
  say "building $(basename "$3") into $(dirname "$3")"
  mkdir -p "$(dirname "$3")"
  local fresh
  fresh=$(mktemp -d "$(dirname "$3")/.build.XXXXXX")
  if ! CGO_ENABLED=0 GOFLAGS="$GOFLAGS -mod=mod" go -C "hack/tools/$1" build -ldflags "-s -w ${*:4}" -o "$fresh/program" "$2"; then
    rm -rf "$fresh"
    say "$1 cannot be built: it takes a module proxy or a filled module cache"
    exit 3
  fi
  mv "$fresh/program" "$3"
  rm -rf "$fresh"
  exec 9>&-
}

deps() {
  build etcd go.etcd.io/etcd/server/v3 "$etcd_program"
  # Built without them it reports a version that clients refuse.
  local package=k8s.io/component-base/version minor=${kubernetes#v1.}
  build kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver "$apiserver_program" \
    -X "$package.gitVersion=$kubernetes" -X "$package.gitMajor=1" -X "$package.gitMinor=${minor%%.*}"
}

# --- processes -------------------------------------------------------------------------------------------------------

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Ports below 32768 are not handed out to outgoing connections, so a free one is likely to stay free until it is bound.
free_port() {
  local try port
  for ((try = 0; try < 50; try++)); do
    port=$((20000 + RANDOM % 12000))
    listens "$port" || { echo "$port"; return; }
  done
  die "found no free port"
}

# Prints the process id of a program of this instance if that process is still it, whatever has got the number since.
pid_of() { # name
  local pid command
  pid=$(cat "$dir/$1.pid" 2>/dev/null) || return 1
  if [[ -r /proc/$pid/cmdline ]]; then
    command=$(tr '\0' ' ' <"/proc/$pid/cmdline")
  else
    command=$(ps -p "$pid" -o command= 2>/dev/null) || return 1
  fi
  [[ $command == *"$dir/"* ]] && echo "$pid"
}

# Starts a program in a session of its own: an interrupt typed at a test is not meant for it.
launch() { # name program [argument …]
  local session=nohup
  command -v setsid >/dev/null && session=setsid
  "$session" "${@:2}" >"$dir/$1.log" 2>&1 </dev/null &
  echo $! >"$dir/$1.pid"
}

await_end() { # name
  local t pid
  pid=$(pid_of "$1") || return 0
  kill "$pid" 2>/dev/null || true
  for ((t = 0; t < 50; t++)); do pid_of "$1" >/dev/null || return 0; sleep 0.1; done
  kill -9 "$pid" 2>/dev/null || true
  for ((t = 0; t < 50; t++)); do pid_of "$1" >/dev/null || return 0; sleep 0.1; done
}

secrets() {
  openssl genrsa -out "$dir/service-account.key" 2048 2>/dev/null
  token=$(openssl rand -hex 16)
  echo "$token,admin,admin,system:masters" >"$dir/tokens.csv"
  chmod 600 "$dir/tokens.csv"
}

kubeconfig() { # port
  cat >"$dir/kubeconfig" <<CONFIG
apiVersion: v1
kind: Config
clusters:
- {name: test, cluster: {server: "https://127.0.0.1:$1", insecure-skip-tls-verify: true}}
users:
- {name: admin, user: {token: "$token"}}
contexts:
- {name: test, context: {cluster: test, user: admin}}
current-context: test
CONFIG
  chmod 600 "$dir/kubeconfig"
}

start_etcd() {
  local client peer
  client=$(free_port) peer=$(free_port)
  etcd_url=http://127.0.0.1:$client
  launch etcd "$etcd_program" --data-dir "$dir/etcd" --unsafe-no-fsync --log-level warn \
    --listen-client-urls "$etcd_url" --advertise-client-urls "$etcd_url" \
    --listen-peer-urls "http://127.0.0.1:$peer" --initial-advertise-peer-urls "http://127.0.0.1:$peer" \
    --initial-cluster "default=http://127.0.0.1:$peer"
}

start_apiserver() {
  local port
  port=$(free_port)
  kubeconfig "$port"
  launch apiserver "$apiserver_program" --etcd-servers "$etcd_url" --cert-dir "$dir/certificates" \
    --bind-address 127.0.0.1 --secure-port "$port" --token-auth-file "$dir/tokens.csv" \
    --service-account-issuer https://kubernetes.default.svc --service-account-key-file "$dir/service-account.key" \
    --service-account-signing-key-file "$dir/service-account.key" --service-cluster-ip-range 10.0.0.0/24 \
    --authorization-mode RBAC --disable-admission-plugins ServiceAccount
  await_ready "$port"
}

await_ready() { # port
  local t
  for ((t = 0; t < 1200; t++)); do
    pid_of etcd >/dev/null || die "etcd ended: $(tail -3 "$dir/etcd.log")"
    pid_of apiserver >/dev/null || die "kube-apiserver ended: $(tail -3 "$dir/apiserver.log")"
    [[ $(curl --silent --insecure --max-time 5 -H "Authorization: Bearer $token" "https://127.0.0.1:$1/readyz") == ok ]] && return
    sleep 0.1
  done
  die "kube-apiserver was not ready within 2 minutes: $(tail -3 "$dir/apiserver.log")"
}

# --- commands --------------------------------------------------------------------------------------------------------

up() {
  deps
  pid_of apiserver >/dev/null && die "already up in $dir ('hack/cluster.sh apiserver down' first)"
  mkdir -p "$dir"
  rm -rf "$dir"/{etcd,certificates,etcd.log,apiserver.log}
  trap down EXIT # whatever fails from here on leaves no process behind
  secrets
  start_etcd
  start_apiserver
  trap - EXIT
  echo "$dir/kubeconfig"
}

pids() {
  local name
  for name in apiserver etcd; do pid_of "$name" || true; done
}

# The API server first: without its etcd it lingers and keeps the port.
down() {
  await_end apiserver
  await_end etcd
  rm -rf "$dir"/{etcd,certificates,apiserver.pid,etcd.pid,tokens.csv,kubeconfig,service-account.key}
}

usage() { sed -n '2,/^$/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" >&2; exit 2; }

[[ ${1:-} == apiserver ]] || usage
case ${2:-} in
  deps | up | pids | down) "$2" ;;
  *) usage ;;
esac
