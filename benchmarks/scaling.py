"""What a million photos take on 1 to 100 machines: stage times measured here, the rest by a model.

    python -m benchmarks.scaling [--size 640x480 --size 4000x3000] [--count 24] [PART...]

PART: `stages` (core-seconds of each stage, one worker on one processor, then one on each), `ray` (the same
work by the local engine and by a Ray cluster on this machine; what Ray itself costs a photo), `model` (the
tables of docs/scaling.md, from the stages measured or given by --core-seconds and --megabytes).

The photos are rendered scenes with one person each. A machine's pace is that of its slowest part:

    processors   cores x efficiency / core-seconds per photo
    accelerator  accelerators / its seconds per photo, where --accelerator-seconds says that there is one
    network      megabytes per second of a machine / megabytes per photo, read and written

and all machines' pace is the least of machines x that, the store's bandwidth and requests, and Ray's driver.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import click
import cv2

from benchmarks.scene import render_scene
from removal.batch.jobs import Job
from removal.batch.record import Record
from removal.batch.report import RunReport
from removal.batch.run import run
from removal.batch.work import PhotoWork, Task
from removal.cluster.engine import MOST_GROUPS, RayEngine
from removal.cluster.worker import use_threads  # noqa: F401 (for `in_processes`)
from removal.models import build
from removal.options import RunOptions

SCENES = 6
DRAWN_WIDTH = 900
STAGES = ("read", "segment", "refine", "inpaint", "write")
ALL = "processor time, all stages"
REQUESTS = 2  # per photo: one to get it, one to put the result
MACHINES = (1, 2, 10, 100)
PARTS = ("stages", "ray", "model")


@dataclass(frozen=True)
class Photo:
    """What one photo takes. core_s: processor seconds of all stages; megabytes: read and written; device_s:
    seconds of an accelerator, 0 = none."""

    core_s: float
    megabytes: float
    device_s: float = 0.0


@dataclass(frozen=True)
class Machine:
    """cores: of each machine; efficiency: of all its cores at work against one alone, 0 to 1; accelerators:
    of each machine; megabytes_per_s: to and from the store; start_s: until its workers have their models."""

    cores: int
    efficiency: float
    accelerators: int
    megabytes_per_s: float
    start_s: float


@dataclass(frozen=True)
class Shared:
    """What all machines share. megabytes_per_s, requests_per_s: of the store, 0 = without end. groups_per_s:
    of photos that the driver hands out; photos_per_s: of which it hears."""

    megabytes_per_s: float
    requests_per_s: float
    groups_per_s: float
    photos_per_s: float


def pace(photo: Photo, machine: Machine, shared: Shared, count: int, machines: int) -> tuple[float, str]:
    """Photos per second of all machines together, and what sets it. count: photos of the run."""
    each = {"processors": machine.cores * machine.efficiency / photo.core_s}
    if photo.device_s:
        each["accelerators"] = machine.accelerators / photo.device_s
    each["machines' network"] = machine.megabytes_per_s / photo.megabytes
    paces = {name: machines * value for name, value in each.items()}
    if shared.megabytes_per_s:
        paces["store's bandwidth"] = shared.megabytes_per_s / photo.megabytes
    if shared.requests_per_s:
        paces["store's requests"] = shared.requests_per_s / REQUESTS
    group = max(1, -(-count // MOST_GROUPS))
    paces["driver"] = min(shared.photos_per_s, shared.groups_per_s * group)
    slowest = min(paces, key=lambda name: paces[name])
    return paces[slowest], slowest


def model_table(photo: Photo, machine: Machine, shared: Shared, *, count: int, price: float) -> list[str]:
    """Lines of a table: one for each number of machines. price: of a machine's hour, 0 = not asked for."""
    head = "| machines | photos/s | hours | machine hours |" + (" price |" if price else "") + " set by |"
    lines = [head, "|" + "---|" * (head.count("|") - 1)]
    for machines in MACHINES:
        per_s, slowest = pace(photo, machine, shared, count, machines)
        hours = (machine.start_s + count / per_s) / 3600
        cost = f" {hours * machines * price:,.0f} |" if price else ""
        lines.append(
            f"| {machines} | {per_s:,.1f} | {hours:,.1f} | {hours * machines:,.0f} |{cost} {slowest} |"
        )
    return lines


