"""Erase objects from photos: name a class, get the photo back without it.

    from removal import remove_objects

    result = remove_objects("photo.jpg", classes=["person"])
    result.save("photo.removed.jpg")

The heavy libraries are imported when work starts, not with this package.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from removal.api import FallbackWarning, free_models, remove_objects
    from removal.errors import RemovalError
    from removal.pipeline import Pipeline, Removal

_HOME = {
    "FallbackWarning": "removal.api",
    "Pipeline": "removal.pipeline",
    "Removal": "removal.pipeline",
    "RemovalError": "removal.errors",
    "free_models": "removal.api",
    "remove_objects": "removal.api",
}

__all__ = [
    "FallbackWarning",
    "Pipeline",
    "Removal",
    "RemovalError",
    "__version__",
    "free_models",
    "remove_objects",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
