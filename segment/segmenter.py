"""Which model finds the objects: the contract, the names, and the choice that ``auto`` makes."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
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

    name: str
    classes: tuple[str, ...]
    description: str
    fallback: str | None

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
    from segment.pretrained import WeightsError

    if weights is not None:
        raise ValueError(f"weights {os.fspath(weights)!r} need the segmenter's name, got 'auto'")
    try:
        return _BUILDERS["maskrcnn"](device, None, precision)
    except WeightsError as error:
        segmenter = _BUILDERS["builtin"](device, None, precision)
        segmenter.fallback = f"segmenter: using the built-in person finder, because {error}"
        return segmenter


def _maskrcnn(device: str, weights: str | os.PathLike[str] | None, precision: Precision) -> Segmenter:
    from segment.maskrcnn import load_maskrcnn

    return load_maskrcnn("maskrcnn", device=device, weights=weights, precision=precision)


def _maskrcnn_v1(device: str, weights: str | os.PathLike[str] | None, precision: Precision) -> Segmenter:
    from segment.maskrcnn import load_maskrcnn

    return load_maskrcnn("maskrcnn-v1", device=device, weights=weights, precision=precision)


def _builtin(device: str, weights: str | os.PathLike[str] | None, precision: Precision) -> Segmenter:
    from segment.builtin import load_builtin

    return load_builtin(device=device, weights=weights)


register_segmenter("maskrcnn", _maskrcnn)
register_segmenter("maskrcnn-v1", _maskrcnn_v1)
register_segmenter("builtin", _builtin)
