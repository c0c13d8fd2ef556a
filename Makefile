# Needs git, make and Python 3.11 or later; `make test-clients` also Go, Node.js and Maven, and
# `make image` a Debian machine.

PYTHON ?= python3
VENV = .venv
DEMO = .venv-demo
EARTH_ENGINE = .venv-earth-engine
STAC_API = .venv-stac-api
JAVASCRIPT = tests/earth_engine/javascript
BIN = $(VENV)/bin
STAMP = $(VENV)/.installed
CODE = src tests docs protos/generate.py clients/conformance clients/qgis
# Modules stay whole, so that few servers are started twice; whoever has nothing left takes half of what another has.
PYTEST = -n auto --dist worksteal

# Tests start many short processes: what one of them made of a module, the next shall find.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test test-slow lint docs format stubs test-clients test-conformance test-earth-engine test-earth-engine-js test-stac-api test-deployment bench bench-catalog bench-fairness bench-overload bench-production bench-remote bench-zarr bench-memory lock breaking release image clean
.DELETE_ON_ERROR:

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1: /p' $(MAKEFILE_LIST)

demo: $(DEMO)/.installed ## Make a scene, serve it, and download from it into demo-output
	$(DEMO)/bin/rasterwire demo demo-output

$(DEMO)/.installed: requirements-server.lock pyproject.toml
	$(PYTHON) -m venv --clear $(DEMO)
	$(DEMO)/bin/pip install --quiet --no-compile --disable-pip-version-check --require-hashes --only-binary :all: -r requirements-server.lock
	$(DEMO)/bin/pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $@

# $(call install,VENV,LOCK): uv, pinned like all else, takes a quarter of pip's time; where it cannot, pip does
PIP_INSTALL = bin/pip install --quiet --no-compile --disable-pip-version-check --require-hashes
define install
	$(PYTHON) -m venv --clear $(1)
	sed -n '/^uv==/,/[^\\]$$/p' requirements.lock >$(1)/uv.lock
	$(1)/$(PIP_INSTALL) -r $(1)/uv.lock && \
	  $(1)/bin/uv pip install --quiet --system-certs --python $(1)/bin/python --require-hashes -r $(2) || \
	  $(1)/$(PIP_INSTALL) -r $(2)
endef

$(STAMP): requirements.lock pyproject.toml
	$(call install,$(VENV),requirements.lock)
	$(BIN)/uv pip install --quiet --system-certs --python $(BIN)/python --no-deps -e . || \
	  $(BIN)/pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $@

lint: $(STAMP) ## Check schema, generated code, style, names, sizes, imports and types
	cd protos && ../$(BIN)/buf lint
	cd protos && ../$(BIN)/buf format --diff --exit-code --exclude-path buf
	$(BIN)/python protos/generate.py --check
	$(BIN)/python docs/generate.py --check
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/python tests/check_source.py
	$(BIN)/lint-imports
	$(BIN)/mypy

SITE = NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict --config-file docs/mkdocs.yml

docs: $(STAMP) ## Write the generated pages, and build the documentation into build/docs
	$(BIN)/python docs/generate.py
	$(SITE)

# what the tests would compile, each worker by itself, is compiled meanwhile
test: $(STAMP) ## Check everything and run the tests
	$(BIN)/rasterwire warm & $(MAKE) --no-print-directory lint; code=$$?; wait; exit $$code
	$(BIN)/python -m pytest $(PYTEST) -m "not slow"

test-slow: $(STAMP) ## Run the attacks and soak runs
	$(BIN)/python -m pytest $(PYTEST) -m slow

.PHONY: fuzz
fuzz: $(STAMP) ## Read 10,000 damaged files of all formats beside GDAL; FUZZ takes options
	$(BIN)/python tests/fuzz.py $(FUZZ)
	$(BIN)/python tests/fuzz.py --count 500 --first 20000 --sandbox

