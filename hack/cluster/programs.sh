# shellcheck shell=bash
# Sourced by hack/cluster.sh: programs built from the modules below hack/tools, each into a folder of its version in the
# user's cache.

cache=${APISERVER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/eventing-kafka-go/kubernetes}

say() { echo "cluster.sh: $*" >&2; }
die() { say "$*"; exit 1; }
unavailable() { say "$*"; exit 3; }

version_of() { # tool module
  local version
  version=$(sed -n "s|^\(require \)\{0,1\}\t*$2 \(v[^ ]*\).*|\2|p" "$ROOT/hack/tools/$1/go.mod" | head -n 1)
  [[ $version ]] || die "hack/tools/$1 says no version of $2"
  echo "$version"
}

# Where a program is, or will be when it is built.
program() { # name
  case $1 in
    etcd) echo "$cache/$(version_of etcd go.etcd.io/etcd/server/v3)/etcd" ;;
    crane) echo "$cache/crane-$(version_of crane github.com/google/go-containerregistry)/crane" ;;
    ko) echo "$cache/ko-$(version_of ko github.com/google/ko)/ko" ;;
    coredns) echo "$cache/coredns-$(version_of coredns github.com/coredns/coredns)/coredns" ;;
    kn) echo "$cache/kn-$(version_of kn knative.dev/client)/kn" ;;
    kind) echo "$cache/kind-$(version_of kind sigs.k8s.io/kind)/kind" ;;
    *) echo "$cache/$(version_of kubernetes k8s.io/kubernetes)/$1" ;;
  esac
}

# Folders of programs, as PATH has them.
program_path() { # name …
  local name path=""
  for name in "$@"; do path+=${path:+:}$(dirname "$(program "$name")"); done
  echo "$path"
}

# Names what go build calls the program of a package.
name_of() { # package
  local name=${1##*/}
  [[ $name =~ ^v[0-9]+$ ]] && name=$(basename "$(dirname "$1")")
  echo "$name"
}

# Builds what is missing, all of one module in one go, so that they compile what they share once. A program appears by a
# rename, so that it is complete whoever looks; who finds somebody building waits for that.
build() { # tool linker-flags name=package …
  local tool=$1 flags=$2 pair packages=() folder fresh
  shift 2
  exec 9>&-
  missing "$@" || return 0
  mkdir -p "$cache"
  if command -v flock >/dev/null; then
    exec 9>"$cache/lock"
    flock --nonblock 9 || { say "waiting for somebody who builds"; flock 9; }
    missing "$@" || { exec 9>&-; return 0; }
  fi
  for pair in "$@"; do [[ -x $(program "${pair%%=*}") ]] || packages+=("${pair#*=}"); done
  folder=$(dirname "$(program "${1%%=*}")")
  say "building ${packages[*]##*/} into $folder"
  mkdir -p "$folder"
  fresh=$(mktemp -d "$folder/.build.XXXXXX")
  if ! CGO_ENABLED=0 GOFLAGS="$GOFLAGS -mod=mod" go -C "hack/tools/$tool" build -ldflags "-s -w $flags" -o "$fresh/" "${packages[@]}"; then
    rm -rf "$fresh"
    unavailable "$tool cannot be built: it takes a module proxy or a filled module cache"
  fi
  for pair in "$@"; do
    [[ ! -x $fresh/$(name_of "${pair#*=}") ]] || mv "$fresh/$(name_of "${pair#*=}")" "$(program "${pair%%=*}")"
  done
  rm -rf "$fresh"
  exec 9>&-
}

missing() { # name=package …
  local pair
  for pair in "$@"; do [[ -x $(program "${pair%%=*}") ]] || return 0; done
  return 1
}

build_kubernetes() { # name …
  local version package=k8s.io/component-base/version minor name pairs=()
  version=$(version_of kubernetes k8s.io/kubernetes)
  minor=${version#v1.}
  for name in "$@"; do pairs+=("$name=k8s.io/kubernetes/cmd/$name"); done
  # Built without them they report a version that clients refuse.
  build kubernetes "-X $package.gitVersion=$version -X $package.gitMajor=1 -X $package.gitMinor=${minor%%.*}" "${pairs[@]}"
}
