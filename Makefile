# Two commands serve a stranger: make run and make test. `make help` lists the rest.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
# Where pip's own index has no CPU build of torch, it is taken from here.
TANDEM_TORCH_INDEX ?= https://download.pytorch.org/whl/cpu

BOT := .venv/bin/python
MODEL := .venv-model/bin/python
# As many tests at once as a laptop's memory bears: some start a model server and a browser.
TEST_WORKERS ?= 2
PINS := deploy/pins
PIP_FLAGS := --quiet --no-deps --disable-pip-version-check --no-input

.PHONY: help install install-test run test check bench loop pins clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

install: ## make .venv and .venv-model from the pinned lists
	@$(MAKE) --no-print-directory -j2 .venv/.installed .venv-model/.installed

install-test: install
	@$(MAKE) --no-print-directory .venv/.installed-test

run: install ## start everything and print the address to open
	@exec .venv/bin/tandem run

test: install-test ## run the tests; what the machine lacks is skipped by name
	@$(run_tests)

check: install-test ## lint, types, import rules and tests: what CI runs
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/lint-imports --no-cache
	@.venv/bin/pyright
	@$(run_tests)

bench: install-test ## measure, with the machine named: build/bench.json
	@$(BOT) -m tests.benchmarks --out build/bench.json

loop: install-test ## show the whole loop: corrections, a night, better answers, and back; JSON last
	@rm -rf build/loop
	@$(BOT) -m tests.benchmarks.loop --out build/loop

pins: ## write the pinned lists from what is installed now
	@$(BOT) $(PINS)/pin.py $(BOT) $(MODEL)

clean: ## remove the environments and all state
	rm -rf .venv .venv-model .tandem build *.egg-info

.venv/.installed: $(PINS)/bot.txt $(PINS)/training.txt pyproject.toml
	@$(call make_environment,.venv)
	@$(call install_torch,$(BOT),$(PINS)/bot.txt)
	@echo "installing the bot and the trainer"
	@$(BOT) -m pip install $(PIP_FLAGS) -r <(grep -hv '^torch==' $(PINS)/bot.txt $(PINS)/training.txt)
	@$(BOT) -m pip install $(PIP_FLAGS) --no-build-isolation -e .
	@touch $@

.venv/.installed-test: .venv/.installed $(PINS)/test.txt
	@echo "installing what the tests need"
	@$(BOT) -m pip install $(PIP_FLAGS) -r $(PINS)/test.txt
	@touch $@

.venv-model/.installed: $(PINS)/model.txt deploy/cpu_lora/tandem_cpu_lora.py deploy/cpu_lora/pyproject.toml
	@$(call make_environment,.venv-model)
	@$(call install_torch,$(MODEL),$(PINS)/model.txt)
	@echo "installing the model server"
	@$(MODEL) -m pip install $(PIP_FLAGS) -r <(grep -hv '^torch==' $(PINS)/model.txt)
	@$(MODEL) -m pip install $(PIP_FLAGS) --no-build-isolation --force-reinstall ./deploy/cpu_lora
	@touch $@

# Files side by side, the long ones first; then one by one what measures time, or keeps a model busy on all cores.
define run_tests
	$(BOT) -m pytest -q --durations=10 -m "not alone" -n $(TEST_WORKERS) --dist loadfile --no-loadscope-reorder && \
	$(BOT) -m pytest -q --durations=10 -m alone tests/integration
endef

define make_environment
	test -n "$(PYTHON)" || { echo "Tandem needs Python 3.11 or newer: install it, or name it with make PYTHON=…"; exit 1; }; \
	test -x $(1)/bin/python || { echo "making $(1)"; $(PYTHON) -m venv $(1) || { rm -rf $(1); exit 1; }; }
endef

# Never the plain name: it would pull the CUDA build, several GB.
define install_torch
	torch=$$(grep '^torch==' $(2)); \
	$(1) -m pip install $(PIP_FLAGS) $$torch 2>/dev/null || { echo "taking torch from $(TANDEM_TORCH_INDEX)"; \
	$(1) -m pip install $(PIP_FLAGS) --index-url $(TANDEM_TORCH_INDEX) $$torch; }
endef
