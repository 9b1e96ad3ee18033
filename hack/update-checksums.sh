#!/usr/bin/env bash
# Writes the checksums of the examples in ConfigMaps of config/ into their annotations. test/release checks them.
# shellcheck source=hack/env.sh
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"

go test ./test/release -run TestChecksumsOfExamples -count=1 -update
