#!/usr/bin/env bash
# Runs golangci-lint with .golangci.yml over everything. Arguments go to "golangci-lint run", for instance --fix.
# shellcheck source=hack/env.sh
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"

lint=$(hack/tool.sh golangci-lint)
exec "$lint" run --max-issues-per-linter 0 --max-same-issues 0 "$@"
