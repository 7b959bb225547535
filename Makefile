# `make serve` and `make test` do everything on a fresh machine; the rest is beside them.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin

.PHONY: serve test test-fast check docs bench install clean help

serve: $(VENV)/.installed ## environment, install, index, site on http://127.0.0.1:8000
	@$(BIN)/kb serve

# A file at a time for each process, in the order of tests/order.py.
PYTEST := $(BIN)/python -m pytest --numprocesses=auto --maxprocesses=4 --dist=loadfile \
          --no-loadscope-reorder

test: $(VENV)/.installed-test ## install what tests need and run everything
	@$(PYTEST) $(ARGS)

test-fast: $(VENV)/.installed-test ## what needs no browser, no PostgreSQL and no served site
	@$(PYTEST) --fast $(ARGS)

check: $(VENV)/.installed-check ## lint and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

docs: $(VENV)/.installed-test ## the tables of documents that are made from the code
	@$(BIN)/python -m tests.architecture.generated

bench: $(VENV)/.installed-bench ## install the rivals, then the measurements that the docs quote
	@$(BIN)/python -m benchmarks $(ARGS)

install: $(VENV)/.installed ## the product into .venv, without starting it

# The stamp files make a second run immediate: pip is asked again only when setup.cfg changed.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Tier Zero needs Python 3.11 or newer; set PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: setup.cfg pyproject.toml | $(BIN)/python
	@echo "Installing into $(VENV) (once; several minutes on a slow line)"
	@$(PIP) --editable .
	@touch $@

# Each of these brings the product too. What is imported is compiled then: compiling every file of the
# packages takes half a minute.
$(VENV)/.installed-test $(VENV)/.installed-bench $(VENV)/.installed-check: \
  $(VENV)/.installed-%: setup.cfg pyproject.toml | $(BIN)/python
	@echo "Installing into $(VENV) what '$*' needs (once; several minutes on a slow line)"
	@$(PIP) --no-compile --editable '.[$*]'
	@touch $@ $(VENV)/.installed

clean: ## remove what make made, but neither the record nor your settings
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10
