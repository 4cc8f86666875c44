"""What every prompter promises, and the checks of what it is given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np


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
            bool (K, H, W), the best first, and float32 (K,) scores in [0, 1].

        Raises:
            TypeError, ValueError: nothing says where the thing is, or a point lies outside the photo.
        """
        ...


class Prompter(Protocol):
    """name: what it was loaded as. description: model and weights, as a record notes them."""

    name: str
    description: str

    def embed(self, image: np.ndarray) -> Embedded:
        """Looks at a photo, uint8 (H, W, 3) RGB."""
        ...


def check_prompt(
    points: Sequence[tuple[float, float]],
    labels: Sequence[int],
    box: tuple[float, float, float, float] | None,
    height: int,
    width: int,
) -> None:
    """Raises ValueError for a prompt that does not say what is meant."""
    if len(points) != len(labels):
        raise ValueError(f"expected a label for each of {len(points)} points, got {len(labels)}")
    if not set(labels) <= {0, 1}:
        raise ValueError(f"expected labels of 0 or 1, got {sorted(set(labels))}")
    if box is None and 1 not in labels:
        raise ValueError("expected at least one point on the thing, or a box around it")
    for x, y in points:
        if not (0 <= x < width and 0 <= y < height):
            raise ValueError(f"expected points inside {width} x {height} pixels, got ({x:g}, {y:g})")
    if box is not None and not (0 <= box[0] < box[2] <= width and 0 <= box[1] < box[3] <= height):
        raise ValueError(f"expected a box of two corners inside {width} x {height} pixels, got {box}")
