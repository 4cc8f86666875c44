"""The size of a photo, without decoding it."""

from pathlib import Path

from removal.images.reading import open_photo


def read_size(path: str | Path) -> tuple[int, int, int]:
    """Height and width of the upright photo in pixels, and its EXIF orientation, 1 to 8.

    It is read as `read_photo` reads it but for the pixels, so that what is refused there is refused here in
    the same words, but damage in the picture itself goes unseen. Raises PhotoError for a file that is no
    photo, OSError for one that cannot be opened.
    """
    opened = open_photo(path)
    width, height = opened.width, opened.height
    return (
        (width, height, opened.orientation)
        if opened.orientation >= 5
        else (height, width, opened.orientation)
    )
