# Needs git, make and Python 3.11 or newer; everything else goes into .venv. `make` lists the targets.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SECONDS := 300
MINUTES := 10
APP := geo
# A lock file is complete. Without --no-deps pip would look for newer versions, and refuse them because they are not locked.
INSTALL := -m pip --no-cache-dir --disable-pip-version-check install --quiet --require-hashes --no-deps
# The pip of Python 3.11.0, and the newest one when the lock files were made.
PIPS := 22.3 $(shell sed -n 's/^pip==//p' requirements-dev.txt)
COMPILE := $(BIN)/uv pip compile --no-cache --no-config --quiet --universal --python-version 3.11 --generate-hashes \
	--no-strip-extras --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

# Some images set this variable to stay small. Then every start of a server or a command would compile all modules again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
# An environment that was created only in part must not look complete at the next call.
.DELETE_ON_ERROR:
.PHONY: help install run demo demo-resources demo-geo demo-teams test test-install test-deploy test-clients test-clients-java node_modules test-browser torture test-walks fuzz bench performance lint format picture screenshots schema cli lock audit clean bench-files bench-soak bench-scale bench-growth bench-admin bench-transfers bench-streams bench-webhooks bench-feed

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

install: $(VENV)/.installed ## Create .venv and install what Larder needs to run

run: $(VENV)/.installed ## Start the server
	$(BIN)/python wsgi.py

demo: demo-$(APP) ## Load an example (countries and cities, or teams with APP=teams) and start the server
	$(BIN)/python wsgi.py

demo-resources: $(VENV)/.installed
	$(BIN)/flask db upgrade
	$(BIN)/flask resources apply examples/$(APP)/resources.yml

demo-geo: demo-resources
	for name in continents countries cities; do $(BIN)/flask records import $$name examples/geo/$$name.csv --if-empty || exit 1; done

demo-teams: demo-resources
	$(BIN)/python examples/teams/make_data.py .tmp/teams
	for name in ada ben cleo dan eve; do \
		$(BIN)/flask users list | grep -q " $$name@" || $(BIN)/flask users create $$name@example.com --name $$name --password "water the garden" || exit 1; \
	done
	for name in teams memberships projects tags tasks comments; do $(BIN)/flask records import $$name .tmp/teams/$$name.csv --if-empty || exit 1; done

# Files of the tests are in memory if there is enough, else in .tmp: see tests/conftest.py.
test: $(VENV)/.installed-dev ## Run all tests, or some of them: make test ARGS="-k login"
	$(BIN)/python -m pytest -n auto --maxprocesses 8 --dist loadgroup --durations=10 --ignore=tests/deploy --ignore=tests/clients --ignore=tests/browser $(ARGS)

test-install: ## Install both lock files into empty environments, with the oldest pip and with the newest
	@mkdir -p .tmp
	for pip in $(PIPS); do \
		environment=.tmp/pip-$$pip && $(PYTHON) -m venv --clear $$environment && \
		$$environment/bin/python -m pip --disable-pip-version-check install --quiet pip==$$pip && \
		$$environment/bin/python $(INSTALL) --requirement requirements.lock && \
		$$environment/bin/python -c 'import wsgi' && \
		$$environment/bin/python $(INSTALL) --requirement requirements-thumbnails.lock && \
		$$environment/bin/python $(INSTALL) --requirement requirements-dev.lock && \
		$$environment/bin/python -m pip check && rm -rf $$environment || exit 1; \
	done

test-deploy: $(VENV)/.installed-dev ## Test deploy/ on a machine created for it; needs root and the packages that .ci/run installs
	@mkdir -p .tmp
	PYTEST_DEBUG_TEMPROOT="$(CURDIR)/.tmp" $(BIN)/python -m pytest tests/deploy $(ARGS)

# With SHORT=1 on SQLite alone, which is about half of the time.
test-clients: $(VENV)/.installed-dev node_modules ## Test generated clients, and lint the OpenAPI document; needs node and npm; less with SHORT=1
	@mkdir -p .tmp
	PYTEST_DEBUG_TEMPROOT="$(CURDIR)/.tmp" $(BIN)/python -m pytest tests/clients --ignore=tests/clients/test_openapi_generator.py $(if $(SHORT),-k "not postgres") $(ARGS)

