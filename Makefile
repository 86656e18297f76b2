# A fresh machine needs Python 3.11 or newer and make. Everything is set up inside the checkout (.venv, .lading).
# make PYTHON=/path/to/python3.12 ... chooses the Python; make ... ARGS="..." passes arguments on.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help demo test check lint types imports format bench bench-lineage cloud-smoke ui build clean

ARGS ?=
JOBS ?=
GROUPS ?=
BIN := $(CURDIR)/.venv/bin
SETUP = @python=$$(PYTHON="$(PYTHON)" tools/find-python) && "$$python" -I tools/bootstrap.py

# Caches stay in the checkout too; those of pip and uv may be set to be elsewhere.
export XDG_CACHE_HOME := $(CURDIR)/.lading/cache
export PIP_CACHE_DIR ?= $(XDG_CACHE_HOME)/pip
export UV_CACHE_DIR ?= $(XDG_CACHE_HOME)/uv
export MPLCONFIGDIR := $(XDG_CACHE_HOME)/matplotlib
export PIP_DISABLE_PIP_VERSION_CHECK := 1
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV

# Settings of another Airflow on this machine must not reach the demo or the tests; cloud-smoke is about them.
ifeq ($(filter cloud-smoke,$(MAKECMDGOALS)),)
export AIRFLOW_HOME := $(CURDIR)/.lading/airflow
$(foreach name,$(filter AIRFLOW__% AIRFLOW_CONN_% AIRFLOW_VAR_% AIRFLOW_CONFIG,$(.VARIABLES)),$(eval unexport $(name)))
endif

help:  ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-13s %s\n", $$1, $$2}' Makefile

demo:  ## Run the demo DAG, print its lineage, serve Airflow on 127.0.0.1 (ARGS=--no-serve stops after the printout)
	$(SETUP) demo
	@"$(BIN)/lading" demo $(ARGS)

test:  ## Run all tests, JOBS=2 two at a time; those whose service is absent are skipped (ARGS="-k name" goes to pytest)
	$(SETUP) demo test torch $(GROUPS)
	@"$(BIN)/python" -m pytest $(if $(JOBS),-n $(JOBS) --no-loadscope-reorder) $(ARGS)

check: lint types imports  ## Format check, lint, types, import contracts, quick unit and contract tests
	@"$(BIN)/python" -m pytest tests/unit tests/contract -m "not slow" $(ARGS)

lint:  ## Check format and lint
	$(SETUP) demo test lint
	@"$(BIN)/ruff" format --check
	@"$(BIN)/ruff" check

types:  ## Check types
	$(SETUP) demo test lint
	@"$(BIN)/mypy"

imports:  ## Check that imports point down the layers
	$(SETUP) demo test lint
	@"$(BIN)/lint-imports"

format:  ## Format the code, apply the safe fixes, write the generated tables and the API description
	$(SETUP) demo test lint
	@"$(BIN)/ruff" check --fix-only
	@"$(BIN)/ruff" format
	@"$(BIN)/python" tools/document_options.py
	@"$(BIN)/python" tools/document_resources.py
	@"$(BIN)/python" -W ignore tools/write_openapi.py

bench:  ## Print the benchmark table: limits and peers, measured in one run
	$(SETUP) demo test torch bench
	@"$(BIN)/python" -m benchmarks $(ARGS)

ui:  ## Build the pages anew from provider/ui (needs Node 20.19 or newer), after their types, lint and unit tests
	@cd provider/ui && npm ci --loglevel=error && npm run --silent types && npm run --silent lint && npm run --silent test
	@cd provider/ui && npm run --silent build

bench-lineage:  ## Measure the lineage index with 1,000,000 artifacts, on SQLite and PostgreSQL
	$(SETUP) demo test
	@"$(BIN)/python" -W ignore -m benchmarks.lineage $(ARGS)

cloud-smoke:  ## Try Vertex AI and Databricks themselves, with your own Airflow's targets (ARGS=--help has the cost)
	$(SETUP) demo test services
	@"$(BIN)/python" -W ignore -m tools.cloud_smoke $(ARGS)

build:  ## Build the wheel and the source archive into dist/
	$(SETUP) build
	@"$(BIN)/python" -m build --outdir dist

clean:  ## Remove everything that make created, the demo's data included
	@rm -rf .venv .lading dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
