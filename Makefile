# Every target sets up what it needs; `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON := .venv/bin/python
export UV_PYTHON_DOWNLOADS ?= never
CODE := packages utilities scripts benchmarks tests conftest.py $(wildcard examples/*.py)
SOURCES := $(wildcard packages/*/src utilities/src)

.PHONY: help setup demo test test-lowest test-frameworks test-corpus check format bless coverage bench docs lock services-up services-down services-status test-migration clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  \1\t/' | expand -t 22

setup: .venv/.ready ## Make the environment: uv, a virtual environment, the locked packages

.venv/.ready: requirements.lock pyproject.toml $(wildcard packages/*/pyproject.toml) utilities/pyproject.toml scripts/bootstrap
	scripts/bootstrap
	@touch $@

demo: setup ## Migrate the legacy fleet, verify it, show one service running, take it back
	$(PYTHON) scripts/demo.py

test: setup ## Run every test
	scripts/services up
	$(PYTHON) -m pytest -n 2 --dist loadgroup

test-lowest: setup ## Run the libraries' tests with the oldest releases they work with
	scripts/test-lowest core-config core-logging monitoring core-api

test-frameworks: setup ## Run what looks at FastAPI's and Starlette's routes with releases between the oldest and the newest
	scripts/test-frameworks

test-corpus: setup ## Run the engine over the whole standard library and site-packages
	MAESTRO_CORPUS=whole $(PYTHON) -m pytest -m corpus packages/migrate/tests

check: setup ## Format, lint, types and contracts; changes nothing
	.venv/bin/black --check -q $(CODE)
	.venv/bin/isort --check -q $(CODE)
	.venv/bin/ruff check -q $(CODE)
	.venv/bin/mypy $(SOURCES)
	.venv/bin/lint-imports --no-cache

format: setup ## Put every file into the house format
	.venv/bin/isort -q $(CODE)
	.venv/bin/black -q $(CODE)
	.venv/bin/ruff check -q --fix $(CODE)

bless: setup ## Write the golden files anew; read every line of the difference
	MAESTRO_BLESS=1 $(PYTHON) -m pytest -q -k golden

COVER ?= packages
coverage: setup ## Print the line coverage of each library, or of COVER="packages/monitoring …"
	scripts/services up
	$(PYTHON) -m coverage erase
	$(PYTHON) -m coverage run -m pytest -q -p no:randomly $(COVER)
	$(PYTHON) -m coverage combine -q
	$(PYTHON) -m coverage report --skip-covered
	@for each in $(sort $(dir $(wildcard packages/*/src/))); do \
	  measured=$$($(PYTHON) -m coverage report --format=total --include="$$each*" 2>/dev/null) && echo "$$each $$measured %" || true; done

bench: setup ## Measure us and the peers, and write docs/benchmarks.md
	$(PYTHON) -m benchmarks

docs: setup ## Build the documentation site into site/; what leads nowhere fails
	NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --strict

lock: ## Resolve the packages anew into requirements.lock (versions and hashes, no addresses)
	scripts/lock

services-up: setup ## Start the servers that tests need
	scripts/services up

services-down: ## Stop them
	scripts/services down

services-status: ## Say which run
	scripts/services status

test-migration: setup ## Back up, install, migrate and test one service: SERVICE=path/to/service
	.venv/bin/maestro migrate service "$(SERVICE)"

clean: services-down ## Remove what the other targets made
	rm -rf .venv .tools .services .demo build dist site
