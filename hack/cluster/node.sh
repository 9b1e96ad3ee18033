# shellcheck shell=bash
# Sourced by hack/cluster.sh: a Kubernetes cluster of one node in a network namespace without a way out. Everything runs
# as a process of this machine; pods run in containerd.

dir=${CLUSTER_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/eventing-kafka-go/cluster}
netns=eventing-kafka-go
node=10.198.0.1 # private, so that image tools speak HTTP with the registry; nothing outside the namespace sees it
pods=10.198.64.0/18
services=10.198.128.0/20
dns=10.198.128.10
registry=$node:5000
daemons=(kube-proxy kubelet kube-scheduler kube-controller-manager kube-apiserver etcd registry)

inside() { nsenter --net="/run/netns/$netns" "$@"; }
kubectl() { KUBECONFIG=$dir/kubeconfig inside "$(program kubectl)" "$@"; }
crane() { inside "$(program crane)" "$@" 2>>"$dir/crane.log"; }

# --- what it takes ---------------------------------------------------------------------------------------------------

node_deps() {
  [[ $(uname -s) == Linux && $(id -u) == 0 ]] || unavailable "a cluster takes root on Linux"
  [[ -e /sys/fs/cgroup/cgroup.controllers || -d /sys/fs/cgroup/memory ]] || unavailable "this machine offers no cgroups"
  install_packages
  build etcd "" etcd=go.etcd.io/etcd/server/v3
  build crane "" crane=github.com/google/go-containerregistry/cmd/crane
  build ko "" ko=github.com/google/ko
  build coredns "" coredns=github.com/coredns/coredns
  build kn "" kn=knative.dev/client/cmd/kn
  build_kubernetes kube-apiserver kubectl kubelet kube-controller-manager kube-scheduler kube-proxy
  eventing_deps
  local probe=$netns-probe
  ip netns add "$probe" 2>/dev/null || unavailable "this machine lets nobody make network namespaces"
  ip netns delete "$probe"
}

install_packages() {
  local command absent=""
  for command in containerd ctr runc nsenter ip iptables conntrack openssl; do
    command -v "$command" >/dev/null || absent+=" $command"
  done
  [[ $absent || ! -x /usr/lib/cni/bridge ]] || return 0
  command -v apt-get >/dev/null || unavailable "missing:${absent:- CNI plugins in /usr/lib/cni}, and no apt-get to install them with"
  local packages=(containerd runc containernetworking-plugins util-linux iproute2 iptables conntrack openssl)
  say "apt-get install ${packages[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null 2>&1 && return
  apt-get update -qq || true
  apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null || unavailable "cannot install ${packages[*]}"
}

# --- pieces ----------------------------------------------------------------------------------------------------------

network() {
  ip netns add "$netns"
  inside ip link set lo up
  inside ip link add node0 type bridge # dummy devices are missing from some kernels
  inside ip address add "$node/32" dev node0
  inside ip link set node0 up
  inside ip route add default dev node0
  inside sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.route_localnet=1
  inside sysctl -qw net.bridge.bridge-nf-call-iptables=1 2>/dev/null || true # absent where bridges never call iptables
}

