"""The libraries that only evaluation needs, which the extra ``removal[evaluation]`` installs."""

from __future__ import annotations

import importlib
from typing import Any


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
