"""Whether two checkouts make the same files and records of one folder, in every format and way to ask.

    python -m benchmarks.same_results OLD NEW

OLD, NEW: folders of the two checkouts, as PYTHONPATH has them. A rendered scene is written in each format,
and `remove` is run in a process of its own for each checkout and each way to say what to remove, with masks
and comparison sheets. Compared are all files by their bytes, and what the record (`removal.jsonl`) says, the
times left out: the settings, the digests of the runs, and of each photo what was removed. Exits 1 where
anything differs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np

from benchmarks.scene import render_scene

HEIGHT, WIDTH = 240, 320
RECORD = "removal.jsonl"
TIMES = ("seconds", "started", "process", "host", "busy_seconds", "shares", "photos_per_s")
COMMAND = "from removal.cli.main import main; main()"
WAYS = {
    "--class": ("--class", "person", "--segmenter", "builtin", "--inpainter", "exemplar"),
    "--masks": ("--masks", "masks", "--inpainter", "telea"),
    "--box": ("--box", "{box}", "--inpainter", "exemplar"),
    "--blind": ("--blind", "--inpainter", "reconstruction"),
}


def write_photos(folder: Path) -> str:
    """The scene in each format in `photos`, its masks in `masks`; returns the figure's box, x,y,w,h."""
    scene = render_scene(height=HEIGHT, width=WIDTH, seed=3)
    photo = cv2.cvtColor(scene.photo, cv2.COLOR_RGB2BGR)
    marked = scene.mask.astype(np.uint8) * 255
    for name in ("photos", "masks"):
        (folder / name).mkdir()
    deep = photo.astype(np.uint16) * 257
    pictures = {f"eight.{suffix}": photo for suffix in ("jpg", "png", "tif", "webp", "bmp")}
    pictures |= {"sixteen.png": deep, "sixteen.tif": deep, "grey.png": photo[..., 1]}
    for number, (name, picture) in enumerate(pictures.items()):
        suffix = name.rpartition(".")[2]
        cv2.imwrite(str(folder / "photos" / f"{number}-{name}"), picture)
        cv2.imwrite(str(folder / "masks" / f"{number}-{name.removesuffix('.' + suffix)}.png"), marked)
    rows, cols = np.nonzero(marked)
    left, top = int(cols.min()) - 4, int(rows.min()) - 4
    return f"{left},{top},{int(cols.max()) - left + 4},{int(rows.max()) - top + 4}"


def run(checkout: Path, folder: Path, words: list[str], out: Path) -> None:
    """Runs the command of a checkout in the folder; what it says is shown where it fails."""
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, "photos", *words, "-o", str(out), "--save-masks", "--compare"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(checkout.resolve()), "REMOVAL_OFFLINE": "1"},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise click.ClickException(f"{checkout}: {done.stderr or done.stdout}")


def without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_times(one) for name, one in value.items() if name not in TIMES}
    return [without_times(one) for one in value] if isinstance(value, list) else value


def said(out: Path) -> dict[str, list[Any]]:
    """What the record says, by what kind of line it is, in an order that threads do not change."""
    lines = [json.loads(line) for line in (out / RECORD).read_text(encoding="utf-8").splitlines()]
    texts = [(line, json.dumps(without_times(line), sort_keys=True)) for line in lines]
    moved = [(line, text.replace(str(out), "OUT")) for line, text in texts]
    return {
        "settings": sorted(text for line, text in moved if "settings" in line),
        "digests": sorted({line["run"] for line in lines if "run" in line}),
        "photos": sorted(text for line, text in moved if line.get("outcome") not in (None, "started")),
    }


def contents(out: Path) -> dict[str, bytes]:
    files = {path.relative_to(out).as_posix(): path for path in sorted(out.rglob("*")) if path.is_file()}
    return {name: path.read_bytes() for name, path in files.items() if name != RECORD}


@click.command()
@click.argument("old", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("new", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--way", "ways", multiple=True, type=click.Choice(list(WAYS)), help="Only these.")
def main(old: Path, new: Path, ways: tuple[str, ...]) -> None:
    """Compare the results of two checkouts."""
    click.echo("| way | files | equal | settings | digests | photos' lines |")
    click.echo("|---|---|---|---|---|---|")
    differing: list[str] = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place).resolve()
        box = write_photos(folder)
        for way in ways or WAYS:
            words = [word.format(box=box) for word in WAYS[way]]
            outs = [folder / which / way.removeprefix("--") for which in ("old", "new")]
            for checkout, out in zip((old, new), outs, strict=True):
                out.parent.mkdir(exist_ok=True)
                run(checkout, folder, words, out)
            before, after = (contents(out) for out in outs)
            differing += [
                f"{way}: {name}" for name in {*before, *after} if before.get(name) != after.get(name)
            ]
            equal = sum(before.get(name) == content for name, content in after.items())
            records = [said(out) for out in outs]
            same = {name: records[0][name] == records[1][name] for name in records[0]}
            differing += [f"{way}: {RECORD}, {name}" for name, is_same in same.items() if not is_same]
            cells = ["equal" if is_same else "DIFFER" for is_same in same.values()]
            click.echo(f"| `{way}` | {len({*before, *after})} | {equal} | {' | '.join(cells)} |")
    if differing:
        raise click.ClickException("these differ:\n" + "\n".join(sorted(differing)))


if __name__ == "__main__":
    main()
