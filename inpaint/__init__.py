"""Fill a hole in a photo: image and mask in, image out. Names load on first use, so importing is quick."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inpaint.inpainter import (
        Inpainter,
        InpainterOptions,
        NothingLeftError,
        Repaired,
        WindowInpainter,
        build_inpainter,
        inpainter_names,
        load_inpainter,
        resolve_auto,
    )

__all__ = [
    "Inpainter",
    "InpainterOptions",
    "NothingLeftError",
    "Repaired",
    "WindowInpainter",
    "build_inpainter",
    "inpainter_names",
    "load_inpainter",
    "resolve_auto",
]


def __getattr__(name: str) -> object:
    if name in __all__:
        return getattr(importlib.import_module("inpaint.inpainter"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
