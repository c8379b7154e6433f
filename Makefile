# What can be done here. Every target but help, format and clean makes .venv/ ready first, which costs nothing when it is.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup check format test demo kills bench clean

VENV := .venv
BIN := $(VENV)/bin
ROOMS := contract kiosk billing sim worlds
# Extra words for pytest, for example: make test PYTEST='-k meter -x'
PYTEST ?=
# Tests run in this many processes; 0 is one after the other, in this one. One more than CI has cores: many tests wait for
# real devices and clocks.
JOBS ?= 3
# Only a name given on the command line or in the environment; otherwise set-up takes the newest that suits.
export PYTHON ?=

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## build .venv/ and install the system packages needed (apt; says which and why)
	@scripts/set-up

check: setup ## formatter, linter and strict type checker, changing nothing
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy --strict $(ROOMS)

format: setup ## let the formatter and the linter put right what they can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test: check ## check, then the whole test suite
	$(BIN)/pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(PYTEST)

demo: setup ## server, street, kiosk, touchscreen and a phone: a tour in three minutes, then yours to play with
	$(BIN)/kiosk-sim demo

kills: setup ## kill controller and uplink at 200 random moments of a charge
	$(BIN)/kiosk-sim kills

bench: setup ## the numbers to beat, as ratios against raw baselines; a table at the end, and build/bench.json
	$(BIN)/python -m benchmarks.run

clean: ## remove everything that was built, the environment too
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
