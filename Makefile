# The one task runner: CI calls these targets and nothing else. `make help` lists them.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3.12 python3.13 python3.11 python3 \
		$${PYENV_ROOT:-$$HOME/.pyenv}/versions/3.1[1-3].*/bin/python; do \
	"$$p" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null && echo "$$p" && break; done)
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
WORKERS ?= 2
# A file's tests stay together, for what they share; tests/conftest.py says which are begun first.
TESTS := -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder
export TF_CPP_MIN_LOG_LEVEL ?= 3

.PHONY: help demo install system system-tests test test-all test-matrix check lint types imports bench clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: system $(VENV)/.runtime  ## build every report on phantom data, into reports/
	$(BIN)/xaireport build --all --data phantom
	@echo "The reports are in reports/: open reports/index.html"

install: $(VENV)/.dev  ## create .venv with all that development needs

system:  ## install Pango, which the PDFs need, where it is missing and apt-get can be used
	@bash .ci/system-packages.sh

system-tests:  ## the same, and what only tests need: Chromium, a JDK
	@bash .ci/system-packages.sh tests

$(VENV)/.runtime: pyproject.toml
	@test -n "$(PYTHON)" || { echo "Expected Python 3.11, 3.12 or 3.13. Received: none on the PATH."; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install -e .
	touch $@

$(VENV)/.dev: $(VENV)/.runtime
	$(PIP) install pip -U
	$(PIP) install --group dev
	$(PIP) install --no-deps medmnist  # its tables are an oracle; its dependencies (PyTorch, CUDA) are not wanted
	touch $@

test: system-tests $(VENV)/.dev  ## run the tests (at most 20 minutes)
	$(BIN)/python $(TESTS) -m "not slow"

test-all: system-tests $(VENV)/.dev  ## run the slow tests as well
	$(BIN)/python $(TESTS)

test-matrix: system-tests $(VENV)/.dev  ## run the tests on other Pythons, with the newest and lowest versions; ONLY=…
	$(BIN)/python tests/matrix.py $(ONLY)

check: lint types imports test  ## all that CI checks

lint: $(VENV)/.dev  ## style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev  ## static types
	$(BIN)/mypy

imports: $(VENV)/.dev  ## which room may import which
	$(BIN)/lint-imports

bench: $(VENV)/.dev  ## measure, as ratios within one run, into benchmarks/results.json
	$(BIN)/python -m benchmarks

clean:  ## remove reports, trained models and the store
	rm -rf models/.store models/*/ reports/*/ reports/*.html reports/*.pdf
