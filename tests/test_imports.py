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


def test_only_its_command_imports_the_page():
    page, command = ROOT / "removal" / "page", ROOT / "removal" / "cli" / "serve.py"
    for package in sorted(OURS):
        for path in sources(package):
            if page not in path.parents and path != command:
                assert not {n for n in imported_modules(path) if n.startswith("removal.page")}, path


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def import_graph() -> dict[str, set[str]]:
    """Each of our modules and those of ours that it imports, anywhere in it: in functions and under
    TYPE_CHECKING, too."""
    modules = {module_of(path): path for package in OURS for path in sources(package)}
    graph: dict[str, set[str]] = {}
    for module, path in modules.items():
        names: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                full = {f"{node.module}.{alias.name}" for alias in node.names}
                names |= {name if name in modules else node.module for name in full}
        graph[module] = {name for name in names if name in modules and name != module}
    return graph


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Groups of modules that reach one another (Tarjan 1972)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(module: str) -> None:
        index[module] = low[module] = len(index)
        stack.append(module)
        for other in sorted(graph[module]):
            if other not in index:
                visit(other)
                low[module] = min(low[module], low[other])
            elif other in stack:
                low[module] = min(low[module], index[other])
        if low[module] == index[module]:
            group = stack[stack.index(module) :]
            del stack[stack.index(module) :]
            if len(group) > 1:
                found.append(sorted(group))

    for module in sorted(graph):
        if module not in index:
            visit(module)
    return found


def test_no_imports_run_in_a_circle():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c"]]
    graph = import_graph()
    assert len(graph) > 200
    assert circles(graph) == []


def test_contracts_import_no_implementation():
    """The registry imports the implementations, these import the contract, and nobody runs back up."""
    graph = import_graph()
    assert graph["inpaint.inpainter"] <= {
        "_removal_support.errors",
        "_removal_support.progress",
        "inpaint.windows",
    }
    assert graph["segment.segmenter"] <= {"segment.classes", "segment.detections", "segment.published"}
