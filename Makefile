# `make` runs the default, `make test` checks everything; both set up .venv first.

# The newest Python that every pinned package has a wheel for, else any from 3.11 on.
PYTHON := $(shell for python in python3.13 python3.12 python3.11 python3.14 python3; do \
	$$python -c 'import ensurepip, sys; assert sys.version_info >= (3, 11)' \
	2>/dev/null && echo $$python && break; done)
BIN := .venv/bin
READY := .venv/ready
GPU_PYTHON ?= python3

# The environment is of its own, and pip would count what is there as installed.
unexport PYTHONPATH PYTHONHOME PIP_USER PIP_TARGET PIP_PREFIX
# A notebook's backend, which no test can draw with.
unexport MPLBACKEND
# Programs in the environment name the folder and the Python that they were made for.
ifneq ($(shell { if test "$$(cat $(READY))/.venv" -ef .venv && \
	$(BIN)/python -I -c 'import yaml'; then echo whole; fi; } 2>/dev/null),whole)
.PHONY: $(READY)
endif
# Snakemake wants a cache, and a home may be read-only.
ifneq ($(shell { folder="$${XDG_CACHE_HOME:-$$HOME/.cache}/snakemake" && \
	mkdir -p "$$folder" && test -w "$$folder" && echo there; } 2>/dev/null),there)
export XDG_CACHE_HOME := $(CURDIR)/.snakemake/cache
endif

.PHONY: run verdicts beyond dry-run report export test test-all test-long lint torture bench gpu-check clean help

RUN := $(BIN)/snakemake --cores all

run: $(READY)  ## run the embedded default on all cores (results/demo)
	$(RUN)
	@echo "Now open results/demo/index.html"

verdicts: $(READY)  ## judge the claims at five seeds (results/verdicts; 90 minutes)
	$(RUN) --configfile configs/verdicts.yaml
	@echo "Now open results/verdicts/claims.html"

beyond: $(READY)  ## measure what the article left open, at five seeds (results/beyond)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -r envs/beyond.txt
	$(RUN) --configfile configs/beyond.yaml
	@echo "Now open results/beyond/index.html"

dry-run: $(READY)  ## show what would be run, and why
	$(BIN)/snakemake --dry-run

export: $(READY)  ## every measured number of all runs in one table (results/quantities.csv)
	PYTHONPATH=scripts $(BIN)/python -m normscope.page.export results results/quantities.csv

report: run  ## everything in one report.html, by Snakemake
	$(BIN)/snakemake --report report.html

test: lint  ## lint, a small run, all tests of parts (15 minutes on two slow cores)
	$(BIN)/pytest --numprocesses 2 --dist worksteal

test-all: test test-long  ## and other whole runs, Slurm, a browser, kills (an hour)

test-long: $(READY)  ## the rest of test-all
	$(BIN)/pytest -m long --numprocesses 2 --dist worksteal
	$(BIN)/pytest -m alone

lint: $(READY)  ## check form: ruff, snakefmt, snakemake
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint
	$(BIN)/snakemake --dry-run --quiet all

torture: $(READY)  ## kill a run at 24 random moments and compare its results
	$(BIN)/pytest -m hand -k kills -s tests/test_torture.py

bench: run  ## time the eigensolver beside its peers on this CPU (two hours or more)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -r envs/bench.txt
	$(BIN)/snakemake --cores all --configfile configs/wide.yaml -- \
		results/wide/seed0/frozen_batch_norm/network.pt
	PYTHONPATH=scripts $(BIN)/python tests/bench_eigensolver.py results/wide results/demo

# Not of .venv: its torch may be a cluster's, found by PYTHONPATH.
gpu-check: export PYTHONPATH := $(PYTHONPATH)
gpu-check:  ## test and time this machine's GPU; GPU_PYTHON is any Python with torch
	$(GPU_PYTHON) tests/gpu_check.py

clean:  ## remove the environment, not the results
	rm -rf .venv

help:  ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' Makefile | expand -t 12

$(READY): envs/requirements.txt
	@test -n "$(PYTHON)" || \
		{ echo "normscope needs python3, 3.11 or newer, with venv; install it"; exit 1; }
	@test ! -L .venv || rm .venv  # a link: what it leads to is not ours to clear
	$(PYTHON) -m venv --clear .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r envs/requirements.txt
	@pwd >$(READY)
