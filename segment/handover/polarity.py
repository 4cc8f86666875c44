"""Which of black and white is the object: objects seldom fill a photo's edge, what is around them does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

Polarity = Literal["remove", "keep"]  # what white means

KEEP_BORDER = 0.9  # white on that share of the edge, and
KEEP_COVERAGE = 0.6  # on that of the picture: no object is like that, what surrounds one is
AGREEING = 0.75  # share of the masks that have to look alike
SURROUNDING = 0.3  # share of the masks of which there must be no doubt


@dataclass(frozen=True)
class Look:
    """What one mask looks like.

    border: share, 0 to 1, of its top, left and right edge that is white; the bottom edge is where people who
    are cut off stand. coverage: share of all its pixels that is white.
    """

    border: float
    coverage: float

    @property
    def surrounds(self) -> bool:
        """Whether the white is what is around an object, or everything, beyond doubt."""
        return self.border >= KEEP_BORDER and self.coverage >= KEEP_COVERAGE

    @property
    def leans_to_keep(self) -> bool:
        """Whether there is more white, on the edge and inside, than black."""
        return self.border + self.coverage > 1


@dataclass(frozen=True)
class FoundPolarity:
    """What white means in a hand-over.

    sure: whether the masks say so themselves; else it is what is usual. agreeing, looked_at: how many
    masks look that way, of how many.
    """

    polarity: Polarity
    sure: bool
    agreeing: int
    looked_at: int


def look_at(levels: np.ndarray, threshold: int = 127) -> Look:
    """The look of a mask of levels uint8 (H, W), white above ``threshold``."""
    white = levels > threshold
    border = np.concatenate([white[0], white[1:, 0], white[1:, -1]])
    return Look(float(border.mean()), float(white.mean()))


def find_polarity(looks: Sequence[Look]) -> FoundPolarity:
    """What white means, from the looks of some masks of one hand-over.

    White is what is to be removed unless the masks agree that it surrounds the objects, some of them (a
    single one itself) beyond doubt. Beside others, a mask that is white all over counts for "keep", for no
    photo is removed as a whole; by itself it says nothing.
    """
    keeping = [look for look in looks if look.leans_to_keep]
    beyond_doubt = sum(look.surrounds for look in looks)
    count = len(looks)
    has_objects = any(0 < look.coverage < 1 for look in looks)
    if has_objects and len(keeping) >= AGREEING * count and beyond_doubt >= max(1, SURROUNDING * count):
        return FoundPolarity("keep", True, len(keeping), count)
    sure = count > 0 and count - len(keeping) >= AGREEING * count
    return FoundPolarity("remove", sure, count - len(keeping), count)
