"""Pillow's own limit on picture sizes, out of the way of ours."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image

_LOCK = threading.Lock()
_lifted = 0  # by how many at the moment
_limit: int | None = None  # what it is while it is lifted


@contextmanager
def pillow_limit_lifted(pixels: int) -> Iterator[None]:
    """Let Pillow decode `pixels` pixels, whose number has been checked against our own limit before.

    Pillow warns or refuses by a number that holds for the whole process, and its TIFF and WebP decoders ask
    it themselves. It is lifted only for pictures above it, and put back when the last of those that several
    threads decode at once is done.
    """
    global _lifted, _limit
    with _LOCK:
        limit = _limit if _lifted else Image.MAX_IMAGE_PIXELS
        lift = limit is not None and pixels > limit
        if lift:
            _lifted, _limit, Image.MAX_IMAGE_PIXELS = _lifted + 1, limit, None
    try:
        yield
    finally:
        if lift:
            with _LOCK:
                _lifted -= 1
                if not _lifted:
                    Image.MAX_IMAGE_PIXELS = _limit
