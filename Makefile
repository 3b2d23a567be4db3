# One command for each thing one does here. `make` alone lists them.
#
#   PYTHON=python3.12 make dev     another interpreter than the python3 of PATH
#   make test ARGS="tests/unit -k leases"
#   make test SEED=42              the order of an earlier run, which has printed its seed
#   CORENOVA_NO_APT=1 make test    install no programs for tests; what needs one is skipped by name

PYTHON ?= python3
DRIVER ?= fake
# On two processors: a third of the time a test waits for a guest, a process or an interval.
WORKERS ?= 3
SEED ?= $(shell date +%s)
ARGS ?=
CONFIG ?= etc/corenova/corenova.conf

# Hundreds of processes start in a run of the tests, and each would compile every module anew.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin
# Where the headers of libvirt are, its Python binding is compiled against them; elsewhere everything else works.
ifeq ($(shell command -v cc >/dev/null && pkg-config --exists libvirt 2>/dev/null && echo yes),yes)
BINDING := .venv/.installed-libvirt
endif
GUEST := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/corenova/guest
# The stamp holds the place that the environment was made for: a copied tree would run the code of the original.
STAMP := .venv/.installed
BOARDS := setup.py pyproject.toml requirements-dev.txt $(wildcard plugins/*/setup.py plugins/*/pyproject.toml)
INSTALLED_FOR := $(shell cat $(STAMP) 2>/dev/null)
ifneq ($(INSTALLED_FOR),$(CURDIR))
STALE := stale
endif

.DEFAULT_GOAL := help
.PHONY: help dev demo serve test lint samples docs bench soak chaos guest programs clean stale

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

dev: $(STAMP) $(BINDING) ## make .venv and install the core, the plug-ins and the tools into it

$(STAMP): $(BOARDS) $(STALE)
	@tools/check-prerequisites $(PYTHON)
	$(PYTHON) -m venv $(if $(INSTALLED_FOR),$(if $(STALE),--clear)) .venv
	$(BIN)/python -m pip install --disable-pip-version-check -q -r requirements-dev.txt
	@printf '%s' '$(CURDIR)' >$(STAMP)

$(BINDING): $(STAMP)
	$(BIN)/python -m pip install --disable-pip-version-check -q -e './plugins/drivers[libvirt]' && touch $@ || \
		echo "libvirt-python could not be built: the libvirt driver is of no use in this .venv." >&2

stale:

# The programs that tests start. Before the environment, because libvirt's headers are among them.
programs:
	tools/install-test-servers
	PYTHON=$(PYTHON) tools/install-libvirt
	@$(MAKE) --no-print-directory dev

demo: dev ## start everything, boot servers, show why they are where they are (DRIVER=fake)
	$(BIN)/python examples/demo/demo.py --driver $(DRIVER)

serve: dev ## run corenova-all in the foreground (CONFIG=etc/corenova/corenova.conf)
	$(BIN)/corenova-all --config-file $(CONFIG)

test: programs ## run all tests but the long fault runs (ARGS=..., SEED=..., WORKERS=3)
	@echo "The order of the tests is shuffled; to repeat it: make test SEED=$(SEED)"
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -p randomly --randomly-seed=$(SEED) -m "not chaos" $(ARGS)

lint: dev ## check style, layers, types of the contracts, and that the samples are those of the code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy --follow-imports=silent --disallow-untyped-defs --disallow-incomplete-defs -p corenova.objects -p corenova.contracts
	$(BIN)/python -m corenova.cmd.samples --check

samples: dev ## write etc/corenova/*.sample and docs/openapi.json anew from the code
	$(BIN)/python -m corenova.cmd.samples

docs: dev ## build the documentation site into docs/_build/html; a warning is an error
	$(BIN)/sphinx-build -q -W --keep-going -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

bench: dev ## measure
	$(BIN)/python -m benchmarks $(ARGS)

soak: dev ## make a million decisions and see that memory stays flat (ARGS=100000 for fewer)
	$(BIN)/python -m benchmarks.soak $(ARGS)

chaos: programs ## run the long fault tests
	$(BIN)/python -m pytest -p randomly --randomly-seed=$(SEED) -m chaos $(ARGS)

guest: ## build the small Debian guest that tests boot, unless it is there
	@tools/build-guest $(GUEST)

clean: ## remove .venv, build products and caches; ./state stays
	rm -rf .venv build dist docs/_build .hypothesis .ruff_cache .mypy_cache .import_linter_cache .pytest_cache
	rm -rf *.egg-info plugins/*/build plugins/*/dist plugins/*/*.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
