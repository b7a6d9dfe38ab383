# make new DEST=../myproj [PRESET=02-full] [ARGS="-d stack=full"]   a project, new or existing
# make test                                                         lint and every test; e2e where Docker runs
PYTHON ?= python3
# By the environment, not on a command line: a name may hold blanks, quotation marks or a dollar sign.
export DEST PRESET ARGS
BIN := .venv/bin

.PHONY: new test fast lint help
.DEFAULT_GOAL := help

help:
	@sed -n 's/^# make/make/p' Makefile

# Both environments are made by make itself, again when pyproject.toml changes.
.venv/render: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 ...")'
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet '.[render]'
	@touch $@

.venv/dev: .venv/render
	@$(BIN)/python -m pip install --quiet '.[dev]'
	@touch $@

new: .venv/render
	@$(BIN)/python tools/new.py

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python tools/lint_questions.py

fast: .venv/dev
	$(BIN)/python -m pytest -m "not e2e" -n auto

test: lint fast
	$(BIN)/python -m pytest -m e2e -n 2 --dist loadscope