test-clients-java: $(VENV)/.installed-dev node_modules ## Test the clients of openapi-generator; needs Java, too; less with SHORT=1
	@mkdir -p .tmp
	PYTEST_DEBUG_TEMPROOT="$(CURDIR)/.tmp" $(BIN)/python -m pytest tests/clients/test_openapi_generator.py $(if $(SHORT),-k "not postgres and not example") $(ARGS)

# With node 22 where npm can install it, because the generators need it.
node_modules:
	npm ci --prefix tests/clients/typescript --ignore-scripts --no-audit --no-fund --loglevel=error

test-browser: $(VENV)/.installed-dev ## Test pages and scripts in a browser; needs chromium
	@mkdir -p .tmp
	PYTEST_DEBUG_TEMPROOT="$(CURDIR)/.tmp" $(BIN)/python -m pytest tests/browser $(ARGS)

# It needs root and a C compiler to run all faults, and says which ones it leaves out. With CHANGES=20000 it kills servers
# and jobs until so many changes of a feed are acknowledged, for at most two hours.
torture: $(VENV)/.installed-dev ## Cause every fault while clients write, for at most 15 minutes; less with SHORT=1 or ARGS="--only disk"
	timeout $(if $(CHANGES),7200,900) $(BIN)/python -W ignore -m tests.torture \
		$(if $(SHORT),--short,--write) $(if $(CHANGES),--changes $(CHANGES)) $(ARGS)

fuzz: $(VENV)/.installed-dev ## Send generated requests as admin and as member, on each database, for five minutes or SECONDS=60
	@mkdir -p .tmp
	FUZZ_SECONDS="$(SECONDS)" PYTEST_DEBUG_TEMPROOT="$(CURDIR)/.tmp" $(BIN)/python -m pytest tests/routes/test_schemathesis.py

# `make test` has a short form of each, with the same inputs at each run.
test-walks: $(VENV)/.installed-dev ## Compare many random definitions, records and conditions with models in plain Python
	WHERE_WALKS=60 LINK_WALKS=20 EVOLUTIONS=60 AGGREGATES=600 FILE_WALKS=20 $(BIN)/python -m pytest -n auto --maxprocesses 8 \
		tests/records/test_where_model.py tests/records/test_links_walk.py tests/records/test_aggregate_model.py tests/definitions/test_evolution.py tests/files/test_files_walk.py $(ARGS)

# With PEERS=1 it needs npm, too. With SHORT=1 it only compares the CPU time of requests with the commit before.
bench: $(VENV)/.installed-dev $(if $(PEERS),.tmp/peers/.installed) ## Measure Larder beside bare servers, and beside others with PEERS=1; needs wrk; some of it with ARGS="--only one,list20"
	$(BIN)/python -W ignore -m benchmarks.comparison $(if $(PEERS),--peers) $(if $(SHORT),--against HEAD~1) $(ARGS)

performance: $(VENV)/.installed-dev ## Write the results of benchmarks into docs/performance.md
	$(BIN)/python -W ignore -m benchmarks.page

bench-growth: $(VENV)/.installed-dev ## Measure how requests grow from 10,000 to 1,000,000 records; other sizes with ARGS="1000 50000", on Postgres with ARGS=--postgres
	$(BIN)/python -m benchmarks.growth $(ARGS)

bench-files: $(VENV)/.installed-dev ## Measure imports and exports, beside the driver alone; with ARGS="--rows 1000000"
	$(BIN)/python -m benchmarks.files $(ARGS)

bench-transfers: $(VENV)/.installed-dev ## Measure what slow uploads, downloads and readers cost others, and the memory of large files; with ARGS=--postgres on Postgres
	$(BIN)/python -W ignore -m benchmarks.transfers $(ARGS)

bench-streams: $(VENV)/.installed-dev ## Measure what 300 streams of changes cost other requests, their delay and memory; with ARGS=--postgres on Postgres
	$(BIN)/python -W ignore -m benchmarks.streams $(ARGS)

bench-webhooks: $(VENV)/.installed-dev ## Measure how fast webhooks are, and what they cost writers; with ARGS=--postgres on Postgres
	$(BIN)/python -W ignore -m benchmarks.webhooks $(ARGS)