certificate() { # name subject alternative-names
  local p=$dir/pki/$1
  openssl req -newkey rsa:2048 -nodes -keyout "$p.key" -out "$p.csr" -subj "$2"
  openssl x509 -req -in "$p.csr" -CA "$dir/pki/ca.crt" -CAkey "$dir/pki/ca.key" -CAcreateserial -days 30 -out "$p.crt" \
    -extfile <(printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth,clientAuth\n' "$3")
}

certificates() {
  local p=$dir/pki name names=IP:$node,IP:127.0.0.1,IP:${services%.*}.1
  for name in localhost kubernetes kubernetes.default kubernetes.default.svc kubernetes.default.svc.cluster.local; do
    names+=,DNS:$name
  done
  mkdir -p "$p"
  {
    openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=cluster -keyout "$p/ca.key" -out "$p/ca.crt"
    openssl genrsa -out "$p/accounts.key" 2048
    certificate apiserver /CN=kube-apiserver "$names"
    certificate admin /O=system:masters/CN=admin DNS:admin
    certificate kubelet /O=system:nodes/CN=system:node:node0 "DNS:node0,IP:$node"
  } >>"$dir/openssl.log" 2>&1 || die "openssl failed: $(tail -1 "$dir/openssl.log")"
}

kubeconfig_of() { # name file
  cat >"$2" <<CONFIG
apiVersion: v1
kind: Config
clusters:
- {name: cluster, cluster: {server: "https://$node:6443", certificate-authority: $dir/pki/ca.crt}}
users:
- {name: $1, user: {client-certificate: $dir/pki/$1.crt, client-key: $dir/pki/$1.key}}
contexts:
- {name: cluster, context: {cluster: cluster, user: $1}}
current-context: cluster
CONFIG
}

# Files of configuration stand beside this one; a word in capitals between @ is filled in.
fill_in() { # file
  sed -e "s|@DIR@|$dir|g" -e "s|@NODE@|$node|g" -e "s|@PODS@|$pods|g" -e "s|@DNS@|$dns|g" -e "s|@REGISTRY@|$registry|g" \
    "hack/cluster/$1"
}

configuration() {
  kubeconfig_of admin "$dir/kubeconfig"
  kubeconfig_of kubelet "$dir/kubelet.kubeconfig"
  mkdir -p "$dir/cni"
  fill_in cni.conflist >"$dir/cni/10-bridge.conflist"
  local name
  for name in containerd.toml kubelet.yaml kube-proxy.yaml; do fill_in "$name" >"$dir/$name"; done
}

# Starts one of the programs with its arguments, which is also how a test brings back what it stopped.
start_one() { # name
  local p=$dir/pki k=$dir/kubeconfig arguments
  case $1 in
    etcd) arguments=(--data-dir "$dir/etcd" --unsafe-no-fsync --log-level warn
      --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379
      --listen-peer-urls http://127.0.0.1:2380) ;;
    kube-apiserver) arguments=(--etcd-servers http://127.0.0.1:2379 --bind-address 0.0.0.0 --advertise-address "$node"
      --client-ca-file "$p/ca.crt" --tls-cert-file "$p/apiserver.crt" --tls-private-key-file "$p/apiserver.key"
      --service-account-issuer https://kubernetes.default.svc.cluster.local
      --service-account-key-file "$p/accounts.key" --service-account-signing-key-file "$p/accounts.key"
      --kubelet-client-certificate "$p/admin.crt" --kubelet-client-key "$p/admin.key"
      --kubelet-preferred-address-types InternalIP --service-cluster-ip-range "$services"
      --authorization-mode "Node,RBAC" --allow-privileged) ;;
    kube-controller-manager) arguments=(--kubeconfig "$k" --leader-elect=false --use-service-account-credentials
      --service-account-private-key-file "$p/accounts.key" --root-ca-file "$p/ca.crt"
      --cluster-signing-cert-file "$p/ca.crt" --cluster-signing-key-file "$p/ca.key"
      --allocate-node-cidrs --cluster-cidr "$pods" --node-cidr-mask-size "${pods#*/}") ;;
    kube-scheduler) arguments=(--kubeconfig "$k" --leader-elect=false) ;;
    kubelet) arguments=(--config "$dir/kubelet.yaml" --kubeconfig "$dir/kubelet.kubeconfig" --root-dir "$dir/kubelet"
      --cert-dir "$p" --hostname-override node0 --node-ip "$node") ;;
    kube-proxy) arguments=(--config "$dir/kube-proxy.yaml") ;;
    *) die "no program $1: ${daemons[*]}" ;;
  esac
  pid_of "$1" >/dev/null || launch "$1" nsenter --net="/run/netns/$netns" "$(program "$1")" "${arguments[@]}"
  [[ $1 != kube-apiserver ]] || await "$1" 120 kubectl get --raw /readyz
}

await() { # name seconds command …
  local t
  for ((t = 0; t < 5 * $2; t++)); do
    pid_of "$1" >/dev/null || die "$1 ended: $(tail -3 "$dir/$1.log")"
    "${@:3}" >/dev/null 2>&1 && return
    sleep 0.2
  done
  die "$1 was not ready within $2 s: $(tail -3 "$dir/$1.log")"
}

# The node 'reports' a long time before the network of its pods works; CoreDNS being there shows both.
node_ready() {
  fill_in coredns.yaml | kubectl apply -f - >/dev/null
  kubectl -n kube-system rollout status deployment/coredns --timeout=180s >/dev/null ||
    die "CoreDNS does not come up: $(kubectl -n kube-system get pods,events 2>&1 | tail -5)"
}

