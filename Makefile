# Watershed. `make` alone lists what there is.

TARGET   := $(or $(CARGO_TARGET_DIR),target)
TOPOLOGY ?= cluster/local.toml
CLUSTER  := $(TARGET)/release/cluster
CARGO    := cargo --locked
DUCKDB   := $(TARGET)/duckdb
WEB      := crates/web

VIEWERS      ?= 2000
COMMENTS     ?= 5
LIKES        ?= 2000
DURATION     ?= 30
SEEDS        ?= 500
FIRST_SEED   ?= 1
MINUTES      ?= 10
CUTS         ?= 20
KILLS        ?= 10
SEED         ?= 1
STREAMS      ?= 100000
NODES        ?= 6
IDLE         ?= 60
DUCKDB_VERSION := 2.0.0
# What Vite asks for.
NODE_MIN     := 20.19
NODE_IS_THERE := command -v npm >/dev/null && \
    node -e 'const [a, b] = process.versions.node.split(".").map(Number), [c, d] = "$(NODE_MIN)".split(".").map(Number); process.exit(a > c || (a === c && b >= d) ? 0 : 1)' 2>/dev/null

.DEFAULT_GOAL := help
.PHONY: help demo test cluster status top logs stop load factors sim mutants powercut storm bench bench-fanout bench-page bytes \
    million streams fuzz web web-check check fmt build build-bench build-testing \
    analytics needs needs-browser needs-client needs-duckdb needs-loop needs-node clean

help: ## Lists the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: build ## Builds, starts a local cluster with a small crowd, prints the page to open; Ctrl-C ends all of it
	@$(CLUSTER) demo --config $(TOPOLOGY)

test: needs-browser needs-client needs-duckdb build-testing ## Runs everything: units, simulator, real processes, a real browser
	@$(CARGO) test --profile testing --workspace

cluster: build ## Starts the local cluster in the background and prints its URLs; again: starts what is dead
	@$(CLUSTER) up --config $(TOPOLOGY)

status: build ## Shows every node of the local cluster
	@$(CLUSTER) status --config $(TOPOLOGY)

top: build ## The running cluster's figures in this terminal, live; q ends it
	@$(TARGET)/release/watershed top --config $(TOPOLOGY)

logs: build ## Follows the logs of all nodes; NODE=b1 for one
	@$(CLUSTER) logs --config $(TOPOLOGY) -f $(NODE)

stop: build ## Stops the local cluster and its crowd; leaves the data
	@$(CLUSTER) stop --config $(TOPOLOGY)

load: build ## A crowd against the running cluster, with a ledger: VIEWERS= COMMENTS= LIKES= DURATION=
	@$(TARGET)/release/loadgen $$($(CLUSTER) urls --config $(TOPOLOGY) | sed 's/^/--http /') --viewers $(VIEWERS) \
	    --comments-per-s $(COMMENTS) --likes-per-s $(LIKES) --duration $(DURATION) $(LOAD_FLAGS)

analytics: needs-duckdb build ## The local cluster's busiest seconds and what each stream had in all: STREAM= for one
	@$(DUCKDB)/bin/python cluster/analytics.py $(if $(STREAM),--stream '$(STREAM)') \
	    "$$($(CLUSTER) analytics --config $(TOPOLOGY))"

factors: build ## What each stage of the running cluster earns: units in for one out
	@$(CLUSTER) factors --config $(TOPOLOGY)

sim: needs ## Simulates SEEDS= clusters of 20 viewers for 30 s each, from FIRST_SEED= on
	@$(CARGO) run --profile testing -p watershed-sim -- --seeds $(SEEDS) --first-seed $(FIRST_SEED)

mutants: needs ## Plants each known bug in turn: which invariant catches it, at which seed, in how many seconds
	@$(CARGO) run --profile testing -q -p watershed-sim -- --mutants --seeds $(SEEDS) --first-seed $(FIRST_SEED)

