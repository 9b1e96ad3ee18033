# shellcheck shell=bash disable=SC2154 # the others assign dir and cache
# Sourced by hack/cluster.sh: images of the cluster's registry, and what is installed from them.

# The registry forgets its manifests when it ends: these are made at every start, within a second or two.
basic_images() {
  local w
  w=$(mktemp -d)
  mkdir -p "$w/base/etc/ssl/certs" "$w/base/tmp" "$w/pause"
  go build -ldflags '-s -w' -o "$w/pause/pause" ./hack/cluster/pause
  image pause:1 "$w/pause" "" --entrypoint /pause
  [[ ! -f /etc/ssl/certs/ca-certificates.crt ]] || cp /etc/ssl/certs/ca-certificates.crt "$w/base/etc/ssl/certs/"
  echo 'nonroot:x:65532:65532::/:/none' >"$w/base/etc/passwd"
  chmod 1777 "$w/base/tmp"
  image base:1 "$w/base" "" --user 65532
  push coredns "$(program coredns)" >/dev/null
  rm -rf "$w"
}

# Makes an image of a folder, on top of another image if one is named.
image() { # name folder base [option of crane mutate …]
  local platform
  platform=linux/$(go env GOARCH)
  tar -C "$2" --owner 0 --group 0 -cf "$2.tar" .
  crane append ${3:+-b "$registry/$3"} -f "$2.tar" -t "$registry/$1" >/dev/null || die "crane: $(tail -1 "$dir/crane.log")"
  crane mutate --set-platform "$platform" "${@:4}" -t "$registry/$1" "$registry/$1" >/dev/null ||
    die "crane: $(tail -1 "$dir/crane.log")"
  rm -f "$2.tar"
}

# An image of one static program. Prints its name.
push() { # name program
  local w
  [[ ${2:-} && -x $2 ]] || die "push takes a name and a program"
  w=$(mktemp -d)
  mkdir "$w/files"
  cp "$2" "$w/files/app"
  image "$1:1" "$w/files" base:1 --entrypoint /app
  rm -rf "$w"
  echo "$registry/$1@$(crane digest "$registry/$1:1")" # by its content, or a node would keep an older one
}

# --- Knative Eventing ------------------------------------------------------------------------------------------------

eventing_version() { version_of eventing knative.dev/eventing; }
eventing_source() { GOFLAGS="$GOFLAGS -mod=mod" go -C hack/tools/eventing list -m -f '{{.Dir}}' knative.dev/eventing; }

# Compiles what images are made of, while the network is there: the cluster has none.
eventing_deps() {
  [[ -f $(eventing_kept)/deployments.yaml ]] || CGO_ENABLED=0 GOFLAGS="$GOFLAGS -mod=mod" go -C hack/tools/eventing build tool ||
    unavailable "Knative Eventing cannot be built: it takes a module proxy or a filled module cache"
}

eventing_kept() { echo "$cache/eventing-$(eventing_version)-images"; }

# Deployments that journeys need. What they would start for sources of other kinds is never started here, so its images
# are not built: that of a program that does nothing stands in.
eventing_deployments() { # folder of the module's config, image that does nothing
  local f
  for f in core/deployments/{controller,webhook} channels/in-memory-channel/deployments/{controller,dispatcher} \
    brokers/mt-channel-broker/deployments/{controller,broker-filter,broker-ingress}; do
    echo "---"
    sed -E "s#ko://knative.dev/eventing/cmd/(apiserver_receive_adapter|auth_proxy)\$#$2#" "$1/$f.yaml"
  done
}

# Builds the images once for each version; later they come from layouts on disk, pushed under the same digests.
eventing_images() { # folder for what is kept
  local kept=$1 config ref n=0
  config=$(eventing_source)/config
  if [[ ! -f $kept/deployments.yaml ]]; then
    rm -rf "$kept"
    mkdir -p "$kept"
    eventing_deployments "$config" "$registry/pause:1" >"$kept/unresolved.yaml"
    say "building the images of Knative Eventing $(eventing_version)"
    (cd hack/tools/eventing && GOFLAGS="$GOFLAGS -mod=mod" GOPROXY=off KO_DOCKER_REPO=$registry/knative \
      KO_DEFAULTBASEIMAGE=$registry/base:1 inside "$(program ko)" resolve --sbom none -B \
      -f "$kept/unresolved.yaml") >"$kept/resolved.yaml" 2>"$kept/ko.log" || die "ko: $(tail -3 "$kept/ko.log")"
    for ref in $(image_references "$kept/resolved.yaml"); do
      n=$((n + 1))
      crane pull --format oci "$ref" "$kept/$n" || die "crane: $(tail -1 "$dir/crane.log")"
      echo "$n ${ref%@*}" >>"$kept/images"
    done
    mv "$kept/resolved.yaml" "$kept/deployments.yaml"
    return
  fi
  while read -r n ref; do
    crane push "$kept/$n" "$ref:1" >/dev/null || die "crane: $(tail -1 "$dir/crane.log")"
  done <"$kept/images"
}

image_references() { # file
  grep -oE "$registry/knative/[a-z_]+@sha256:[0-9a-f]+" "$1" | sort -u
}

# Core with its webhook, the in-memory channel and the channel-based broker.
eventing() {
  local kept
  kept=$(eventing_kept)
  eventing_images "$kept"
  install_eventing "$(eventing_source)/config" "$kept/deployments.yaml"
}

install_eventing() { # folder of the module's config, deployments
  local part apply=(kubectl apply --server-side --force-conflicts)
  "${apply[@]}" -f "$1/core/100-namespace.yaml" >/dev/null
  for part in core/resources core core/roles core/configmaps core/webhooks channels/in-memory-channel \
    channels/in-memory-channel/{configmaps,resources,roles,webhooks} brokers/mt-channel-broker/roles \
    channels/in-memory-channel/deployments/dispatcher-service.yaml ../third_party/eventing-integrations-latest; do
    "${apply[@]}" -f "$1/$part" >/dev/null
  done
  # With transport-encryption core's controller looks for Certificates. Nobody here makes a Secret of one.
  certificate_definition <"$1/../third_party/cert-manager/01-cert-manager.yaml" | "${apply[@]}" -f - >/dev/null
  "${apply[@]}" -f "$2" >/dev/null
  kubectl -n knative-eventing wait --for=condition=Available deployment --all --timeout=300s >/dev/null
}

# Of the definitions that cert-manager installs, the one of Certificates.
certificate_definition() {
  awk '/^---/ { if (wanted) printf "%s", text; text = ""; wanted = 0 }
    { text = text $0 "\n" }
    /^  name: certificates.cert-manager.io$/ || /^  name: "certificates.cert-manager.io"$/ { wanted = 1 }
    END { if (wanted) printf "%s", text }'
}
