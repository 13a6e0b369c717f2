# Everything a contributor needs; `make` lists it. CI runs the same targets.

SHELL       := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

GO      ?= go
# The workload of `make bench`: events of the burst, seconds of the paced part.
EVENTS  ?= 20000
PACED   ?= 15
# The sizes of `make bench-growth`; "" leaves a part out.
CONNECTIONS ?= 10 200 1000
TWINS       ?= 1000 100000 1000000
CHANGES     ?= 1000000
TICKETS     ?= 200000
GROWTH       = CONNECTIONS="$(CONNECTIONS)" TWINS="$(TWINS)" CHANGES=$(CHANGES) TICKETS=$(TICKETS)
# How long `make torture` goes on, or how many kills it takes instead, and the seed (0: another one each time).
MINUTES ?= 2
KILLS   ?= 0
SEED    ?= 0
# How long `make fuzz` tries each fuzz test.
FUZZTIME ?= 20s
# How many worlds `make sim` runs, from which on.
SEEDS   ?= 2000
SEED    ?= 1

.PHONY: help
help: ## List what can be made
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: test
test: format vet lint vuln structure race many simulation ## The gate: format, vet, lint, known weaknesses, structure and every test with the race detector

.PHONY: check
check: test ## The same as test

.PHONY: format
format: ## Fail if a file is not formatted (mend with: make fmt)
	@test -z "$$(gofmt -l . | tee /dev/stderr)" || { echo "error: not formatted, run: make fmt" >&2; exit 1; }
	@./scripts/lint/lint fmt --diff

.PHONY: fmt
fmt: ## Format every file
	@./scripts/lint/lint fmt

.PHONY: vet
vet: ## go vet, the tests against real trackers included
	$(GO) vet -tags real ./...

.PHONY: lint
lint: ## The pinned golangci-lint (built once, into the user's cache)
	@./scripts/lint/lint run

.PHONY: vuln
vuln: ## The pinned govulncheck, where its database can be reached (VULNDB= another one); says so where not
	@VULNDB="$${VULNDB:-}" ./scripts/vuln/vuln

.PHONY: structure
structure: ## The rules of docs/ARCHITECTURE.md and CONTRIBUTING.md that a program can check
	$(GO) test -count=1 .

.PHONY: race
race: ## Unit, property and script tests and fuzz seeds, with the race detector
	@command -v "$$($(GO) env CC)" >/dev/null || \
		{ echo "error: the race detector needs a C compiler ($$($(GO) env CC)); install one" >&2; exit 1; }
	CGO_ENABLED=1 $(GO) test -race $$($(GO) list ./... | grep -v '/sync/simtest$$')

.PHONY: many
many: ## What many connections do side by side; without the race detector, which finds the embedded server's own races
	$(GO) test -count=1 ./node -run 'TestTemplates_TwoHundred|TestPairing_Many'

.PHONY: simulation
simulation: ## The simulation and its mutants; a world runs on one goroutine, so without the race detector
	$(GO) test ./sync/simtest

.PHONY: test-real
test-real: ## The tests against real Redmine and Request Tracker servers (Debian, as root)
	@./scripts/test-real

.PHONY: bench
bench: ## The workload between two nodes: a table, then one line of JSON (EVENTS=, PACED=)
	@EVENTS=$(EVENTS) PACED=$(PACED) $(GO) run ./scripts/bench

.PHONY: bench-growth
bench-growth: ## Speed and memory as connections, twins and a backlog grow (CONNECTIONS=, TWINS=, CHANGES=, TICKETS=, EVENTS=)
	@$(GROWTH) EVENTS=$(EVENTS) $(GO) run ./scripts/bench -growth

.PHONY: torture
torture: ## Kills nodes and desks at random while people work, then checks everything (MINUTES=, KILLS=, SEED=)
	@MINUTES=$(MINUTES) KILLS=$(KILLS) SEED=$(SEED) $(GO) run ./scripts/torture

.PHONY: sim
sim: ## SEEDS worlds of the simulation (default 2000), from SEED on: one line at the end
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && \
		$(GO) test -c -o "$$dir/sim" ./sync/simtest && "$$dir/sim" -sweep $(SEEDS) -seed $(SEED)

.PHONY: fuzz
fuzz: ## Every fuzz test for FUZZTIME (default 20s each)
	@./scripts/fuzz $(FUZZTIME)

.PHONY: build
build: ## The binary, as ./parley
	CGO_ENABLED=0 $(GO) build -trimpath -o parley ./cmd/parley
