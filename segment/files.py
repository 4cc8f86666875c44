"""Masks that another team made: image files, white where something is to be removed."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from segment.detections import Detections
from segment.photo_names import closest_names

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".gif")
LABEL = "mask"


class MaskFiles:
    """Mask images of the photos' own size, matched to the photos by name.

    path: one mask file, which then is every photo's, or a folder; in it and its folders, a photo's mask is
    the file with the photo's stem, and of several the one whose folders agree most with the photo's.
    threshold: grey level (0 to 255) above which a pixel is to be removed.
    allow_empty: whether a mask that marks nothing means that nothing is to be removed; else an error.

    Raises FileNotFoundError for a path that does not exist, ValueError for a folder without mask files.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, threshold: int = 127, allow_empty: bool = False
    ) -> None:
        self.path = Path(path)
        self.threshold, self.allow_empty = threshold, allow_empty
        if not self.path.exists():
            raise FileNotFoundError(f"masks not found: {self.path}")
        self._by_stem: dict[str, list[Path]] = {}
        for file in sorted(self.path.rglob("*")):
            if file.suffix.lower() in SUFFIXES and file.is_file():
                self._by_stem.setdefault(file.stem, []).append(file)
        if self.path.is_dir() and not self._by_stem:
            raise ValueError(f"no mask file ({', '.join(SUFFIXES)}) in {self.path}")

    def find(self, photo: str | os.PathLike[str]) -> Path:
        """The mask file of a photo; ValueError where there is none, or several of equal right."""
        if not self._by_stem:
            return self.path
        path = Path(photo)
        ours = self._by_stem.get(f"{path.stem}.mask", [])  # as --save-masks names them
        found = closest_names(path.with_name(f"{path.stem}.mask.png"), ours)
        found = found or closest_names(path, self._by_stem.get(path.stem, []))
        if len(found) != 1:
            named = f"several: {', '.join(map(str, found))}" if found else "none"
            raise ValueError(f"expected one mask for {path} in {self.path}, found {named}")
        return Path(found[0])

    def mask(self, photo: str | os.PathLike[str], size: tuple[int, int]) -> np.ndarray:
        """Mask of a photo, bool (H, W), True = remove. ``size``: height and width of the upright photo.

        Raises ValueError naming the file where it cannot be read, has another size, or marks nothing
        (unless that is allowed).
        """
        path = self.find(photo)
        mask = read_mask(path, threshold=self.threshold)
        if mask.shape != tuple(size):
            raise ValueError(
                f"mask {path} is {mask.shape[1]} x {mask.shape[0]}, but the photo {photo} is "
                f"{size[1]} x {size[0]} (width x height)"
            )
        if not self.allow_empty and not mask.any():
            raise ValueError(f"mask {path} is empty: no pixel is brighter than {self.threshold}")
        return mask

    def detections(self, photo: str | os.PathLike[str], size: tuple[int, int]) -> Detections:
        """The mask of a photo as one instance labelled "mask", none where it is empty; errors of `mask`."""
        mask = self.mask(photo, size)
        return Detections.from_masks([mask], [LABEL], [1.0]) if mask.any() else Detections.empty(*size)


def read_mask(path: Path, *, threshold: int = 127) -> np.ndarray:
    """A mask image as bool (H, W), True where it is brighter than ``threshold`` (grey level, 0 to 255).

    The orientation tag is applied. Colours count by their luminance, deeper pixels by their 8 high bits. A
    lossless file of 0 and 1 is taken as black and white; of two palette colours the brighter one is white.
    Where only the transparency varies, opaque = white; else what is fully transparent is black.

    Raises ValueError for a file that is no image or is cut short.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the photo's size is the limit
            with Image.open(path) as file:
                lossless = file.format not in ("JPEG", "WEBP")
                levels = _grey_levels(ImageOps.exif_transpose(file))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, UnidentifiedImageError) as error:
        raise ValueError(f"mask {path} cannot be read: {error}") from error
    return levels > (0 if lossless and levels.max() <= 1 else threshold)


def _grey_levels(image: Image.Image) -> np.ndarray:
    """Grey levels 0 to 255, (H, W); 0 and 1 stay as they are."""
    if image.mode == "P" and "transparency" not in image.info:
        return _palette_levels(image)
    if image.mode in ("P", "PA", "LA", "La", "RGBA", "RGBa"):
        return _transparent_levels(
            np.asarray(image.convert("RGBA").convert("LA") if image.mode != "LA" else image)
        )
    if image.mode == "F" or image.mode.startswith("I"):
        values = np.asarray(image, dtype=np.float64)
        if image.mode == "F":
            return values * 255 if values.max() <= 1 else values
        return values / 257 if values.max() > 255 else values
    if image.mode == "1":
        return np.asarray(image.convert("L"))
    return np.asarray(image if image.mode == "L" else image.convert("L"))


def _palette_levels(image: Image.Image) -> np.ndarray:
    indices, grey = np.asarray(image), np.asarray(image.convert("L"))
    used = np.unique(indices)
    if len(used) != 2:
        return grey
    levels = [int(grey[indices == index][0]) for index in used]
    return np.where(indices == used[int(np.argmax(levels))], 255, 0)


def _transparent_levels(pixels: np.ndarray) -> np.ndarray:
    grey, alpha = pixels[..., 0], pixels[..., 1]
    if grey.min() == grey.max() and alpha.min() != alpha.max():
        return alpha
    return np.where(alpha == 0, 0, grey)
