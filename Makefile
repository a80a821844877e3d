# make demo and make test need Python 3.10 or newer and nothing else; both make their own
# virtual environment.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo demo-record test lint types bench cluster-up test-oldest cluster-down docs faults clean

help: ## Say what each target does
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/kubectl-portcheck: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/dev: pyproject.toml $(BIN)/kubectl-portcheck
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --group dev
	@touch $@

demo: $(BIN)/kubectl-portcheck ## Diagnose the incident that ships with the program; needs no cluster
	@$(BIN)/kubectl-portcheck --demo || test $$? -eq 1

demo-record: $(VENV)/dev ## Record the incidents that ship with the program anew, on the test cluster
	$(BIN)/python -m tests.demo.record

test: $(VENV)/dev ## Run every test that this machine can run, and say what was left out
	$(BIN)/python -m pytest

lint: $(VENV)/dev ## Check style and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/shellcheck --shell=sh docs/automation/*.sh

types: $(VENV)/dev ## Check types, strictly
	$(BIN)/mypy

bench: $(VENV)/dev ## Measure, on the test cluster, into docs/performance.md; BENCH=walk does a part
	$(BIN)/python -m tests.bench $(BENCH)

cluster-up: ## Start a real Kubernetes cluster for tests; harmless where one is up
	tests/bed/bed up

test-oldest: $(VENV)/dev ## Run end-to-end tests on the oldest Kubernetes; builds it first
	tests/bed/bed up --name old --oldest
	PORTCHECK_E2E_KUBECONFIG=$$(tests/bed/bed kubeconfig --name old) \
		$(BIN)/python -m pytest tests/e2e -m oldest
	tests/bed/bed down --name old

cluster-down: ## Remove it without a trace
	tests/bed/bed down

faults: $(VENV)/dev ## Run the fault matrix and write it as a table
	$(BIN)/python -m tests.walk.table

docs: $(VENV)/dev ## Write the parts of the documentation that are generated
	$(BIN)/python -m tests.docs

include packaging/packaging.mk

clean: ## Remove what the targets above made here
	rm -rf $(VENV) .pytest-kind .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build