powercut: needs-loop build-testing ## Cuts the power of a cluster CUTS= times under load, at moments of a SEED= (needs root and loop devices)
	@$(TARGET)/testing/powercut --cuts $(CUTS) --seed $(SEED)

storm: DURATION := 120
storm: build-testing ## 500 viewers write, repeat and reconnect while KILLS= nodes are killed in DURATION= seconds, at times of a SEED=
	@$(TARGET)/testing/storm --seed $(SEED) --kills $(KILLS) --duration $(DURATION)

bench: needs ## What commits, comments, likes and starts cost a processor, and likes the root, in tables (ten minutes)
	@$(CARGO) run --release -q -p watershed-store --example commit -- $${TMPDIR:-/tmp}
	@$(CARGO) run --release -q -p watershed-store --example comments -- $${TMPDIR:-/tmp}
	@$(CARGO) run --release -q -p watershed-store --example likes -- $${TMPDIR:-/tmp}
	@$(CARGO) run --release -q -p watershed-sim --example root
	@$(CARGO) run --release -q -p watershed-store --example recover -- $${TMPDIR:-/tmp}
	@$(CARGO) run --release -q -p watershed-store --example likers -- $${TMPDIR:-/tmp}

bench-fanout: needs ## What fan-out costs: a bare loop, a naive server, ours (half an hour; QUICK=1 two minutes; SCENE= for one)
	@$(CARGO) build --release -q -p watershed-loadgen -p watershed-bench
	@$(TARGET)/release/fanout run $(if $(QUICK),--quick) $(if $(SCENE),--scene $(SCENE)) $(FANOUT_FLAGS)

bench-page: needs-browser build ## How smooth the live page is under 5,000 likes/s and 100 comments/s: frames, long tasks, memory
	@$(CARGO) build --release -q -p watershed-tests --bin bench-page
	@$(TARGET)/release/bench-page $(PAGE_FLAGS)

bytes: needs ## What a viewer costs in bytes, and a frame in time, in each encoding
	@$(CARGO) run --release -q -p watershed-sim --example bytes

million: VIEWERS := 1000000
million: build-bench ## VIEWERS= real viewers of one stream on this machine, exact to the last; BARE=1 compares, SYSCTL=1 sets what the kernel lacks
	@$(TARGET)/release/million --viewers $(VIEWERS) $(if $(BARE),--bare) $(if $(SYSCTL),--sysctl) $(MILLION_FLAGS)

streams: build-bench ## STREAMS= streams with one viewer each on NODES= nodes: what one costs while nothing happens, in IDLE= seconds
	@$(TARGET)/release/streams --streams $(STREAMS) --nodes $(NODES) --idle $(IDLE) $(if $(SYSCTL),--sysctl)

fuzz: needs ## Looks for inputs that break a decoder, with cargo-fuzz: MINUTES= in all, over every door
	@cargo +nightly fuzz --version >/dev/null 2>&1 \
	    || { echo "make fuzz needs a nightly toolchain and cargo-fuzz: rustup toolchain install nightly && cargo install --locked cargo-fuzz"; exit 1; }
	@$(CARGO) run --profile testing -p watershed-hostile --example corpus -- fuzz/corpus
	@cargo +nightly fuzz build
	@doors=$$(cargo +nightly fuzz list); seconds=$$(($(MINUTES) * 60 / $$(echo $$doors | wc -w))); \
	[ $$seconds -gt 0 ] || { echo "make fuzz needs MINUTES=1 or more, MINUTES=$(MINUTES) was given"; exit 1; }; \
	for door in $$doors; do \
	    log=fuzz/artifacts/$$door.log; mkdir -p fuzz/artifacts; \
	    cargo +nightly fuzz run "$$door" -- -max_total_time=$$seconds >$$log 2>&1 || { cat $$log; exit 1; }; \
	    printf '%-22s %s\n' "$$door" "$$(grep '^Done' $$log)"; \
	done

