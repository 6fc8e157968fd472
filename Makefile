# make demo   a morning at three simulated stations; needs git, make and python3-venv, no root, no other package
# make test   style, types, imports and all tests; installs missing Debian packages when it may
# make faults break it in every known way, count what is lost or done twice (ARGS="--long kill"; some need root)
# make printing  receipts and reports with every fault at every step, on four families of printers (ARGS="--all")
# make fuzz   any bytes at every parser, half a minute each (ARGS="--seconds 600 card pass" picks some)
# make bench  figures beside their baselines (ARGS="tap ledger" picks some)

PY ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
ARGS ?=
# Most tests wait for other processes: four files at a time keep two cores busy. One: JOBS=0.
JOBS ?= 4
# Compressed downloads of a first run, measured with an empty cache.
DEMO_MB = 112
TEST_MB = 143

PIP = $(BIN)/python -m pip --disable-pip-version-check install --require-hashes

.PHONY: demo test test-py bench faults printing fuzz check types imports tests packages lock clean help

help:
	@sed -n 's/^# //p' Makefile | head -6

demo: $(VENV)/.demo-ready
	@$(BIN)/smartplace demo $(ARGS)

test: packages check types imports tests

test-py:
	@$(MAKE) --no-print-directory test PY=$(PY) VENV=.venv-$(notdir $(PY))

check: $(VENV)/.test-ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.test-ready
	$(BIN)/mypy
	$(BIN)/mypy tests

imports: $(VENV)/.test-ready
	$(BIN)/lint-imports

tests: $(VENV)/.test-ready
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

bench: $(VENV)/.test-ready
	$(BIN)/python -m tests.bench $(ARGS)

faults: packages $(VENV)/.test-ready
	@$(BIN)/python -m tests.faults $(ARGS)

printing: $(VENV)/.test-ready
	@$(BIN)/python -m tests.printing $(ARGS)

fuzz: $(VENV)/.test-ready
	@$(PIP) -q -r requirements-fuzz.txt
	@$(BIN)/python -m tests.fuzz $(ARGS)

# Programs that some tests run beside us. Without the right to install them those tests are skipped, each with a line.
packages:
	@sh tests/support/packages.sh

$(VENV)/.demo-ready: requirements.txt requirements-build.txt pyproject.toml
	@echo "First start: setting up $(VENV), about $(DEMO_MB) MB to download."
	@test -x $(BIN)/python || $(PY) -m venv $(VENV)
	@$(PIP) -q -r requirements-build.txt
	@$(PIP) --progress-bar on --no-build-isolation -r requirements.txt
	@$(BIN)/python -m pip --disable-pip-version-check install -q --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.test-ready: requirements-dev.txt requirements-pcsc.txt requirements-build.txt pyproject.toml
	@echo "Setting up $(VENV) for the tests, about $(TEST_MB) MB to download."
	@test -x $(BIN)/python || $(PY) -m venv $(VENV)
	@$(PIP) -q -r requirements-build.txt
	@$(PIP) --progress-bar on --no-build-isolation -r requirements-dev.txt
	@if command -v swig >/dev/null && [ -e /usr/include/PCSC/winscard.h ]; then \
	  $(PIP) -q --no-build-isolation -r requirements-pcsc.txt || echo "pyscard could not be built: its tests are skipped"; \
	else echo "No swig or libpcsclite-dev: the tests of the pcsc driver are skipped"; fi
	@$(BIN)/python -m pip --disable-pip-version-check install -q --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.demo-ready

# New locks for all supported Pythons and machines; needs uv. Hashes only, no address of an index.
LOCK = uv pip compile --no-config --generate-hashes --universal --python-version 3.11 --no-header -q
lock:
	$(LOCK) requirements-build.in -o requirements-build.txt
	$(LOCK) pyproject.toml --extra demo --group dev -o requirements-dev.txt
	$(LOCK) pyproject.toml --extra pcsc -c requirements-dev.txt --no-annotate -o requirements-pcsc.txt.all
	@sed -n '/^pyscard==/,/[^\\]$$/p' requirements-pcsc.txt.all > requirements-pcsc.txt && rm requirements-pcsc.txt.all
	$(LOCK) pyproject.toml --extra demo -c requirements-dev.txt --no-annotate -o requirements.txt
	$(LOCK) --group fuzz --no-annotate -o requirements-fuzz.txt

clean:
	rm -rf .venv .venv-* build dist demo-state .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .fuzz bench.json faults.json
