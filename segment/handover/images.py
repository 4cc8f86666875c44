"""Mask pictures from image files: grey, 1-bit, palette, colours, transparency, 16 bits."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from _removal_support.pillow_limit import pillow_limit_lifted
from segment.handover.colours import Palette, find_palette, value_areas
from segment.handover.fitting import MAX_PIXELS, Size, check_ratio
from segment.handover.mask_error import MaskError
from segment.handover.mask_picture import MaskPicture, from_fractions, from_values

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".gif")
FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "GIF")
UNLIMITED = 1 << 62  # pixels, until the size is known
LOSSY_TIFF = ("jpeg", "tiff_jpeg", "webp")


def read_mask_image(path: Path, *, max_pixels: int = MAX_PIXELS, size: Size | None = None) -> MaskPicture:
    """A mask image. The orientation tag of the mask's own file is applied.

    size: height and width of its photo, None = not known: a mask far larger is refused before it is decoded.
    Of two palette colours or two plain colours the brighter one is the mark; more are labels, or, where they
    are shades of one, marks on black.
    Where transparency varies and the colours are a photo's or one, opaque = marked; else transparent = black.

    Raises MaskError for a file that is no image or no regular file, cut short, animated or of several pages,
    larger than ``max_pixels``, or a colour picture.
    """
    if path.exists() and not path.is_file():
        raise MaskError(
            f"mask {path}: expected a regular file, got a folder, a pipe or a device", "unreadable"
        )
    try:
        with path.open("rb") as stream:
            with pillow_limit_lifted(UNLIMITED):
                image = Image.open(stream, formats=FORMATS)
            width, height = image.size
            if width * height > max_pixels:
                raise ValueError(f"it has {width} x {height} pixels, more than {max_pixels / 1e6:g} million")
            if size is not None:
                check_ratio((height, width), size)
            if getattr(image, "n_frames", 1) > 1:
                raise ValueError(f"it has {image.n_frames} pages or frames, expected one")  # type: ignore[attr-defined]
            lossy = _is_lossy(image, stream)
            with pillow_limit_lifted(width * height):
                image.load()
            return _picture(ImageOps.exif_transpose(image), str(image.format), lossy=lossy)
    except FileNotFoundError:
        raise
    except UnidentifiedImageError as error:
        known = ", ".join(FORMATS)
        raise MaskError(f"mask {path} cannot be read: it is no image ({known})", "unreadable") from error
    except (OSError, SyntaxError, ValueError, LookupError, TypeError, EOFError, MemoryError) as error:
        raise MaskError(f"mask {path} cannot be read: {error}", "unreadable") from error
    except (struct.error, zlib.error, ArithmeticError, RuntimeError, Warning) as error:
        raise MaskError(f"mask {path} cannot be read: {error}", "unreadable") from error


def _is_lossy(image: Image.Image, stream: BinaryIO) -> bool:
    if image.format == "WEBP":
        return not _is_lossless_webp(stream)
    return image.format == "JPEG" or image.info.get("compression") in LOSSY_TIFF


def _is_lossless_webp(stream: BinaryIO) -> bool:
    """Whether a WebP file has a chunk of lossless pixels (RFC 9649, section 2.6)."""
    position = stream.tell()
    stream.seek(12)
    found = False
    while not found and len(head := stream.read(8)) == 8:
        found = head[:4] == b"VP8L"
        size = int.from_bytes(head[4:], "little")
        stream.seek(size + size % 2, 1)
    stream.seek(position)
    return found


def _picture(image: Image.Image, format: str, *, lossy: bool) -> MaskPicture:
    if image.mode == "P" and "transparency" not in image.info:
        return _palette_picture(image, format)
    if image.mode in ("P", "PA", "LA", "La", "RGBA", "RGBa"):
        pixels = np.asarray(image.convert("RGBA"))
        if pixels[..., 3].min() == pixels[..., 3].max() > 0:
            return _colour_picture(pixels[..., :3], format, lossy=lossy)
        labels = np.asarray(image) if image.mode == "P" else None
        opaque = np.where(pixels[..., 3:] > 127, pixels[..., :3], 0).astype(np.uint8)
        if not lossy and (palette := find_palette(opaque)) is not None and palette.are_labels():
            return MaskPicture(opaque.max(axis=2), labels, False, True, format, palette)
        return replace(from_values(_transparent_levels(pixels), format, lossy=lossy), labels=labels)
    if image.mode == "1":
        return from_values(np.asarray(image), format)
    if image.mode == "F":
        return from_fractions(np.asarray(image), format)
    if image.mode == "L" or image.mode.startswith("I"):
        return from_values(np.asarray(image), format, lossy=lossy)
    return _colour_picture(np.asarray(image.convert("RGB")), format, lossy=lossy)


def _colour_picture(colours: np.ndarray, format: str, *, lossy: bool) -> MaskPicture:
    """The mask in colours uint8 (H, W, 3) RGB."""
    if (colours == colours[..., :1]).all():
        return from_values(np.ascontiguousarray(colours[..., 0]), format, lossy=lossy)
    palette = find_palette(colours, lossy=lossy)
    if palette is not None and palette.are_labels():
        if lossy:
            raise ValueError(
                "its colours look like a photo's or a label map's that was compressed with losses: expected "
                "a label map as PNG"
            )
        return MaskPicture(colours.max(axis=2), None, False, True, format, palette)
    if lossy or palette is None:
        return replace(from_values(_colour_levels(colours), format, lossy=lossy), labels=None)
    return replace(from_values(_palette_levels(palette), format), labels=None, palette=palette)


def _palette_picture(image: Image.Image, format: str) -> MaskPicture:
    indices = np.asarray(image)
    colours = np.asarray(image.convert("RGB"))
    used = np.flatnonzero(value_areas(indices))
    grey = bool((colours == colours[..., :1]).all())
    palette = None if grey else find_palette(colours)
    if len(used) == 2:
        looks = np.array([colours[indices == index][0] for index in used])
        brighter = used[int(np.argmax(_luma(looks)))]
        levels = np.where(indices == brighter, 255, 0).astype(np.uint8)
        return MaskPicture(levels, indices, False, False, format, palette)
    own = from_values(colours[..., 0] if grey else colours.max(axis=2), format)
    is_label_map = own.is_label_map or (not grey and len(used) > 2)
    return MaskPicture(own.levels, indices, False, is_label_map, format, palette)


def _luma(colours: np.ndarray) -> np.ndarray:
    return colours[..., :3].astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)


def _transparent_levels(pixels: np.ndarray) -> np.ndarray:
    """Levels uint8 (H, W) of pixels uint8 (H, W, 4) RGBA."""
    colours, alpha = pixels[..., :3], pixels[..., 3]
    if not alpha.any():
        return alpha
    shown = colours[alpha > 0]
    levels = shown.max(axis=1)
    middle = np.count_nonzero((levels > 32) & (levels < 223)) / len(levels)
    if middle > 0.2 or (shown == shown[0]).all():
        return alpha
    result: np.ndarray = (colours.max(axis=2).astype(np.uint16) * alpha // 255).astype(np.uint8)
    return result


def _palette_levels(palette: Palette) -> np.ndarray:
    """Levels uint8 (H, W) of a picture of few colours: of two the brighter is the mark, more are on black."""
    assert palette.indices is not None
    levels = palette.colours.max(axis=1)
    if len(levels) == 2:
        levels = np.where(np.arange(2) == np.argmax(_luma(palette.colours)), 255, 0).astype(np.uint8)
    result: np.ndarray = levels[palette.indices]
    return result


def _colour_levels(colours: np.ndarray) -> np.ndarray:
    """Levels uint8 (H, W) of colours uint8 (H, W, 3) RGB. ValueError for a photo."""
    brightest, darkest = colours.max(axis=2), colours.min(axis=2)
    coloured = np.count_nonzero(brightest - darkest > 48) / brightest.size
    middle = np.count_nonzero((brightest > 32) & (brightest < 223)) / brightest.size
    if coloured > 0.05 and middle > 0.3:
        raise ValueError("it is a colour picture and no mask")
    result: np.ndarray = brightest
    return result
