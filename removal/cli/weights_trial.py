"""`remove weights check NAME --run`: a model fills a rendered scene whose background is known."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from removal.cli.demonstration import CHANGED, PICTURES
from removal.evaluation.fidelity import psnr

if TYPE_CHECKING:
    from inpaint import InpainterOptions

MARGIN_PX = 4  # around the figure and its shadow
DOUBTFUL_DB = 8.0  # worse than Telea's smoothing by more than this: it fills something, but no background
TOLERANCE_DB = 0.3  # between machines


@dataclass(frozen=True)
class Trial:
    """What came of it: PSNR in dB in the hole, of the model and of Telea's method, which needs no weights.

    seconds: of one fill. sees_hole: whether the fill depends on what lies in the hole, or differs from one
    time to the next. reference_db: with the published file elsewhere; None = not known.
    """

    name: str
    description: str
    hole_db: float
    telea_db: float
    seconds: float
    sees_hole: bool
    reference_db: float | None

    @property
    def problems(self) -> list[str]:
        """What is wrong, in sentences; empty where nothing is."""
        found = []
        if self.hole_db < self.telea_db - DOUBTFUL_DB:
            found.append(
                "The fill is far worse than smoothing: it is another model's file, or is given other ranges "
                "of values or the opposite mask."
            )
        if self.sees_hole:
            found.append("The fill depends on what lies in the hole, or is another one each time.")
        if self.reference_db is not None and abs(self.hole_db - self.reference_db) > TOLERANCE_DB:
            found.append(f"It should have come to {self.reference_db:.2f} dB: the file or its use differs.")
        return found

    def lines(self) -> list[str]:
        """The report."""
        known = "agrees with the reference figure"
        if self.reference_db is None:
            known = f"no reference figure is known for {self.name} yet, so only what stands above was checked"
        elif abs(self.hole_db - self.reference_db) > TOLERANCE_DB:
            known = "differs from the reference figure"
        return [
            f"ran: {self.description}",
            f"rendered scene: {self.hole_db:.2f} dB in the hole (telea {self.telea_db:.2f} dB), "
            f"{self.seconds:.1f} s",
            f"reference: {known}",
            *(self.problems or ["no fault found"]),
        ]


def try_out(name: str, options: InpainterOptions) -> Trial:
    """Fill the scene of `remove demo` where its figure and shadow are, twice, with other pixels in the hole.

    Args:
        name: of an inpainter.
        options: as it is built with.

    Raises:
        RemovalError, OSError, ValueError: it cannot be had, or fails.
    """
    import cv2

    from inpaint.registry import build_inpainter, load_inpainter, record
    from removal.images import read_photo

    scene, clean = (read_photo(PICTURES / file).pixels for file in ("scene.jpg", "clean.jpg"))
    changed = (np.abs(scene.astype(int) - clean).max(axis=2) > CHANGED).astype(np.uint8)
    side = 2 * MARGIN_PX + 1
    hole = cv2.dilate(cv2.morphologyEx(changed, cv2.MORPH_OPEN, np.ones((3, 3))), np.ones((side, side))) > 0
    inpainter = build_inpainter(name, options)
    painted = scene.copy()
    painted[hole] = (255, 0, 255)
    started = time.perf_counter()
    filled = inpainter(scene, hole)
    seconds = time.perf_counter() - started
    return Trial(
        name=name,
        description=inpainter.description,
        hole_db=psnr(filled, clean, hole),
        telea_db=psnr(load_inpainter("telea")(scene, hole), clean, hole),
        seconds=seconds,
        sees_hole=not np.array_equal(filled, inpainter(painted, hole)),
        reference_db=record(name).reference_db if options.weights is None else None,
    )