def draw(folder: Path, size: str, count: int) -> float:
    """folder/in with the photos, of a size such as 640x480; returns the mean megabytes of one."""
    (folder / "in").mkdir(parents=True)
    width, height = (int(side) for side in size.split("x"))
    rendered = {"height": DRAWN_WIDTH * height // width, "width": DRAWN_WIDTH}  # larger ones take minutes
    scenes = [render_scene(**rendered, seed=seed).photo for seed in range(min(SCENES, count))]
    scenes = [cv2.resize(scene, (width, height), interpolation=cv2.INTER_CUBIC) for scene in scenes]
    for number in range(count):
        picture = scenes[number % len(scenes)][:, :: -1 if number // len(scenes) % 2 else 1, ::-1]
        cv2.imwrite(f"{folder}/in/{number:05}.jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 90])
    return statistics.mean(file.stat().st_size for file in (folder / "in").iterdir()) / 1e6


def chosen(segmenter: str, inpainter: str, **others: object) -> RunOptions:
    options = RunOptions(classes=("person",), segmenter=segmenter, inpainter=inpainter)
    return replace(options, **others)


def stage_seconds(folder: Path, options: RunOptions) -> dict[str, float]:
    """Mean seconds of each stage in one process, and of its processor time, without the first photo, in which
    kernels are compiled."""
    pipeline, source, _ = build(options, lambda text: None)
    work = PhotoWork(pipeline, source)
    seconds, used = [], []
    for photo in sorted((folder / "in").iterdir()):
        started = time.process_time()
        outcome = work.do(Task(Job(photo, folder / f"out{os.getpid()}" / photo.name)))
        used.append(time.process_time() - started)
        if outcome.error is not None:
            raise click.ClickException(outcome.error)
        seconds.append(outcome.seconds)
    means = {stage: statistics.mean(one[stage] for one in seconds[1:]) for stage in STAGES}
    return means | {ALL: statistics.mean(used[1:])}


def in_processes(folder: Path, options: RunOptions, processes: int) -> list[dict[str, float]]:
    """`stage_seconds` of several processes at once, each on one processor as Ray's workers are."""
    code = (
        "from benchmarks.scaling import *; use_threads(1); "
        f"print(json.dumps(stage_seconds(Path({str(folder)!r}), "
        f"chosen({options.segmenter!r}, {options.inpainter!r}, device='cpu'))))"
    )
    root, single = Path(__file__).parents[1], {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code], cwd=root, env=os.environ | single, stdout=subprocess.PIPE, text=True
        )
        for _ in range(processes)
    ]
    answers = [process.communicate()[0] for process in running]
    if any(process.returncode for process in running):
        raise click.ClickException("a process that measured the stages failed")
    return [json.loads(answer) for answer in answers]


def measure_stages(folder: Path, options: RunOptions, megabytes: float) -> Photo:
    """Prints the table; returns what a photo takes."""
    cores = len(os.sched_getaffinity(0))
    (alone,), together = in_processes(folder, options, 1), in_processes(folder, options, cores)
    means = {stage: statistics.mean(each[stage] for each in together) for stage in (*STAGES, ALL)}
    click.echo(
        f"| seconds per photo | one process | {cores} processes on {cores} processors |\n|---|---|---|"
    )
    for stage in (*STAGES, ALL):
        click.echo(f"| {stage} | {alone[stage]:.3f} | {means[stage]:.3f} |")
    written = statistics.mean(file.stat().st_size for file in folder.glob("out*/*.jpg")) / 1e6
    efficiency = min(1.0, alone[ALL] / means[ALL])
    click.echo(
        f"\nefficiency {efficiency:.2f}; {megabytes:.2f} MB read and {written:.2f} MB written per photo"
    )
    return Photo(alone[ALL], megabytes + written)


def measure_ray(folder: Path, options: RunOptions) -> None:
    """The same photos by both engines, and what Ray costs where there is no work."""
    click.echo("| engine | until the first photo | photos/s after it | processor seconds per photo |")
    click.echo("|---|---|---|---|")
    for engine in ("local", "ray"):
        started, times, used = time.perf_counter(), [], []
        output = folder / f"by-{engine}"
        for outcome in run([folder / "in"], replace(options, engine=engine, output=output)):
            if outcome.error is not None:
                raise click.ClickException(outcome.error)
            times.append(time.perf_counter() - started)
            used.append(processor_seconds())
        after = len(times) - 1
        rate, cost = after / (times[-1] - times[0]), (used[-1] - used[0]) / after
        click.echo(f"| {engine} | {times[0]:.1f} s | {rate:.2f} | {cost:.3f} |")
    names = [file.name for file in (folder / "by-local").glob("*.jpg")]
    equal = all(
        (folder / "by-ray" / name).read_bytes() == (folder / "by-local" / name).read_bytes() for name in names
    )
    click.echo(f"\n{len(names)} results equal byte for byte: {equal}")
    with idle_cluster() as cluster:
        for count, group in ((1000, 1), (20_000, 20)):
            rate = handing_out(cluster, folder, count, group)
            click.echo(f"no work, {count} photos in groups of {group}: {rate:.0f} photos/s")


def processor_seconds() -> float:
    """Of this process and all below it, whether they live or are over (Linux)."""
    parents, used = {}, {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = file.read_text().rpartition(")")[2].split()
            process = int(file.parent.name)
            parents[process], used[process] = int(fields[1]), sum(map(int, fields[11:15]))
    total = 0
    for process in used:
        above = process
        while above in parents and above != os.getpid():
            above = parents[above]
        total += used[process] if above == os.getpid() else 0
    return total / os.sysconf("SC_CLK_TCK")


@contextmanager
def idle_cluster() -> Iterator[RayEngine]:
    cluster = RayEngine(RunOptions(boxes=((0, 0, 9, 9),), inpainter="telea", engine="ray"), lambda text: None)
    try:
        yield cluster
    finally:
        cluster.close()


def handing_out(cluster: RayEngine, folder: Path, count: int, group: int) -> float:
    """Photos per second that are handed out and answered, where each is missing and fails at once."""
    import removal.cluster.engine

    removal.cluster.engine.MOST_GROUPS = count // group
    job = Job(folder / "missing.jpg", folder / "never.jpg")
    times = []
    for outcome in cluster.outcomes([job] * count, Record(), RunReport()):
        assert outcome.outcome == "failed"
        times.append(time.perf_counter())
    removal.cluster.engine.MOST_GROUPS = MOST_GROUPS
    return (count - 1) / (times[-1] - times[0])


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice(PARTS))
@click.option("--size", "sizes", multiple=True, default=["640x480"], show_default=True, metavar="WxH")
@click.option("--count", default=24, show_default=True, help="Photos measured of each size.")
@click.option("--segmenter", default="builtin", show_default=True)
@click.option("--inpainter", default="exemplar", show_default=True)
@click.option("--photos", default=1_000_000, show_default=True, help="Of the model.")
@click.option("--core-seconds", type=float, help="Of a photo, in place of a measurement.")
@click.option("--megabytes", default=1.0, show_default=True, help="Of a photo, read and written.")
@click.option("--cores", default=16, show_default=True, help="Of a machine.")
@click.option("--efficiency", default=0.9, show_default=True, help="Of all cores against one alone.")
@click.option("--accelerators", default=0, show_default=True, help="Of a machine.")
@click.option("--accelerator-seconds", default=0.0, show_default=True, help="Of a photo.")
@click.option("--machine-bandwidth", default=100.0, show_default=True, help="MB/s of a machine to the store.")
@click.option("--store-bandwidth", default=0.0, show_default=True, help="MB/s of the store; 0 = no limit.")
@click.option(
    "--store-requests", default=0.0, show_default=True, help="Of the store in a second; 0 = no limit."
)
@click.option("--groups-per-s", default=100.0, show_default=True, help="That Ray's driver hands out.")
@click.option(
    "--driver-photos", default=700.0, show_default=True, help="Of which the driver hears in a second."
)
@click.option(
    "--start", default=120.0, show_default=True, help="Seconds until the workers have their models."
)
@click.option("--price", default=0.0, show_default=True, help="Of a machine for an hour, in any currency.")
def main(
    parts: tuple[str, ...], sizes: Sequence[str], count: int, segmenter: str, inpainter: str, **given: float
) -> None:
    parts = parts or PARTS
    machine = Machine(
        int(given["cores"]),
        given["efficiency"],
        int(given["accelerators"]),
        given["machine_bandwidth"],
        given["start"],
    )
    shared = Shared(
        given["store_bandwidth"], given["store_requests"], given["groups_per_s"], given["driver_photos"]
    )
    photos: dict[str, Photo] = {}
    if given["core_seconds"]:
        photos["as given"] = Photo(given["core_seconds"], given["megabytes"])
    else:
        for size in sizes:
            click.echo(f"\n{size}, {segmenter} and {inpainter}, {count} photos\n")
            with tempfile.TemporaryDirectory() as temporary:
                folder, options = Path(temporary), chosen(segmenter, inpainter)
                megabytes = draw(folder, size, count)
                if "ray" in parts:
                    measure_ray(folder, options)
                if "stages" in parts:
                    photos[size] = measure_stages(folder, options, megabytes)
    for size, photo in photos.items() if "model" in parts else ():
        photo = replace(photo, device_s=given["accelerator_seconds"])
        number = int(given["photos"])
        click.echo(
            f"\n{size}: {number:,} photos of {photo.core_s:.2f} core-seconds, {photo.megabytes:.2f} MB\n"
        )
        for line in model_table(photo, machine, shared, count=number, price=given["price"]):
            click.echo(line)


if __name__ == "__main__":
    main()
