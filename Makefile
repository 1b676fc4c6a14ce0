# Everything happens in .venv, which is made on first use. Nothing is installed outside it.
#
#   make demo     a mail account in memory, filled with examples, and what can be asked of it
#   make test     all tests; ARGS="-k search" chooses, PROFILE=long tries far more generated examples,
#                   JOBS=0 runs them in one process
#   make lint     ruff
#   make types    mypy
#   make docs     the documentation site, in site/
#   make bench    the measurements; ARGS="--messages 100000" for all of them
#   make hostile  mail that is meant to take long, in doubling sizes: none takes more than twice as long
#   make clean    remove .venv and everything that was built

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
PROFILE ?= short
JOBS ?= 2
ARGS ?=

# A Python will do when it runs (a shim may be there and fail), is new enough and can make an environment.
CHECK := import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 15))

.PHONY: help demo test lint types docs bench hostile clean
.DEFAULT_GOAL := help

help:
	@sed -n 's/^#   \(make .*\)/\1/p' Makefile

demo: $(VENV)/.demo
	$(BIN)/imapdb demo $(ARGS)

test: $(VENV)/.test
	PROFILE=$(PROFILE) $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --cov --cov-branch --cov-report=term $(ARGS)

lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.types
	$(BIN)/mypy $(ARGS)

docs: $(VENV)/.docs
	$(BIN)/mkdocs build --strict $(ARGS)

bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks $(ARGS)

hostile: $(VENV)/.bench
	$(BIN)/python -m benchmarks.hostile --server $(ARGS)

clean:
	rm -rf $(VENV) .cache .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist htmlcov site
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One stamp for each extra: installed again when pyproject.toml changes.
$(VENV)/.%: pyproject.toml | $(BIN)/python
	@if $(BIN)/python -m pip --version >/dev/null 2>&1; then \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'; \
	else \
	  uv pip install --quiet --python $(BIN)/python --editable '.[$*]'; \
	fi
	@touch $@

# $PYTHON where it is given; else uv, which fetches a Python if it must; else the newest Python that works.
$(BIN)/python:
	@rm -rf $(VENV); \
	if [ -n "$$PYTHON" ]; then \
	  candidates="$$PYTHON"; \
	else \
	  if uv --version >/dev/null 2>&1 && uv venv --quiet --seed --python '>=3.11,<3.15' $(VENV); then exit 0; fi; \
	  candidates="python3.14 python3.13 python3.12 python3.11 python3"; \
	fi; \
	for python in $$candidates; do \
	  if "$$python" -c '$(CHECK)' >/dev/null 2>&1 && "$$python" -m venv $(VENV); then exit 0; fi; \
	  rm -rf $(VENV); \
	done; \
	echo "Python 3.11 to 3.14 with venv is needed. On Debian and Ubuntu: sudo apt-get install python3-venv" >&2; \
	exit 2