web: needs-node ## Builds the pages and the client from crates/web, and the list of what they were built from; commit the result
	@cd $(WEB) && npm ci --no-fund --no-audit && npm run build && npm run types

# In a copy, so that what is there is left alone. The packages are those of the lock file.
web-check: needs-node ## Fails where the committed pages and client are not what their sources give
	@copy=$$(mktemp -d) && trap 'rm -rf "$$copy"' EXIT && \
	tar -C $(WEB) --exclude=node_modules -cf - . | tar -C "$$copy" -xf - && \
	(cd "$$copy" && npm ci --no-fund --no-audit --silent && npm run --silent build >/dev/null && npm run --silent types) && \
	for built in built client/dist vendor MANIFEST; do diff -rq "$$copy/$$built" "$(WEB)/$$built" || differs=1; done; \
	[ -z "$$differs" ] || { echo "sources and built files differ: run make web"; exit 1; }; \
	echo "pages and client are what their sources give"

check: needs ## Slow and strict: formatting, lints as errors, licences and sources of all crates (needs cargo-deny)
	@$(CARGO) fmt --all --check
	@$(CARGO) clippy --profile testing --workspace --all-targets -- -D warnings
	@command -v cargo-deny >/dev/null || { echo "make check needs cargo-deny: cargo install --locked cargo-deny"; exit 1; }
	@cargo deny check
	@if $(NODE_IS_THERE); then $(MAKE) --no-print-directory web-check; \
	else echo "web-check is left out: it needs npm and Node $(NODE_MIN) or later"; fi

fmt: ## Formats the code
	@$(CARGO) fmt --all

build: needs
	@$(CARGO) build --release -p watershed-node -p watershed-cluster -p watershed-loadgen

build-bench: build
	@$(CARGO) build --release -p watershed-bench

build-testing: needs
	@$(CARGO) build --profile testing --workspace

# What is missing is named before anything is built, with the line to type.
needs:
	@command -v cargo >/dev/null || { echo "a Rust toolchain is missing, see https://rustup.rs"; exit 1; }
	@command -v cc >/dev/null || { echo "a C linker is missing: apt-get install -y gcc libc6-dev"; exit 1; }

needs-browser: needs
	@command -v chromium >/dev/null && command -v chromedriver >/dev/null \
	    || { echo "make test needs a browser: apt-get install -y chromium chromium-driver"; exit 1; }

needs-client:
	@/usr/bin/python3 -c 'import websockets, msgpack' 2>/dev/null \
	    || { echo "make test needs a WebSocket client of others: apt-get install -y python3-websockets python3-msgpack"; exit 1; }

needs-node:
	@$(NODE_IS_THERE) || { echo "make web needs npm and Node $(NODE_MIN) or later, see https://nodejs.org"; exit 1; }

# Into a place of its own below the target directory, never into the system.
needs-duckdb:
	@$(DUCKDB)/bin/python -c 'import duckdb' 2>/dev/null || { \
	    python3 -c 'import venv, ensurepip' 2>/dev/null \
	        || { echo "DuckDB needs Python's venv: apt-get install -y python3-venv"; exit 1; }; \
	    rm -rf $(DUCKDB) && python3 -m venv $(DUCKDB) && $(DUCKDB)/bin/pip install --quiet duckdb==$(DUCKDB_VERSION) \
	        || { echo "DuckDB cannot be installed into $(DUCKDB): pip install duckdb==$(DUCKDB_VERSION) failed"; exit 1; }; }

needs-loop:
	@[ "$$(id -u)" = 0 ] && [ -w /dev/loop-control ] && command -v mkfs.ext4 >/dev/null \
	    || { echo "make powercut needs root, loop devices, and apt-get install -y e2fsprogs util-linux mount"; exit 1; }

clean: ## Removes what was built and the local cluster's data
	@$(CARGO) clean
	@rm -rf .cluster
