"""What a run over many photos costs beside the models, and what it survives.

    python -m benchmarks.engine [--data DATA] [--count 2000] [--size 320x240] [--refine] PART...

PART: `overlap` (detection and fill of equal cost against the slower alone), `own-cost` (seconds per photo
that are neither decoding nor encoding), `throughput` (masks from files and Telea: photos/s, how busy the
processors are, memory at the 200th photo and at the last, a second run), `kills` (killed ten times at random
moments and taken up, against an undisturbed run). All photos are rendered scenes, shifted and mirrored, or
with --data those of DATA/photos with the holes of DATA/holes; they lie in a temporary folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import click
import cv2
import numpy as np

from benchmarks.scene import render_scene
from inpaint.inpainter import Inpainter
from postprocess import MaskRecipe
from removal.batch.engine import LocalEngine
from removal.batch.jobs import Job, photos_in
from removal.batch.record import Record
from removal.batch.report import RunReport
from removal.batch.run import run
from removal.batch.work import PhotoWork, Task
from removal.images import read_photo, write_photo
from removal.options import RunOptions
from removal.pipeline import Pipeline
from removal.sources import DetectorMasks
from segment import Detections

SCENES = 12  # rendered; the photos are made from these
JPEG_QUALITY = 90
KILLS = 10


def make_photos(folder: Path, count: int, size: tuple[int, int], data: Path | None) -> None:
    """folder/in/00000.jpg ... and folder/masks/00000.png ..., of the size (width, height)."""
    pairs = scenes(size) if data is None else holes(data, size)
    for name in ("in", "masks"):
        (folder / name).mkdir(parents=True)
    for number in range(count):
        photo, mask = pairs[number % len(pairs)]
        turn = number // len(pairs)
        shift = 7 * turn % size[0]
        photo, mask = (np.roll(part[:, :: -1 if turn % 2 else 1], shift, axis=1) for part in (photo, mask))
        cv2.imwrite(f"{folder}/in/{number:05}.jpg", photo, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        cv2.imwrite(f"{folder}/masks/{number:05}.png", mask)


def scenes(size: tuple[int, int]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Photos in BGR and their masks, 0 and 255."""
    width, height = size
    rendered = [render_scene(height=height, width=width, seed=seed) for seed in range(SCENES)]
    return [(scene.photo[..., ::-1], scene.mask * np.uint8(255)) for scene in rendered]


def holes(data: Path, size: tuple[int, int]) -> list[tuple[np.ndarray, np.ndarray]]:
    pairs = []
    for path in photos_in(data / "photos"):
        mask = cv2.imread(str(data / "holes" / f"{path.stem}.png"), cv2.IMREAD_GRAYSCALE)
        photo = cv2.resize(cv2.imread(str(path)), size, interpolation=cv2.INTER_AREA)
        pairs.append((photo, cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)))
    return pairs


def options_for(folder: Path, out: str, *, refine: bool) -> RunOptions:
    return RunOptions(
        masks=folder / "masks",
        output=folder / out,
        inpainter="telea",
        refine=refine,
        allow_empty_masks=True,
    )


class Costing:
    """Stands in for a model: takes a fixed time for each photo."""

    name, description, fallback, classes = "costing", "costs time", None, ("person",)

    def __init__(self, cost: Callable[[], object]):
        self.cost = cost

    def __call__(
        self, images: Sequence[np.ndarray], *, classes: Sequence[str] | None = None, min_score: float = 0.05
    ) -> list[Detections]:
        found = []
        for image in images:
            self.cost()
            mask = np.zeros(image.shape[:2], bool)
            mask[20:60, 20:60] = True
            found.append(Detections.from_masks([mask], ["person"], [1.0]))
        return found


class CostingInpainter(Inpainter):
    """The same as an inpainter."""

    name, description = "costing", "costs time"

    def __init__(self, cost: Callable[[], object]):
        self.cost = cost

    def fill(self, image: np.ndarray, mask: np.ndarray, protect: np.ndarray | None) -> np.ndarray:
        self.cost()
        return image


