"""What every prompter promises, and the checks of what it is given."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from _removal_support.errors import RemovalError

if TYPE_CHECKING:
    from segment.detections import Detections


class PromptError(RemovalError, ValueError):
    """Points or a box that do not say what is meant."""


class Embedded(Protocol):
    """A photo that was looked at once and may be asked again and again."""

    def __call__(
        self,
        points: Sequence[tuple[float, float]] = (),
        labels: Sequence[int] = (),
        box: tuple[float, float, float, float] | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Masks of what the clicks mean.

        Args:
            points: (x, y) in pixels of the photo.
            labels: one for each point, 1 = this, 0 = not this.
            box: xyxy in pixels, around the thing; None = no box.

        Returns:
            bool (K, H, W), the best first, and float32 (K,) scores in [0, 1]. Every mask holds each point
            of label 1 and none of label 0.

        Raises:
            PromptError: nothing says where the thing is, a point lies outside the photo, or the same pixel is
                said to be on the thing and beside it.
        """
        ...


class Prompter(Protocol):
    """name: what it was loaded as. description: model and weights, as a record notes them. is_network:
    whether it runs published weights.

    Loading a prompter and embedding a photo take long, asking an embedded photo does not: whoever is asked
    click by click keeps what `embed` returns. One embedded photo is asked by one thread at a time.
    """

    name: str
    description: str
    is_network: bool

    def embed(self, image: np.ndarray, detections: Detections | None = None) -> Embedded:
        """Looks at a photo, uint8 (H, W, 3) RGB.

        detections: what a detector found in it, of its size, for a prompter that has use for it; None = not
        known. Raises TypeError, ValueError for another array.
        """
        ...


OBEYED_SHARE = 0.004  # of the photo's long side: what a click says holds for a disc of this radius


def check_image(image: np.ndarray) -> None:
    """Raises TypeError, ValueError for what is no uint8 image (H, W, 3)."""
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
        raise TypeError(f"expected a uint8 image, got {getattr(image, 'dtype', type(image).__name__)}")
    if image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise ValueError(f"expected an image of shape (H, W, 3), got {image.shape}")


def check_prompt(
    points: Sequence[tuple[float, float]],
    labels: Sequence[int],
    box: tuple[float, float, float, float] | None,
    height: int,
    width: int,
) -> None:
    """Raises PromptError for a prompt that does not say what is meant."""
    if len(points) != len(labels):
        raise PromptError(
            f"expected a label for each of {len(points)} points, got {len(labels)}", option="points"
        )
    if not set(labels) <= {0, 1}:
        raise PromptError(f"expected labels of 0 or 1, got {sorted(set(labels))}", option="points")
    if box is None and 1 not in labels:
        raise PromptError("expected at least one point on the thing, or a box around it", option="points")
    for x, y in points:
        if not (math.isfinite(x) and math.isfinite(y)):
            raise PromptError(f"expected points of finite numbers, got ({x}, {y})", option="points")
        if not (0 <= x < width and 0 <= y < height):
            raise PromptError(
                f"expected points inside {width} x {height} pixels, got ({x:g}, {y:g})", option="points"
            )
    both = {(int(x), int(y)) for (x, y), label in zip(points, labels, strict=True) if label}
    for (x, y), label in zip(points, labels, strict=True):
        if not label and (int(x), int(y)) in both:
            raise PromptError(
                f"expected ({x:g}, {y:g}) to be on the thing or not, got it as both", option="points"
            )
    if box is not None and not (0 <= box[0] < box[2] <= width and 0 <= box[1] < box[3] <= height):
        raise PromptError(
            f"expected a box of two corners inside {width} x {height} pixels, got {box}", option="boxes"
        )


def obeyed(mask: np.ndarray, points: Sequence[tuple[float, float]], labels: Sequence[int]) -> np.ndarray:
    """The mask with a small disc around each click as the click says; what lies in two of them follows the
    nearer click.

    mask: bool (H, W), not written to. Clicks that the mask agrees with already change nothing.
    """
    height, width = mask.shape
    places = [(int(x), int(y)) for x, y in points]
    if all(bool(mask[y, x]) == bool(label) for (x, y), label in zip(places, labels, strict=True)):
        return mask
    radius = max(1, round(OBEYED_SHARE * max(height, width)))
    result = mask.copy()
    for (x, y), label in zip(places, labels, strict=True):
        if bool(mask[y, x]) == bool(label):
            continue
        top, left = max(0, y - radius), max(0, x - radius)
        rows, cols = np.mgrid[top : min(height, y + radius + 1), left : min(width, x + radius + 1)]
        distance = (rows - y) ** 2 + (cols - x) ** 2
        others = [(rows - b) ** 2 + (cols - a) ** 2 for a, b in places if (a, b) != (x, y)]
        mine = distance <= radius**2
        for other in others:
            mine &= distance <= other
        result[top : top + rows.shape[0], left : left + rows.shape[1]][mine] = bool(label)
    return result
