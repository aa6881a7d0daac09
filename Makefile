# Everything runs in .venv, which is made here: a machine needs make and Python 3.11 or newer.
# PYTHON=/path/to/python chooses the interpreter, ARGS="-k name" is handed to pytest.

ifndef PYTHON
PYTHON := $(shell for p in python3.11 python3.12 python3.13 python3; do \
    $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
endif

BIN := .venv/bin
# transformers 4.57.6 needs an older huggingface_hub than ours, so what is compared with it has an environment of its own.
REFERENCE := .venv-reference/bin

.PHONY: help demo notebooks pictures lab checkpoints test kills parity golden bench lint js browser format clean
.DEFAULT_GOAL := help

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1|/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "make %-12s %s\n", $$1, $$2 }'

# The kernel's own log is kept to errors: it warns that its sockets on this machine are not encrypted. Without the state
# of the live widgets a page shows the static twin of each, and loads no widget code from the network.
EXECUTE := $(BIN)/jupyter nbconvert --log-level WARN --execute \
    --ExecutePreprocessor.extra_arguments=--log-level=ERROR --ExecutePreprocessor.store_widget_state=False

demo: .venv/.ready ## run notebooks/quickstart.ipynb and write what it shows as an HTML page
	@echo "Running notebooks/quickstart.ipynb; the first time it downloads two models (about 95 MB) ..."
	@$(EXECUTE) --to html notebooks/quickstart.ipynb
	@echo "Open $(CURDIR)/notebooks/quickstart.html"

notebooks: .venv/.ready ## run the notebooks and store what they show in them
	$(EXECUTE) --ExecutePreprocessor.record_timing=False --to notebook --inplace notebooks/*.ipynb

pictures: .venv/.ready ## make the pictures of the README anew, from notebooks/gallery.ipynb in JupyterLab
	$(BIN)/python docs/pictures.py $(ARGS)

lab: .venv/.ready ## open the notebook in JupyterLab
	$(BIN)/jupyter lab notebooks/quickstart.ipynb

checkpoints: .venv/.ready ## bring the real checkpoints that the notebooks show into the cache
	$(BIN)/python notebooks/checkpoints.py

test: .venv/.ready ## run the whole suite
	$(BIN)/python -m pytest $(ARGS)

kills: .venv/.ready ## kill a streaming process 100 times and count what is lost
	NBPIPES_KILLS=100 $(BIN)/python -m pytest -s tests/unit/store/test_kills.py -k sqlite

parity: .venv-reference/.ready ## compare with transformers 4.57.6, live
	$(REFERENCE)/python -m pytest tests/parity -m parity $(ARGS)

golden: .venv-reference/.ready ## make the stored cases anew with transformers 4.57.6; ARGS=bert for one family
	$(REFERENCE)/python tests/golden/make.py $(ARGS)

bench: .venv-reference/.ready ## how long importing and building takes, next to transformers
	$(REFERENCE)/python benchmarks/startup.py $(ARGS)

lint: .venv/.ready-dev ## ruff and basedpyright
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright

js: node_modules/.ready ## check, test and bundle the front end; needs Node 20 or newer
	npm run --silent check
	npm run --silent test
	npm run --silent build

browser: .venv/.ready node_modules/.ready ## drive JupyterLab and Notebook 7 in Chromium, which Debian's apt-get brings for root
	@command -v chromium >/dev/null || [ "$$(id -u)" != 0 ] || { apt-get update -qq && \
	    apt-get install -y -qq --no-install-recommends chromium fonts-noto-color-emoji; }
	$(BIN)/python -m pytest tests/browser $(ARGS)

format: .venv/.ready-dev ## let ruff rewrite what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove what was built, the environments too
	rm -rf .venv .venv-reference node_modules build dist notebooks/*.html

# A stamp is older than pyproject.toml or the pins exactly when the environment is. The interpreter is an order-only
# prerequisite: an environment that is there already is brought up to date, never made anew.
.venv/.ready: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[test]"
	@touch $@

.venv/.ready-dev: .venv/.ready
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	@touch $@

# Not `npm ci`: it refuses the lock where a registry does not carry the builds of a tool for other platforms.
node_modules/.ready: package-lock.json
	npm install --no-save --no-audit --no-fund
	@touch $@

# Beams of speech are compared where kenlm can be compiled. pyctcdecode asks for an old numpy, which it does not need.
.venv-reference/.ready: pyproject.toml constraints-reference.txt | $(REFERENCE)/python
	$(REFERENCE)/python -m pip install --quiet --constraint constraints-reference.txt \
	    --editable ".[test]" transformers sentencepiece protobuf accelerate scipy
	@echo "Compiling kenlm, which may take minutes ..."
	@$(REFERENCE)/python -m pip install --quiet --no-deps --constraint constraints-reference.txt \
	    kenlm pyctcdecode pygtrie >/dev/null 2>&1 || \
	    echo "kenlm cannot be installed, which takes a C++ compiler and cmake: tests/parity/test_beams.py is skipped" >&2
	@touch $@

$(BIN)/python $(REFERENCE)/python:
	@test -n "$(PYTHON)" || { echo "nbpipes needs Python 3.11 or newer: make PYTHON=/path/to/python ..." >&2; exit 1; }
	$(PYTHON) -m venv $(@D:/bin=)
