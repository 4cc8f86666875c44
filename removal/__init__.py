"""Erase objects from photos: name a class, get the photo back without it.

The heavy libraries are imported when work starts, not with this package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from removal.pipeline import Pipeline, Removal, remove_objects

__all__ = ["Pipeline", "Removal", "__version__", "remove_objects"]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    if name in __all__:
        from removal import pipeline

        return getattr(pipeline, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
