#!/usr/bin/env bash
# Kubernetes for tests, from Go modules and Debian packages: no registry of images and no Docker has to be reachable.
#
# A real cluster of one node, with pods, Services, DNS and a registry, in a network namespace of its own without a way
# out. Takes root on Linux with cgroups.
#
#   hack/cluster.sh deps              install and build what is missing (10 CPU minutes, once for each version)
#   hack/cluster.sh up                start it, empty
#   hack/cluster.sh kafka [N]         start a real Apache Kafka of N brokers (1) that pods reach as
#                                     my-cluster-kafka-bootstrap.kafka:9092, and that the cluster's end ends
#   hack/cluster.sh servers           print where that Kafka is
#   hack/cluster.sh eventing          install Knative Eventing: core, in-memory channel, channel-based broker; and the kind of
#                                     cert-manager that core looks for, without anybody who serves it
#   hack/cluster.sh push NAME FILE    make an image of a static program; prints the image's name
#   hack/cluster.sh kubectl …         kubectl as administrator
#   hack/cluster.sh in COMMAND …      run a command in its network, with KUBECONFIG, and KO_DOCKER_REPO and
#                                     KO_DEFAULTBASEIMAGE for ko, which is in the PATH
#   hack/cluster.sh stop|start NAME … one of its programs: kube-apiserver, kubelet, kube-controller-manager, …
#   hack/cluster.sh down              end it and delete all that was in it; logs stay
#
#   hack/cluster.sh kind deps|up|kafka|eventing|in …|kubectl …|down     the same with kind, where Docker runs
#
# Only a Kubernetes API, etcd and kube-apiserver on this machine's loopback. There is no controller-manager: no garbage
# collection, no tokens for ServiceAccounts, no Endpoints, and namespaces never end. The administrator may act as anybody
# (kubectl --as), so that what a role allows can be tried.
#
#   hack/cluster.sh apiserver deps    build what is missing (kube-apiserver: 6 CPU minutes, once for each version)
#   hack/cluster.sh apiserver up      start both on empty data; prints the kubeconfig of an administrator
#   hack/cluster.sh apiserver pids    print their process ids, one a line
#   hack/cluster.sh apiserver down    stop both and delete their data; logs stay
#
# Settings come from the environment. API servers live side by side when APISERVER_DIR differs: ports are free ones.
# There is one cluster a machine.
#   CLUSTER_DIR       state of the cluster: data, logs, process ids, kubeconfig. Default eventing-kafka-go/cluster in the
#                     user's cache; a short path, as sockets are in it
#   APISERVER_DIR     state of an API server. Default .cache/apiserver of the repository
#   APISERVER_CACHE   programs, a folder for each version. Default eventing-kafka-go/kubernetes in the user's cache
#
# Exit codes: 1 it failed; 2 wrong usage; 3 this machine does not allow it, so that callers can go on without.
# shellcheck source=hack/env.sh
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
source hack/cluster/programs.sh
source hack/cluster/processes.sh

usage() { sed -n '2,/^# shellcheck/{/^# shellcheck/d;/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" >&2; exit 2; }

command=${1:-}
[[ $command ]] || usage
shift
case $command in
  apiserver)
    source hack/cluster/apiserver.sh
    case ${1:-} in
      deps | up | pids | down) "apiserver_$1" ;;
      *) usage ;;
    esac
    ;;
  kind)
    source hack/cluster/images.sh
    source hack/cluster/kind.sh
    case ${1:-} in
      deps | up | kafka | servers | eventing | in | push | down) "kind_$1" "${@:2}" ;;
      kubectl) kubectl "${@:2}" ;;
      *) usage ;;
    esac
    ;;
  *)
    source hack/cluster/node.sh
    source hack/cluster/images.sh
    case $command in
      deps | up | kafka | servers | stop | start | in | down) "node_$command" "$@" ;;
      eventing | push | kubectl) "$command" "$@" ;;
      *) usage ;;
    esac
    ;;
esac
