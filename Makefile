# Everything a stranger needs: `make up` and `make test`. Python 3.11+ is the only thing that must be there before.

PYTHON ?= python3
UV_VERSION := 0.13.9
VENV := .venv
BIN := $(VENV)/bin
KIT := $(BIN)/kit
# uv keeps the lock file; it comes from the package index into an environment of its own when it is not there.
UV ?= $(shell command -v uv 2>/dev/null || echo .kit/uv/bin/uv)

export PULUMI_ERROR_OUTPUT_STRING := true
# Byte code is kept even where the shell says otherwise: hundreds of processes of the tests load the same modules.
export PYTHONDONTWRITEBYTECODE :=
unexport VIRTUAL_ENV

.PHONY: coverage nightly fuzz audit release help setup up down test check lint types snapshots bench bench-inspection bench-scale test-engine test-clients test-browser docs clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-18s %s\n", $$1, $$2}'

.kit/uv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: Python 3.11 or newer is needed; name one with PYTHON=…" >&2; exit 4; }
	@$(PYTHON) -m venv .kit/uv && .kit/uv/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(VENV)/.synced: pyproject.toml uv.lock $(filter .kit/uv/bin/uv,$(UV))
	@$(UV) sync --quiet --frozen --compile-bytecode --python $(PYTHON)
	@touch $@

setup: $(VENV)/.synced ## Install what the kit needs into .venv, from the lock file

up: setup ## Stand the whole kit up on an emulated AWS on this machine
	@$(KIT) up

down: setup ## Stop it and remove its state
	@$(KIT) down

# A test that fails is run once more and both results are reported ("R", and its name at the end): a machine that stalled
# does not stop a change, and a test that needs it is fixed.
test: check ## Lint, types and every test but the nightly ones
	@$(BIN)/pytest -q -n 3 --dist loadfile -m "not nightly" --reruns 1 -r aR --proofs build/proofs.json

coverage: setup ## Which lines the tests of `make test` run, by folder (subprocesses of tests not counted)
	@$(BIN)/pytest -q -n 3 --dist loadfile -m "not nightly" --reruns 1 --cov --cov-report=
	@$(BIN)/coverage report --format=total
	@$(BIN)/coverage html -q -d build/coverage

check: lint types ## Lint and types only

lint: setup
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/python -m tests.docs.words

types: setup
	@$(BIN)/pyright

audit: setup ## Known vulnerabilities and licences of every dependency; fails when the database cannot be asked
	@$(BIN)/python -m release.licences
	@$(UV) audit --frozen --preview-features audit-command

VERSION := $(shell cat VERSION)
SIGNING_KEY ?= $(HOME)/.ssh/id_ed25519

release: setup ## Archive, bill of materials and signed checksums of this version in dist/ (SIGNING_KEY=, an SSH key)
	@test -z "$$(git status --porcelain)" || { echo "error: commit first; a release is a commit" >&2; exit 2; }
	@test -r $(SIGNING_KEY) || { echo "error: no key at $(SIGNING_KEY); name one with SIGNING_KEY=…" >&2; exit 2; }
	@rm -rf dist && mkdir dist
	@git archive --format=tar.gz --prefix=claude-enterprise-kit-$(VERSION)/ -o dist/claude-enterprise-kit-$(VERSION).tar.gz HEAD
	@$(UV) export --quiet --frozen --no-dev --format cyclonedx1.5 -o dist/claude-enterprise-kit-$(VERSION).cdx.json \
	  --preview-features sbom-export >/dev/null
	@cd dist && sha256sum claude-enterprise-kit-* > SHA256SUMS && ssh-keygen -q -Y sign -n file -f $(SIGNING_KEY) SHA256SUMS
	@echo "dist/: verify with ssh-keygen -Y verify -n file -f ALLOWED_SIGNERS -I SIGNER -s SHA256SUMS.sig < SHA256SUMS"

