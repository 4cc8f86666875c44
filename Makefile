PYTHON ?= python3
BIN := .venv/bin
# Threads that wait sleep: on a shared machine spinning ones cost more than they gain.
export OMP_WAIT_POLICY := PASSIVE

.PHONY: help demo test test-slow check install clean

help:
	@echo "make install    make .venv with the package and all that its tests need"
	@echo "make demo       remove a figure from a rendered scene, and say where the pictures are"
	@echo "make check      ruff format, ruff, mypy, oxlint"
	@echo "make test       the tests, but for the slow ones"
	@echo "make test-slow  the slow tests"
	@echo "make clean      delete .venv, the demonstration and what a build leaves"

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
	@if command -v node >/dev/null; then for file in removal/page/static/*.js; do node --input-type=module --check < $$file || exit 1; done; \
	else echo "node is not installed: the syntax of the page's scripts is left to the linter"; fi
	$(BIN)/oxlint removal/page/static

clean:
	rm -rf .venv demo build *.egg-info