.PHONY: docs-notebooks
docs-notebooks: $(STAMP) ## Run the notebooks of the documentation against a server
	$(BIN)/python tests/with_server.py $(BIN)/python tests/run_notebooks.py docs/notebooks

WEB = web/node_modules/.package-lock.json

$(WEB): web/package-lock.json
	cd web && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error

.PHONY: web web-check
web: $(WEB) ## Build the page that the server serves; needs Node.js
	cd web && npm run --silent build

web-check: $(WEB) ## Check the types and the style of the page, and that the committed one is built from them
	cd web && npm run --silent check

format: $(STAMP) ## Put schema and code in form
	cd protos && ../$(BIN)/buf format --write --exclude-path buf
	$(BIN)/ruff check --fix-only $(CODE)
	$(BIN)/ruff format $(CODE)

stubs: $(STAMP) ## Generate the code of the schema, in all languages
	$(BIN)/python protos/generate.py
	clients/stubs.sh

test-clients: $(STAMP) clients-check ## Run the Go, TypeScript and Java examples against a server
	$(BIN)/python tests/with_server.py clients/test.sh
	$(MAKE) --no-print-directory test-conformance

.PHONY: qgis
qgis: ## Build the plugin of QGIS into build/rasterwire_qgis.zip
	$(PYTHON) clients/qgis/build.py

test-conformance: $(STAMP) ## Hold the client libraries of all languages to the same cases; CONFORMANCE takes options
	PYTHONPATH=clients $(BIN)/python -m conformance $(CONFORMANCE)

$(EARTH_ENGINE)/.installed: requirements-earth-engine.lock
	$(call install,$(EARTH_ENGINE),requirements-earth-engine.lock)
	touch $@

test-earth-engine: $(STAMP) $(EARTH_ENGINE)/.installed ## Run Earth Engine's Python clients against a server
	RASTERWIRE_EE_LISTING=$$(echo $(EARTH_ENGINE)/lib/python*/site-packages/ee/tests/algorithms.json) \
	  $(BIN)/python -m pytest -q tests/test_expression_table.py
	$(BIN)/python tests/with_server.py --catalog earth_engine.make_catalog $(EARTH_ENGINE)/bin/python -m pytest $(EARTH_ENGINE_PYTEST) tests/earth_engine
	$(BIN)/python -m pytest -q tests/test_page_in_browser.py -k earth_engine

test-earth-engine-js: $(STAMP) ## Run Earth Engine's JavaScript client against a server; needs Node.js
	cd $(JAVASCRIPT) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	$(BIN)/python tests/with_server.py --catalog earth_engine.javascript.scene_catalog node --test --test-timeout=600000 $(JAVASCRIPT)/client.test.js

$(STAC_API)/.installed: requirements-stac-api.lock
	$(call install,$(STAC_API),requirements-stac-api.lock)
	touch $@

test-stac-api: $(STAMP) $(STAC_API)/.installed ## Run the catalog of a STAC API against a real one; needs PostgreSQL with PostGIS
	RASTERWIRE_STAC_API=$(abspath $(STAC_API))/bin $(BIN)/python -m pytest -q tests/test_pgstac.py

$(VENV)/.deployment: requirements-deployment.lock $(STAMP)
	$(BIN)/uv pip install --quiet --system-certs --python $(BIN)/python --require-hashes -r requirements-deployment.lock
	touch $@

test-deployment: $(VENV)/.deployment ## Check the Helm chart, and size, use and vulnerabilities of the image's packages
	$(BIN)/python -m pytest -q $(PYTEST) tests/test_chart.py tests/test_chart_dask.py tests/test_image.py
	.ci/image-packages
	$(BIN)/python .ci/audit requirements-image.lock

bench: $(STAMP) ## Compare with GDAL, TiTiler, MapServer, odc-stac and nginx, where installed; BENCH takes options
	$(BIN)/python tests/benchmarks/compare.py $(BENCH)

