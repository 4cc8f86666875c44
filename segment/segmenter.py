"""Which model finds the objects: the contract, the names, and the choice that ``auto`` makes."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from segment.detections import Detections

Precision = Literal["auto", "float32"]
PRECISIONS: tuple[Precision, ...] = ("auto", "float32")


class Segmenter(Protocol):
    """Finds instances in photos.

    name: what it was loaded as.
    classes: the class names it knows.
    description: model, weights and precision, as a manifest records them.
    fallback: None, or one line that says what ``auto`` fell back to, why, and what to do about it.
    """

    fallback: str | None

    @property
    def name(self) -> str: ...

    @property
    def classes(self) -> tuple[str, ...]: ...

    @property
    def description(self) -> str: ...

    def __call__(
        self,
        images: Sequence[np.ndarray],
        *,
        classes: Sequence[str] | None = None,
        min_score: float = 0.05,
    ) -> list[Detections]:
        """Instances of ``classes`` (None = all) with at least ``min_score``, one Detections per image.

        images: uint8 (H, W, 3) RGB, sizes may differ. Raises TypeError or ValueError for anything else, and
        for a class that is not known.
        """
        ...


Builder = Callable[[str, "str | os.PathLike[str] | None", Precision], Segmenter]
_BUILDERS: dict[str, Builder] = {}


def register_segmenter(name: str, builder: Builder) -> None:
    """Makes ``load_segmenter(name)`` call ``builder(device, weights, precision)``; a name is taken once."""
    if name in _BUILDERS or name == "auto":
        raise ValueError(f"the segmenter name {name!r} is taken")
    _BUILDERS[name] = builder


def segmenter_names() -> tuple[str, ...]:
    """All names that `load_segmenter` takes."""
    return ("auto", *_BUILDERS)


def load_segmenter(
    name: str = "auto",
    *,
    device: str = "auto",
    weights: str | os.PathLike[str] | None = None,
    precision: Precision = "auto",
) -> Segmenter:
    """The segmenter called ``name``, ready to be called on photos.

    name: "maskrcnn" (torchvision's V2), "maskrcnn-v1", "builtin" (people only, weights in the package), or
        "auto": Mask R-CNN where its weights are in the cache or can be fetched, else the built-in one, whose
        ``fallback`` then says so.
    device: "auto", "cuda", "cuda:N", "mps" or "cpu".
    weights: file of weights to use instead of the published ones; None = published.
    precision: "auto" = bfloat16 where the processor or GPU has it, "float32" = never.

    Raises ValueError for unknown names and for files that do not hold this model, FileNotFoundError for a
    missing file, `segment.WeightsError` where published weights cannot be had (except for "auto").
    """
    if precision not in PRECISIONS:
        raise ValueError(f"expected precision to be one of {', '.join(PRECISIONS)}, got {precision!r}")
    if name == "auto":
        return _load_best(device, weights, precision)
    if name not in _BUILDERS:
        raise ValueError(f"unknown segmenter {name!r}; known: {', '.join(segmenter_names())}")
    return _BUILDERS[name](device, weights, precision)


def _load_best(device: str, weights: str | os.PathLike[str] | None, precision: Precision) -> Segmenter:
    from _removal_support.pretrained import WeightsError

    if weights is not None:
        raise ValueError(f"weights {os.fspath(weights)!r} need the segmenter's name, got 'auto'")
    try:
        return _BUILDERS["maskrcnn"](device, None, precision)
    except WeightsError as error:
        segmenter = _BUILDERS["builtin"](device, None, precision)
        segmenter.fallback = f"segmenter: using the built-in person finder, because {error}"
        return segmenter


def check_classes(segmenter: Segmenter, wanted: Sequence[str] | None) -> tuple[str, ...]:
    """The wanted class names, checked against those that ``segmenter`` knows; None = all of these.

    Raises TypeError for a single string, ValueError for a name that is not known: a COCO class that this
    model lacks is told which weights file it needs, any other name gets the nearest ones.
    """
    from segment.classes import coco_classes, unknown_class

    if wanted is None:
        return segmenter.classes
    if isinstance(wanted, str):
        raise TypeError(f"expected a sequence of class names, got the string {wanted!r}")
    unknown = [name for name in wanted if name not in segmenter.classes]
    if unknown and unknown[0] in coco_classes():
        from segment.maskrcnn import MASKRCNN_V2

        raise ValueError(
            f"{segmenter.name!r} finds only {', '.join(segmenter.classes)}; {unknown[0]!r} needs "
            f"Mask R-CNN's weights: {MASKRCNN_V2.instructions()}"
        )
    if unknown:
        raise ValueError(unknown_class(unknown[0], coco_classes()))
    return tuple(wanted)


def check_images(images: Sequence[np.ndarray]) -> None:
    """Raises TypeError or ValueError unless every image is uint8 (H, W, 3) with H and W at least 1."""
    for index, image in enumerate(images):
        if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
            found = getattr(image, "dtype", type(image).__name__)
            raise TypeError(f"expected image {index} to be a uint8 array, got {found}")
        if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
            raise ValueError(f"expected image {index} to have shape (H, W, 3), got {image.shape}")


def _maskrcnn(device: str, weights: str | os.PathLike[str] | None, precision: Precision) -> Segmenter:
    from segment.maskrcnn import load_maskrcnn

    return load_maskrcnn("maskrcnn", device=device, weights=weights, precision=precision)


def _maskrcnn_v1(device: str, weights: str | os.PathLike[str] | None, precision: Precision) -> Segmenter:
    from segment.maskrcnn import load_maskrcnn

    return load_maskrcnn("maskrcnn-v1", device=device, weights=weights, precision=precision)


def _builtin(device: str, weights: str | os.PathLike[str] | None, precision: Precision) -> Segmenter:
    from segment.builtin import load_builtin

    return load_builtin(device=device, weights=None if weights is None else Path(weights))


register_segmenter("maskrcnn", _maskrcnn)
register_segmenter("maskrcnn-v1", _maskrcnn_v1)
register_segmenter("builtin", _builtin)
