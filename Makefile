# `make demo` and `make test` set up what they need; nothing outside this clone is asked for but the Python packages.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PLAIN := $(VENV)/.plain
PYTEST_ARGS ?=
DATA ?=
CONFIG ?= configs/train/small.yaml

.PHONY: help setup demo test lint docs figures evaluate bench train estimators ablation adaptation reader contest clean

help: ## what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(STAMP) ## a virtual environment with llars and all that its development needs

$(BIN)/python:
	@$(PYTHON) -m venv $(VENV)

$(PLAIN): pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing into $(VENV): one to three minutes"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(STAMP): pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing into $(VENV): one to five minutes"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e '.[app,dev,train,bench,dask,ray,export,parquet,docs]'
	@touch $@

demo: $(if $(wildcard $(STAMP)),$(STAMP),$(PLAIN)) ## degrade the example scene, restore it, leave pictures and GeoTIFFs in demo/
	@$(BIN)/python scripts/demo.py

test: $(STAMP) ## the whole test suite, a file of tests at a time on each processor; PYTEST_ARGS="-n 0 tests/model" runs a part
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n auto --dist loadfile $(PYTEST_ARGS)

lint: $(STAMP) ## ruff and mypy, as strict as they come
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(STAMP) ## the documentation, in docs/_build/html; a warning is an error
	$(BIN)/sphinx-build -q -W --keep-going -b html docs docs/_build/html
	@echo "open docs/_build/html/index.html"

figures: $(STAMP) ## the figures of docs/concepts, from the bundled weights
	PYTHONPATH=scripts $(BIN)/python -m figures docs/pictures/concepts

evaluate: $(STAMP) ## make evaluate DATA=folder: the table of docs/results.md
	@test -n "$(DATA)" || { echo "say where the scenes are: make evaluate DATA=folder (with a scenes.json)" >&2; exit 2; }
	$(BIN)/llars evaluate configs/eval/shared.yaml $(DATA)

bench: $(STAMP) ## speed and memory of llars-small on this machine
	$(BIN)/python -m llars.bench.speed

train: $(STAMP) ## make train DATA=folder: the bundled weights, from the imagery up
	@test -n "$(DATA)" || { echo "say where the scenes are: make train DATA=folder (with a scenes.json)" >&2; exit 2; }
	$(BIN)/llars data build configs/data/open.yaml $(DATA)
	$(BIN)/llars train $(CONFIG)

estimators: $(STAMP) ## make estimators DATA=folder: the bundled estimators, before make train; four hours on one core
	@test -n "$(DATA)" || { echo "say where the scenes are: make estimators DATA=folder (with a scenes.json)" >&2; exit 2; }
	$(BIN)/llars data build configs/data/open.yaml $(DATA)
	$(BIN)/python -m llars.train.optics runs/corpus
	$(BIN)/python -m llars.train.upsampling runs/corpus --run runs/upsampling
	$(BIN)/python -m llars.train.corrections runs/corpus noise --run runs/noise
	$(BIN)/python -m llars.train.corrections runs/corpus stripes --run runs/stripes
	$(BIN)/python -m llars.train.opacity runs/corpus --run runs/opacity --real $(DATA)
	$(BIN)/python -m llars.train.speckle runs/corpus --run runs/speckle --series $(DATA)/series/worldcereal/site_b.npz

ablation: $(STAMP) ## after make train: one short training without each part of the model; an hour or two, goes on if stopped
	PYTHONPATH=. $(BIN)/python -m benchmarks.ablation --out runs/ablation
	PYTHONPATH=. $(BIN)/python -m benchmarks.ablation --report --out runs/ablation
	PYTHONPATH=scripts $(BIN)/python -m figures docs/pictures/concepts loss_weights

adaptation: $(STAMP) ## after make train: tuning on sensors left out of a short training, docs/adaptation.md; hours, goes on if stopped
	PYTHONPATH=. $(BIN)/python -m benchmarks.adaptation --without sentinel2-l1b --out runs/adaptation
	PYTHONPATH=. $(BIN)/python -m benchmarks.adaptation --without naip --pairs 5,20 --out runs/adaptation
	PYTHONPATH=. $(BIN)/python -m benchmarks.adaptation --without landsat7 --out runs/adaptation --report

reader: $(STAMP) ## the bundled reader of instructions, from the grammar up
	$(BIN)/python -m llars.train.reading

contest: $(STAMP) ## make contest [CORPUS=runs/corpus] [MINUTES=10]: the learned rivals, docs/contest.md; hours, goes on if stopped
	PYTHONPATH=. $(BIN)/python -m benchmarks.rivals --corpus $(or $(CORPUS),runs/corpus) --without landsat \
		--cpu-minutes $(or $(MINUTES),10) --steps least --specialists --report

clean: ## remove what the targets above left
	rm -rf $(VENV) demo docs/_build .pytest_cache .mypy_cache .ruff_cache
