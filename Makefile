# Needs python3 (3.11 or newer), python3-venv and make. Everything else goes into .venv.
#
#   make demo     a ledger with real-looking awards, served on 127.0.0.1:8000
#   make test     the tests
#   make check    layers, style, types, and that the core's own tests cover every branch of it
#   make crash    kill, stop, starve and trace the server; as root, with strace (TESTAMUR_CRASH_CYCLES=50,
#                 TESTAMUR_PUBLISHING_KILLS=60: more kills)
#   make interop  have published logs and signed credentials checked by software of others; with golang-go,
#                 golang-golang-x-mod-dev, nodejs and npm installed
#   make tamper   change a small ledger in every way and see the audit find it
#   make mutate   remove each check of audit and verification in turn and see a test go red
#   make bench    how fast it is, each job beside a reference, with a table at the end (JOBS="scan_json audit": some)
#   make clean    remove what these targets made, the demo's ledger too

PYTHON ?= python3
# Of `make demo`: where the ledger lies, and more arguments, as in `make demo DEMO_ARGS="--port 8001"`.
TESTAMUR_HOME ?= demo-home
DEMO_ARGS ?=
# Of `make mutate`: as in `make mutate MUTATE_ARGS="--only ledger/verification"`; everything takes half an hour.
MUTATE_ARGS ?=
# Of `make bench`: which jobs; none means all.
JOBS ?=
# Of `make test`: as in `make test PYTEST_ARGS="tests/acceptance -x"`.
PYTEST_ARGS ?= -n auto

# Where `make test` puts its files; TMPDIR=/somewhere: there.
SCRATCH = $(or $(TMPDIR),$(shell scripts/scratch.sh))

BIN = .venv/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check --quiet
# Libraries of others, for `make interop` and `make bench`.
JS = tests/interop/js
# What has to be complete in every branch, and its own tests.
CORE = ledger/domain/*,ledger/record/*,ledger/tlog/*,ledger/vc/*,ledger/verification/*
CORE_TESTS = $(addprefix tests/unit/,domain record tlog vc verification)
SOURCES := $(shell find ledger projections verify_api scripts tests -name node_modules -prune -o -type f ! -name '*.pyc' -print 2>/dev/null)

.PHONY: help venv demo test check layers style types coverage crash interop tamper mutate bench clean
.DELETE_ON_ERROR:

help:
	@sed -n '3,13s/^#  *//p' Makefile

# One environment in three steps, each a file: the demo waits for the run-time dependencies alone, the tests add theirs,
# the checks add the tools.

venv: .venv/.ready

.venv/.ready: pyproject.toml
	@command -v "$(PYTHON)" >/dev/null || { \
	  echo "There is no $(PYTHON) here. Install it (Debian: apt install python3 python3-venv), or say which: make PYTHON=python3.12" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "$(PYTHON) is $$("$(PYTHON)" -V 2>&1); Python 3.11 or newer is needed. Say which to use: make PYTHON=python3.12" >&2; exit 1; }
	@"$(PYTHON)" -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make virtual environments. Install the module venv (Debian: apt install python3-venv)." >&2; exit 1; }
	@echo "Installing into .venv; this takes about a minute the first time."
	@"$(PYTHON)" -m venv .venv
	@$(PIP) install -e .
	@touch $@

.venv/.test: .venv/.ready
	@echo "Installing what the tests need."
	@$(PIP) install -e '.[test]'
	@touch $@

.venv/.dev: .venv/.test
	@echo "Installing the tools for the checks."
	@$(PIP) install -e '.[test,dev]'
	@touch $@

demo: .venv/.ready
	@TESTAMUR_HOME="$(TESTAMUR_HOME)" exec $(BIN)/testamur demo $(DEMO_ARGS)

# The core is covered by its own tests. They run by themselves, since watching coverage takes as long as they do; it is
# believed only when all of them passed (.venv/.covered) and nothing has changed since.

covered = TMPDIR=$(SCRATCH) $(BIN)/python -m pytest -n auto $(CORE_TESTS) --cov --cov-report=

test: .venv/.test
ifeq ($(PYTEST_ARGS),-n auto)
	@rm -f .venv/.covered
	$(covered)
	@touch .venv/.covered
	TMPDIR=$(SCRATCH) $(BIN)/python -m pytest -n auto $(CORE_TESTS:%=--ignore=%)
else
	TMPDIR=$(SCRATCH) $(BIN)/python -m pytest $(PYTEST_ARGS)
endif

.venv/.covered: .venv/.test pyproject.toml $(SOURCES)
	$(covered)
	@touch $@

check: layers style types coverage

layers: .venv/.dev
	$(BIN)/lint-imports --no-logo

style: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/.dev
	$(BIN)/mypy

coverage: .venv/.dev .venv/.covered
	$(BIN)/coverage report --include='$(CORE)' --fail-under=100

# One after the other, so that the servers have the machine to themselves. It prints how long the slowest took until it was
# ready again: 5 s is what is promised, TESTAMUR_READY_SECONDS what a noisy machine is given.
crash: .venv/.test
	$(BIN)/python -m pytest -s tests/crash tests/host

# The client in Go is built from Debian's packages and from no other source of Go modules. The libraries in JavaScript
# are those of the lock file; once they are there, nothing but this machine is asked for anything.
interop: .venv/.test $(JS)/node_modules/.ready
	$(BIN)/python -m pytest tests/interop

$(JS)/node_modules/.ready: $(JS)/package.json $(JS)/package-lock.json
	@command -v npm >/dev/null || { echo "There is no npm here. Install it (Debian: apt install nodejs npm)." >&2; exit 1; }
	cd $(JS) && npm ci --no-fund --no-audit --ignore-scripts
	@touch $@

tamper: .venv/.test
	$(BIN)/python scripts/tamper.py

mutate: .venv/.test
	$(BIN)/python scripts/mutate.py $(MUTATE_ARGS)

bench: .venv/.test $(JS)/node_modules/.ready
	$(BIN)/python scripts/bench/run_all.py $(JOBS)

clean:
	rm -rf .venv build dist *.egg-info .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	rm -rf demo-home $(JS)/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
