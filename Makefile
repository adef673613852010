# Everything runs in .venv; each target installs what it needs first.
PYTHON ?= python3
VENV := $(CURDIR)/.venv
# DVC starts each stage as `python`: it must find this one, also in a queue's worker.
export PATH := $(VENV)/bin:$(PATH)

.DEFAULT_GOAL := help
.PHONY: help install repro test compare verify lock clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*##/\1\t/p' $(MAKEFILE_LIST) | expand -t 12

install: $(VENV)/installed  ## make .venv with what the pipeline needs

repro: $(VENV)/installed  ## generate, train, evaluate: dvc repro
	dvc repro

test: $(VENV)/installed-dev  ## every check: lint, format, types, tests
	ruff check
	ruff format --check
	mypy
	pytest

compare: $(VENV)/installed  ## run the three architectures through the queue and compare them
	for model in gpt2 llama2 mixtral; do \
		dvc exp remove $$model 2>/dev/null; \
		dvc exp run --queue --name $$model -S model=$$model || exit; \
	done
	dvc exp run --run-all
	python -m src.compare

verify: $(VENV)/installed  ## reproduce the committed run in a fresh clone; QUICK=1: in two minutes
	python -m src.verify $(if $(QUICK),--quick)

lock: $(VENV)/installed-dev  ## write constraints.txt from what is installed
	echo '# Written by make lock: all that requirements*.txt bring along.' > constraints.txt
	pip freeze | sed 's/+cpu//' >> constraints.txt

clean:  ## remove .venv, logs and caches; data, models and metrics stay
	rm -rf $(VENV) runs .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "error: $(PYTHON) is older than 3.11; try: make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: requirements.txt constraints.txt | $(VENV)/bin/python
	pip install --quiet --disable-pip-version-check -r requirements.txt -c constraints.txt
	touch $@

$(VENV)/installed-dev: requirements-dev.txt $(VENV)/installed
	pip install --quiet --disable-pip-version-check -r requirements-dev.txt -c constraints.txt
	touch $@
