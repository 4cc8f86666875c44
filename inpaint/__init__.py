"""Fill a hole in a photo: image and mask in, image out. Names load on first use, so importing is quick."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inpaint.inpainter import Inpainter, InpainterOptions, NothingLeftError, Repaired, WindowInpainter
    from inpaint.record import InpainterRecord
    from inpaint.registry import (
        build_inpainter,
        inpainter_names,
        load_inpainter,
        register,
        resolve_auto,
    )

_HOME = {
    "Inpainter": "inpaint.inpainter",
    "InpainterOptions": "inpaint.inpainter",
    "InpainterRecord": "inpaint.record",
    "NothingLeftError": "inpaint.inpainter",
    "Repaired": "inpaint.inpainter",
    "WindowInpainter": "inpaint.inpainter",
    "build_inpainter": "inpaint.registry",
    "inpainter_names": "inpaint.registry",
    "load_inpainter": "inpaint.registry",
    "register": "inpaint.registry",
    "resolve_auto": "inpaint.registry",
}

__all__ = [
    "Inpainter",
    "InpainterOptions",
    "InpainterRecord",
    "NothingLeftError",
    "Repaired",
    "WindowInpainter",
    "build_inpainter",
    "inpainter_names",
    "load_inpainter",
    "register",
    "resolve_auto",
]


def __getattr__(name: str) -> object:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
