# Needs Python 3.11 or newer with pip, and make. Everything else goes into .venv, from the lock files.
#   make demo     five questions of ten million tokens, answered by the model in the box
#   make test     all tests
#   make check    format, lint, types, layers and the fast tests: under two minutes (make lint: without the tests)
#   make lock     the lock files anew, from pyproject.toml

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	if $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo $$p; break; fi; done)
BIN := .venv/bin
RUN := .venv/.run-ready
DEV := .venv/.dev-ready
# pip of the machine installs into .venv, which so needs no pip of its own (Debian splits it off). One before 22.3 can't,
# and then .venv gets its own.
OUTER := $(PYTHON) -m pip --python $(BIN)/python
PIP := pip="$(OUTER)"; $$pip --version >/dev/null 2>&1 || pip="$(BIN)/python -m pip"; \
	$$pip --disable-pip-version-check install -q

# Without what Python keeps of what it compiled, each of the thousand processes that tests start compiles all it imports.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test live lint check lock clean

demo: $(RUN)
	$(BIN)/rlm demo

test: $(DEV)
	@sh tests/engines.sh
	$(BIN)/python -m pytest -n 2 $(PYTEST)

live: $(DEV)
	$(BIN)/python tests/live/contract.py $(NAME)

lint: $(DEV)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

check: lint
	$(BIN)/python -m pytest -n 2 -m "not slow" $(PYTEST)

$(RUN): requirements.lock pyproject.toml
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "make: Python 3.11 or newer is needed, and none was found (make PYTHON=...)" >&2; exit 1; }
	@echo "setting up .venv (once; the downloads are about 80 MB)"
	@test -x $(BIN)/python || $(PYTHON) -m venv --without-pip .venv
	@$(OUTER) --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null 2>&1 || { \
		echo "make: pip 22.3 or newer is needed: $(PYTHON) -m pip install --upgrade pip" >&2; exit 1; }
	@$(PIP) --require-hashes -r requirements.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(DEV): $(RUN) requirements-dev.lock
	@echo "adding the tools for tests to .venv"
	@$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@

LOCK := uv pip compile -q --universal --generate-hashes --python-version 3.11 --no-header --no-annotate pyproject.toml
lock:
	$(LOCK) --group build -o requirements.lock
	$(LOCK) --group build --group dev -c requirements.lock -o requirements-dev.lock

clean:
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache
