#!/usr/bin/env bash
# Makes a release: images, and the files that users apply.
#
#   hack/release.sh [--tag v1.2.3] [--out FOLDER] [--platforms LIST] [--base scratch]     build and push the images
#   hack/release.sh --yaml-only [--tag v1.2.3] [--out FOLDER] [--images PREFIX] [--image NAME=REFERENCE …]
#                                                                          only the files, with images that exist
#
#   --tag        the version: of images, and without its v of the label app.kubernetes.io/version. Default: devel
#   --out        where the files go. Default: .cache/release. An earlier release in it is replaced
#   --platforms  of the images. Default: linux/amd64,linux/arm64,linux/s390x,linux/ppc64le
#   --base       scratch makes the base of the images here, for machines that do not reach the usual one: certificates of
#                this machine, a user, a folder for temporary files. KO_DEFAULTBASEIMAGE names any other base
#   --images     images are PREFIX/NAME:TAG. Default: $KO_DOCKER_REPO, or ko.local
#   --image      one of them, which may be said several times. Names are those in images.txt, which lists what was used
#
# Images go to $KO_DOCKER_REPO, each with an SBOM beside it and in FOLDER/sbom. ko is built from hack/tools the first time,
# unless it is in the PATH.
# shellcheck source=hack/env.sh
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"

module=knative.dev/eventing-kafka-go
programs=( # name of the image = package
  "kafka-controller=$module/control-plane/cmd/controller"
  "kafka-webhook=$module/control-plane/cmd/webhook"
  "kafka-data-plane=$module/data-plane/cmd/kafka-data-plane"
  "kafka-post-install=$module/control-plane/cmd/post-install"
  "kafka-storage-version-migrator=knative.dev/pkg/apiextensions/storageversion/cmd/migrate"
)

tag=devel out=.cache/release base="" yaml_only=""
platforms=linux/amd64,linux/arm64,linux/s390x,linux/ppc64le
prefix=${KO_DOCKER_REPO:-ko.local}
declare -A image=() # reference by name

