"""The main job on a rendered scene, measured against the background that is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from removal.evaluation.fidelity import psnr
from removal.models import RunError
from removal.options import RunOptions
from removal.run import run


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


def demonstrate(number: int, options: RunOptions, *, say: Callable[[str], None]) -> Demonstration:
    """Renders scene `number` beside `options.output`, removes the figure from it and compares.

    Raises RunError where the job fails, OSError where nothing can be written.
    """
    from removal.images import read_photo, write_png
    from removal.scene import render_scene

    removed = options.output
    if removed is None:
        raise RunError("the demonstration needs a file to write")
    scene = render_scene(seed=number)
    removed.parent.mkdir(parents=True, exist_ok=True)
    photo = removed.with_name("scene.png")
    write_png(scene.photo, photo, overwrite=options.overwrite)
    write_png(scene.clean, removed.with_name("clean.png"), overwrite=options.overwrite)
    models: dict[str, str] = {}
    (outcome,) = run([photo], options, say=say, tell_models=models.update)
    if outcome.error is not None:
        raise RunError(outcome.error)
    after = read_photo(removed).pixels
    where = np.abs(scene.photo.astype(int) - scene.clean).max(axis=2) > 8
    return Demonstration(
        removed,
        removed.with_name(f"{removed.stem}.compare.png"),
        psnr(scene.photo, scene.clean, where),
        psnr(after, scene.clean, where),
        psnr(scene.photo, scene.clean),
        psnr(after, scene.clean),
        models,
        outcome.seconds,
    )
