"""Photos in and out: orientation, colour profile, EXIF, alpha, bit depth; atomic writes.

A photo is read with everything that is needed to write it back as it was, but for the hole:

    photo = read_photo("street.jpg")
    write_photo(photo, filled, mask)        # street.removed.jpg beside it
"""

from removal.images.kinds import PHOTO_SUFFIXES
from removal.images.photo import Photo, PhotoError
from removal.images.reading import read_photo
from removal.images.writing import encode_photo, output_format, write_mask, write_photo, write_png

__all__ = [
    "PHOTO_SUFFIXES",
    "Photo",
    "PhotoError",
    "encode_photo",
    "output_format",
    "read_photo",
    "write_mask",
    "write_photo",
    "write_png",
]
