"""Seconds and memory of each stage of the main job on one large photo.

    python -m benchmarks.stages --photo PHOTO [--megapixels 12] [--segmenter builtin] [--inpainter exemplar]

The photo is enlarged or shrunk to the size, written as a JPEG and put through a run four times; the median of
the last three is printed (kernels are compiled in the first). Everything removed is what the segmenter finds.
"""

from __future__ import annotations

import resource
import statistics
import tempfile
from pathlib import Path

import click
import cv2

from removal.batch.run import run
from removal.options import RunOptions

STAGES = ("read", "segment", "refine", "inpaint", "write")


@click.command()
@click.option("--photo", type=click.Path(exists=True, dir_okay=False), required=True)
@click.option("--megapixels", default=12.0, show_default=True)
@click.option("--segmenter", default="builtin", show_default=True)
@click.option("--inpainter", default="exemplar", show_default=True)
@click.option("--runs", default=4, show_default=True)
def main(photo: str, megapixels: float, segmenter: str, inpainter: str, runs: int) -> None:
    image = cv2.imread(photo)
    scale = (megapixels * 1e6 / (image.shape[0] * image.shape[1])) ** 0.5
    image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "photo.jpg", Path(folder) / "out.jpg"
        cv2.imwrite(str(source), image)
        options = RunOptions(
            classes=("person",), output=target, segmenter=segmenter, inpainter=inpainter, overwrite=True
        )
        for _ in range(runs):
            (outcome,) = run([source], options)
            if outcome.error is not None:
                raise click.ClickException(outcome.error)
            rows.append(outcome.seconds)
    click.echo(f"{image.shape[1]} x {image.shape[0]} px, {outcome.mask_share:.1%} filled\n")
    click.echo("| stage | seconds |\n|---|---|")
    for stage in STAGES:
        click.echo(f"| {stage} | {statistics.median(row[stage] for row in rows[1:]):.2f} |")
    click.echo(f"| all | {statistics.median(sum(row.values()) for row in rows[1:]):.2f} |")
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    click.echo(f"\npeak memory of the process: {peak_mb:.0f} MB")


if __name__ == "__main__":
    main()
