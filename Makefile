# make quickstart   set everything up and train plain, translate-train and X-Mixup on the embedded benchmark
# make test         set everything up, check the style and types, run the quick tests
# make test-all     the slow tests and those on real data as well (XL_DATA=folder of the data sets)
# make storm        kill commands at random instants, run them again, compare (the long form: tools/kill_storm.py --help)
# make docs         the documents as a site in build/site
# make lint         style and types only
# make clean        remove the environment and everything that was built

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup quickstart lint test test-slow storm test-all docs clean

# Recipes run in this folder and name files relative to it, so that its path may contain spaces.
PY := .venv/bin/python
WORKERS ?= 2
PYTEST := $(PY) -m pytest -n $(WORKERS) --dist loadfile
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export OMP_NUM_THREADS ?= 1

help:
	@sed -n 's/^# make/make/p' Makefile

setup:
	@bash tools/setup_env.sh

quickstart: setup
	bash examples/quickstart.sh

lint: setup
	$(PY) -m ruff check .
	$(PY) -m mypy

test: lint
	$(PYTEST) -m "not slow"

test-slow: setup
	$(PYTEST) -m "slow or data" || { status=$$?; [ $$status -eq 5 ]; }  # 5: there are none

storm: setup
	$(PY) tools/kill_storm.py --kills 20 --only plain,make,prepare,soft-labels,code-switch

test-all: test test-slow

docs: setup .venv-docs/made
	$(PY) tools/build_docs.py build/pages
	NO_MKDOCS_2_WARNING=1 .venv-docs/bin/mkdocs build --strict --quiet -f tools/mkdocs.yml
	@echo "build/site/index.html"

.venv-docs/made: docs/requirements.txt
	$(PY) -m venv .venv-docs
	.venv-docs/bin/pip install -q -r docs/requirements.txt
	touch $@

clean:
	rm -rf .venv .venv-docs .venv.lock .quickstart build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
