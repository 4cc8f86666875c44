"""The main job on a rendered scene that ships with the package, measured against the known background."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from _removal_support.files import write_atomically
from removal.batch.run import run
from removal.errors import RunError
from removal.evaluation.fidelity import psnr
from removal.options import RunOptions

PICTURES = Path(__file__).with_name("demo_pictures")  # made by benchmarks/demo_pictures.py
CHANGED = 8  # levels: from this difference on, a pixel shows the figure or its shadow


@dataclass(frozen=True)
class Demonstration:
    """What came of it: PSNR in dB where the figure or its shadow was, and over the whole picture; what
    ran."""

    removed: Path
    sheet: Path
    hole_before: float
    hole_after: float
    whole_before: float
    whole_after: float
    models: dict[str, str]
    seconds: dict[str, float]

    def lines(self) -> list[str]:
        stages = ", ".join(f"{name} {value:.1f} s" for name, value in self.seconds.items())
        return [
            f"found by:   {self.models['masks']}",
            f"filled by:  {self.models['inpainter']}",
            f"took:       {stages}",
            "PSNR against the known background, before -> after:",
            f"  where the figure and its shadow were  {self.hole_before:5.2f} -> {self.hole_after:5.2f} dB",
            f"  whole picture                         {self.whole_before:5.2f} -> {self.whole_after:5.2f} dB",
            f"result:                {self.removed}",
            f"before | mask | after: {self.sheet}",
        ]


def demonstrate(options: RunOptions, *, say: Callable[[str], None]) -> Demonstration:
    """Copies the scene beside `options.output`, removes the figure from it and compares.

    Raises RunError where the job fails, OSError where nothing can be written.
    """
    from removal.images import read_photo

    removed = options.output
    if removed is None:
        raise RunError("the demonstration needs a file to write")
    removed.parent.mkdir(parents=True, exist_ok=True)
    photo, clean = (removed.with_name(name) for name in ("scene.jpg", "clean.jpg"))
    for file in (photo, clean):
        write_atomically(file, (PICTURES / file.name).read_bytes(), overwrite=options.overwrite)
    models: dict[str, str] = {}
    (outcome,) = run([photo], options, say=say, tell_models=models.update)
    if outcome.error is not None:
        raise RunError(outcome.error)
    before, known, after = (read_photo(file).pixels for file in (photo, clean, removed))
    where = np.abs(before.astype(int) - known).max(axis=2) > CHANGED
    return Demonstration(
        removed,
        removed.with_name(f"{removed.stem}.compare.png"),
        psnr(before, known, where),
        psnr(after, known, where),
        psnr(before, known),
        psnr(after, known),
        models,
        outcome.seconds,
    )
