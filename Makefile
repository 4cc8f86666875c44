PYTHON ?= python3
BIN := .venv/bin
# Threads that wait sleep: on a shared machine spinning ones cost more than they gain.
export OMP_WAIT_POLICY := PASSIVE

.PHONY: demo test test-slow check install clean

install: .venv/installed

.venv/installed: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

demo: .venv/installed
	$(BIN)/remove demo -o demo --overwrite

test: .venv/installed
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow"

test-slow: .venv/installed
	$(BIN)/python -m pytest -m slow

check: .venv/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

clean:
	rm -rf .venv demo build *.egg-info
