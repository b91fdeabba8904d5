# Every target works alone on a fresh machine with Python 3.11 or newer and make.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
STAMP := $(VENV)/.installed
AUDIT := .venv-audit
# The tests start hundreds of interpreters; without kept bytecode each would compile everything again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo up test test-fast nightly check format check-js bench bench-report screenshots recording soak browser browsers judges smoke doctor prices settings-table audit lock pulumi clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

setup: $(STAMP) ## make the virtual environment with everything locked in requirements-dev.txt

$(STAMP): requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is %d.%d; name another: make PYTHON=python3.12 ..." % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	@echo "Setting up $(VENV); the first time takes a minute or two ..." >&2
	@test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	@$(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

demo: setup ## start the local cloud, run one job on a sample file, print its timeline and output
	@$(RUN) -m localcloud demo

up: setup ## start the local cloud and serve the form at http://127.0.0.1:8080 until Ctrl-C
	@$(RUN) -m localcloud up

# The build is kept outside of the tree: it takes a quarter of an hour on two cores.
PULUMI_VERSION := $(shell sed -n 's|.*github.com/pulumi/pulumi/pkg/v3 v\([0-9.]*\).*|\1|p' tools/pulumi/go.mod)
PULUMI := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/mayfly/pulumi-$(PULUMI_VERSION)/pulumi

pulumi: $(PULUMI) ## build the Pulumi CLI for `python -m localcloud up --engine pulumi` and tests/pulumi; wants Go

$(PULUMI):
	@command -v go >/dev/null || { echo "Building the Pulumi CLI needs Go (https://go.dev/dl): 1.26 or newer" >&2; exit 1; }
	@echo "Building the Pulumi CLI $(PULUMI_VERSION); the first time takes up to a quarter of an hour ..." >&2
	@cd tools/pulumi && go build -trimpath -buildvcs=false -o $@ \
	  -ldflags '-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=$(PULUMI_VERSION)' \
	  github.com/pulumi/pulumi/pkg/v3/cmd/pulumi

# The longest first, so that no process is left with one of them at the end.
CLOUD_TESTS := tests/pulumi tests/frontend tests/cloud tests/localcloud

test: setup browser ## every test, local cloud and real browser included
	$(RUN) -m pytest -m "not cloud and not browser" -n 2 --no-loadscope-reorder
	$(RUN) -m pytest -m "cloud or browser" -n 4 --no-loadscope-reorder $(CLOUD_TESTS)

test-fast: setup ## the quick ones: no local cloud, no browser, nothing that goes over the whole program, API or tree
	$(RUN) -m pytest -m "not cloud and not browser and not simulation and not thorough" -n 2

judges: setup ## have other programs look at Mayfly's parts (judges/README.md); wants Debian as root, node, go, java and maven
	@failed=0; for judge in judges/*/run; do echo "== $$judge"; $$judge || failed=1; done; exit $$failed

nightly: setup ## the simulation's 2,000 random schedules, and an `up` that fails at 30 resources in turn
	$(RUN) -m pytest -m simulation --hypothesis-profile=nightly tests/simulation
	MAYFLY_FAILURES=30 MAYFLY_SEED=$$(date +%j) $(RUN) -m pytest tests/pulumi/test_production.py

soak: setup ## 2,000 jobs among faults and restarts, half an hour and more: make soak, make soak SOAK="--jobs 200 --seed 7"
	@$(RUN) -m soak $(SOAK)

check: setup ## format, lint and types
	$(RUN) -m ruff format --check .
	$(RUN) -m ruff check .
	$(RUN) -m mypy .

check-js: node_modules/.installed ## check the page's types; wants node and npm
	node_modules/.bin/tsc --project tsconfig.json

node_modules/.installed: package.json package-lock.json
	npm ci --silent --no-audit --no-fund
	@touch $@

format: setup ## put the code into the agreed form
	$(RUN) -m ruff format .
	$(RUN) -m ruff check --fix .

bench: setup ## measure everything: make bench, make bench BENCH=--quick, make bench BENCH="--only payload"
	@$(RUN) -m benchmarks run $(BENCH)

bench-report: setup ## measure quickly, and compare with benchmarks/reference.json
	@$(RUN) -m benchmarks run --quick
	@$(RUN) -m benchmarks compare benchmarks/reference.json build/bench/bench.json | tee -a "$${GITHUB_STEP_SUMMARY:-/dev/null}"

smoke: setup ## try a deployed stack with real jobs: make smoke URL=https://... [TRY="--trial burst --jobs 50"]
	@$(RUN) -m operations.smoke $(URL) $(TRY)

doctor: setup ## look at this machine, and before deploying at the AWS account: make doctor STACK=prod
	@$(RUN) -m operations.doctor $(if $(STACK),--stack $(STACK))

prices: setup ## print the commands that tell a stack what AWS charges now: make prices STACK=prod
	@$(RUN) -m operations.prices $(if $(STACK),--stack $(STACK))

settings-table: setup ## write the table of what each setting changes into docs/settings.md
	@$(RUN) -m tests.infra.config_changes

screenshots: setup browser ## picture each view of the page into build/screenshots, and those of the README into docs/images
	$(RUN) -m tests.frontend.take_screenshots

recording: setup browser ## record a job on the page into docs/images/recording.webp; wants img2webp of the package webp
	@command -v img2webp >/dev/null \
	|| { [ "$$(id -u)" = 0 ] && apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends webp; } \
	|| { echo "The recording needs img2webp: install webp (as root: apt-get install webp)" >&2; exit 1; }
	$(RUN) -m tests.frontend.take_recording

audit: $(AUDIT)/.installed ## look up known vulnerabilities of everything that is locked; asks the network
	@failed=0; for lock in $(LOCKS); do \
	  echo "$$lock.txt:" >&2; \
	  $(AUDIT)/bin/pip-audit --strict --disable-pip --require-hashes --progress-spinner off -r $$lock.txt || failed=1; \
	done; exit $$failed

$(AUDIT)/.installed: requirements-audit.txt | setup
	@test -x $(AUDIT)/bin/python || $(PYTHON) -m venv $(AUDIT)
	@$(AUDIT)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-audit.txt
	@touch $@

browser: ## see that there is a Chromium for the browser tests; as root on Debian install its headless shell
	@has() { for name; do command -v $$name >/dev/null 2>&1 && return 0; done; return 1; }; \
	add() { DEBIAN_FRONTEND=noninteractive apt-get install -q -y $$1; }; \
	has chromium-headless-shell \
	|| { has apt-get && [ "$$(id -u)" = 0 ] && apt-get update -q && { add chromium-headless-shell || add chromium; }; } \
	|| has chromium chromium-browser google-chrome google-chrome-stable \
	|| { echo "The browser tests need Chromium: install chromium-headless-shell or chromium (as root: apt-get install chromium)" >&2; exit 1; }

# geckodriver has no package in Debian: Mozilla publishes it for cargo. Kept outside of the tree: it takes minutes.
GECKODRIVER_VERSION := 0.37.1
GECKODRIVER := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/mayfly/geckodriver-$(GECKODRIVER_VERSION)/bin/geckodriver

browsers: browser ## have Chromium, Firefox and WebKitGTK with their drivers for tests/frontend/test_engines.py; wants Debian, root or sudo, and cargo
	@has() { for name; do command -v $$name >/dev/null 2>&1 && return 0; done; return 1; }; missing=; \
	has chromedriver || missing="$$missing chromium-driver"; \
	has firefox-esr firefox || missing="$$missing firefox-esr"; \
	has WebKitWebDriver || missing="$$missing webkit2gtk-driver"; \
	has Xvfb || missing="$$missing xvfb"; \
	[ "$$(id -u)" = 0 ] && root= || root="sudo -n"; \
	[ -z "$$missing" ] \
	|| { has apt-get && $$root apt-get update -q \
	     && $$root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $$missing; } \
	|| { echo "The tests of the browsers need Debian's packages$$missing, which root can install" >&2; exit 1; }
	@command -v geckodriver >/dev/null || $(MAKE) --no-print-directory $(GECKODRIVER)

$(GECKODRIVER):
	@command -v cargo >/dev/null || { echo "Building geckodriver needs cargo, which Rust has" >&2; exit 1; }
	@echo "Building geckodriver $(GECKODRIVER_VERSION); the first time takes some minutes ..." >&2
	@cargo install --quiet --locked --debug --root $(GECKODRIVER:/bin/geckodriver=) geckodriver@$(GECKODRIVER_VERSION)

lock: setup ## make the lock files anew from the .in files (versions and hashes, no addresses)
	$(RUN) -m uv pip compile $(LOCK_FLAGS) requirements-dev.in -o requirements-dev.txt
	$(RUN) -m uv pip compile $(LOCK_FLAGS) requirements-audit.in -o requirements-audit.txt
	for lock in $(DEPLOYED_LOCKS); do \
	  $(RUN) -m uv pip compile $(LOCK_FLAGS) -c requirements-dev.txt $$lock.in -o $$lock.txt || exit 1; \
	done

DEPLOYED_LOCKS := requirements functions/api/requirements functions/orchestrator/requirements
# The others have no version that requirements-dev.txt does not have.
LOCKS := requirements-dev requirements-audit
LOCK_FLAGS := --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet

clean: ## remove what was built; the virtual environments stay
	rm -rf build .pytest_cache .mypy_cache .ruff_cache .hypothesis
