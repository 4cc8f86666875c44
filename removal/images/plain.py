"""A picture that came from no file, as a photo that can be written."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from removal.images.photo import Metadata, Photo, Raster


def plain_photo(pixels: np.ndarray, *, icc: bytes = b"") -> Photo:
    """The photo of an array: no file, no format, no metadata but a colour profile.

    pixels: uint8 (H, W, 3) RGB. icc: their colour profile; empty = none.
    """
    return Photo(
        pixels=pixels,
        path=Path(),
        format="",
        raster=Raster(pixels, "RGB"),
        metadata=Metadata(icc=icc),
        orientation=1,
        settings=None,
        encoded=b"",
    )