docs: setup ## Compute the pages again (README, commands, components, …, snapshots) and build them as a site in build/site
	@$(BIN)/python -m tests.docs.readme_tables
	@$(BIN)/python -m tests.docs.cli_page
	@$(BIN)/python -m tests.docs.component_pages
	@$(BIN)/python -m tests.docs.configuration_page
	@$(BIN)/python -m tests.docs.contract_table
	@$(BIN)/python -m tests.docs.library_listing
	@$(BIN)/python -m tests.snapshots.regenerate
	@$(BIN)/python -m tests.docs.site
	@$(UV) run --quiet --frozen --group docs zensical build --strict --clean --config-file build/site.toml

snapshots: setup ## Compute the snapshots of the plans again; read the diff before committing
	@$(BIN)/python -m tests.snapshots.regenerate

bench: setup ## Measure plans, previews, a whole local deployment, and the gateway beside a bare proxy
	@$(BIN)/python bench/evaluation.py
	@$(BIN)/python bench/gateway.py
	@$(BIN)/python bench/gateway_against.py

test-clients: setup ## Current clients (installed under .kit/clients) against the gateway; writes docs/clients.md
	@command -v npm >/dev/null || { echo "error: npm is needed to install Claude Code; install Node.js 18 or newer" >&2; exit 4; }
	@npm install --silent --no-audit --no-fund --prefix .kit/clients @anthropic-ai/claude-code@latest \
	  claude-code-older@npm:@anthropic-ai/claude-code@2.1.197 @anthropic-ai/sdk@latest ai@latest @ai-sdk/anthropic@latest \
	  openai@latest zod@latest
	@test -d .kit/clients/py || $(PYTHON) -m venv .kit/clients/py
	@$(UV) pip install --quiet --upgrade --python .kit/clients/py/bin/python anthropic langchain-anthropic \
	  'pydantic-ai-slim[anthropic]' instructor openai claude-agent-sdk
	@test -d .kit/clients/py-llama || $(PYTHON) -m venv .kit/clients/py-llama
	@$(UV) pip install --quiet --upgrade --python .kit/clients/py-llama/bin/python llama-index-llms-anthropic 'anthropic<1'
	@$(BIN)/pytest -q tests/clients/claude_code.py
	@$(BIN)/python -m tests.clients.matrix

test-browser: setup ## People in a real Chromium: sign-in by OIDC and SAML, leaving, the whole portal (needs Node.js, Chromium)
	@$(BIN)/python -m tests.identity.browser
	@$(BIN)/python -m tests.portal.chromium

nightly: setup ## Every test, those too long for every change as well; property tests with 2,000 examples each
	@KIT_NIGHTLY=1 $(BIN)/pytest -q -n 2 --dist loadfile
	@$(MAKE) --no-print-directory test-engine

test-engine: setup ## Drive all stages with the real Pulumi engine, from the PATH or built here once (needs Go); SIZES="small large"
	@$(BIN)/python -m tests.engine.build >/dev/null
	@KIT_TEST_ENGINE=1 KIT_TEST_SIZES="$(SIZES)" $(BIN)/pytest -q --reruns 1 -r aR $(if $(ENGINE_TESTS),-n 0 $(ENGINE_TESTS),-n 2 --dist loadfile tests/engine)

bench-scale: setup ## What holds at 50,000 people: ledger, evidence, use, SCIM, cost, faults; PARTS, EVENTS, RECORDS, CALLS
	@$(BIN)/python -m bench.scale $(if $(PARTS),--parts $(PARTS)) $(if $(EVENTS),--events $(EVENTS)) $(if $(RECORDS),--records $(RECORDS)) $(if $(CALLS),--calls $(CALLS))

fuzz: setup ## Ten minutes of a coverage-guided fuzzer over the inspection; SECONDS=…
	@$(UV) run --frozen --group fuzz python -m bench.inspection.fuzz $(if $(SECONDS),--seconds $(SECONDS))

bench-inspection: setup ## Score the inspection; DATA=folder of labelled files, else made-up rows
	@$(BIN)/python -m bench.inspection $(if $(DATA),--data $(DATA))

clean: ## Remove all that was built or installed here
	@-$(KIT) down 2>/dev/null
	@rm -rf $(VENV) .kit build
