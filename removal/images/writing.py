"""Photos out: in their own format, as they were but for the hole."""

import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from _removal_support.errors import one_line
from _removal_support.files import refuse_existing, write_atomically
from removal.images.avif import encode_avif
from removal.images.bmp import encode_bmp
from removal.images.colour import (
    eight_bits,
    expand_palette,
    fill,
    fits_profile,
    over_white,
    repeat_grey,
    view,
)
from removal.images.heif import encode_heif
from removal.images.jpeg import encode_jpeg, turned
from removal.images.kinds import KNOWN_SUFFIXES, PHOTO_SUFFIXES, refusal
from removal.images.metadata import edited_metadata
from removal.images.photo import JpegSettings, Metadata, Photo, PhotoError, Raster, WebpSettings
from removal.images.png import encode_png
from removal.images.tiff import encode_tiff
from removal.images.webp import encode_webp

_ENCODERS: dict[str, Callable[[Raster, Metadata, Any], bytes]] = {
    "JPEG": encode_jpeg,
    "PNG": encode_png,
    "WEBP": encode_webp,
    "TIFF": encode_tiff,
    "BMP": encode_bmp,
    "AVIF": encode_avif,
    "HEIF": encode_heif,
}
_LAYOUTS = {
    "JPEG": ("L", "RGB", "CMYK"),
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA"),
    "WEBP": ("RGB", "RGBA"),
    "TIFF": ("1", "L", "LA", "P", "RGB", "RGBA", "RGBX", "CMYK"),
    "BMP": ("1", "L", "P", "RGB", "RGBA"),
    "AVIF": ("L", "RGB", "RGBA"),
    "HEIF": ("L", "RGB", "RGBA"),
}
_DEEP_FORMATS = ("PNG", "TIFF", "HEIF")


def write_photo(
    photo: Photo,
    pixels: np.ndarray,
    mask: np.ndarray,
    path: str | Path | None = None,
    *,
    overwrite: bool = False,
) -> Path:
    """Write a photo with `pixels` where `mask` is True and its own samples everywhere else.

    pixels: uint8 (H, W, 3) RGB, upright, the size of photo.pixels; only masked ones are looked at.
    mask: bool (H, W), True = take from `pixels`. Where it is empty and the format stays, the file's own bytes
        are written.
    path: None = NAME.removed.SUFFIX beside the photo. With the photo's own suffix the photo's format is kept,
        also where the suffix lies about it; any other suffix says the format to convert to.

    Depth, alpha, palette, colour profile, EXIF, XMP and DPI are kept where the format has a place for them
    (docs/photos.md has the table); a palette too full for the new colours becomes RGB or RGBA.
    Returns the path. Raises TypeError, ValueError for wrong arrays; PhotoError for a suffix or a picture that
    cannot be written; FileExistsError, FileNotFoundError (no such folder), PermissionError, OSError: one line
    that names the file.
    """
    _check(photo, pixels, mask)
    path = _removed_path(photo) if path is None else Path(path)
    output_format(photo, path)
    refuse_existing(path, overwrite=overwrite)
    write_atomically(path, encode_photo(photo, pixels, mask, path), overwrite=overwrite)
    return path


def encode_photo(photo: Photo, pixels: np.ndarray, mask: np.ndarray, path: Path | None = None) -> bytes:
    """The bytes that `write_photo` writes to `path`; None = a name with the photo's own suffix. Raises as it
    does, but for what comes of writing."""
    _check(photo, pixels, mask)
    kind = photo.format if path is None else output_format(photo, path)
    if kind == photo.format and not mask.any():
        return photo.encoded
    return _encode(photo, pixels, mask, kind, path or photo.path)


def output_format(photo: Photo, path: Path) -> str:
    """The format write_photo gives a file at `path`. Raises PhotoError for a suffix it does not know."""
    suffix = path.suffix.lower()
    if suffix == photo.path.suffix.lower():
        return photo.format
    if suffix not in PHOTO_SUFFIXES:
        raise PhotoError(f"{path}: {unknown_suffix(suffix)}")
    return PHOTO_SUFFIXES[suffix]


def unknown_suffix(suffix: str) -> str:
    """What is said of a result whose name has a suffix that no photo is written under."""
    known = " ".join(sorted(PHOTO_SUFFIXES))
    why = f": {refusal('HEIF')}" if KNOWN_SUFFIXES.get(suffix.lower()) == "HEIF" else ""
    return f"expected a suffix among {known}, received {suffix or 'none'}{why}"


def _removed_path(photo: Photo) -> Path:
    usual = next(suffix for suffix, kind in PHOTO_SUFFIXES.items() if kind == photo.format)
    return photo.path.with_name(f"{photo.path.stem}.removed{photo.path.suffix or usual}")


