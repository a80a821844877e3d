# make demo and make test need Python 3.10 or newer and nothing else; they make one virtual
# environment, of pinned packages. docs/testing.md says what each target of the tests runs.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCK := packaging/requirements/dev.txt
PYTEST := $(BIN)/python -m pytest

# Python keeps what it compiled, whatever the environment says: tests start it hundreds of times.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help demo demo-record test e2e e2e-nodes e2e-versions test-all test-latest lint types bench cluster-up test-oldest policy-cases cluster-down docs site pictures casts faults fuzz mutants clean

help: ## Say what each target does
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "%-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The one way to the virtual environment: exactly what $(LOCK) pins, checked by hash. Without
# --no-compile an installation takes half as long again.
$(VENV)/dev: $(LOCK) pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python %s.%s is too old. Run it with Python 3.10 or newer: make PYTHON=python3.12" % sys.version_info[:2])'
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --no-compile --require-hashes --requirement $(LOCK)
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(VENV)/dev ## Diagnose the incident that ships with the program; needs no cluster
	@$(BIN)/kubectl-portcheck --demo || test $$? -eq 1

demo-record: $(VENV)/dev ## Record the incidents that ship with the program again, on the test cluster
	$(BIN)/python -m tests.demo.record

test: $(VENV)/dev ## Run every test that needs no cluster, in parallel, and say what was left out
	$(PYTEST) --quick --numprocesses auto --dist worksteal

e2e: $(VENV)/dev ## Run the end-to-end tests: on kind where there is Docker, else on the test bed
	$(PYTEST) tests/e2e

e2e-nodes: $(VENV)/dev ## Run the tests that need several nodes, on a cluster of three of the test bed
	tests/bed/bed up --name portcheck-nodes --nodes 3
	$(PYTEST) tests/e2e/nodes --nodes
	tests/bed/bed down --name portcheck-nodes

test-all: test e2e packaging-test ## Run every test there is

test-latest: $(VENV)/dev ## Run make test's tests on the newest and oldest dependencies and Python
	$(BIN)/python -m tests.latest

lint: $(VENV)/dev ## Check style and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/shellcheck --shell=sh docs/automation/*.sh
	$(BIN)/shellcheck .ci/run

types: $(VENV)/dev ## Check types, strictly
	$(BIN)/mypy

bench: $(VENV)/dev ## Measure, on the test cluster, into docs/performance.md; BENCH=walk does a part
	$(BIN)/python -m tests.bench $(BENCH)

cluster-up: ## Start a real Kubernetes cluster for tests; harmless where one is up
	tests/bed/bed up

policy-cases: $(VENV)/dev ## Compare what is said of NetworkPolicies with what an engine lets through; SETS=40
	$(BIN)/python -m tests.policy_cases --sets $(or $(SETS),40)

e2e-versions: $(VENV)/dev ## Run the end-to-end tests on each release of Kubernetes that README names
	for release in 1.37 1.36 1.34; do \
	  PORTCHECK_E2E_RELEASE=$$release $(PYTEST) tests/e2e || exit 1; done
	$(MAKE) test-oldest

test-oldest: $(VENV)/dev ## Run end-to-end tests on the oldest Kubernetes; builds it first
	tests/bed/bed up --name old --oldest
	PORTCHECK_E2E_KUBECONFIG=$$(tests/bed/bed kubeconfig --name old) \
		$(PYTEST) tests/e2e -m oldest
	tests/bed/bed down --name old

cluster-down: ## Remove it without a trace
	tests/bed/bed down

mutants: $(VENV)/dev ## Change one condition of the rules at a time and see whether tests notice; SAMPLE=150
	$(BIN)/python -m tests.mutants --sample $(or $(SAMPLE),0)

faults: $(VENV)/dev ## Run the fault matrix and write it as a table
	$(BIN)/python -m tests.walk.table

fuzz: $(VENV)/dev ## Feed each reader of foreign bytes for SECONDS=30; needs Python 3.12 or newer
	$(BIN)/python -m pip install --quiet --require-hashes --requirement packaging/requirements/fuzz.txt
	for target in decode kubeconfig yaml sockets websocket wire; do \
	  $(BIN)/python -m tests.fuzz $$target $(or $(SECONDS),30) || exit 1; done

casts: $(VENV)/dev ## Record the program and its plugin for k9s at a terminal, on the test cluster; needs k9s
	$(BIN)/python -m tests.demo.casts

pictures: $(VENV)/dev ## Draw the pictures of the page in the documentation; needs Chromium
	$(BIN)/python -m tests.page.pictures

docs: $(VENV)/dev ## Write the parts of the documentation that are generated
	$(BIN)/python -m tests.docs

site: $(VENV)/dev ## Build the documentation as a site, strictly, into build/site/html
	$(BIN)/python -m tests.site build/site
	NO_MKDOCS_2_WARNING=1 $$($(PYTHON) packaging/environments.py site)/mkdocs build --quiet --strict \
		--config-file build/site/mkdocs.yml

include packaging/packaging.mk

clean: ## Remove what the targets above made here
	rm -rf $(VENV) .pytest-kind .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build
