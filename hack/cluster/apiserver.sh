# shellcheck shell=bash
# Sourced by hack/cluster.sh: etcd and kube-apiserver alone, on this machine's loopback.

dir=${APISERVER_DIR:-$ROOT/.cache/apiserver}

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
  echo "$etcd_url" >"$dir/etcd.url"
  launch etcd "$(program etcd)" --data-dir "$dir/etcd" --unsafe-no-fsync --log-level warn \
    --listen-client-urls "$etcd_url" --advertise-client-urls "$etcd_url" \
    --listen-peer-urls "http://127.0.0.1:$peer" --initial-advertise-peer-urls "http://127.0.0.1:$peer" \
    --initial-cluster "default=http://127.0.0.1:$peer"
}

start_apiserver() {
  local port
  port=$(free_port)
  kubeconfig "$port"
  launch apiserver "$(program kube-apiserver)" --etcd-servers "$etcd_url" --cert-dir "$dir/certificates" \
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

apiserver_deps() {
  build etcd "" etcd=go.etcd.io/etcd/server/v3
  build_kubernetes kube-apiserver
}

apiserver_up() {
  apiserver_deps
  pid_of apiserver >/dev/null && die "already up in $dir ('hack/cluster.sh apiserver down' first)"
  mkdir -p "$dir"
  rm -rf "$dir"/{etcd,certificates,etcd.log,apiserver.log}
  trap apiserver_down EXIT # whatever fails from here on leaves no process behind
  secrets
  start_etcd
  start_apiserver
  trap - EXIT
  echo "$dir/kubeconfig"
}

apiserver_pids() {
  local name
  for name in apiserver etcd; do pid_of "$name" || true; done
}

# The API server first: without its etcd it lingers and keeps the port.
apiserver_down() {
  await_end apiserver
  await_end etcd
  rm -rf "$dir"/{etcd,certificates,apiserver.pid,etcd.pid,tokens.csv,kubeconfig,service-account.key}
}