bench-catalog: $(STAMP) ## Measure the index of a million images, and a server over it; BENCH takes options
	folder=$$(mktemp -d) && trap 'rm -r "$$folder"' EXIT \
	&& $(BIN)/python tests/benchmarks/catalog.py --folder "$$folder" $(BENCH) \
	&& $(BIN)/python tests/benchmarks/catalog_server.py --folder "$$folder" $(BENCH)

bench-memory: $(STAMP) ## Measure the server's peak memory while it serves a large download
	$(BIN)/python tests/benchmarks/memory.py

bench-fairness: $(STAMP) ## Measure what one tenant notices of another that keeps the server busy; BENCH takes options
	$(BIN)/python tests/benchmarks/fairness.py fairness $(BENCH)

bench-overload: $(STAMP) ## Measure what ten times as many callers as a server takes get from it; BENCH takes options
	$(BIN)/python tests/benchmarks/fairness.py overload $(BENCH)
bench-production: $(STAMP) ## Kill, replace and starve two servers behind nginx and HAProxy; BENCH takes --only and --count
	cd tests && $(abspath $(BIN))/python -W ignore -m benchmarks.production $(BENCH)

bench-remote: $(STAMP) ## Count requests and bytes of windows of a remote file, and compare with GDAL
	$(BIN)/python tests/benchmarks/remote.py $(BENCH)

bench-zarr: $(STAMP) ## Compare a window of a Zarr store on S3 with xarray over obstore
	cd tests && $(abspath $(BIN))/python -W ignore -m benchmarks.zarr_window

# Only the versions that a changed pyproject.toml asks for move; delete the files to move all.
lock: $(STAMP) ## Pin the requirements, with hashes, for all platforms
	$(BIN)/uv pip compile $(LOCK) $(EXTRAS) --group dev -o requirements.lock pyproject.toml
	$(BIN)/uv pip compile $(LOCK) --extra server --constraint requirements.lock -o requirements-server.lock pyproject.toml
	$(BIN)/uv pip compile $(LOCK) $(IMAGE) --constraint requirements.lock -o requirements-image.lock pyproject.toml
	$(BIN)/uv pip compile $(LOCK) --group clients -o requirements-earth-engine.lock
	$(BIN)/uv pip compile $(LOCK) --group stac-api -o requirements-stac-api.lock
	$(BIN)/uv pip compile $(LOCK) --group deployment --constraint requirements.lock -o requirements-deployment.lock

IMAGE_EXTRAS = --extra server --extra auth --extra telemetry --extra remote --extra export --extra postgres --extra netcdf --extra zarr --extra dask
EXTRAS = $(IMAGE_EXTRAS) --extra geoparquet
# geoparquet takes 300 MB; odc-geo asks for xarray, and that for pandas, which a server does not import; rich asks for
# pygments to colour source code, and cffi for pycparser to read C
IMAGE = $(IMAGE_EXTRAS) $(addprefix --no-emit-package ,xarray pandas pygments pycparser)
LOCK = --quiet --system-certs --universal --generate-hashes --no-annotate --no-header --python-version 3.11

breaking: $(STAMP) ## Fail where the schema breaks clients of the last release
	@tag=$$(git describe --tags --abbrev=0 --match 'v[0-9]*' 2>/dev/null); \
	if [ -z "$$tag" ]; then echo "no tag of a release here (a shallow clone has none): the schema is compared with nothing"; exit; fi; \
	echo "the schema beside that of $$tag"; \
	$(BIN)/buf breaking protos --against "$$(git rev-parse --git-common-dir)#format=git,tag=$$tag,subdir=protos"

release: $(STAMP) ## Check that this commit can be released, and build the wheel; pushes nothing
	BIN=$(BIN) .ci/release

image: ## Build the Docker image and run it once
	.ci/build-image

clean: ## Delete what was built
	rm -rf $(VENV) $(DEMO) .venv-* demo-output build dist

include clients/clients.mk
