"""What every segmenter promises, and the checks of what it is given. The names are in `segment.registry`."""

from __future__ import annotations

from collections.abc import Sequence
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


def check_classes(segmenter: Segmenter, wanted: Sequence[str] | None) -> tuple[str, ...]:
    """The wanted class names, checked against those that ``segmenter`` knows; None = all of these.

    Raises TypeError for a single string, UnknownClassError for a name that is not known: for a COCO class
    that this model lacks it says which weights file has it, for any other name what is near.
    """
    from segment.classes import UnknownClassError, coco_classes, unknown_class

    if wanted is None:
        return segmenter.classes
    if isinstance(wanted, str):
        raise TypeError(f"expected a sequence of class names, got the string {wanted!r}")
    unknown = [name for name in wanted if name not in segmenter.classes]
    if unknown and unknown[0] in coco_classes():
        from segment.published import MASKRCNN_V2

        raise UnknownClassError(
            f"{segmenter.name!r} finds only {', '.join(segmenter.classes)}; {unknown[0]!r} needs "
            f"Mask R-CNN's weights: {MASKRCNN_V2.instructions()}",
            option="classes",
        )
    if unknown:
        raise UnknownClassError(unknown_class(unknown[0], coco_classes()), option="classes")
    return tuple(wanted)


def check_images(images: Sequence[np.ndarray]) -> None:
    """Raises TypeError or ValueError unless every image is uint8 (H, W, 3) with H and W at least 1."""
    for index, image in enumerate(images):
        if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
            found = getattr(image, "dtype", type(image).__name__)
            raise TypeError(f"expected image {index} to be a uint8 array, got {found}")
        if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
            raise ValueError(f"expected image {index} to have shape (H, W, 3), got {image.shape}")