bench-admin: $(VENV)/.installed-dev ## Measure a list of the admin page in a browser; with ARGS="--records 1000000 --postgres"; needs chromium
	$(BIN)/python -W ignore -m benchmarks.admin_page $(ARGS)

bench-feed: $(VENV)/.installed-dev ## Measure what the feed of changes and the history cost on writes, on both databases
	$(BIN)/python -W ignore -m benchmarks.feed $(ARGS)

bench-soak: $(VENV)/.installed-dev ## Check that memory stays flat under a mixed load for MINUTES=10; with ARGS=--postgres on Postgres
	$(BIN)/python -m benchmarks.soak --minutes $(MINUTES) $(ARGS)

# Connections need wrk.
bench-scale: $(VENV)/.installed-dev ## Measure 1 to 300 resources, and 1 to 128 connections; with ARGS=--postgres on Postgres
	$(BIN)/python -W ignore -m benchmarks.many_resources $(ARGS)
	$(BIN)/python -W ignore -m benchmarks.connections $(ARGS)

lint: $(VENV)/.installed-dev ## Check style, likely bugs, types, spelling and the Dockerfile
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell
	$(BIN)/hadolint Dockerfile

format: $(VENV)/.installed-dev ## Format the code and fix what can be fixed automatically
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

picture: $(BIN)/python ## Draw the rooms of the code into docs/architecture.md
	$(BIN)/python docs/draw_rooms.py

screenshots: $(VENV)/.installed-dev ## Take the pictures of docs/screenshots; needs chromium; some of them with ARGS="records users"
	$(BIN)/python -W ignore -m docs.make_screenshots $(ARGS)

# With its own data folder, so that none is left behind. If it fails, the page stays as it is.
schema: $(VENV)/.installed ## Write the tables of the models into docs/schema.md
	@rm -rf .tmp/schema && mkdir -p .tmp/schema
	LARDER_DATA_DIR=.tmp/schema LARDER_DATABASE_URL=sqlite:///.tmp/schema/larder.db $(BIN)/flask db diagram > .tmp/schema/page.md
	@mv .tmp/schema/page.md docs/schema.md && rm -rf .tmp/schema

cli: $(VENV)/.installed ## Write the help of all commands into docs/cli.md
	$(BIN)/python -m docs.write_commands

lock: $(VENV)/.installed-dev ## Update all lock files; with ARGS=--upgrade to newer versions
	$(COMPILE) $(ARGS) requirements.txt --output-file requirements.lock
	$(COMPILE) $(ARGS) requirements-thumbnails.txt --constraints requirements.lock --output-file requirements-thumbnails.lock
	$(COMPILE) $(ARGS) requirements-dev.txt --constraints requirements.lock --output-file requirements-dev.lock
	$(COMPILE) $(ARGS) benchmarks/peers/requirements.txt --output-file benchmarks/peers/requirements.lock

audit: $(VENV)/.installed-dev ## List known vulnerabilities of the locked packages
	$(BIN)/pip-audit --requirement requirements.lock --require-hashes --disable-pip --cache-dir .tmp/pip-audit

clean: ## Remove .venv and all caches, but not data/ and .env
	rm -rf $(VENV) .tmp .hypothesis .schemathesis .pytest_cache .ruff_cache tests/clients/typescript/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo 'Larder needs Python 3.11 or newer, and "$(PYTHON)" is not; choose a different one with: make PYTHON=python3.12' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || { \
		echo '"$(PYTHON)" cannot create virtual environments; on Debian, run: apt-get install python3-venv' >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)

# Files that mark a finished installation, so that a second call starts at once.
$(VENV)/.installed: requirements.lock | $(BIN)/python
	$(BIN)/python $(INSTALL) --requirement requirements.lock
	$(BIN)/python -m pip check
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock $(VENV)/.installed
	$(BIN)/python $(INSTALL) --requirement requirements-dev.lock
	$(BIN)/python -m pip check
	@touch $@

.tmp/peers/.installed: benchmarks/peers/requirements.lock benchmarks/peers/package-lock.json | $(BIN)/python
	$(BIN)/python -m venv --clear $(@D)
	$(@D)/bin/python $(INSTALL) --requirement benchmarks/peers/requirements.lock
	cp benchmarks/peers/package.json benchmarks/peers/package-lock.json $(@D)
	npm ci --prefix $(@D) --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@
