# The verbs. Each does all set-up first; `make help` lists them.
.PHONY: help setup peers demo test check format bench bench-iteration bench-validation bench-encrypted bench-dhcp bench-odoh bench-cores bench-lists bench-names bench-start bench-sandbox soak kills overload fuzz durability conformance interop lab run lock
BIN := .venv/bin
UPSTREAM ?=
ITERATE ?=
ONLY ?=
MISSING ?=
CONFIG ?= anchorhold.toml
MINUTES ?= 30
KILLS ?= 1000
RATE ?=
LISTEN := $(shell [ "$$(id -u)" = 0 ] && echo 127.0.0.1:53 || echo 127.0.0.1:5300)

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

setup: ## virtual environment and locked packages
	@tools/setup.sh

peers: ## the same, and the programs of other projects that tests need
	@tools/setup.sh peers

demo: ## the main job against a small Internet on loopback (STAY=1 keeps it up)
	@tools/setup.sh demo
	@PYTHONPATH=deploy $(BIN)/python -m demo

# Compiled once: tests start the service again and again, and it writes no caches then.
test: peers ## every test
	$(BIN)/python -m compileall -q anchorhold net wire privacy resolver dhcp
	$(BIN)/pytest

check: setup ## format, lint, types, import table
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -q tests/architecture

format: setup ## put the code into its form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The figures of each part are kept in .bench/, so that a run can be broken off: MISSING=1 goes on with what has none of this commit.
bench: peers ## ours beside the peers, every measure (ONLY='udp dot': these parts; MISSING=1: the rest); writes benchmarks/results/, docs/speed.svg
	$(BIN)/python -m compileall -q anchorhold net wire privacy resolver dhcp
	$(BIN)/python benchmarks/bench.py --record $(if $(ONLY),--only $(ONLY)) $(if $(filter-out 0 no,$(MISSING)),--missing)

bench-iteration: peers ## cold iteration beside unbound, knot-resolver and pdns-recursor; writes benchmarks/results/
	$(BIN)/python benchmarks/bench_iteration.py --record

bench-validation: peers ## validated answers beside unbound, both forwarding; writes benchmarks/results/
	$(BIN)/python benchmarks/bench_validation.py --record

bench-encrypted: peers ## of `make bench` what is served over DoT, DoH and DoQ; writes benchmarks/results/
	$(BIN)/python benchmarks/bench.py --only dot doh doq --record

bench-names: setup ## local names and protection against rebinding: what a question costs
	$(BIN)/python benchmarks/bench_names.py

# Compiled first, as an installed package is: what is compiled at the start costs time, and leaves holes in memory.
bench-start: setup ## start to first answer, memory of all cells, restarts (root)
	$(BIN)/python -m compileall -q anchorhold net wire privacy resolver dhcp
	$(BIN)/python benchmarks/bench_start.py

bench-cores: peers ## cached answers and misses with one core and with two; writes benchmarks/results/
	$(BIN)/python benchmarks/bench_cores.py --record

bench-odoh: peers ## ODoH beside DoH, through our own relay and target; writes benchmarks/results/
	$(BIN)/python benchmarks/bench_odoh.py --record

bench-lists: peers ## a million names to block, beside dnsmasq and unbound, and in the whole service; writes benchmarks/results/
	$(BIN)/python benchmarks/bench_lists.py --record
	$(BIN)/python benchmarks/bench_lists.py --service --record

bench-dhcp: peers ## DHCPv4 beside dnsmasq and Kea (root); writes benchmarks/results/
	$(BIN)/python benchmarks/bench_dhcp.py --record

bench-sandbox: peers ## what sealing costs: sealed and not, side by side (root); writes benchmarks/results/
	$(BIN)/python benchmarks/bench_sandbox.py --record

soak: peers ## half an hour at a steady rate: growth, lost and wrong answers (root; MINUTES=30 RATE=1000); writes benchmarks/results/
	$(BIN)/python benchmarks/soak.py --minutes $(MINUTES) --rate $(or $(RATE),1000) --record

kills: peers ## cells killed at random under load (root; KILLS=1000 RATE=500); writes benchmarks/results/
	$(BIN)/python benchmarks/kills.py --kills $(KILLS) --rate $(or $(RATE),500) --record

overload: peers ## five times of what it can serve, and attacks of all kinds at once (root); writes benchmarks/results/
	$(BIN)/python benchmarks/overload.py --record

interop: ## Chromium, caddy and ngtcp2's server from Debian, peers built in Go (quic-go, dnsproxy, routedns) and Rust (odoh-rs); test with them
	@tools/setup.sh interop
	cd tests/peers/quicpeer && go build -trimpath -o ../../../$(BIN)/quicpeer .
	cd tests/peers/dnsproxy && go build -trimpath -o ../../../$(BIN)/dnsproxy github.com/AdguardTeam/dnsproxy
	cd tests/peers/routedns && go build -trimpath -o ../../../$(BIN)/routedns github.com/folbricht/routedns/cmd/routedns
	cd tests/peers/odohpeer && cargo build --release && cp target/release/odohpeer ../../../$(BIN)/odohpeer
	$(BIN)/pytest tests/interop/test_quic_peers.py tests/interop/test_quic_clients.py tests/interop/test_quic_households.py tests/interop/test_odoh_peers.py tests/interop/test_http3_programs.py tests/interop/test_go_proxies.py

fuzz: setup ## a million mutated messages through every parser, packets of DHCP, lists and their images, proofs of absence, chains of trust; writes docs/fuzz.md
	$(BIN)/python tests/fuzz/long.py --cases 1000000 --record
	$(BIN)/python tests/fuzz/packets.py --cases 1000000 --record
	$(BIN)/python tests/fuzz/images.py --cases 1000000 --record
	$(BIN)/python tests/fuzz/lists.py --cases 20000 --record
	$(BIN)/python tests/fuzz/denial.py --cases 120000 --record
	$(BIN)/python tests/fuzz/chains.py --cases 200000 --record

durability: peers ## ten thousand kills of the lease store, power cuts at every write, failing disks; writes docs/durability.md
	$(BIN)/python tests/faults/durability.py --record

conformance: peers ## play ../shared/rpl against the real service (ONLY='unbound/iter_* deckard/iter_*')
	@$(BIN)/python tests/conformance/play.py $(patsubst %,'%',$(ONLY))

lab: peers ## NSD, Knot and BIND serving 198 zones in a network namespace, to look at with dig (root; SIGNED=1: the signed ones)
	@PYTHONPATH=tests unshare --net $(BIN)/python -m lab.run stay$(if $(filter-out 0 no,$(SIGNED)),-signed)

run: setup ## real use: make run UPSTREAM=tls://NAME@ADDRESS or ITERATE=1 (without: choices)
	@$(BIN)/anchorhold init --if-missing --output "$(CONFIG)" --listen "$(LISTEN)" --upstream "$(UPSTREAM)" $(if $(filter-out 0 no,$(ITERATE)),--iterate)
	@$(BIN)/anchorhold run --config "$(CONFIG)"

lock: setup ## resolve the requirements anew, by hash
	cd requirements && for set in base development fast; do ../$(BIN)/uv pip compile -q --upgrade --universal --python-version 3.11 \
		--generate-hashes --no-header --no-emit-index-url --no-emit-find-links $$set.in -o $$set.txt || exit 1; done
