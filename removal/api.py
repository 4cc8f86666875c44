"""The Python call: one photo in, one result out; models stay loaded between calls."""

from __future__ import annotations

import os
import warnings
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from removal.pipeline import Pipeline, Removal

if TYPE_CHECKING:
    from PIL.Image import Image

    from inpaint import Inpainter
    from inpaint.inpainter import Effort
    from postprocess import MaskRecipe
    from removal.images import Photo
    from segment import Detections, Segmenter
    from segment.prompts import Prompter

PEOPLE = ("person",)
KEPT_MODELS = 2  # of each kind; the one that was used longest ago is let go of
WHITE = 128  # from this value on, of 255, a pixel of a mask picture is marked

Model = TypeVar("Model")


class FallbackWarning(UserWarning):
    """`auto` could not take the best model; the text says why, and what to do."""


def remove_objects(
    image: str | os.PathLike[str] | Image | np.ndarray,
    classes: Sequence[str] = PEOPLE,
    *,
    mask: str | os.PathLike[str] | Image | np.ndarray | None = None,
    boxes: Sequence[Sequence[float]] | None = None,
    points: Sequence[Sequence[float]] | None = None,
    point_labels: Sequence[int] | None = None,
    prompter: str | Prompter = "auto",
    segmenter: str | Segmenter = "auto",
    inpainter: str | Inpainter = "auto",
    recipe: MaskRecipe | None = None,
    min_score: float = 0.5,
    device: str = "auto",
    seed: int = 0,
    effort: Effort = "normal",
    protect: bool = True,
) -> Removal:
    """Removes objects from one photo.

    Models that are named stay loaded, the last two of each kind; `free_models` lets go of them. A model that
    is already loaded may be given in place of its name.

    Args:
        image: the path of a photo, a PIL image, or a uint8 array (H, W, 3) RGB. A file and a PIL image are
            turned upright as their EXIF orientation says, and transparency is left aside; an array is taken
            as it is.
        classes: names of COCO's classes; plurals and usual other words ("people") are understood.
        mask: what to remove, in place of classes: the path of a mask in any form that docs/team-masks.md
            lists, a PIL image whose white is removed, or a bool array (H, W), True = remove. It has the size
            of the upright photo. No detector is loaded but for `protect`.
        boxes: boxes around what to remove, in place of classes: (x, y, width, height) in pixels of the
            upright photo. No detector is loaded but for `protect`. Together with `mask` both are removed.
        points: (x, y) on one thing to remove, in place of classes, in pixels of the upright photo. Together
            with `mask` and `boxes` all are removed.
        point_labels: 1 for each point on the thing, 0 for one beside it; None = all are on it.
        prompter: what finds the thing under points and, where it is a network, in boxes: a name that
            `segment.prompts.load_prompter` knows, or what this returned.
        segmenter, inpainter: names that `segment.load_segmenter` and `inpaint.load_inpainter` know, or
            objects that these returned. Where "auto" cannot take the best model, a FallbackWarning says so,
            once.
        recipe: how masks are refined; None = `MaskRecipe()`.
        min_score: detections below this score, 0 to 1, are not removed.
        device: where models compute: "auto", "cpu", "cuda", "cuda:N" or "mps".
        seed: the same seed gives the same pixels.
        effort: how long the exemplar fill may take, by itself and where it brings detail back to a
            network's: "fast", "normal" or "best".
        protect: whether the fill is kept from copying what was detected and stays; with `mask` or `boxes`,
            the people that the built-in finder finds.

    Returns:
        The result; outside `result.mask`, `result.image` equals the upright photo bit for bit.
        `result.save(path)` writes it; where the photo was a file, in that file's format, with its metadata
        and bit depth.

    Raises:
        TypeError, ValueError: an argument is not as above, or nothing is left to fill the hole from.
        RemovalError: a photo, a mask, a class name or weights that the user can mend; it is also a
            ValueError, RuntimeError or OSError.
        FileNotFoundError: there is no such file.
    """
    from postprocess import MaskRecipe

    photo = photo_of(image)
    if points is None and point_labels is not None:
        raise ValueError("expected points for their labels, got labels alone")
    asked = _prompter(prompter, device) if points is not None or boxes is not None else None
    given = given_masks(photo, mask, boxes, seed, asked)
    if points is not None and asked is not None:
        thing = pointed_at(photo, points, point_labels, asked)
        given = thing if given is None else thing.joined(given)
    if given is not None and tuple(classes) != PEOPLE:
        raise ValueError("expected classes alone, or mask and boxes and points without classes, got both")
    finder = None if given is not None else _segmenter(segmenter, device)
    fill = _inpainter(inpainter, device, seed, effort)
    looks = protect and given is not None and getattr(fill, "copies", True)
    pipeline = Pipeline(
        finder,
        recipe or MaskRecipe(),
        fill,
        classes=None if finder is None else known_classes(finder, classes),
        min_score=min_score,
        protect=protect,
        bystanders=_segmenter("builtin", "cpu", refine_boxes=False) if looks else None,
    )
    (result,) = pipeline([photo.pixels], detections=None if given is None else [given])
    return replace(result, photo=photo)


