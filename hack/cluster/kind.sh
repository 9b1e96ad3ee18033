# shellcheck shell=bash disable=SC2154 # the others assign dir and cache
# Sourced by hack/cluster.sh: the same with kind, where Docker runs. Kafka is a process of this machine that answers at
# the address that Docker's network has here.

dir=${CLUSTER_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/eventing-kafka-go/cluster}-kind
name=eventing-kafka-go

kubectl() { KUBECONFIG=$dir/kubeconfig "$(program kubectl)" "$@"; }
kind() { "$(program kind)" "$@" --name "$name"; }

kind_deps() {
  docker info >/dev/null 2>&1 || unavailable "kind takes Docker, and its daemon does not answer"
  build kind "" kind=sigs.k8s.io/kind
  build ko "" ko=github.com/google/ko
  build crane "" crane=github.com/google/go-containerregistry/cmd/crane
  build kn "" kn=knative.dev/client/cmd/kn
  build_kubernetes kubectl
  eventing_deps
}

kind_up() {
  kind_deps
  mkdir -p "$dir"
  kind create cluster --kubeconfig "$dir/kubeconfig" --wait 180s
}

kind_down() {
  KAFKA_DIR=$dir/kafka hack/kafka.sh down 2>/dev/null || true
  kind delete cluster --kubeconfig "$dir/kubeconfig"
  rm -rf "$dir"
}

kind_servers() { KAFKA_DIR=$dir/kafka hack/kafka.sh servers; }

kind_kafka() {
  local gateway
  gateway=$(docker network inspect kind --format '{{range .IPAM.Config}}{{.Gateway}} {{end}}' | tr ' ' '\n' | grep -m1 -F .)
  KAFKA_DIR=$dir/kafka KAFKA_HOST=$gateway KAFKA_PORT=9092 hack/kafka.sh up "$@"
  sed "s|@NODE@|$gateway|g" hack/cluster/kafka.yaml | kubectl apply -f - >/dev/null
}

# Images go from ko right into the node, where containerd has a name for each.
kind_eventing() {
  local w config
  w=$(mktemp -d)
  config=$(eventing_source)/config
  eventing_deployments "$config" registry.k8s.io/pause:3.10 >"$w/unresolved.yaml"
  (cd hack/tools/eventing && GOFLAGS="$GOFLAGS -mod=mod" kind_in ko resolve --sbom none -B -f "$w/unresolved.yaml") >"$w/deployments.yaml"
  install_eventing "$config" "$w/deployments.yaml"
  rm -rf "$w"
}

# Runs a command with what ko and kubectl need to find this cluster.
kind_in() {
  KUBECONFIG=$dir/kubeconfig KIND_CLUSTER_NAME=$name KO_DOCKER_REPO=kind.local \
    PATH=$(program_path kubectl ko crane kn):$PATH "$@"
}

# The program's image goes right into the node. Prints its name.
kind_push() { # name program
  local w image=kind.local/$1:1
  w=$(mktemp -d)
  cp "$2" "$w/app"
  printf 'FROM scratch\nCOPY app /app\nUSER 65532\nENTRYPOINT ["/app"]\n' >"$w/Dockerfile"
  docker build -q -t "$image" "$w" >/dev/null
  kind load docker-image "$image" >&2
  rm -rf "$w"
  echo "$image"
}