die() { echo "release.sh: $*" >&2; exit 1; }
usage() { sed -n '2,/^# shellcheck/{/^# shellcheck/d;/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" >&2; exit 2; }

while (($#)); do
  case $1 in
    --yaml-only) yaml_only=yes; shift; continue ;;
    --tag | --out | --platforms | --base | --images | --image) [[ ${2:-} ]] || usage ;;
    *) usage ;;
  esac
  case $1 in
    --tag) tag=$2 ;;
    --out) out=$2 ;;
    --platforms) platforms=$2 ;;
    --base) base=$2 ;;
    --images) prefix=$2 ;;
    --image) [[ $2 == *=* ]] || usage; image[${2%%=*}]=${2#*=} ;;
  esac
  shift 2
done
[[ $tag =~ ^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$ ]] || die "--tag: \"$tag\" is no value of a label"
[[ -z $base || $base == scratch ]] || die "--base: \"$base\" is not known: scratch; KO_DEFAULTBASEIMAGE names another image"

# --- images ----------------------------------------------------------------------------------------------------------

tool() { command -v "$1" || hack/tool.sh "$1"; }

# The base of images where none can be had: the same for each platform, as nothing in it is a program.
scratch_base() { # repository; prints its name
  local crane work platform name=$1/base parts=()
  set -o errexit # a substitution of a command goes on without
  crane=$(tool crane)
  work=$(mktemp -d)
  mkdir -p "$work/base/etc/ssl/certs" "$work/base/tmp"
  [[ ! -f /etc/ssl/certs/ca-certificates.crt ]] || cp /etc/ssl/certs/ca-certificates.crt "$work/base/etc/ssl/certs/"
  echo 'nonroot:x:65532:65532::/:/none' >"$work/base/etc/passwd"
  chmod 1777 "$work/base/tmp"
  tar -C "$work/base" --owner 0 --group 0 -cf "$work/base.tar" .
  for platform in ${platforms//,/ }; do
    "$crane" append --insecure --oci-empty-base -f "$work/base.tar" -t "$name:${platform//\//-}" >&2
    "$crane" mutate --insecure --user 65532 --set-platform "$platform" -t "$name:${platform//\//-}" "$name:${platform//\//-}" >&2
    parts+=(-m "$name:${platform//\//-}")
  done
  "$crane" index append --insecure "${parts[@]}" -t "$name:scratch" >&2
  rm -rf "$work"
  echo "$name:scratch"
}

# ko puts a folder kodata beside a program into its image, but follows no link out of it.
add_licences() {
  local program folder
  for program in "${programs[@]}"; do
    [[ ${program#*=} == "$module"/* ]] || continue
    folder=${program#*="$module"/}/kodata
    [[ ! -d $folder ]] || die "$folder is there: somebody else makes a release"
    licences+=("$folder")
    mkdir "$folder"
    cp -R LICENSE third_party/VENDOR-LICENSE "$folder/"
  done
}
licences=()
trap 'rm -rf ${licences[@]+"${licences[@]}"}' EXIT

build_images() {
  local ko program name
  [[ ${KO_DOCKER_REPO:-} ]] || die "KO_DOCKER_REPO is not set: it says where images go. --yaml-only makes none"
  ko=$(tool ko)
  add_licences
  [[ $base != scratch ]] || KO_DEFAULTBASEIMAGE=$(scratch_base "$KO_DOCKER_REPO")
  for program in "${programs[@]}"; do
    name=${program%%=*}
    echo "building $name" >&2
    image[$name]=$(KO_DOCKER_REPO=$KO_DOCKER_REPO/$name KO_DEFAULTBASEIMAGE=${KO_DEFAULTBASEIMAGE:-} "$ko" build --bare \
      --platform "$platforms" --tags "$tag" --sbom spdx --sbom-dir "$out/sbom" \
      --image-label "org.opencontainers.image.version=$tag" --image-label org.opencontainers.image.licenses=Apache-2.0 \
      "${program#*=}")
  done
}

name_images() {
  local program name known
  known=" $(printf '%s ' "${programs[@]%%=*}")"
  for name in "${!image[@]}"; do [[ $known == *" $name "* ]] || die "--image: there is no $name:$known"; done
  for program in "${programs[@]}"; do
    name=${program%%=*}
    image[$name]=${image[$name]:-$prefix/$name:$tag}
  done
}

# --- files -----------------------------------------------------------------------------------------------------------

# One file of many. Images are named, and so is the version.
assemble() { # file of the release, manifest …
  local to=$out/$1 f program edits=(-e "s|app.kubernetes.io/version: devel|app.kubernetes.io/version: \"${tag#v}\"|")
  shift
  for program in "${programs[@]}"; do edits+=(-e "s|ko://${program#*=}\$|${image[${program%%=*}]}|"); done
  for f in "$@"; do
    [[ $(head -n 1 "$f") == --- ]] || echo "---"
    cat "$f"
  done | sed "${edits[@]}" >"$to"
  ! grep -n "ko://" "$to" >&2 || die "$to: images above have no name"
}

# The controller under another name, which is how the bundle for KafkaSources alone calls it.
source_controller() {
  sed -e 's/kafka-controller/kafka-source-controller/g' -e 's/serviceAccountName: .*/serviceAccountName: kafka-controller/' \
    config/control-plane/500-controller.yaml
}

files() {
  local kind work control_plane=(config/crds/*.yaml config/control-plane/*.yaml) bundled=()
  assemble eventing-kafka-controller.yaml "${control_plane[@]}"
  for kind in source broker sink channel; do assemble "eventing-kafka-$kind.yaml" config/"$kind"/*.yaml; done
  assemble eventing-kafka.yaml "${control_plane[@]}" config/{source,broker,sink,channel}/*.yaml
  assemble eventing-kafka-post-install.yaml config/post-install/*.yaml
  assemble eventing-kafka-tls-networking.yaml config/tls/*.yaml
  assemble eventing-kafka-autoscaling.yaml config/autoscaling/*.yaml
  for kind in controller source broker sink channel; do
    assemble "eventing-kafka-$kind-prometheus-operator.yaml" "config/monitoring/100-$kind.yaml"
  done
  work=$(mktemp -d)
  source_controller >"$work/500-controller.yaml"
  for f in "${control_plane[@]}"; do [[ $f == */500-controller.yaml ]] || bundled+=("$f"); done
  assemble eventing-kafka-source-bundle.yaml "${bundled[@]}" "$work/500-controller.yaml" config/source/*.yaml
  rm -rf "$work"
}

mkdir -p "$out"
rm -rf "$out"/{eventing-kafka*.yaml,images.txt,SHA256SUMS,sbom}
[[ $yaml_only ]] || build_images
name_images
files
for program in "${programs[@]}"; do echo "${program%%=*} ${image[${program%%=*}]}"; done >"$out/images.txt"
sums=$(command -v sha256sum || echo "shasum -a 256")
(cd "$out" && $sums -- *.yaml images.txt >SHA256SUMS)
echo "release.sh: $(find "$out" -name '*.yaml' | wc -l) files in $out" >&2
