"""What this runs on: the version and commit of the code, the libraries that are there, and those that only
evaluation needs, which the extra ``removal[evaluation]`` installs.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from removal import __version__

LIBRARIES = ("numpy", "opencv-python", "torch", "torchvision", "torchmetrics", "pycocotools", "scikit-learn")


def facts() -> dict[str, Any]:
    """What `config.json` says about the code and the time of the first run, as JSON takes it."""
    return {
        "version": __version__,
        "commit": commit(),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": sys.version.split()[0],
        "libraries": {name: found for name in LIBRARIES if (found := library_version(name))},
    }


def commit() -> str | None:
    """The commit that this package is at, with "+" where files were changed since; None outside a
    checkout."""
    here = Path(__file__).resolve().parents[2]
    if not (here / ".git").exists():
        return None
    try:
        head = git(here, "rev-parse", "--short=12", "HEAD")
        changed = git(here, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return None
    return head + ("+" if changed else "")


def git(folder: Path, *words: str) -> str:
    answer = subprocess.run(
        ["git", "-C", str(folder), *words], capture_output=True, text=True, check=True, timeout=10
    )
    return answer.stdout.strip()


def library_version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def evaluation_module(name: str) -> Any:
    """The module ``name``, such as ``sklearn.svm``, imported now.

    Raises ModuleNotFoundError that names the extra where its library is not installed.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"evaluation needs {error.name or name}: pip install 'removal[evaluation]'", name=error.name
        ) from error
