"""The size of a photo, without decoding it."""

from pathlib import Path

from PIL import Image

from _removal_support.pillow_limit import pillow_limit_lifted
from removal.images.photo import PHOTO_SUFFIXES, PhotoError

_ORIENTATION = 274
_NO_LIMIT = 1 << 62


def read_size(path: str | Path) -> tuple[int, int, int]:
    """Height and width of the upright photo in pixels, and its EXIF orientation, 1 to 8.

    Only the file's head is read, so that damage further on goes unseen. Raises PhotoError for a file that is
    no photo, OSError for one that cannot be opened.
    """
    path = Path(path)
    with path.open("rb") as stream:
        try:
            with pillow_limit_lifted(_NO_LIMIT):
                image = Image.open(stream, formats=sorted({*PHOTO_SUFFIXES.values()}))
            orientation = image.getexif().get(_ORIENTATION, 1)
        except (OSError, SyntaxError, ValueError, LookupError, TypeError) as error:
            raise PhotoError(f"{path}: is not a photo that can be read") from error
    if not isinstance(orientation, int) or not 1 <= orientation <= 8:
        orientation = 1
    width, height = image.size
    return (width, height, orientation) if orientation >= 5 else (height, width, orientation)
