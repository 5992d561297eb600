# `make` runs the default, `make test` checks everything; both set up .venv first.

# The newest Python that every pinned package has a wheel for, else any from 3.11 on.
PYTHON := $(shell for python in python3.13 python3.12 python3.11 python3.14 python3; do \
	$$python -c 'import ensurepip, sys; assert sys.version_info >= (3, 11)' \
	2>/dev/null && echo $$python && break; done)
BIN := .venv/bin
READY := .venv/ready
GPU_PYTHON ?= python3

.PHONY: run dry-run report test lint torture bench gpu-check clean help

run: $(READY)  ## run the embedded default on all cores (results/demo)
	$(BIN)/snakemake --cores all

dry-run: $(READY)  ## show what would be run, and why
	$(BIN)/snakemake --dry-run

report: run  ## everything in one report.html, by Snakemake
	$(BIN)/snakemake --report report.html

test: lint  ## run all checks and tests
	$(BIN)/pytest

lint: $(READY)  ## check form: ruff, snakefmt, snakemake
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint
	$(BIN)/snakemake --dry-run --quiet all

torture: $(READY)  ## kill a run at 24 random moments and compare its results
	$(BIN)/pytest -m slow -k kills -s tests/test_torture.py

bench: run  ## time the eigensolver beside its peers on this CPU (two hours or more)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -r envs/bench.txt
	$(BIN)/snakemake --cores all --configfile configs/wide.yaml -- \
		results/wide/seed0/frozen_batch_norm/network.pt
	PYTHONPATH=scripts $(BIN)/python tests/bench_eigensolver.py results/wide results/demo

gpu-check:  ## test and time this machine's GPU; GPU_PYTHON is any Python with torch
	$(GPU_PYTHON) tests/gpu_check.py

clean:  ## remove the environment, not the results
	rm -rf .venv

help:  ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' Makefile | expand -t 12

$(READY): envs/requirements.txt
	@test -n "$(PYTHON)" || \
		{ echo "normscope needs python3, 3.11 or newer, with venv; install it"; exit 1; }
	$(PYTHON) -m venv --clear .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r envs/requirements.txt
	@touch $(READY)
