# `make` prints what there is. What CI runs is `make test`.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

GO       ?= go
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
ROUNDS   ?= 20
FUZZTIME ?= 30s
ARGS     ?=

# Tools come from the Go module proxy, pinned; go.mod stays free of what the product does not need.
STATICCHECK   := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOFUMPT       := mvdan.cc/gofumpt@v0.9.2
GOLANGCI_LINT := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

MODULES := . compat-tests examples

.PHONY: help
help: ## print the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /\1|/' | awk -F'|' '{printf "  %-12s %s\n", $$1, $$2}'

.PHONY: build
build: ## bin/skylark, one static binary, and the links mqbroker and mqnamesrv
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o bin/skylark ./cmd/skylark
	@ln -sf skylark bin/mqbroker && ln -sf skylark bin/mqnamesrv

.PHONY: run
run: build ## name server and broker on this machine, data in ./skylark-data (ARGS="-listenPort 20911")
	exec bin/skylark $(ARGS)

.PHONY: test
test: check unit crash churn guard compat docker-test ## everything CI runs, in order

.PHONY: check
check: ## formatting, go vet, staticcheck and generated files: seconds
	@echo "== gofumpt"; out=$$($(GO) run $(GOFUMPT) -l $$(git ls-files '*.go')); if [ -n "$$out" ]; then echo "run make fmt for:"; echo "$$out"; exit 1; fi
	@for m in $(MODULES); do echo "== vet $$m"; $(GO) -C $$m vet ./...; done
	@echo "== staticcheck"; $(GO) run $(STATICCHECK) ./...
	@echo "== generated files"; scripts/generated.sh

.PHONY: fmt
fmt: ## format all Go files as check wants them
	$(GO) run $(GOFUMPT) -w $$(git ls-files '*.go')

.PHONY: unit
unit: ## unit tests with the race detector; fuzz targets run their seeds
	@scripts/need.sh cc
	@echo "== unit tests"
	$(GO) test -race -timeout 15m $$($(GO) list ./... | grep -v '/test/')

.PHONY: race
race: unit ## the same under its usual name

.PHONY: cover
cover: ## unit tests with coverage, summary by package in cover.txt
	$(GO) test -timeout 15m -coverprofile=cover.out ./... | tee cover.txt
	$(GO) tool cover -func=cover.out | tail -1

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME
	@scripts/fuzz.sh $(FUZZTIME)

.PHONY: crash
crash: build ## ROUNDS rounds of kill -9 under load, both flush modes; flipped bits; power cuts and disk errors where this machine can
	@scripts/crash.sh $(ROUNDS)

.PHONY: churn
churn: build ## ROUNDS rounds of consumers that come, go, pause and die, and of broker restarts, under load
	@scripts/churn.sh $(ROUNDS)

.PHONY: soak
soak: build ## a thousand crash rounds, five hundred of churn
	@scripts/crash.sh 1000
	@scripts/churn.sh 500

.PHONY: guard
guard: ## start, idle connections and memory of the real binary within bounds, CPU a message not half above the last commit's: two minutes
	@echo "== guard"
	@scripts/guard.sh

.PHONY: compat
compat: build ## official Java and Go clients, mqadmin and the Java broker against ours
	@scripts/need.sh jvm
	@echo "== compatibility tests"
	SKYLARK_BIN=$(CURDIR)/bin/skylark $(GO) -C compat-tests test -timeout 45m ./...
	@echo "== examples"
	SKYLARK_BIN=$(CURDIR)/bin/skylark $(GO) -C examples test -count=1 ./...

.PHONY: docker-test
docker-test: ## build the image, compose up, send and receive; skipped loudly without an engine
	@scripts/docker-test.sh

.PHONY: bench
bench: build ## ours, a no-op server and the Java broker alternately, core rows, ten minutes (ARGS="-all", "-rounds 2 -only SYNC"); writes docs/benchmarks.md
	@scripts/need.sh jvm
	@scripts/bench.sh $(ARGS)

.PHONY: lint
lint: ## golangci-lint with .golangci.yml, all modules; the first run takes minutes
	@for m in $(MODULES); do echo "== golangci-lint $$m"; $(GO) -C $$m run $(GOLANGCI_LINT) run ./...; done

.PHONY: gen
gen: ## docs/configuration.md, docs/compatibility.md and docs/metrics.md from the code
	$(GO) generate ./internal/gen/...

.PHONY: up
up: ## docker compose: name server and broker
	@scripts/compose.sh up -d --build

.PHONY: down
down: ## stop them, data is kept in the volume
	@scripts/compose.sh down

.PHONY: clean
clean: ## build results
	rm -rf bin cover.out cover.txt
