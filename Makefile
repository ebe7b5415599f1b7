# Two commands do everything: `make demo` and `make test`. The rest is for developers.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
CODE := $(wildcard src tests benchmarks examples tools)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help setup demo test check format bench clean lock

help: ## Show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

$(VENV)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Ardoise needs Python 3.11 or later; try: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
		|| { echo "Python cannot make a virtual environment; on Debian: apt-get install python3-venv"; exit 1; }
	@echo "Installing the locked dependencies into $(VENV) ..."
	@$(BIN)/pip install --quiet --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

setup: $(VENV)/.installed ## Prepare the private environment (.venv)

demo: setup ## Tickets in, legal invoices out, then the console (ARGS=--no-serve stops before it)
	@$(BIN)/ardoise demo $(ARGS)

test: setup ## All the checks and tests (ARGS="unit stage": these only)
	@$(BIN)/python -m tests.run_all $(ARGS)

check: setup ## Format, lint, types, layers and the fast tests, under a minute
	@$(BIN)/ruff format --check --quiet $(CODE)
	@$(BIN)/ruff check --quiet $(CODE)
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/mypy
	@ARDOISE_PROPERTY_EXAMPLES=50 $(BIN)/pytest tests/house tests/unit tests/property tests/golden -m "not slow" -n 2 $(ARGS)

format: setup ## Reformat the code
	@$(BIN)/ruff format --quiet $(CODE)
	@$(BIN)/ruff check --quiet --fix $(CODE)

bench: setup ## Benchmarks at a small size
	@$(BIN)/python -m benchmarks.run $(ARGS)

lock: ## Rewrite requirements.lock (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --all-extras --generate-hashes \
		--no-header --no-annotate pyproject.toml -o requirements.lock

clean: ## Remove the environment and the demo's data
	rm -rf $(VENV) var