def compute(rounds: int) -> None:
    """Keeps one processor busy without Python's lock."""
    hashlib.pbkdf2_hmac("sha256", b"", b"", rounds)


def measure_overlap(folder: Path, *, refine: bool) -> None:
    """Detection and fill of 40 ms each, on a device of their own (waiting) and on the processor."""
    photos = photos_in(folder / "in")[:150]
    started = time.perf_counter()
    compute(100_000)
    rounds = round(100_000 * 0.04 / (time.perf_counter() - started))
    click.echo(
        "| detection and fill, 40 ms each | slower alone | all stages one by one | overlapped | ratio |"
    )
    click.echo("|---|---|---|---|---|")
    costs = {"on a device": lambda: time.sleep(0.04), "on the processor": lambda: compute(rounds)}
    for name, cost in costs.items():
        started = time.perf_counter()
        for _ in photos:
            cost()
        alone = time.perf_counter() - started
        pipeline = Pipeline(Costing(cost), MaskRecipe.none(), CostingInpainter(cost))
        options = RunOptions(classes=("person",), refine=False, overwrite=True, batch_size=1)
        work = PhotoWork(pipeline, DetectorMasks(pipeline))
        jobs = [Job(path, folder / "overlap" / path.name) for path in photos]
        started = time.perf_counter()
        for job in jobs[:30]:
            assert work.do(Task(job, overwrite=True)).outcome == "done"
        in_turn = (time.perf_counter() - started) * len(jobs) / 30
        started = time.perf_counter()
        for outcome in LocalEngine(work, {}, options).outcomes(jobs, Record(), RunReport()):
            assert outcome.outcome == "done", outcome.error
        wall = time.perf_counter() - started
        click.echo(f"| {name} | {alone:.2f} s | {in_turn:.2f} s | {wall:.2f} s | {wall / alone:.3f} |")


def measure_own_cost(folder: Path, *, refine: bool) -> None:
    """Empty masks and photos of 640 x 480: all that is not reading a JPEG, a mask and writing the file."""
    for mask in sorted((folder / "masks").iterdir()):
        cv2.imwrite(str(mask), np.zeros((480, 640), np.uint8))
    photos = photos_in(folder / "in")
    for path in photos:
        cv2.imwrite(str(path), cv2.resize(cv2.imread(str(path)), (640, 480)))
    started = time.perf_counter()
    for path in photos:
        photo = read_photo(path)
        write_photo(photo, photo.pixels, np.zeros((480, 640), bool), folder / path.name)
    plain = (time.perf_counter() - started) / len(photos)
    click.echo("| 640 x 480, nothing to remove | ms per photo |\n|---|---|")
    click.echo(f"| reading and writing in a loop | {plain * 1e3:.2f} |")
    for workers in (1, os.cpu_count() or 1):
        out = f"own{workers}"
        options = options_for(folder, out, refine=refine)
        reports: list[RunReport] = []
        list(
            run(
                [folder / "in"],
                RunOptions(**vars(options) | {"workers": workers}),
                tell_report=reports.append,
            )
        )
        each = reports[0].seconds / len(photos)
        own = (each - plain) * 1e3
        click.echo(f"| a run with {workers} worker(s) | {each * 1e3:.2f}, so {own:.2f} beyond |")


