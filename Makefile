# Everything is installed into .venv; nothing else on the machine is touched.
PYTHON ?= python3
VENV ?= .venv
ARGS ?=
# Folder of review and label sets that are measured against; they are no part of the project.
DATA ?= ../shared/data

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# Named after what was installed, so that a change of the lock installs again and anything else takes no time.
lock-id = $(shell cat pyproject.toml requirements/build.txt requirements/$(1).txt | cksum | cut -d ' ' -f 1)
EMBEDDED := $(VENV)/.installed-embedded-$(call lock-id,embedded)
DEV := $(VENV)/.installed-dev-$(call lock-id,dev)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup demo up test check bench bench-text bench-query evaluate lock clean venv new-venv

help: ## Say what there is
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile
	@echo '  ARGS=… is handed on: make test ARGS="tests/unit -x". PYTHON=python3.12 picks the Python of a new .venv.'

demo: $(EMBEDDED) ## Start everything, send reviews through it, show what became of them
	$(BIN)/plaudit demo $(ARGS)

up: $(EMBEDDED) ## The demo, then keep it running, with the addresses to open
	$(BIN)/plaudit demo --stay $(ARGS)

setup: $(DEV) ## Install all that development needs into .venv

test: $(DEV) ## Run the tests on a real Kafka and a real Postgres
	$(BIN)/pytest $(ARGS)

check: $(DEV) ## Format, lint, types, imports, dead code, generated contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/vulture
	$(BIN)/python -m shared.events.schema --check
	$(BIN)/python -m services.query.bazaarvoice.openapi --check

bench: $(DEV) ## Measure, as ratios to bare loops and bare SQL
	$(BIN)/python -m tests.bench $(ARGS)

bench-text: $(DEV) ## The text engine against other filters, on the reviews in DATA
	$(BIN)/python -m tests.bench.bench_text $(DATA)

bench-query: $(DEV) ## A storefront's calls on a million reviews (ARGS=--reviews=100000 for fewer)
	$(BIN)/python -m tests.bench.bench_storefront $(ARGS)

evaluate: $(DEV) ## Precision and recall beside other filters, on the labelled texts in DATA
	-cd tests/evaluation/node && npm ci --no-audit --no-fund
	$(BIN)/python -m tests.evaluation --data $(DATA) $(ARGS)

lock: venv ## Lock the dependencies again (ARGS=--upgrade takes newer ones)
	@test -x $(VENV)/lock/bin/pip-compile \
		|| { $(BIN)/python -m venv $(VENV)/lock && $(VENV)/lock/bin/python -m pip install --quiet 'pip-tools>=7.6,<8'; }
	$(LOCK) $(ARGS) --extra embedded --extra dev --output-file requirements/dev.txt pyproject.toml
	$(LOCK) --constraint requirements/dev.txt --extra embedded --output-file requirements/embedded.txt pyproject.toml
	$(LOCK) --constraint requirements/dev.txt --output-file requirements/production.txt pyproject.toml
	$(LOCK) --constraint requirements/dev.txt --all-build-deps --only-build-deps \
		--output-file requirements/build.txt pyproject.toml

# Hashes and no addresses: the files say what is installed, not where from.
LOCK = $(VENV)/lock/bin/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-header \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links

clean: ## Remove .venv and all caches (not the data in .plaudit)
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info
	find services shared tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(EMBEDDED): | venv
	$(call install,-r requirements/build.txt -r requirements/embedded.txt)
	@rm -f $(VENV)/.installed-*
	@touch $(EMBEDDED)

$(DEV): | venv
	$(call install,-r requirements/dev.txt)
	@rm -f $(VENV)/.installed-*
	@touch $(DEV) $(EMBEDDED)

# Wheels only: on a machine without compilers a missing wheel is better said than half built.
define install
	$(PIP) install --require-hashes --only-binary :all: $(1)
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
endef

# Made anew also when the Python that it was made from is gone.
venv: $(if $(and $(wildcard $(BIN)/python),$(wildcard $(BIN)/pip)),,new-venv)

new-venv:
	@command -v "$(PYTHON)" > /dev/null \
		|| { echo "There is no $(PYTHON). Install Python 3.11 or later (Debian, Ubuntu: apt install python3 python3-venv)."; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Plaudit needs Python 3.11 or later; $(PYTHON) is $$($(PYTHON) --version 2>&1)."; \
		     echo "Name a later one: make PYTHON=python3.12"; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2> /dev/null \
		|| { echo "$(PYTHON) cannot make virtual environments."; \
		     echo "On Debian and Ubuntu that is a package of its own: apt install python3-venv"; exit 1; }
	"$(PYTHON)" -m venv --clear $(VENV)
