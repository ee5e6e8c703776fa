# Image search on BigQuery. `make up` and `make test` do everything; `make help` lists the rest.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
IMAGES ?=
PORT ?=
HOME_DIR := $(CURDIR)/.local
step := scripts/step

.PHONY: help setup up preview status search gallery web destroy clean test test-faults lint bench

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/ready: requirements.txt requirements-dev.txt
	@$(step) "Python packages into .venv" scripts/make-venv $(PYTHON)

setup: .venv/ready ## install what is needed: Python packages into .venv, the Pulumi CLI into the user's cache
	@$(step) "Pulumi CLI" $(PYTHON) -m toolchain ensure

up: setup ## local cloud, pictures, `pulumi up`, results, gallery (IMAGES=folder|gs://bucket, PORT=8440)
	@scripts/choose-port $(PORT)
	$(step) "Local cloud" ./local python -m localcloud serve --detach
	$(step) "Pictures" ./local python -m localcloud.images $(if $(IMAGES),"$(IMAGES)")
	$(step) "pulumi up" ./local pulumi up --yes --skip-preview --non-interactive --suppress-permalink --suppress-outputs
	$(MAKE) status gallery

preview: setup ## what `make up` would change
	@./local python -m localcloud serve --detach
	./local pulumi preview --non-interactive

status: ## what the stack holds and found
	@./local python -m imagesearch status

search: ## search the local stack: make search TEXT="a red bird"
	@./local python -m imagesearch search "$(TEXT)"

gallery: ## write the page with the pictures that were found
	@page=$$(./local python -m imagesearch gallery --output $(HOME_DIR)/gallery.html)
	echo "gallery: $$page"

web: ## a page to search with, in the browser (WEB_PORT=8450)
	@./local python -m imagesearch serve $(if $(WEB_PORT),--port $(WEB_PORT))

destroy: setup ## remove every resource of the local stack and stop the local cloud
	@scripts/destroy

clean: ## also remove every file that was made in this folder
	@test ! -x .venv/bin/python || ./local python -m localcloud stop || true
	rm -rf .local .venv .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

test: setup ## all tests
	@.venv/bin/python -m pytest

bench: setup ## measure: start of the local cloud, `up` from nothing and without changes, retrieval
	@.venv/bin/python -m benchmarks.up
	.venv/bin/python -m benchmarks.retrieval

test-faults: setup ## kill somebody at every step of a run, and every class of fault; ends with a table (FAULT_SEED=…)
	@.venv/bin/python -m pytest tests/faults -m 'not gcp'

lint: setup ## types and style
	@.venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/mypy
