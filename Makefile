# Everything runs in .venv; each target installs what it needs first. make takes a space for the end
# of a name: targets are relative, and the folder of this file stands only where no name is split.

# What is typed reaches the commands as it was typed, through the environment, and quoted there: in a
# recipe, make would take a $ for the name of a variable, and the shell a ; for a command's end.
TYPED := PYTHON TORCH_INDEX MODELS SEEDS EXHAUSTIVE JOBS THREADS REV NAME RECIPES QUICK URL \
	ENDPOINT
$(foreach name,$(TYPED),$(if $(filter command environment,$(firstword $(origin $(name)))),\
	$(eval override $(name) := $$(value $(name)))))

PYTHON ?= python3
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.DEFAULT_GOAL := help
.PHONY: help install repro test test-slow test-lens compare study ablations recipes trained report \
	explorer site notebook bench verify repair remote settings study-name remote-url lock clean

help:  ## list the targets and the commands
	@{ sed -n 's/^\([a-z-]*\):.*##/make \1\t/p' Makefile; \
	echo; echo 'In the environment, source .venv/bin/activate; --help tells the flags:'; \
	for file in $$(grep -rl --include='*.py' '__name__ == "__main__"' src scripts benchmarks | sort); do \
		module=$$(echo "$${file%.py}" | tr / .); module=$${module%.__main__}; \
		sed -n "1s|^\"\"\"|python -m $$module\t|p" "$$file"; \
	done; } | expand -t 32 || [ $$? = 141 ]  # as in make help | head

install: .venv/installed  ## make .venv with what the pipeline needs; TORCH_INDEX=URL: torch from there

repro: repair  ## generate, train, evaluate: dvc repro
	dvc repro

test: .venv/installed-dev  ## every day's checks, in minutes: lint, format, types, tests
	ruff check
	ruff format --check
	mypy
	pytest -m 'not slow'

test-slow: .venv/installed-dev  ## the tests that train, run DVC, kill, or start servers
	pytest -m slow

test-lens: .venv-lens/installed  ## exported models opened in TransformerLens, which .venv-lens is for
	.venv-lens/bin/python -m pytest -n0 tests/huggingface/test_lens.py

# What make compare runs: SEEDS='0 1' or MODELS=gpt2 for less, EXHAUSTIVE=true to grade all
# problems, JOBS runs at a time. Two runs with half the cores each are done sooner than one after
# the other with all of them. Runs are of the commit, not of what was changed since. Whatever ended
# it, the same command goes on: what is finished is not run again, what was interrupted resumes. A
# failed run keeps the others from no table.
# REV=COMMIT is for src.compare, make report and make explorer: the experiments of another commit.
MODELS ?= gpt2 llama2 mixtral
SEEDS ?= 0 1 2
EXHAUSTIVE ?= false
JOBS ?= 2
threads = $${THREADS:-$$(( ($$(getconf _NPROCESSORS_ONLN) + JOBS - 1) / JOBS ))}

SWEEP := python -m src.sweep --jobs="$$JOBS" --cpus-per-run="$(threads)"
COMPARE := python -m src.compare $${REV:+--rev="$$REV"}

compare: settings repair  ## run each architecture with three seeds, two runs at a time, and compare
	@code=0; $(SWEEP) --models="$$MODELS" --seeds="$$SEEDS" -S evaluation.exhaustive="$$EXHAUSTIVE" \
		|| code=$$?; [ $$code -gt 1 ] || $(COMPARE) || exit; exit $$code

STUDY = python -m src.study --jobs="$$JOBS" --cpus-per-run="$(threads)"

study: study-name settings repair  ## NAME=sample-efficiency: run what that study lacks, and write its page
	@$(STUDY) "studies/$$NAME.yaml"

ablations: settings repair  ## run the default with one change at a time, as the study of that name
	@$(STUDY) studies/ablations.yaml

# The files of configs/ that say what differs from params.yaml, each run by hand, JOBS at a time.
RECIPES ?= subtract add-subtract three-operands divide multiply four-operators grokking

recipes: settings .venv/installed  ## train each recipe of configs/, below checkpoints/, for docs/recipes.md
	@OMP_NUM_THREADS="$(threads)" $(MAKE) --no-print-directory --jobs="$$JOBS" trained
	python -m scripts.recipes

