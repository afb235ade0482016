# Two commands do the work: `make run`, `make test`. Everything is installed below .venv, from requirements.lock.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
CORES ?= all
ARGS ?=

export PYTHON
export PYTHONUNBUFFERED := 1
# First, so that a snakemake started by dvc is this one too.
export PATH := $(CURDIR)/.venv/bin:$(PATH)

INSTALLED := .venv/.installed

.PHONY: help run test setup fetch pull bench lint types lock clean

help:  ## This list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-7s %s\n", $$1, $$2 }' Makefile

run: $(INSTALLED)  ## Run the experiment of params.yaml and say where the report lies
	@snakemake --cores $(CORES) $(ARGS)
	@echo "Report: $(CURDIR)/results/report/index.html"

test: $(INSTALLED)  ## Run the tests (ARGS="-m slow" for the slow ones)
	@pytest -n 2 --dist loadfile $(ARGS)

setup:  ## Install system packages (WordNet, Chromium, Slurm) where allowed
	@scripts/setup.sh

fetch: $(INSTALLED)  ## Download data and models only, so that the rest runs offline
	@snakemake --cores $(CORES) fetch_all $(ARGS)

pull: $(INSTALLED)  ## Get the results of the checked-out commit from DVC's remote (after a clone or a branch switch)
	@dvc pull --quiet
	@dvc status --quiet || { echo "results and dvc.lock disagree: see dvc status" >&2; exit 1; }
	@snakemake --touch --forceall --cores 1 --no-hooks --quiet all

bench: $(INSTALLED)  ## Measure against public tools side by side (about half an hour on an idle machine)
	@python -m benchmarks $(ARGS)

lint: $(INSTALLED)  ## Check style of Python and Snakemake files
	@ruff check .
	@ruff format --check .
	@snakefmt --check Snakefile workflow
	@snakemake --lint

types: $(INSTALLED)  ## Check types
	@mypy

lock:  ## Write requirements.lock anew (UPGRADE=1 for newer versions)
	@$(PYTHON) scripts/lock.py $(if $(UPGRADE),--upgrade)

clean:  ## Remove caches of tools; results/, data/ and .venv stay
	@rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis src/*.egg-info
	@find src tests scripts -name __pycache__ -prune -exec rm -r {} +

$(INSTALLED): requirements.lock requirements-cuda.lock pyproject.toml scripts/install.sh
	@scripts/install.sh
	@touch $@
