"""Pillow's own limit on picture sizes, out of the way of ours."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image

_LOCK = threading.Lock()


@contextmanager
def pillow_limit_lifted(pixels: int) -> Iterator[None]:
    """Let Pillow decode `pixels` pixels, whose number has been checked against our own limit before.

    Pillow warns or refuses by a number that holds for the whole process, and its TIFF and WebP decoders ask
    it themselves. It is lifted only for pictures above it, by one thread at a time, and put back.
    """
    limit = Image.MAX_IMAGE_PIXELS
    if limit is None or pixels <= limit:
        yield
        return
    with _LOCK:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit
