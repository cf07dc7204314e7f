# demo and test are complete on a fresh machine with only Python 3.11 and make.
# The first of some interpreters that starts: version managers leave commands on the PATH that only print an error.
starts = $(shell for python in $(1); do $$python -c '' 2>/dev/null && echo $$python && break; done)
PYTHON ?= $(or $(call starts,python3.11),python3)
pyenv = $(wildcard $(HOME)/.pyenv/versions/$(1).*/bin/python)
PYTHON_NEWEST ?= $(or $(call starts,python3.13 $(call pyenv,3.13) python3.12 $(call pyenv,3.12) python3.11),python3)
VENV := .venv
NEWEST := .venv-newest
AOT := .venv-aot
BIN := $(VENV)/bin
CODE := cca_jax train eval bench examples tests docs
PIP := -m pip install --quiet --disable-pip-version-check

.PHONY: demo test test-slow test-ray test-newest test-aot package fuzz lint format verify bench figures docs notebooks clean

## A photo becomes a file and comes back: prints the figures, leaves a picture in demo_out/.
demo: $(VENV)/.demo
	$(BIN)/python -m eval.demo

## Lints, type-checks and tests.
test: lint
	$(BIN)/python -m pytest -n 2 --dist loadfile

## What takes minutes: the golden cases through gradients and optimiser steps, several devices and processes, coders at length.
test-slow: $(VENV)/.test
	$(BIN)/python -m pytest -n 2 -m slow

## A Ray cluster of two workers on this machine, and what is killed in it.
test-ray: $(VENV)/.test
	$(BIN)/python $(PIP) --constraint constraints.txt --editable '.[ray]'
	$(BIN)/python -m pytest -m ray tests/cluster

## The tests on the newest JAX without TensorFlow: JAX 0.12 takes Python 3.12 or 3.13; on 3.11 it is JAX 0.10.
test-newest: $(NEWEST)/.test
	$(NEWEST)/bin/python -m pytest -n 2 --dist loadfile

## A tiny run compiled for TPUs and GPUs, which need not be there; its environment takes 7 GB and Python 3.11.
test-aot: $(AOT)/.test
	$(AOT)/bin/python -m pytest -m aot

## A wheel and an sdist in dist/, installed and used with each supported Python of this machine.
PYTHONS ?= $(foreach version,3.10 3.11 3.12 3.13,$(call starts,python$(version) $(call pyenv,$(version))))
package: $(VENV)/.test
	rm -rf dist build
	$(BIN)/python -m build
	$(BIN)/python tests/package/check_package.py dist $(PYTHONS)

## A hundred thousand mutated files through the decoder, then the container's reader guided by coverage (docs/coding/robustness.md).
FUZZ ?= --files 100000
COVERAGE_RUNS ?= 200000
fuzz: $(VENV)/.fuzz
	$(BIN)/python -m tests.fuzz $(FUZZ)
	$(BIN)/python -m tests.fuzz.coverage -runs=$(COVERAGE_RUNS)

lint: $(VENV)/.test
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy
	PYTHONPATH=. $(BIN)/lint-imports

format: $(VENV)/.test
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

## This library against PyTorch's numbers: make verify CASE=path/to/case.json
CASE ?= tests/golden/small.json
verify: $(VENV)/.test
	$(BIN)/python -m eval.verify $(CASE)

## Times coding, whole processes, training and reading: make bench BENCH="codec --sizes 768x512 --json out.json"
BENCH ?=
bench: $(VENV)/.test
	$(BIN)/python -m bench $(BENCH)

## The pictures and tables of the README, the card of lite and the docs, made anew: make figures KODAK=PATH/kodak
REPORT ?= .cache/report
figures: $(VENV)/.test
	$(BIN)/python -m eval --data $(KODAK) --codecs jpeg,webp,avif,heic --out $(REPORT)
	$(BIN)/python -m bench codec --models lite --sizes 768x512 --json $(REPORT)/bench.json
	$(BIN)/python -m eval.report $(REPORT)/results.json --bench $(REPORT)/bench.json
	$(BIN)/python -m eval.demo --out $(REPORT)/demo --picture docs/images/demo.webp
	$(BIN)/python -m eval.demo.anatomy --out docs/images

## The documentation site, in .cache/site: open index.html there. A broken link or a name without a page is an error.
docs: $(VENV)/.test
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build

## Runs the notebooks in examples/ into .cache/notebooks, with few steps of training; make notebooks STEPS= NOTEBOOKS=--inplace
## runs them as they are committed, and renews these.
STEPS ?= 40
NOTEBOOKS ?= --output-dir .cache/notebooks
notebooks: $(VENV)/.test
	STEPS=$(STEPS) $(BIN)/jupyter nbconvert --to notebook --execute $(NOTEBOOKS) \
		--ExecutePreprocessor.record_timing=False --ClearMetadataPreprocessor.enabled=True examples/*.ipynb

$(VENV)/.demo: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python $(PIP) --constraint constraints.txt --editable '.[tensorflow]'
	touch $@

$(VENV)/.test: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python $(PIP) --constraint constraints.txt \
		--editable '.[tensorflow,torch,train,tfds,eval,metrics,test,lint,package,docs,notebooks]'
	touch $@ $(VENV)/.demo

$(VENV)/.fuzz: $(VENV)/.test
	$(BIN)/python $(PIP) --constraint constraints.txt --editable '.[fuzz]'
	touch $@

$(NEWEST)/.test: pyproject.toml constraints-newest.txt
	$(PYTHON_NEWEST) -m venv --clear $(NEWEST)
	$(NEWEST)/bin/python $(PIP) --constraint constraints-newest.txt --editable '.[train,eval,metrics,test]'
	touch $@

$(AOT)/.test: pyproject.toml constraints-newest.txt constraints-aot.txt
	$(PYTHON) -m venv $(AOT)
	$(AOT)/bin/python $(PIP) --constraint constraints-newest.txt --constraint constraints-aot.txt \
		--editable '.[train,eval,test,aot-tpu,aot-gpu]'
	touch $@

clean:
	rm -rf $(VENV) $(NEWEST) $(AOT) .cache demo_out .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist *.egg-info
