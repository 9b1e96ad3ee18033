# make help lists what there is. Everything but lint and verify works offline with Go, git and make alone.

SHELL       := bash
.SHELLFLAGS := -o errexit -o nounset -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# -trimpath, or every checkout in another folder compiles all of vendor/ again. Appended: the environment may have flags.
GOFLAGS := $(shell go env GOFLAGS)
ifeq (,$(findstring -trimpath,$(GOFLAGS)))
GOFLAGS := $(strip $(GOFLAGS) -trimpath)
endif
export GOFLAGS
export CGO_ENABLED ?= 0

BIN  := .bin
ARGS ?=

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: kn-kafka ## Run the samples once: events in, through Kafka, out; fails unless every event arrives where it should
	$(BIN)/kn-kafka dev --once -f samples $(ARGS)

.PHONY: dev
dev: kn-kafka ## Run the samples and keep running; manifests may be changed meanwhile (ARGS='--listen 127.0.0.1:8080')
	$(BIN)/kn-kafka dev -f samples $(ARGS)

.PHONY: test
test: ## Run all tests, without the race detector (ARGS='-run TestX -v')
	go test $(ARGS) ./...

.PHONY: race
race: ## Run all tests with the race detector; needs a C compiler
	CGO_ENABLED=1 go test -race $(ARGS) ./...

.PHONY: kafka
kafka: ## Run the integration tests on a real Apache Kafka; needs Java and Maven, or root to install them
	hack/integration.sh $(ARGS)

.PHONY: chaos
chaos: ## Kill, freeze and restart data planes and Kafka under load and check what is promised (CHAOS_SECONDS=n SEED=n)
	hack/chaos.sh $(ARGS)

.PHONY: apiserver-test
apiserver-test: ## Run the control plane against a real kube-apiserver and etcd; builds them the first time, which takes a module proxy
	hack/apiserver-test.sh $(ARGS)

.PHONY: cluster
cluster: ## Bring up a real one-node Kubernetes with Kafka and Knative Eventing; needs root on Linux (hack/cluster.sh says more)
	hack/cluster.sh up
	hack/cluster.sh kafka
	hack/cluster.sh eventing

.PHONY: deploy
deploy: ## Build this tree's images and install it in that cluster, or with KO_DOCKER_REPO=REGISTRY in the one of kubectl
ifdef KO_DOCKER_REPO
	hack/deploy.sh $(ARGS)
else
	hack/cluster.sh in hack/release.sh --base scratch --platforms linux/$$(go env GOARCH)
	hack/cluster.sh kubectl apply -f .cache/release/eventing-kafka.yaml
	hack/cluster.sh kubectl -n knative-eventing rollout status --timeout=300s deployment \
	  --selector 'app in (kafka-controller,kafka-webhook-eventing,kafka-broker-receiver,kafka-broker-dispatcher,kafka-channel-receiver,kafka-channel-dispatcher,kafka-sink-receiver,kafka-source-dispatcher)'
endif

.PHONY: e2e
e2e: ## Follow users' journeys on a real cluster of its own; needs root on Linux (ARGS='-run TestX')
	hack/e2e.sh $(ARGS)

.PHONY: conformance
conformance: ## Run the table of requests, records and deliveries, and list the rules without a case
	hack/conformance.sh $(ARGS)

.PHONY: fuzz
fuzz: ## Run every fuzz target for a while (ARGS='5m cloudevent': a time for each, and which)
	hack/fuzz.sh $(ARGS)

.PHONY: bench
bench: ## Measure ourselves against the floor, on a real Kafka where there is Java
	hack/bench.sh $(ARGS)

.PHONY: lint
lint: ## Run golangci-lint; builds it the first time, which takes a module proxy (ARGS=--fix)
	hack/lint.sh $(ARGS)

.PHONY: verify
verify: ## Check that generated code, vendor/ and licences are up to date, and the layout
	hack/verify.sh

.PHONY: release
release: ## Build and push the images of a release, and make the files that users apply (ARGS='--tag v1.2.3'; --yaml-only: no images)
	hack/release.sh $(ARGS)

.PHONY: build
build: ## Build all programs into .bin/
	mkdir -p $(BIN)
	go build -o $(BIN)/ ./control-plane/cmd/... ./data-plane/cmd/...

.PHONY: kn-kafka
kn-kafka:
	mkdir -p $(BIN)
	go build -o $(BIN)/kn-kafka ./control-plane/cmd/kn-kafka

.PHONY: clean
clean: ## Delete what was built here
	rm -rf $(BIN) .cache
