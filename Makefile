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
STACK ?= local
PROJECT ?=
WORKERS ?= 3
step := scripts/step
# Not $(MAKE) in a recipe itself: `make -n` would run it.
again = $(MAKE)
# The value of a variable as one word of a command, whatever is in it: neither make nor the shell expands it.
literal = '$(subst ','\'',$(value $(1)))'
# --name=… for NAME=… on make's command line; the environment may have a NAME of its own.
lower = $(shell echo $(1) | tr A-Z a-z)
given = $(if $(findstring command line,$(origin $(1))),'--$(call lower,$(1))=$(subst ','\'',$(value $(1)))')
# The checkout itself, also where it was moved after `make setup`. Tests start hundreds of Python processes: what one of
# them compiles is kept for the others, whatever the environment says.
python := PYTHONPATH="$$PWD:$$PWD/local-cloud/src" PYTHONDONTWRITEBYTECODE= .venv/bin/python
local_cloud_python := cd local-cloud && PYTHONPATH="$$PWD/src" PYTHONDONTWRITEBYTECODE= ../.venv/bin/python

.PHONY: help setup up preview preflight status search gallery web new-stack destroy clean test test-program test-local-cloud test-slow test-faults test-kills test-gcp lint bench

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/ready: requirements.txt requirements-dev.txt local-cloud/pyproject.toml
	@$(step) "Python packages into .venv" scripts/make-venv $(call literal,PYTHON)

setup: .venv/ready ## install what is needed: Python packages into .venv, the Pulumi CLI into the user's cache
	@$(step) "Pulumi CLI" $(call literal,PYTHON) -m offline.pulumi_cli ensure

up: setup ## local cloud, pictures, `pulumi up`, results, gallery (IMAGES=folder|gs://bucket, PORT=8440)
	@scripts/choose-port $(call literal,PORT)
	$(step) "Local cloud" ./local python -m localcloud serve --detach || { echo "   on another port: make up PORT=9000" >&2; exit 1; }
	$(step) "Pictures" ./local python -m localcloud.images $(if $(value IMAGES),$(call literal,IMAGES)) || { echo "   other pictures: make up IMAGES=~/Pictures" >&2; exit 1; }
	$(step) "pulumi up" ./local pulumi up --yes --skip-preview --non-interactive --suppress-permalink --suppress-outputs
	$(again) status gallery

preview: setup ## what `make up` would change
	@./local python -m localcloud serve --detach
	./local pulumi preview --non-interactive

preflight: setup ## is everything there that `pulumi up` needs? (STACK=local; STACK=dev PROJECT=my-project)
	@$(if $(filter local,$(STACK)),./local python -m localcloud serve --detach)
	$(if $(filter local,$(STACK)),./local python,.venv/bin/python) -m imagesearch --stack $(call literal,STACK) preflight $(if $(value PROJECT),--project $(call literal,PROJECT))

status: ## what the stack holds and found
	@./local python -m imagesearch status

search: ## search the local stack: make search TEXT="a red bird"
	@./local python -m imagesearch search -- $(call literal,TEXT)

gallery: ## write the page with the pictures that were found
	@page=$$(./local python -m imagesearch gallery --output "$$PWD/.local/gallery.html")
	echo "gallery: $$page"

web: ## a page to search with, in the browser (WEB_PORT=8450)
	@./local python -m imagesearch serve $(if $(value WEB_PORT),--port $(call literal,WEB_PORT))

new-stack: .venv/ready ## write a stack file: asks, or NAME=eu PROJECT=my-project BUCKET=gs://my-bucket LOCATION=EU
	@scripts/new-stack $(foreach option,NAME PROJECT BUCKET LOCATION ENDPOINT,$(call given,$(option)))

destroy: setup ## remove every resource of the local stack and stop the local cloud
	@scripts/destroy

clean: ## also remove every file that was made in this folder
	@test ! -x .venv/bin/python || ./local python -m localcloud stop || true
	rm -rf .local .venv {.,local-cloud}/.{pytest,mypy,ruff}_cache {.,local-cloud}/.hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Tests also wait, for processes, disks and clocks: two workers leave a part of two processors idle, three do not.
test: setup ## all tests, three at a time: both of the next two, also where the first fails
	@code=0
	$(again) test-program || code=$$?
	$(again) test-local-cloud || code=$$?
	exit $$code

test-program: setup ## the tests of the program, with the real Pulumi engine, and of its stand-ins
	@$(step) "Tests of the program" bash -c '$(python) -m pytest -n $(WORKERS)'

test-local-cloud: setup ## the local cloud's own tests
	@$(step) "Tests of the local cloud" bash -c '$(local_cloud_python) -m pytest -n $(WORKERS)'

test-slow: setup ## the tests that `make test` leaves out for their time
	@code=0
	$(python) -m pytest -m 'slow and not gcp' || code=$$?
	($(local_cloud_python) -m pytest -m slow) || code=$$?
	exit $$code

bench: setup ## measure: start of the local cloud, `up` from nothing and without changes, retrieval, the local cloud's speed
	@$(python) -m benchmarks.up
	$(local_cloud_python) -m benchmarks.retrieval
	../.venv/bin/python -m benchmarks.local_cloud
	../.venv/bin/python -m benchmarks.against_bqemulator

test-faults: setup ## kill a process at every step of a run, inject every class of fault; ends with a table (FAULT_SEED=…)
	@$(python) -m pytest tests/faults -m 'not gcp'

test-kills: setup ## kill the local cloud 200 times under load; nothing that was answered may be lost (FAULT_SEED=…)
	@$(local_cloud_python) -m pytest tests/server/test_kills.py -m slow -s

test-gcp: setup ## the end-to-end test on a Google Cloud project: PROJECT=my-project (GCP_LOCATION=US, GCP_BUDGET_USD=0.05)
	@$(python) -m tests.gcp $(call literal,PROJECT)

lint: setup ## types and style
	@.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/python -m mypy
	cd local-cloud && ../.venv/bin/python -m mypy