trained: $(patsubst configs/%.yaml,checkpoints/%/eval/eval.json,\
	$(filter $(wildcard configs/*.yaml),$(RECIPES:%=configs/%.yaml)))

checkpoints/%/eval/eval.json: configs/%.yaml | .venv/installed
	python -m src.data_gen --config $< --out_dir data/$*
	python -m src.train --config $< --data_dir data/$* --overwrite
	python -m src.eval --config $< --ckpt checkpoints/$*/best.ckpt --data_dir data/$*

report: settings repair  ## one HTML page with every figure, opens without a network
	@python -m src.report $${REV:+--rev="$$REV"}

explorer: settings repair  ## one HTML page on which the finished models answer live, and show how
	@python -m src.explorer $${REV:+--rev="$$REV"}

# What .github/workflows/pages.yml publishes. Files of the repository are not there: links to them lead
# to where GitHub shows that commit, and elsewhere to this folder.
site: report explorer  ## site/: report and explorer behind one page, as a web server shows them
	@mkdir -p site
	@base="$${GITHUB_SHA:+$$GITHUB_SERVER_URL/$$GITHUB_REPOSITORY/blob/$$GITHUB_SHA}"; \
	for page in .github/index.html report.html explorer.html; do \
		sed "s,href=\"\(README\.md\|docs/\),href=\"$${base:-..}/\1,g" $$page > site/$${page##*/} || exit; done
	@echo site

# At the top, from where a notebook can import src: there, links do not lead up.
notebook: .venv/installed-notebook  ## tour.ipynb: docs/tour.md as a notebook
	@$(refuse); [ ! -e tour.ipynb ] || refuse "tour.ipynb is there already: rename or remove it first"
	sed 's|](\.\./|](|g' docs/tour.md | jupytext --quiet --from md --to ipynb --output tour.ipynb \
		--update-metadata '{"kernelspec": {"name": "python3", "display_name": "Python 3"}}'

bench: .venv/installed-dev  ## speed: data, training, evaluation, beside Hugging Face and the hardware
	python -m benchmarks.generation
	python -m benchmarks.training
	python -m benchmarks.evaluation
	python -m benchmarks.repro

verify: settings .venv/installed  ## reproduce the committed run in a fresh clone; QUICK=1: in two minutes
	python -m scripts.verify $(if $(QUICK),--quick)

repair: .venv/installed  ## put right what a kill or a power cut left of DVC's and git's own files
	@python -m scripts.repair

remote: remote-url .venv/installed$(if $(filter s3:% ssh:%,$(firstword $(URL))),-remote)  ## push and pull at URL=/folder, s3://bucket/path or ssh://user@host/path
	dvc remote add --local --force --default store "$$URL"
	$(if $(ENDPOINT),dvc remote modify --local store endpointurl "$$ENDPOINT")

# Targets of their own, so that nothing is installed or run for a wrong value. The commands check all
# that they are given; this is what would be late, or in vain.
refuse := set -f; refuse() { \
	printf 'error: %s\n' "$$(printf %s "$$1" | LC_ALL=C tr '[:cntrl:]' '?')" >&2; exit 2; }

settings:
	@$(refuse); \
	case "$$JOBS" in '' | 0* | *[!0-9]* | ????*) refuse "JOBS=$$JOBS: must be a number from 1 to 999" ;; esac; \
	case "$$THREADS" in 0* | *[!0-9]* | ????*) refuse "THREADS=$$THREADS: must be a number from 1 to 999" ;; esac; \
	case "$$SEEDS" in '' | *[!0-9,\ ]*) refuse "SEEDS=$$SEEDS: must be whole numbers, such as 0 1 2" ;; esac; \
	case "$$EXHAUSTIVE" in true | false) ;; *) refuse "EXHAUSTIVE=$$EXHAUSTIVE: must be true or false" ;; esac; \
	case "$$QUICK" in '' | 1) ;; *) refuse "QUICK=$$QUICK: must be 1, or left out" ;; esac; \
	for each in "MODELS=$$MODELS" "RECIPES=$$RECIPES"; do case "$$each" in \
		MODELS= | RECIPES=) refuse "$$each: names nothing to run" ;; esac; done; \
	for recipe in $$RECIPES; do \
		[ -f "configs/$$recipe.yaml" ] || refuse "RECIPES=$$recipe: there is no configs/$$recipe.yaml"; done; \
	for rev in $$REV; do \
		git cat-file -e "$$rev^{commit}" 2> /dev/null || refuse "REV=$$rev: git knows no such commit"; done