def measure_throughput(folder: Path, *, refine: bool) -> None:
    """One run over all photos in a process of its own, and a second one."""
    for out in ("out", "out"):
        code = f"from benchmarks.engine import one_run; one_run({str(folder)!r}, {out!r}, {refine})"
        answer = subprocess.run(
            [sys.executable, "-c", code],
            cwd=Path(__file__).parents[1],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        click.echo(answer.stdout, nl=False)


def one_run(folder: str, out: str, refine: bool) -> None:
    """Called in a process of its own: prints what the run took."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    reports: list[RunReport] = []
    memory_mb: dict[int, float] = {}
    began, started, cpu, unused = time.perf_counter(), 0.0, 0.0, 0.0
    options = options_for(Path(folder), out, refine=refine)
    for count, _ in enumerate(run([Path(folder) / "in"], options, tell_report=reports.append), 1):
        if count % 200 == 0:
            memory_mb[count] = resident_mb()
        if count == 1:
            started, cpu, unused = time.perf_counter(), cpu_seconds(), idle_seconds()
    wall, worked = time.perf_counter() - started, cpu_seconds() - cpu
    idle = (idle_seconds() - unused) / wall
    (report,) = reports
    if not report.worked_on:
        click.echo(f"a second run: {dict(report.counts)} in {time.perf_counter() - began:.2f} s")
        return
    cores = len(os.sched_getaffinity(0))
    shares = ", ".join(f"{name} {share:.0%}" for name, share in report.shares.items())
    click.echo(f"{report.worked_on} photos, {dict(report.counts)}: {report.photos_per_s:.1f} photos/s")
    click.echo(
        f"processors busy: {worked / wall / cores:.1%} of {cores} by the run, "
        f"{idle / cores:.1%} idle; work: {shares}"
    )
    click.echo("resident MB at photo: " + ", ".join(f"{at}: {mb:.0f}" for at, mb in memory_mb.items()))


def cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def idle_seconds() -> float:
    """Of all processors together, since the machine started."""
    idle = Path("/proc/stat").read_text().splitlines()[0].split()[4]
    return int(idle) / os.sysconf("SC_CLK_TCK")


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def measure_kills(folder: Path, *, refine: bool) -> None:
    """Undisturbed, then killed at random moments all over the work, then to the end."""
    command = [sys.executable, "-m", "removal.cli.main", "--masks", "masks", "in", "--inpainter", "telea"]
    command += [] if refine else ["--no-refine"]
    quiet = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([*command, "-o", "whole"], check=True, **quiet)
    moment = random.Random(0)
    total = len(photos_in(folder / "in"))
    done = []
    for wanted in sorted(moment.sample(range(1, total), KILLS)):
        process = subprocess.Popen([*command, "-o", "killed"], **quiet)
        while results_in(folder / "killed") < wanted and process.poll() is None:
            time.sleep(0.01)
        time.sleep(moment.uniform(0, 0.05))
        process.kill()
        process.wait()
        done.append(results_in(folder / "killed"))
    subprocess.run([*command, "-o", "killed"], check=True, **quiet)
    written: dict[str, int] = {}
    for line in (folder / "killed/removal.jsonl").read_text().splitlines():
        entry = json.loads(line) if line.endswith("}") else {}
        if entry.get("outcome") == "done":
            written[entry["file"]] = written.get(entry["file"], 0) + 1
    names = {which: {path.name for path in (folder / which).iterdir()} for which in ("whole", "killed")}
    equal = names["whole"] == names["killed"] and all(
        (folder / "whole" / name).read_bytes() == (folder / "killed" / name).read_bytes()
        for name in names["whole"] - {"removal.jsonl"}
    )
    click.echo(f"results there after each of {KILLS} kills: {done}")
    click.echo(f"done twice: {sum(count - 1 for count in written.values())} of {len(written)}")
    click.echo(f"all files equal to the undisturbed run's, and no other files: {equal}")


def results_in(folder: Path) -> int:
    return len(list(folder.glob("[0-9]*")))


PARTS: dict[str, tuple[Callable[..., None], int | None]] = {
    "overlap": (measure_overlap, 150),
    "own-cost": (measure_own_cost, 300),
    "throughput": (measure_throughput, None),
    "kills": (measure_kills, None),
}


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice(list(PARTS)))
@click.option("--data", type=click.Path(exists=True, path_type=Path))
@click.option("--count", default=2000, show_default=True)
@click.option("--size", default="320x240", show_default=True, metavar="WxH")
@click.option("--refine/--no-refine", default=True, show_default=True)
def main(parts: tuple[str, ...], data: Path | None, count: int, size: str, refine: bool) -> None:
    width, height = (int(side) for side in size.split("x"))
    for part in parts or PARTS:
        measure, own_count = PARTS[part]
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            make_photos(folder, own_count or count, (width, height), data)
            click.echo(f"\n{part}: {own_count or count} photos of {size}")
            measure(folder, refine=refine)


if __name__ == "__main__":
    main()
