"""What starting takes: the first removal on a machine, a later one, and the demonstration.

    python -m benchmarks.startup PHOTO --tree OLD --tree NEW

Each tree is a checkout that is put in front of Python's path; they take turns, so that what else the machine
does meets all of them. Compiled Python files and numba's cache go to folders of their own; the first of them
are filled by a run that is not counted.
"""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import click

REMOVE = ("--class", "person", "--segmenter", "builtin", "--inpainter", "exemplar", "--json")
IMPORT_TIME = re.compile(r"^import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)$", re.MULTILINE)
HEAVY = ("torch", "torchvision", "cv2", "numba", "llvmlite", "numpy", "PIL", "pycocotools")


@dataclass(frozen=True)
class Took:
    """One run of a command. work: seconds of its stages, nan where it does not say."""

    wall: float
    cpu: float
    work: float
    stderr: str


@dataclass(frozen=True)
class Tree:
    """A checkout to measure. scratch: folder for its caches and results."""

    path: Path
    scratch: Path

    def run(self, *words: str, cache: str, importtime: bool = False) -> Took:
        """Run `remove` with these words, numba's cache in the folder of this name."""
        environment = os.environ | {
            "PYTHONPATH": str(self.path),
            "PYTHONPYCACHEPREFIX": str(self.scratch / "bytecode"),
            "NUMBA_CACHE_DIR": str(self.scratch / cache),
            "REMOVAL_OFFLINE": "1",
        }
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        python = [sys.executable, *(("-X", "importtime") if importtime else ())]
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        done = subprocess.run(
            [*python, "-m", "removal.cli.start", *words],
            env=environment,
            cwd=self.scratch,  # Python looks there before it looks in PYTHONPATH
            capture_output=True,
            text=True,
            check=False,
        )
        wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode != 0:
            raise click.ClickException(f"{self.path}: {done.stderr[-500:]}")
        work = float("nan")
        if "--json" in words:
            work = sum(json.loads(done.stdout.splitlines()[-1])["seconds"].values())
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return Took(wall, cpu, work, done.stderr)

    def remove(self, photo: Path, *, cache: str, importtime: bool = False) -> Took:
        """Remove the people from a photo."""
        target = str(self.scratch / "removed.png")
        return self.run(*REMOVE, "--overwrite", str(photo), "-o", target, cache=cache, importtime=importtime)

    def demo(self) -> Took:
        """The demonstration, its models chosen by `auto`."""
        return self.run("demo", "--overwrite", "-o", str(self.scratch / "demo"), cache="kept")


def imports(took: Took) -> str:
    """Seconds of all imports, number of modules, and which of the heavy packages are among them."""
    found = IMPORT_TIME.findall(took.stderr)
    seconds = sum(int(own) for own, _ in found) / 1e6
    packages: dict[str, float] = dict.fromkeys(HEAVY, 0.0)
    for own, name in found:
        package = name.split(".")[0]
        if package in packages:
            packages[package] += int(own) / 1e6
    shares = ", ".join(f"{name} {share:.2f}" for name, share in packages.items() if share)
    return f"{seconds:.2f} s for {len(found)} modules ({shares})"


def row(name: str, runs: list[Took]) -> str:
    """The medians of several runs."""
    wall, cpu, work = (median(getattr(took, what) for took in runs) for what in ("wall", "cpu", "work"))
    return f"  {name:<24}{wall:>8.2f}{cpu:>8.2f}{work:>8.2f}{(wall - 2) / work:>15.2f}"


@click.command()
@click.argument("photo", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--tree", "trees", multiple=True, type=click.Path(exists=True, path_type=Path), default=(".",))
@click.option("--rounds", default=3, show_default=True, help="Runs whose median counts, but for the first.")
def main(photo: Path, trees: tuple[Path, ...], rounds: int) -> None:
    """Print wall, CPU and work seconds of a removal, first and later, for each tree."""
    with tempfile.TemporaryDirectory() as scratch:
        photo = photo.resolve()
        measured = [Tree(path.resolve(), Path(scratch, str(n))) for n, path in enumerate(trees)]
        for tree in measured:
            tree.scratch.mkdir()
            tree.remove(photo, cache="not counted")
        first = [[tree.remove(photo, cache="kept")] for tree in measured]
        later: list[list[Took]] = [[] for _ in measured]
        demos: list[list[Took]] = [[] for _ in measured]
        for _ in range(rounds):
            for number, tree in enumerate(measured):
                later[number].append(tree.remove(photo, cache="kept"))
        for _ in range(rounds + 1):  # the first fills the cache of compiled Python
            for number, tree in enumerate(measured):
                demos[number].append(tree.demo())
        for number, tree in enumerate(measured):
            click.echo(f"{tree.path}")
            click.echo(f"  {'seconds':<24}{'wall':>8}{'CPU':>8}{'work':>8}{'(wall-2)/work':>15}")
            click.echo(row("first removal", first[number]))
            click.echo(row("later ones", later[number]))
            click.echo(row("demo, auto, later", demos[number][1:]))
            click.echo(f"  imports: {imports(tree.remove(photo, cache='kept', importtime=True))}")


if __name__ == "__main__":
    main()