study-name:
	@$(refuse); [ -f "studies/$$NAME.yaml" ] || refuse "NAME=$$NAME: must be of those in studies/: \
	$$(cd studies && set +f && echo *.yaml | sed 's/\.yaml//g')"

remote-url:
	@$(refuse); \
	case "$$URL $$ENDPOINT" in *%\(*\)s* | *[[:cntrl:]]*) refuse \
		"URL=$$URL: DVC cannot keep control characters, nor what stands in %()s" ;; esac; \
	case "$$URL" in /?* | s3://?* | ssh://?* | http://?* | https://?*) ;; *) refuse \
		"URL=$$URL: must be an absolute folder, or s3://, ssh:// or http://; DVC seeks a relative \
	folder below / when a commit's .dvc/config names it" ;; esac; \
	case "$$ENDPOINT" in '' | http://?* | https://?*) ;; *) refuse \
		"ENDPOINT=$$ENDPOINT: must begin with https:// or http://" ;; esac

# As PyPI has it for Linux: with the CUDA libraries, which torch's builds without CUDA do not bring.
# Before version 26, pip downloads all that it only has to name.
lock: | .venv/bin/python  ## write constraints.txt: the newest of all that requirements*.txt bring along
	$(PIP) install --upgrade 'pip>=26'
	$(PIP) install --dry-run --ignore-installed --report .venv/report.json \
		-r requirements-dev.txt -r requirements-lens.txt
	.venv/bin/python -c 'import json; \
		found = [each["metadata"] for each in json.load(open(".venv/report.json"))["install"]]; \
		found.sort(key=lambda each: each["name"].lower()); \
		lines = [each["name"] + "==" + each["version"].split("+")[0] for each in found]; \
		print("# Written by make lock: all that requirements*.txt bring along.", *lines, sep="\n")' \
		> .venv/constraints.txt
	mv .venv/constraints.txt constraints.txt

clean:  ## remove .venv, logs and caches; data, models and metrics stay
	rm -rf .venv .venv-lens runs .mypy_cache .pytest_cache .ruff_cache .hypothesis

PIP := .venv/bin/python -m pip --quiet --disable-pip-version-check
INSTALL := $(PIP) install -c constraints.txt

.venv/bin/python:
	@"$$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "error: $$PYTHON is older than 3.11; try: make PYTHON=python3.12" >&2; exit 1; }
	"$$PYTHON" -m venv .venv || { rm -f .venv/bin/python; exit 1; }

# From TORCH_INDEX comes torch alone: an index beside PyPI could put its own in place of any package.
# What torch itself needs, and all else, comes from PyPI after it.
.venv/installed: requirements.txt constraints.txt | .venv/bin/python
	$(if $(TORCH_INDEX),$(INSTALL) --no-deps --index-url "$$TORCH_INDEX" torch)
	$(INSTALL) -r requirements.txt
	touch $@

.venv/installed-%: requirements-%.txt .venv/installed
	$(INSTALL) -r $<
	touch $@

.venv/installed-dev: $(wildcard requirements-*.txt) .venv/installed
	$(INSTALL) -r requirements-dev.txt
	touch $@

# With the packages of .venv below its own: a .pth file's path leads from the folder that it is in.
.venv-lens/installed: requirements-lens.txt .venv/installed-dev
	.venv/bin/python -m venv .venv-lens
	for each in .venv-lens/lib/python3*/site-packages; do \
		echo "../../../../.venv/$${each#.venv-lens/}" > "$$each/venv.pth"; done
	$(INSTALL:.venv/%=.venv-lens/%) -r $<
	touch $@

# Last, as a variable that is exported counts as set to ?=.
export $(TYPED)