def photo_of(image: object) -> Photo:
    """The photo in a file, a PIL image or an array, upright. Raises TypeError, ValueError, PhotoError."""
    from PIL import Image

    from removal.images import read_photo
    from removal.images.plain import plain_photo

    if isinstance(image, str | os.PathLike):
        return read_photo(Path(image))
    if isinstance(image, Image.Image):
        return plain_photo(_pixels(image), icc=_profile(image))
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
        got = getattr(image, "dtype", type(image).__name__)
        raise TypeError(f"expected image as a path, a PIL image or a uint8 array, got {got}")
    if image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise ValueError(f"expected image of shape (H, W, 3), got {image.shape}")
    return plain_photo(image)


def _pixels(image: Image) -> np.ndarray:
    """A PIL image as uint8 (H, W, 3) RGB, upright."""
    from PIL import ImageOps

    upright = ImageOps.exif_transpose(image)
    if upright.mode in ("I;16", "I;16L", "I;16B", "I;16N"):
        grey = (np.asarray(upright, dtype=np.uint16) // 257).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if upright.mode in ("I", "F"):
        raise ValueError(f"expected a PIL image of 8 or 16 bits, got one of mode {upright.mode!r}")
    return np.array(upright.convert("RGB"))


def _profile(image: Image) -> bytes:
    """The colour profile of a PIL image, where its colours are still those that it describes."""
    profile = image.info.get("icc_profile")
    return profile if isinstance(profile, bytes) and image.mode in ("RGB", "RGBA", "RGBX") else b""


def given_masks(
    photo: Photo,
    mask: object,
    boxes: Sequence[Sequence[float]] | None,
    seed: int,
    prompter: Prompter | None = None,
) -> Detections | None:
    """What `mask` and `boxes` mark, an instance each; None where neither is given."""
    from removal.sources import BoxMasks
    from segment import Detections

    if mask is None and boxes is None:
        return None
    if isinstance(mask, str | os.PathLike):
        if boxes is None:
            return _masks_in_file(photo, mask)
        mask = _masks_in_file(photo, mask).union()
    masks, labels = [], []
    if mask is not None:
        masks.append(_mask(mask, photo.pixels.shape[:2]))
        labels.append("mask")
    if boxes:
        masks += BoxMasks([_box(box) for box in boxes], prompter, seed=seed).masks(photo.pixels)
        labels += ["box"] * len(boxes)
    if not masks:
        raise ValueError("expected at least one box, got none")
    return Detections.from_masks(np.stack(masks), labels, np.ones(len(masks), np.float32))


def pointed_at(
    photo: Photo, points: Sequence[Sequence[float]], labels: Sequence[int] | None, prompter: Prompter
) -> Detections:
    """The thing under points, (x, y) each; labels: as in `remove_objects`. Raises TypeError, PromptError."""
    from removal.sources import PointMasks

    marks = [1] * len(points) if labels is None else list(labels)
    for point in points:
        if not isinstance(point, Sequence | np.ndarray) or isinstance(point, str) or len(point) != 2:
            raise TypeError(f"expected points as a list of (x, y), got {point!r} in it")
    if len(marks) != len(points):
        raise ValueError(f"expected a label for each of {len(points)} points, got {len(marks)}")
    places = [(float(x), float(y)) for x, y in points]
    on, off = ([p for p, mark in zip(places, marks, strict=True) if mark == wanted] for wanted in (1, 0))
    if len(on) + len(off) != len(places):
        raise ValueError(f"expected labels of 0 or 1, got {marks}")
    (thing,) = PointMasks(prompter, on, off)([photo])
    return thing


def _masks_in_file(photo: Photo, path: str | os.PathLike[str]) -> Detections:
    from segment import MaskFiles

    name = photo.path if photo.path.name else Path(path)
    return MaskFiles(path).detections(name, photo.pixels.shape[:2], orientation=photo.orientation)


def _mask(mask: object, size: tuple[int, ...]) -> np.ndarray:
    """A mask as bool (H, W) of the photo's size. Raises TypeError, ValueError."""
    from PIL import Image

    if isinstance(mask, Image.Image):
        mask = np.asarray(mask.convert("L")) >= WHITE
    if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_:
        got = getattr(mask, "dtype", type(mask).__name__)
        raise TypeError(f"expected mask as a path, a PIL image or a bool array, got {got}")
    if mask.shape != size:
        raise ValueError(f"expected mask of the upright photo's size {size}, got {mask.shape}")
    return mask


def _box(box: object) -> Any:
    if not isinstance(box, Sequence | np.ndarray) or isinstance(box, str) or len(box) != 4:
        raise TypeError(f"expected boxes as a list of (x, y, width, height), got {box!r} in it")
    return box


def known_classes(segmenter: Segmenter, classes: Sequence[str]) -> tuple[str, ...]:
    """The segmenter's own names of the classes.

    Raises TypeError for a single string, ValueError for a class that the segmenter does not know.
    """
    from segment import check_classes, coco_classes
    from segment.classes import canonical_class, is_narrower

    if isinstance(classes, str):
        raise TypeError(f"expected a sequence of class names, got the string {classes!r}")
    names = [
        canonical_class(name, segmenter.classes) or canonical_class(name, coco_classes()) or name
        for name in classes
    ]
    for name, meant in zip(classes, names, strict=True):
        if name != meant and is_narrower(name):
            _warn_once(
                f"class {name!r} is read as {meant!r}, so that each one is removed", UserWarning, frames=3
            )
    return check_classes(segmenter, tuple(dict.fromkeys(names)))


_lock = RLock()
_segmenters: OrderedDict[tuple[Any, ...], Segmenter] = OrderedDict()
_prompters: OrderedDict[tuple[Any, ...], Prompter] = OrderedDict()
_inpainters: OrderedDict[tuple[Any, ...], Inpainter] = OrderedDict()
_warned: set[str] = set()


def free_models() -> None:
    """Lets go of the models that `remove_objects` keeps, and of the memory they take."""
    with _lock:
        _segmenters.clear()
        _prompters.clear()
        _inpainters.clear()
        _warned.clear()


def _segmenter(wanted: str | Segmenter, device: str, *, refine_boxes: bool | None = None) -> Segmenter:
    if not isinstance(wanted, str):
        return wanted
    from segment import load_segmenter

    found = _kept(
        _segmenters,
        (wanted, device, refine_boxes),
        lambda: load_segmenter(wanted, device=device, refine_boxes=refine_boxes),
    )
    if found.fallback:
        _warn_once(found.fallback, frames=3)
    return found


def _prompter(wanted: str | Prompter, device: str) -> Prompter:
    if not isinstance(wanted, str):
        return wanted
    from segment.prompts import load_prompter

    return _kept(_prompters, (wanted, device), lambda: load_prompter(wanted, device=device))


def _inpainter(wanted: str | Inpainter, device: str, seed: int, effort: Effort) -> Inpainter:
    if not isinstance(wanted, str):
        return wanted
    from inpaint import InpainterOptions, load_inpainter, resolve_auto

    def load() -> Inpainter:
        name = wanted
        if name == "auto":
            name, reason = resolve_auto(InpainterOptions(device=device, seed=seed, effort=effort))
            if reason:
                _warn_once(f"inpainter: using {name}, because {reason}", frames=5)
        return load_inpainter(name, device=device, seed=seed, effort=effort)

    return _kept(_inpainters, (wanted, device, seed, effort), load)


def _kept(
    models: OrderedDict[tuple[Any, ...], Model], key: tuple[Any, ...], load: Callable[[], Model]
) -> Model:
    """The model that was loaded for these arguments before, or a new one."""
    with _lock:
        if key not in models:
            while len(models) >= KEPT_MODELS:
                models.popitem(last=False)
            models[key] = load()
        models.move_to_end(key)
        return models[key]


def _warn_once(text: str, category: type[Warning] = FallbackWarning, *, frames: int) -> None:
    """frames: how many up is the caller of remove_objects, whose line the warning names."""
    if text not in _warned:
        _warned.add(text)
        warnings.warn(text, category, stacklevel=frames + 1)
