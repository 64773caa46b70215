# Inception Explorer: `make run` starts it, `make test` checks it. `make help` lists the rest.

# The first Python that is new enough; another one: make run PYTHON=/path/to/python3
NEW_ENOUGH = 'import sys; sys.exit(sys.version_info < (3, 11))'
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python3.14 python; do \
	$$python -c $(NEW_ENOUGH) >/dev/null 2>&1 && echo $$python && exit; done; echo python3)
ARGS ?=
# What one process has compiled the hundreds of others that tests start need not compile again.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# uv unpacks on all cores, and what it has unpacked once is linked into further environments. It does not read where pip
# finds packages, so it is told; what it cannot do with that (a proxy or certificate in pip's settings), pip does. Neither
# compiles: of 265 MB of source the tests import a third, which Python compiles then.
PIP_TO_UV := sed -n -e 's/\\n/ /g' -e '/[.]find-links=/s/ /,/g' -e 's/^.*[.]index-url=/export UV_INDEX_URL=/p' \
	-e 's/^.*[.]extra-index-url=/export UV_EXTRA_INDEX_URL=/p' -e 's/^.*[.]find-links=/export UV_FIND_LINKS=/p'
define INSTALL
@eval "$$($(BIN)/python -m pip config list | sort -r | $(PIP_TO_UV))"; \
	$(PIP) install --only-binary :all: -c constraints.txt uv 2>/dev/null && \
	$(BIN)/uv pip install $$([ -t 2 ] || echo --quiet) --python $(BIN)/python --index-strategy unsafe-best-match -c constraints.txt $(1) || \
	{ echo "Installing with pip instead …"; $(PIP) install --no-compile -c constraints.txt $(1); }
@touch $@
endef
PRODUCT := .venv/.product-installed
TOOLS := .venv/.tools-installed
COMPILED := .venv/.compiled

.DEFAULT_GOAL := help
.PHONY: help run test test-all pytest chromium lint benchmark screenshots clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s%s\n", $$1, $$2 }' Makefile

run: $(PRODUCT)  ## install what is missing and open the app (ARGS="--server.port 8600" and the like)
	@$(BIN)/python -m streamlit run app.py $(ARGS)

test: $(TOOLS)  ## everything: lint, types, tests, browser tests (ARGS="-k share" and the like)
	@$(MAKE) --no-print-directory --jobs=3 lint pytest

pytest: chromium $(COMPILED)
	$(BIN)/python -m pytest -n 3 $(ARGS)

chromium: $(TOOLS)
	@$(BIN)/python -m tests.browser.chromium

test-all: export EXPLORER_TESTS = all
test-all: test  ## the same with all random examples, ten times as many, and the relatives of each kind

lint: $(TOOLS)  ## ruff and mypy
	$(BIN)/ruff check --output-format concise .
	$(BIN)/mypy --strict explorer pages

benchmark: $(TOOLS)  ## measure against the stated budgets
	$(BIN)/python -m pytest -m benchmark tests/benchmarks -s $(ARGS)

screenshots: chromium  ## pictures of every page
	$(BIN)/python -m tests.browser.screenshots $(ARGS)

clean:  ## remove what make and the tests have made, the environment too
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis tests/artifacts
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(PRODUCT): requirements.txt constraints.txt | $(BIN)/pip
	@echo "Installing the requirements; the first time this takes some minutes …"
	$(call INSTALL,-r requirements.txt)

$(TOOLS): requirements.txt tests/requirements.txt constraints.txt | $(BIN)/pip
	@echo "Installing the requirements and what else the tests need; the first time this takes some minutes …"
	$(call INSTALL,-r requirements.txt -r tests/requirements.txt)
	@touch $(PRODUCT)

# What the tests import, compiled once: three processes that begin side by side would each compile all of it. What is
# wrong with a test that cannot be collected, pytest says when it runs them.
$(COMPILED): $(TOOLS)
	@echo "Compiling what the tests import …"
	@$(BIN)/python -m pytest --collect-only --quiet >/dev/null 2>&1 || true
	@touch $@

# Debian and Ubuntu keep ensurepip in a package of its own; without it, other ways to a pip are tried.
$(BIN)/pip:
	@$(PYTHON) -c $(NEW_ENOUGH) >/dev/null 2>&1 || { \
		echo "Inception Explorer needs Python 3.11 or newer; $(PYTHON) is: $$($(PYTHON) --version 2>&1)" >&2; \
		echo "Install one, or name it: make run PYTHON=/path/to/python3" >&2; \
		exit 1; }
	@if $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null; then \
		$(PYTHON) -m venv .venv; \
	elif $(PYTHON) -c 'import venv, pip' 2>/dev/null; then \
		$(PYTHON) -m venv --without-pip .venv && \
		$(PYTHON) -m pip --quiet --python $(BIN)/python install pip; \
	elif $(PYTHON) -c 'import virtualenv' 2>/dev/null; then \
		$(PYTHON) -m virtualenv --quiet .venv; \
	elif command -v uv >/dev/null; then \
		uv venv --quiet --seed --python "$$(command -v $(PYTHON))" .venv; \
	else \
		echo "$(PYTHON) cannot make a virtual environment: its ensurepip module is missing." >&2; \
		echo "On Debian and Ubuntu: apt-get install python3-venv" >&2; \
		echo "Or name another Python: make run PYTHON=/path/to/python3" >&2; \
		exit 1; \
	fi
