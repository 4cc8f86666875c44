"""AVIF in and out, through Pillow: 8 bits, always lossy."""

import io

from removal.images.colour import from_image, to_image
from removal.images.metadata import read_resolution, without_exif_prefix
from removal.images.photo import Decoded, Metadata, Opened, Raster

_QUALITY = 90  # of 100, every pixel with its own colour: a second compression is not seen


def open_avif(data: bytes) -> Opened:
    """Read all of an AVIF file but its pixels. Raises ValueError."""
    from PIL import AvifImagePlugin  # its codec is 10 MB

    image = AvifImagePlugin.AvifImageFile(io.BytesIO(data))
    if getattr(image, "n_frames", 1) > 1:
        raise ValueError("animated pictures are not supported")
    exif = without_exif_prefix(image.info.get("exif", b""))
    metadata = Metadata(
        exif, image.info.get("xmp", b""), image.info.get("icc_profile", b""), read_resolution(exif)
    )

    def decode() -> Decoded:
        image.load()
        return Decoded(from_image(image))

    return Opened(*image.size, metadata, decode)


def encode_avif(raster: Raster, metadata: Metadata, settings: None) -> bytes:
    """An AVIF file. raster: 8-bit "L", "RGB" or "RGBA"."""
    from PIL import AvifImagePlugin  # noqa: F401 - registers the encoder

    buffer = io.BytesIO()
    to_image(raster).save(
        buffer,
        "AVIF",
        quality=_QUALITY,
        subsampling="4:0:0" if raster.layout == "L" else "4:4:4",
        exif=metadata.exif,
        xmp=metadata.xmp,
        icc_profile=metadata.icc,
    )
    return buffer.getvalue()