# --- commands --------------------------------------------------------------------------------------------------------

node_up() {
  node_deps
  pid_of kubelet >/dev/null && die "already up in $dir ('hack/cluster.sh down' first)"
  pgrep -x kubelet >/dev/null && unavailable "this machine is a node of a cluster already: two kubelets would kill each other's pods"
  mkdir -p "$dir"
  node_down # what a crash left
  rm -f "$dir"/*.log
  mkdir "$dir/registry"
  trap node_down EXIT # whatever fails from here on leaves no process behind
  network
  certificates
  configuration
  launch containerd nsenter --net="/run/netns/$netns" "$(command -v containerd)" -c "$dir/containerd.toml"
  start_one etcd
  start_one kube-apiserver
  launch registry nsenter --net="/run/netns/$netns" "$(program crane)" registry serve --address "$registry" --disk "$dir/registry"
  start_one kube-controller-manager
  start_one kube-scheduler
  await registry 20 inside bash -c "exec 3<>/dev/tcp/${registry/:/\/}"
  basic_images
  await containerd 20 ctr -a "$dir/containerd.sock" version
  start_one kubelet
  start_one kube-proxy
  await kubelet 60 kubectl get node node0
  node_ready
  trap - EXIT
  say "up: hack/cluster.sh kubectl get pods -A"
}

node_stop() { # name …
  local name
  for name in "$@"; do
    [[ " ${daemons[*]} " == *" $name "* ]] || die "no program $name: ${daemons[*]}"
    await_end "$name" 15
  done
}

node_start() { local name; for name in "$@"; do start_one "$name"; done; }

# The kubelet first, or it starts anew what is ended here. Logs stay.
node_down() {
  KAFKA_DIR=$dir/kafka hack/kafka.sh down 2>/dev/null || true
  node_stop kube-proxy kubelet
  if pid_of containerd >/dev/null; then end_pods; fi
  node_stop kube-scheduler kube-controller-manager kube-apiserver etcd registry
  await_end containerd 15
  awk -v d="$dir/" 'index($2, d) == 1 { print $2 }' /proc/mounts | sort -r | xargs -r umount -l 2>/dev/null || true
  ip netns delete "$netns" 2>/dev/null || true
  pgrep -x kubelet >/dev/null || find /sys/fs/cgroup -depth -type d -path '*/kubepods*' -exec rmdir {} + 2>/dev/null || true
  rm -rf "$dir"/{etcd,kubelet,pki,cni,containerd,state,registry,kafka,kubeconfig,kubelet.kubeconfig,containerd.toml,kubelet.yaml,kube-proxy.yaml}
}

# Ends what runs in containerd, and the network namespaces of pods, which outlive them.
end_pods() {
  local id ctr=(ctr -a "$dir/containerd.sock" -n k8s.io) networks
  networks=$(for id in $("${ctr[@]}" containers ls -q); do "${ctr[@]}" containers info "$id"; done |
    sed -n 's|.*"path": "/var/run/netns/\(cni-[^"]*\)".*|\1|p' | sort -u)
  for id in $("${ctr[@]}" tasks ls -q); do "${ctr[@]}" tasks kill --all --signal SIGKILL "$id" || true; done
  for id in $("${ctr[@]}" tasks ls -q); do "${ctr[@]}" tasks delete --force "$id" || true; done
  for id in $("${ctr[@]}" containers ls -q); do "${ctr[@]}" containers rm "$id" || true; done
  for id in $networks; do ip netns delete "$id" || true; done
} >/dev/null 2>&1

# Kafka is a process of the machine in the cluster's network. Pods find it under the name that shipped configuration has.
node_kafka() {
  KAFKA_DIR=$dir/kafka KAFKA_HOST=$node KAFKA_PORT=9092 inside hack/kafka.sh up "$@"
  fill_in kafka.yaml | kubectl apply -f - >/dev/null
}

node_servers() { KAFKA_DIR=$dir/kafka hack/kafka.sh servers; }

# Runs a command in the cluster's network, with what ko and kubectl need.
node_in() {
  KUBECONFIG=$dir/kubeconfig KO_DOCKER_REPO=$registry KO_DEFAULTBASEIMAGE=$registry/base:1 GOPROXY=off \
    PATH=$(program_path kubectl ko crane kn):$PATH inside "$@"
}
