"""The pages: links lead somewhere, options are explained, what a stranger looks for is there."""

import re
from pathlib import Path

import click
import pytest

from removal.cli.erase import erase

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page):
    for target in LINK.findall(page.read_text()):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        goal = (page.parent / name).resolve() if name else page
        assert goal.exists(), f"{name_of(page)} links to {target}"
        if anchor and goal.suffix == ".md":
            assert anchor in anchors(goal), f"{name_of(page)} links to {target}"


def test_every_page_is_in_a_table_of_contents():
    for folder in (ROOT / "docs", ROOT / "docs" / "notes"):
        linked = set(LINK.findall((folder / "README.md").read_text()))
        pages = {page.name for page in folder.glob("*.md")} - {"README.md"}
        assert pages <= linked, pages - linked


def test_every_option_is_explained_in_the_guide():
    text = (ROOT / "docs" / "usage.md").read_text()
    for option in erase.params:
        if isinstance(option, click.Option) and option.name != "help":
            assert any(f"{name}" in text for name in option.opts if name.startswith("--")), option.opts


def test_pages_that_the_code_names_are_there():
    for package in (
        "removal",
        "segment",
        "postprocess",
        "inpaint",
        "_removal_support",
        "benchmarks",
        "tools",
    ):
        for path in (ROOT / package).rglob("*.py"):
            for page in re.findall(r"docs/[\w/-]+\.md", path.read_text()):
                assert (ROOT / page).exists(), f"{name_of(path)} names {page}"


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent.name != "notes"], ids=name_of)
def test_pages_for_users_hold_no_acceptance_figures(page):
    text = page.read_text().lower()
    for words in ("asked for)", "(asked", "| asked |", "asked:", "(target"):
        assert words not in text, f"{name_of(page)}: {words}"


def test_every_shipped_file_of_weights_has_its_origin_written_down():
    text = (ROOT / "docs" / "weights.md").read_text()
    shipped = [
        path for package in ("removal", "segment", "postprocess", "inpaint") for path in weights_in(package)
    ]
    assert shipped
    for path in shipped:
        assert path.stem in text, f"{name_of(path)} is not in docs/weights.md"


def weights_in(package: str) -> list[Path]:
    return [
        path for suffix in ("safetensors", "onnx", "npz") for path in (ROOT / package).rglob(f"*.{suffix}")
    ]


def test_every_package_says_that_it_is_typed():
    for package in ("removal", "segment", "postprocess", "inpaint", "_removal_support"):
        assert (ROOT / package / "py.typed").exists(), package


def test_the_licence_is_that_of_the_package():
    assert (ROOT / "LICENSE").read_text().startswith("MIT License\n")
    assert 'license = "MIT AND Apache-2.0"' in (ROOT / "pyproject.toml").read_text()
    of_the_trunk = (ROOT / "segment/LICENSE.Apache-2.0").read_text()
    assert "Copyright (c) 2020, ML Illustrated" in of_the_trunk
    assert "Apache License\n" in of_the_trunk
