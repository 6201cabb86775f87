# The only entry points. `make demo` and `make test` set themselves up; nothing else is needed than Python 3.11+ with venv and pip.
PYTHON ?= python3
VENV ?= .venv
PYTEST_ARGS ?=
# Workers per pytest run
JOBS ?= 2

NAME := kubeops/aks_reboot
override VENV := $(abspath $(VENV))
BIN := $(VENV)/bin
# Found when a recipe runs, since `setup` makes the directory
SITE = $(wildcard $(VENV)/lib/python3.*/site-packages)
# The checkout under its full name and nothing else, for mypy, which takes no search path into site-packages
TREE := $(VENV)/tree
STAMP := $(VENV)/.requirements-installed

# Nobody's own settings may change what a target does: ansible.cfg and ANSIBLE_*, a copy of the collection under ~/.ansible
OWN := PYTHONPATH PYTHONHOME PYTHONWARNINGS $(filter ANSIBLE_%,$(.VARIABLES))
GATE = env $(foreach name,$(OWN),-u $(name)) PATH="$(BIN):$$PATH" LC_ALL=C.UTF-8 \
  ANSIBLE_CONFIG="$(CURDIR)/tests/ansible.cfg" ANSIBLE_COLLECTIONS_PATH="$(SITE)" ANSIBLE_HOME="$(VENV)/ansible-home"
# and, where clusters are talked to, neither may CA bundles, proxies, SSH agents and credentials of other clusters
FOREIGN := $(filter AZURE_% ARM_% KUBE%,$(.VARIABLES)) REQUESTS_CA_BUNDLE CURL_CA_BUNDLE SSL_CERT_FILE SSL_CERT_DIR \
  SSH_AUTH_SOCK HTTP_PROXY HTTPS_PROXY ALL_PROXY http_proxy https_proxy all_proxy
RUN = env $(foreach name,$(FOREIGN),-u $(name)) $(GATE)

.DEFAULT_GOAL := help
.PHONY: help setup lint sanity unit integration test demo bench build clean

help:  ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-20s%s\n", $$1, $$2 }'

setup: $(STAMP)  ## virtual environment in .venv (or VENV=...) with everything installed and the checkout linked into it
	@for place in "$(SITE)" "$(TREE)"; do mkdir -p "$$place/ansible_collections/$(dir $(NAME))" && \
	  ln -sfn "$(CURDIR)" "$$place/ansible_collections/$(NAME)"; done

$(STAMP): requirements.txt requirements-dev.txt
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$(PYTHON) is missing or older than Python 3.11: name a newer one, like: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@test -x "$(BIN)/python" || "$(PYTHON)" -m venv "$(VENV)" || \
	  { echo "$(PYTHON) cannot make a virtual environment: install its venv package (Debian, Ubuntu: python3-venv)" >&2; exit 1; }
	@echo "Installing into $(VENV) (once, about half a minute)"
	@"$(BIN)/python" -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt -r requirements.txt
	@touch $@

lint: setup  ## ruff, mypy --strict, ansible-lint, documentation and changelog lint
	$(GATE) ruff check .
	$(GATE) ruff format --check .
	cd "$(TREE)" && $(GATE) MYPYPATH=. mypy --config-file "$(CURDIR)/pyproject.toml" --cache-dir "$(VENV)/.mypy_cache" \
	  -p ansible_collections.kubeops.aks_reboot.plugins.module_utils -p ansible_collections.kubeops.aks_reboot.tests.simulator
	$(GATE) ansible-lint --profile production
	$(GATE) antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs self --skip-rstcheck .
	$(GATE) antsibull-changelog lint

sanity: setup  ## ansible-test sanity on a copy of the checkout
	$(GATE) python tests/run_sanity.py

unit: setup  ## unit tests; PYTEST_ARGS="-k drain" selects
	$(RUN) pytest -n $(JOBS) tests/unit $(PYTEST_ARGS)

integration: setup  ## the real kubectl, SDKs and ansible-playbook against the simulated cluster
	$(RUN) pytest -n $(JOBS) --dist loadgroup tests/integration $(PYTEST_ARGS)

test: lint sanity unit integration  ## all of the above

demo: setup  ## a rolling reboot of a simulated AKS cluster, start to finish
	$(RUN) python tests/demo.py

bench: setup  ## measurements against kubectl drain and others
	$(RUN) python benchmarks/run.py

build: setup  ## the collection's tarball
	$(RUN) ansible-galaxy collection build --force

clean:  ## removes what the other targets made
	rm -rf "$(VENV)" .venv-* .ansible .mypy_cache .pytest_cache .ruff_cache .hypothesis tests/output kubeops-aks_reboot-*.tar.gz
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
