"""HEIC and HEIF in and out, through libheif (the package pillow-heif).

That package is an extra, as its wheels carry GPL code.
"""

import io
from typing import Any

import numpy as np

from removal.images.metadata import read_resolution, upright_metadata, without_exif_prefix
from removal.images.photo import Decoded, HeifSettings, Metadata, Opened, Raster

_QUALITY = 90  # of 100
_USUAL_CHROMA = 420  # what phones write, and all that some of them can show
_COLOUR_CODES = ("color_primaries", "transfer_characteristics", "matrix_coefficients", "full_range_flag")
_LAYOUTS = {"L": "L", "I": "L", "LA": "LA", "RGB": "RGB", "RGBA": "RGBA"}


def open_heif(data: bytes) -> Opened:
    """Read all of a HEIF file but its pixels; of several pictures in it the main one. Raises ValueError.

    libheif turns the picture upright itself, by the file's own boxes: what EXIF says of it is done already.
    """
    import pillow_heif

    file = pillow_heif.open_heif(data, convert_hdr_to_8bit=False)
    width, height = file.size
    info: dict[str, Any] = file.info
    exif = without_exif_prefix(info.get("exif") or b"")
    stated = Metadata(exif, info.get("xmp") or b"", info.get("icc_profile") or b"", read_resolution(exif))

    def decode() -> Decoded:
        layout = _LAYOUTS.get(file.mode.partition(";")[0])
        if layout is None:
            raise ValueError(f"samples of the kind {file.mode} are not supported")
        samples = np.asarray(file)
        if samples.shape[:2] != (height, width):
            raise ValueError("its picture has another size than it states")
        if ";16" in file.mode:
            samples = _full_range(samples, int(info.get("bit_depth") or 16))
        chroma = info.get("chroma")
        settings = HeifSettings(chroma if chroma in (420, 422, 444) else _USUAL_CHROMA, _colour_codes(info))
        return Decoded(Raster(np.ascontiguousarray(samples), layout), settings)

    return Opened(width, height, upright_metadata(stated), decode)


def _colour_codes(info: dict[str, Any]) -> tuple[tuple[str, int], ...]:
    """What the numbers mean where no profile says so: colours, transfer curve (HDR's among them), matrix."""
    profile = info.get("nclx_profile") or {}
    return tuple((name, int(profile[name])) for name in _COLOUR_CODES if name in profile)


def _full_range(samples: np.ndarray, bits: int) -> np.ndarray:
    """Samples of 10 or 12 bits, which libheif moves up to the top of 16, with their upper bits repeated
    below: white is 65535 then. Moving them back down gives the same samples."""
    return samples | samples >> bits if 8 < bits < 16 else samples


def encode_heif(raster: Raster, metadata: Metadata, settings: HeifSettings | None) -> bytes:
    """A HEIF file of one picture (HEVC). raster: "L", "RGB" or "RGBA", of 16 bits for a file of 10.

    settings: None for a picture that never was a HEIF.
    """
    import pillow_heif

    height, width = raster.samples.shape[:2]
    mode = f"{raster.layout};16" if raster.bits == 16 else raster.layout
    if raster.layout == "L":
        mode = mode.replace("L;16", "I;16L")
    buffer = io.BytesIO()
    extra = {"exif": metadata.exif, "xmp": metadata.xmp, "icc_profile": metadata.icc}
    pillow_heif.encode(
        mode,
        (width, height),
        np.ascontiguousarray(raster.samples).tobytes(),
        buffer,
        quality=_QUALITY,
        chroma=settings.chroma if settings else _USUAL_CHROMA,
        **dict(settings.colour_codes if settings else ()),
        **{name: value for name, value in extra.items() if value},
    )
    return buffer.getvalue()
