# Archives, packages and releases; see packaging/README.md.

# The interpreter that goes into the archive: Python 3.11 or newer.
BUNDLE_PYTHON ?= $(PYTHON)
PINS := packaging/requirements

.PHONY: dist packages packages-test krew-test packaging-test supply-chain release-dry-run pins

dist: ## Make the self-contained archive of this platform, and its manifest for Krew
	$(BUNDLE_PYTHON) packaging/bundle.py
	$(BUNDLE_PYTHON) packaging/krew_manifest.py local dist --output dist/local/portcheck.yaml

packages: ## Make the wheel and the sdist
	$$($(PYTHON) packaging/environments.py release)/uv build --quiet --out-dir dist

packages-test: $(VENV)/dev ## Install them in clean environments, on every Python that is there
	$(PYTEST) tests/packaging/test_python_packages.py

krew-test: $(VENV)/dev ## Install, run, upgrade and remove the archive with Krew
	$(PYTEST) tests/packaging/test_krew.py

packaging-test: $(VENV)/dev ## Every test of archive, packages and release
	$(PYTEST) tests/packaging

supply-chain: ## Check licences and known weaknesses of what is pinned
	$(PYTHON) packaging/supply_chain.py licences
	$(PYTHON) packaging/supply_chain.py licences pip
	$(PYTHON) packaging/supply_chain.py audit --if-reachable

release-dry-run: dist packages supply-chain ## Everything of a release that can run on one machine
	$$($(PYTHON) packaging/go_tools.py actionlint)/actionlint .github/workflows/*.yml
	$$($(PYTHON) packaging/environments.py release)/zizmor --quiet --offline .github/workflows action.yml
	$(PYTHON) packaging/archive.py check dist/kubectl-portcheck_v*_*.tar.gz
	$(PYTHON) packaging/bill_of_materials.py dist/*.cdx.json
	$(PYTHON) packaging/krew_manifest.py release dist --missing-as-zeros --output dist/dry-run/portcheck.yaml
	krew=$$($(PYTHON) packaging/go_tools.py krew) && \
	  $$krew/validate-krew-manifest -skip-install -manifest dist/local/portcheck.yaml && \
	  $$krew/validate-krew-manifest -skip-install -manifest dist/dry-run/portcheck.yaml
	$(PYTHON) packaging/try_archive.py dist/kubectl-portcheck_v*_*.tar.gz
	$(PYTHON) packaging/release.py text --unreleased > dist/dry-run/notes.md
	@echo 'dry run: all well; left to the release itself: other platforms, signatures, uploads'

pins: ## Take the newest versions of what is pinned
	uv=$$($(PYTHON) packaging/environments.py release)/uv && \
	  lock="$$uv pip compile --quiet --upgrade --universal --generate-hashes --no-header --no-annotate" && \
	  $$lock --python-version 3.10 pyproject.toml --output-file $(PINS)/pip.txt && \
	  $$lock --python-version 3.10 --constraint $(PINS)/pip.txt $(PINS)/runtime.in --output-file $(PINS)/runtime.txt && \
	  $$lock --python-version 3.10 --constraint $(PINS)/runtime.txt $(PINS)/bundle.in --output-file $(PINS)/bundle.txt && \
	  $$lock --python-version 3.10 --constraint $(PINS)/pip.txt --group dev pyproject.toml $(PINS)/dev.in --output-file $(PINS)/dev.txt && \
	  $$lock --python-version 3.11 --constraint $(PINS)/dev.txt $(PINS)/release.in --output-file $(PINS)/release.txt && \
	  $$lock --python-version 3.12 --constraint $(PINS)/dev.txt $(PINS)/fuzz.in --output-file $(PINS)/fuzz.txt && \
	  $$lock --python-version 3.11 --constraint $(PINS)/dev.txt $(PINS)/site.in --output-file $(PINS)/site.txt