def _check(photo: Photo, pixels: np.ndarray, mask: np.ndarray) -> None:
    for name, array, dtype, shape in (
        ("pixels", pixels, np.uint8, photo.pixels.shape),
        ("mask", mask, np.bool_, photo.pixels.shape[:2]),
    ):
        if not isinstance(array, np.ndarray) or array.dtype != dtype:
            received = getattr(array, "dtype", type(array).__name__)
            raise TypeError(f"{name}: expected an array of {np.dtype(dtype)}, received {received}")
        if array.shape != shape:
            raise ValueError(f"{name}: expected shape {shape}, received {array.shape}")


def _encode(photo: Photo, pixels: np.ndarray, mask: np.ndarray, kind: str, path: Path) -> bytes:
    icc = photo.metadata.icc
    raster = fill(photo.raster, pixels, mask, icc) if mask.any() else photo.raster
    raster = adapt(raster, kind, icc)
    metadata = edited_metadata(photo.metadata, photo.orientation)
    if not fits_profile(icc, raster.layout):
        metadata = replace(metadata, icc=b"")
    settings = photo.settings
    if kind != photo.format:
        metadata = replace(metadata, extra=())
        lossless = photo.format not in ("JPEG", "HEIF", "AVIF")
        settings = WebpSettings(lossless) if kind == "WEBP" else None
    elif isinstance(settings, JpegSettings):
        settings = turned(settings, photo.orientation)
    try:
        return _ENCODERS[kind](raster, metadata, settings)
    except (OSError, ValueError, OverflowError, RuntimeError, struct.error) as error:
        raise PhotoError(f"{path}: cannot be written as {kind}: {one_line(str(error))}") from error


def adapt(raster: Raster, kind: str, icc: bytes = b"") -> Raster:
    """The raster as a format can hold it: nothing is converted that need not be.

    CMYK becomes sRGB outside JPEG and TIFF; transparency is laid over white in JPEG; 16 bits become 8 outside
    PNG, TIFF and HEIF.
    """
    if raster.layout == "CMYK" and "CMYK" not in _LAYOUTS[kind]:
        return Raster(view(raster, icc), "RGB")
    if raster.layout == "RGBX" and kind != "TIFF":
        raster = Raster(np.ascontiguousarray(raster.samples[..., :3]), "RGB")
    see_through = raster.palette is not None and bool((raster.palette[:, 3] < 255).any())
    if raster.layout == "P" and ("P" not in _LAYOUTS[kind] or (see_through and kind != "PNG")):
        raster = expand_palette(raster)
    if kind not in _DEEP_FORMATS and raster.bits == 16:
        raster = Raster(eight_bits(raster.samples), raster.layout)
    return _channels(raster, kind)


def _channels(raster: Raster, kind: str) -> Raster:
    layout, samples = raster.layout, raster.samples
    if layout in _LAYOUTS[kind]:
        return raster
    if layout == "1":
        layout, samples = "L", samples * np.uint8(255)
    if kind == "JPEG" and layout in ("LA", "RGBA"):
        samples = over_white(samples)
        return Raster(samples[..., 0], "L") if layout == "LA" else Raster(samples, "RGB")
    if layout in _LAYOUTS[kind]:
        return Raster(samples, layout)
    if layout == "LA":
        return Raster(samples[..., [0, 0, 0, 1]], "RGBA")
    return Raster(repeat_grey(samples), "RGB")


def write_png(pixels: np.ndarray, path: str | Path, *, overwrite: bool = False) -> None:
    """Write uint8 (H, W) grey or (H, W, 3) RGB as a PNG file, atomically. Raises as write_photo does."""
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8:
        received = getattr(pixels, "dtype", type(pixels).__name__)
        raise TypeError(f"pixels: expected an array of uint8, received {received}")
    if pixels.ndim not in (2, 3) or pixels.shape[2:] not in ((), (3,)):
        raise ValueError(f"pixels: expected shape (H, W) or (H, W, 3), received {pixels.shape}")
    raster = Raster(pixels, "L" if pixels.ndim == 2 else "RGB")
    path = Path(path)
    refuse_existing(path, overwrite=overwrite)
    write_atomically(path, encode_png(raster, Metadata(), None), overwrite=overwrite)


def write_mask(mask: np.ndarray, path: str | Path, *, overwrite: bool = False) -> None:
    """Write bool (H, W) as a grey PNG file, True = 255 (white), atomically. Raises as write_photo does."""
    if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_:
        raise TypeError(
            f"mask: expected an array of bool, received {getattr(mask, 'dtype', type(mask).__name__)}"
        )
    if mask.ndim != 2:
        raise ValueError(f"mask: expected shape (H, W), received {mask.shape}")
    write_png(mask * np.uint8(255), path, overwrite=overwrite)
