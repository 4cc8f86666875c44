"""Mask pictures from NumPy files, .npy and .npz, whose sizes are checked before anything is read."""

from __future__ import annotations

import math
import tokenize
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import IO

import numpy as np

from _removal_support.limits import LARGEST_ARRAY_BYTES
from segment.handover.fitting import MAX_PIXELS, Size, check_ratio
from segment.handover.mask_error import MaskError
from segment.handover.mask_picture import MaskPicture, from_fractions, from_values

_HEADER_ERRORS = (SyntaxError, tokenize.TokenError)
ARRAY_SUFFIXES = (".npy", ".npz")
COMMON_NAMES = ("mask", "masks", "arr_0", "segmentation", "data")


def read_mask_array(
    path: Path,
    photo: PurePath | None = None,
    *,
    max_pixels: int = MAX_PIXELS,
    size: Size | None = None,
) -> MaskPicture:
    """The mask in a .npy or .npz file: bool, whole or floating-point numbers of shape (H, W), also with a
    leading or last axis of length 1, or (N, H, W) with one object each, of which the union is taken.

    photo: of several arrays in a .npz, the one named like the photo's stem is taken, else "mask", "masks",
    "arr_0", "segmentation" or "data". Nothing pickled is read.
    size: height and width of the photo, None = not known: arrays far larger are refused before they are read.

    Raises MaskError for a file that is damaged, holds anything else or more than ``max_pixels`` numbers, or
    has no array for the photo.
    """
    if path.exists() and not path.is_file():
        raise MaskError(
            f"mask {path}: expected a regular file, got a folder, a pipe or a device", "unreadable"
        )
    try:
        if path.suffix.lower() == ".npz":
            array = _read_from_archive(path, photo, max_pixels, size)
        else:
            with path.open("rb") as file:
                _check_header(file, max_pixels, size)
                file.seek(0)
                array = np.lib.format.read_array(file, allow_pickle=False)
        return _picture(array, path.suffix.lower()[1:])
    except (FileNotFoundError, MaskError):
        raise
    except (OSError, ValueError, EOFError, TypeError, LookupError, MemoryError) as error:
        raise MaskError(f"mask {path} cannot be read: {error}", "unreadable") from error
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, *_HEADER_ERRORS) as error:
        raise MaskError(f"mask {path} cannot be read: {error}", "unreadable") from error


def array_names(path: Path) -> tuple[str, ...]:
    """The names of the arrays in a .npz file; empty where it cannot be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            return tuple(name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy"))
    except (OSError, zipfile.BadZipFile, NotImplementedError):
        return ()


def choose_name(names: Sequence[str], photo: PurePath | None) -> str | None:
    """Which array of a .npz file belongs to a photo; None where that does not show."""
    if photo is not None:
        for name in (photo.stem, photo.name):
            if name in names:
                return name
    return next((name for name in COMMON_NAMES if name in names), None)


def _read_from_archive(path: Path, photo: PurePath | None, max_pixels: int, size: Size | None) -> np.ndarray:
    with zipfile.ZipFile(path) as archive:
        names = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
        name = choose_name(names, photo)
        if name is None and len(names) == 1 and (photo is None or photo.stem == path.stem):
            name = names[0]
        if name is None:
            listed = ", ".join(names[:8]) + (" ..." if len(names) > 8 else "")
            raise MaskError(
                f"expected an array for {photo} in {path}, found {listed or 'none at all'}", "missing"
            )
        with archive.open(f"{name}.npy") as file:
            _check_header(file, max_pixels, size)
        with archive.open(f"{name}.npy") as file:
            return np.lib.format.read_array(file, allow_pickle=False)


def _check_header(file: IO[bytes], max_pixels: int, size: Size | None) -> None:
    """Raises ValueError for an array of objects, of too many numbers or bytes, or far larger than its photo,
    before any of them is read."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    if dtype.kind not in "biuf":
        raise ValueError(f"expected bool or numbers, got an array of {dtype}")
    if min(shape, default=0) < 0 or math.prod(shape) > max_pixels:
        raise ValueError(f"it has the shape {shape}, more than {max_pixels / 1e6:g} million numbers")
    if math.prod(shape) * dtype.itemsize > LARGEST_ARRAY_BYTES:
        raise ValueError(
            f"it has the shape {shape} of {dtype}, more than {LARGEST_ARRAY_BYTES / 1e9:.1f} GB: save it "
            "as bool or uint8"
        )
    sides = [side for side in shape if side != 1][-2:]
    if size is not None and len(sides) == 2:
        check_ratio((sides[0], sides[1]), size)


def _picture(array: np.ndarray, format: str) -> MaskPicture:
    if array.size == 0:
        raise ValueError(f"expected an array of shape (H, W), got {array.shape}")
    while array.ndim > 2 and 1 in (array.shape[0], array.shape[-1]):
        array = array[0] if array.shape[0] == 1 else array[..., 0]
    if array.ndim == 3:
        array = _union(array)
    if array.ndim != 2:
        raise ValueError(f"expected an array of shape (H, W) or (N, H, W), got {array.shape}")
    if array.dtype.kind == "f":
        return from_fractions(array, format)
    return from_values(array, format)


def _union(stack: np.ndarray) -> np.ndarray:
    """The union of the masks (N, H, W) of one photo's objects; ValueError for colours and for labels."""
    if stack.shape[2] in (3, 4) and stack.shape[0] > 4:
        raise ValueError(f"expected masks of shape (H, W) or (N, H, W), got colours {stack.shape}")
    if stack.dtype.kind in "iu" and not all(np.isin(mask, (0, 1, 255)).all() for mask in stack):
        raise ValueError("expected nothing but 0 and 1, or 0 and 255, in masks of shape (N, H, W)")
    result: np.ndarray = stack.max(axis=0)
    return result
