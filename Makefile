# Hilfreich. `make help` prints what there is.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
DATE := $(shell date +%F)
export FLASK_APP := wsgi
export PIP_DISABLE_PIP_VERSION_CHECK := 1

PO := $(wildcard marketplace/translations/*/LC_MESSAGES/messages.po)
MO := $(PO:.po=.mo)

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

# What asks nothing of the database, or asks through a server of its own: once is enough. Filling the sample marketplace takes
# minutes on PostgreSQL: `make nightly` does it there.
NO_DATABASE := tests/house tests/domain tests/browser tests/fuzz tests/demo/test_builder.py tests/bench/test_first_start.py \
  tests/bench/test_lighthouse.py tests/bench/test_nightly.py tests/story/test_story_browser.py tests/story/test_points.py

# --- living in it ---------------------------------------------------------------------------------------------------

run: $(VENV)/.installed $(MO) ## a working marketplace full of sample people on http://localhost:8000 (PORT=..., DATABASE_URL=...)
	@ENVIRONMENT=$${ENVIRONMENT:-demo} PORT=$(PORT) $(BIN)/flask serve

demo: $(VENV)/.installed $(MO) ## throw the sample data away and make it anew
	@ENVIRONMENT=demo $(BIN)/flask demo --fresh

forward: $(VENV)/.installed $(MO) ## move the demo's clock ahead: make forward BY=14d
	@ENVIRONMENT=demo $(BIN)/flask demo --forward $(or $(BY),14d)

install: $(VENV)/.installed $(MO) ## what a server needs: the locked requirements and the compiled catalogues

# --- proving it -----------------------------------------------------------------------------------------------------

test: $(VENV)/.installed-dev $(MO) ## everything, on SQLite and PostgreSQL, browser included; what is counted, as a sample
	@$(BIN)/python tools/prepare_tests.py
	@$(BIN)/python -m pytest -q -n 2 --dist loadgroup --engine sqlite
	@$(BIN)/python -m pytest -q -n 2 --dist loadgroup --engine postgres $(foreach one,$(NO_DATABASE),--ignore $(one))

check: $(VENV)/.installed-dev $(MO) ## format, lint, types, floors, templates, house rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djlint --lint templates --quiet
	$(BIN)/python -m pytest -q tests/house

nightly: $(VENV)/.installed-dev $(MO) ## the full counts of every figure, with Lighthouse (about an hour)
	@$(BIN)/python tools/prepare_tests.py
	$(BIN)/python tools/nightly.py

# --- keeping it -----------------------------------------------------------------------------------------------------

fmt: $(VENV)/.installed-dev ## format the code
	$(BIN)/ruff check --fix-only -q .
	$(BIN)/ruff format .

lock: $(VENV)/.installed-dev ## pin the requirements anew
	$(BIN)/uv pip compile -q --upgrade --generate-hashes --no-header requirements.in -o requirements.txt
	$(BIN)/uv pip compile -q --upgrade --generate-hashes --no-header requirements-dev.in -o requirements-dev.txt

messages: $(VENV)/.installed-dev ## gather every sentence into the catalogues
	$(BIN)/pybabel -q extract -F babel.cfg -k _l -k N_ -k gettext -k lazy_gettext --no-location --sort-output --no-wrap \
	  --project Hilfreich --version 1 --copyright-holder "The Hilfreich authors" -o marketplace/translations/messages.pot .
	@for language in de fr it; do \
	  $(BIN)/pybabel -q update --init-missing --ignore-obsolete --no-fuzzy-matching --ignore-pot-creation-date --no-wrap \
	    -l $$language -i marketplace/translations/messages.pot -d marketplace/translations || exit 1; \
	done
	@rm marketplace/translations/messages.pot

docs: $(VENV)/.installed-dev ## draw the lifecycles into docs/architecture.md
	$(BIN)/python tools/draw_lifecycles.py

clean: ## remove what is made: environment, caches, sample data
	rm -rf $(VENV) node_modules var .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache $(MO)

$(VENV)/.installed: requirements.txt
	@echo "Installing the requirements into $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install -q --no-deps --require-hashes -r requirements.txt  # the lock is complete: nothing is left to resolve
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	@echo "Installing what checks and tests need ..."
	@$(BIN)/pip install -q --no-deps --require-hashes -r requirements-dev.txt
	@touch $@

%.mo: %.po | $(VENV)/.installed
	@$(BIN)/python -m babel.messages.frontend -q compile -i $< -o $@

.PHONY: help run demo forward install test check nightly fmt lock messages docs clean
