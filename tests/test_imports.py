"""Which package may import which (docs/architecture.md), read from the source and not by importing it."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
OURS = {"removal", "segment", "postprocess", "inpaint", "_removal_support"}
ALLOWED = {
    "_removal_support": {"_removal_support"},
    "segment": {"segment", "_removal_support"},
    "postprocess": {"postprocess"},
    "inpaint": {"inpaint", "_removal_support"},
    "removal": OURS,
}


def imported_modules(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = path.relative_to(ROOT).parts[: -node.level]
                base = ".".join((*package, base)) if base else ".".join(package)
            names |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return names


def sources(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("package", sorted(OURS))
def test_a_package_imports_only_what_the_table_allows(package):
    assert sources(package), f"no source found in {package}"
    for path in sources(package):
        reached = {name.split(".")[0] for name in imported_modules(path)} & OURS
        assert reached <= ALLOWED[package], f"{path.relative_to(ROOT)} imports {reached - ALLOWED[package]}"


def test_postprocess_does_not_import_torch():
    for path in sources("postprocess"):
        assert not {name for name in imported_modules(path) if name.split(".")[0] in ("torch", "torchvision")}


def test_inpaint_does_not_import_its_own_training():
    for path in sources("inpaint"):
        if "training" not in path.relative_to(ROOT).parts:
            assert not {name for name in imported_modules(path) if name.startswith("inpaint.training")}, path


def test_nobody_imports_the_command_line():
    for package in sorted(OURS):
        for path in sources(package):
            if (ROOT / "removal" / "cli") not in path.parents:
                assert not {n for n in imported_modules(path) if n.startswith("removal.cli")}, path
