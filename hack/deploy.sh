#!/usr/bin/env bash
# Builds the images from these sources and installs everything into the cluster that kubectl speaks with. It can be run again
# after every change.
#
# Needs KO_DOCKER_REPO, a registry that the cluster pulls from (kind.local for kind), and Knative Eventing in the cluster.
# Certificates and monitors are installed where the cluster knows their kinds. Arguments go to ko apply.
# shellcheck source=hack/env.sh
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"

[[ ${KO_DOCKER_REPO:-} ]] || { echo "deploy.sh: KO_DOCKER_REPO is not set: a registry that the cluster pulls from" >&2; exit 1; }
ko=$(command -v ko || hack/tool.sh ko)

knows() { kubectl api-resources --api-group "$1" --output name | grep -q .; }
parts=(crds control-plane broker channel sink source)
! knows cert-manager.io || parts+=(tls)
! knows monitoring.coreos.com || parts+=(monitoring)
"$ko" apply --base-import-paths --sbom none --platform "linux/$(go env GOARCH)" "${parts[@]/#/-fconfig/}" "$@" -- \
  --server-side --force-conflicts
kubectl --namespace knative-eventing rollout status --timeout=300s deployment \
  --selector 'app in (kafka-controller, kafka-webhook-eventing, kafka-broker-receiver, kafka-broker-dispatcher,
  kafka-channel-receiver, kafka-channel-dispatcher, kafka-sink-receiver, kafka-source-dispatcher)'
