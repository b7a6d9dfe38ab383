# make new DEST=../myproj [PRESET=02-full] [ARGS="-d stack=full"]   a project, new or existing
# make fast                                                         the tests of minutes; without Docker
# make test                                                         lint and every test; e2e where Docker runs
# make wide                                                         the same with further cases of the same kinds: hours
# make pythons                                                      projects' scripts under Python 3.9 to 3.14
# make oldest                                                       some of e2e with the oldest engine, after tests/engine/up --oldest
# make podman                                                       some of e2e with Podman, after tests/engine/up --podman
PYTHON ?= python3
# By the environment, not on a command line: a name may hold blanks, quotation marks or a dollar sign.
export DEST PRESET ARGS
BIN := .venv/bin
# Set in many containers. Each worker, and each script that a test starts, would compile again what it imports.
unexport PYTHONDONTWRITEBYTECODE
NARROW := $(if $(CHORA_WIDE),,-m "not wide")
PYTEST := $(BIN)/python -m pytest --durations=10

.PHONY: new test fast thorough coverage pythons e2e wide oldest podman lint help
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
	$(PYTEST) --ignore tests/e2e -m "not thorough" -n auto

# The workflow calls these two: how pytest is run stands here alone.
thorough: .venv/dev
	$(PYTEST) --ignore tests/e2e $(NARROW) -n auto

# The same, and which lines of the product none of them runs. Before Python 3.12 that takes half as much again.
coverage: .venv/dev
	$(PYTEST) --ignore tests/e2e -n auto --cov

# A version that is not there fails.
pythons: .venv/dev
	PYTHON_VERSIONS="3.9 3.10 3.11 3.12 3.13 3.14" $(PYTEST) tests/unit/test_pythons.py -n auto

# Projects in a folder of their own: a pytest that starts closes the usual one to other users, whom some tests act as.
e2e: export PYTEST_DEBUG_TEMPROOT = $(or $(TMPDIR),/tmp)/chora-e2e
e2e: .venv/dev
	mkdir -p $(PYTEST_DEBUG_TEMPROOT)
	$(PYTEST) tests/e2e $(NARROW) -n 2 --dist loadscope

# All pairs of answers are rendered, each script is ended at more moments, and tests with the mark `wide` are run.
wide:
	CHORA_WIDE=1 $(MAKE) test

oldest: .venv/dev
	tests/engine/on oldest $(PYTEST) tests/e2e -m oldest -n 2 --dist loadscope

podman: .venv/dev
	tests/engine/on podman $(PYTEST) tests/e2e -m podman -n 2 --dist loadscope

# One after the other: side by side on two cores each takes twice as long.
test: lint
	$(MAKE) thorough
	$(MAKE) e2e
