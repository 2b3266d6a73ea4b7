# What to do with TokenOS; “make help” lists it. Nothing here asks a question, and everything may be repeated.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help setup run test test-fast test-slow coverage check check-code check-tests docs bench sbom

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.installed ## Install, generate keys and certificates, prepare the database
	@$(BIN)/python -m dashboard.instance.bootstrap
	@$(BIN)/python manage.py prepare

run: $(VENV)/.installed ## Do all of setup, then serve
	@$(BIN)/python -m dashboard.instance.bootstrap
	@$(BIN)/python -m dashboard.server.listening
	@$(BIN)/python manage.py prepare --announce
	@[ -n "$$WEB_CONCURRENCY" ] || unset WEB_CONCURRENCY; exec $(BIN)/python -m gunicorn -c dashboard/gunicorn.py

# The tests run faster if Python may keep the compiled modules, which some containers turn off.
test test-fast test-slow coverage check: export PYTHONDONTWRITEBYTECODE :=
PYTEST = $(BIN)/python -m pytest -n $$(( $$(nproc) + 2 )) --dist loadfile --no-loadscope-reorder

test: check ## Run every check, and every test but the slow ones and the variants: before a commit
	@echo "pytest"
	@$(PYTEST) -m "not slow and not variant"

test-fast: $(VENV)/.installed-dev ## Run the short tests that start no server, browser or other program, with the first and the last case of each
	@$(BIN)/python -m pytest -n $$(( $$(nproc) + 1 )) --dist worksteal -m "not program and not long and not slow" --few --ignore tests/dashboard/test_page_costs.py \
		tests/test_*.py tests/clients tests/commands tests/dashboard tests/docs tests/oauth

coverage: $(VENV)/.installed-dev ## Run every test, as CI does, and check that they cover the code
	@echo "pytest"
	@$(PYTEST) --cov --cov-report=
	@echo "coverage: 95 % of everything"
	@$(BIN)/coverage report --fail-under=95
	@echo "coverage: every branch of clients and oauth"
	@$(BIN)/coverage report --include='clients/*,oauth/*' --fail-under=100

test-slow: $(VENV)/.installed-dev ## Run what “make test” leaves out: floods, faults, endurance tests, and more ways to use the pages
	@$(PYTEST) -m "slow or variant"

check: $(VENV)/.installed-dev ## Check style, types, import direction, templates, migrations, and that pytest can collect every test
	@$(MAKE) --jobs=2 --output-sync=target check-code check-tests

check-code:
	@echo "ruff check" && $(BIN)/ruff check --quiet .
	@echo "ruff format" && $(BIN)/ruff format --quiet --check .
	@echo "mypy" && $(BIN)/mypy --no-error-summary
	@echo "lint-imports" && PYTHONPATH=. $(BIN)/lint-imports --no-logo
	@if [ -d templates ]; then echo "djlint" && $(BIN)/djlint --quiet --lint --check templates tests/style_guide/templates; fi
	@echo "makemigrations" && $(BIN)/python manage.py makemigrations --check --dry-run --settings tests.settings

# It also compiles all tests once, for every process that runs some of them.
check-tests:
	@echo "pytest collects" && found=$$($(BIN)/python -m pytest --collect-only -qq) || { echo "$$found"; exit 1; }

docs: $(VENV)/.installed-dev ## Write the tables of docs/errors.md from the code
	@$(BIN)/python -m tests.docs.error_tables

bench: $(VENV)/.installed-dev ## Measure the token endpoint beside others; see docs/performance.md
	@$(BIN)/python -m tests.performance.bench

sbom: $(VENV)/.installed-dev ## List what is installed, as CycloneDX: sbom.cdx.json
	@$(BIN)/python -W ignore -m cyclonedx_py requirements --pyproject pyproject.toml --output-reproducible --output-file sbom.cdx.json requirements.txt

# An incomplete virtual environment has no .made and is made again.
$(VENV)/.made:
	@command -v $(PYTHON) > /dev/null || { echo "TokenOS needs Python 3.11 or later. Install python3 and python3-venv, or name another: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "TokenOS needs Python 3.11 or later, and $(PYTHON) is older. Name another: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null || { echo "$(PYTHON) can't make virtual environments. Install its venv package, on Debian: apt install python3-venv" >&2; exit 1; }
	@echo "Creating the virtual environment $(VENV)"
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/.installed: requirements.txt $(VENV)/.made
	@echo "Installing the dependencies"
	@$(PIP) -r $<
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	@echo "Installing what the tests need"
	@$(PIP) -r $<
	@touch $@
