"""Renders the two pictures that `remove demo` ships with: `python -m benchmarks.demo_pictures --out
removal/cli/demo_pictures`."""

from __future__ import annotations

from pathlib import Path

import click
import cv2

from benchmarks.scene import render_scene

SCENE = 14
JPEG_QUALITY = 90


@click.command()
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True)
def main(out: Path) -> None:
    """Write scene.jpg (with the figure) and clean.jpg (the same view without it)."""
    scene = render_scene(seed=SCENE)
    out.mkdir(parents=True, exist_ok=True)
    for name, image in (("scene.jpg", scene.photo), ("clean.jpg", scene.clean)):
        if not cv2.imwrite(str(out / name), image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]):
            raise click.ClickException(f"cannot write {out / name}")


if __name__ == "__main__":
    main()
