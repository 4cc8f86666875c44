"""Feeds mutated files to what reads them: `python -m tests.fuzz --inputs 20000 [--seed 0] [--only photo]`.

Allowed outcomes are a result, our error type, or an OSError that names the file; each within 10 s and 1 GB
more than the program holds at first. Anything else is printed, its input kept, and the exit status is 1.
"""

from __future__ import annotations

import resource
import shutil
import signal
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from pathlib import Path

import click
import numpy as np

SECONDS = 10
MEMORY_BYTES = 1 << 30


class TooSlow(BaseException):
    """An input took longer than it may."""


def _stop(number: int, frame: object) -> None:
    raise TooSlow


def limit_memory() -> None:
    """Refuses this process more than MEMORY_BYTES beyond its present address space."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    held = pages * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + MEMORY_BYTES, held + MEMORY_BYTES))


def outcome_of(name: str, folder: Path, seed: tuple[int, int]) -> tuple[str, str]:
    """What came of one input: "result", "refused" or "wrong", and the last lines of what went wrong."""
    from _removal_support.errors import RemovalError
    from tests.fuzz.targets import TARGETS

    target = TARGETS[name]
    target.make(folder, np.random.default_rng(seed))
    signal.alarm(SECONDS)
    try:
        target.read(folder)
    except (RemovalError, OSError) as error:
        return ("refused", "") if str(error) else ("wrong", "an error without a word")
    except (Exception, TooSlow):
        return "wrong", "".join(traceback.format_exc().splitlines(keepends=True)[-7:])
    finally:
        signal.alarm(0)
    return "result", ""


@click.command()
@click.option("--inputs", default=20000, show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--only", type=click.Choice(["photo", "mask", "listing", "checkpoint", "record"]))
@click.option("--keep", type=click.Path(path_type=Path), help="Folder for the inputs that went wrong.")
def main(inputs: int, seed: int, only: str | None, keep: Path | None) -> None:
    """Run the fuzzer and print a table of outcomes."""
    import cv2
    import torch

    from tests.fuzz.targets import TARGETS

    warnings.simplefilter("ignore")
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    names = [only] if only else list(TARGETS)
    counts: Counter[tuple[str, str]] = Counter()
    signal.signal(signal.SIGALRM, _stop)
    for name in names:  # everything is imported and warm before memory is limited
        with tempfile.TemporaryDirectory() as folder:
            outcome_of(name, Path(folder), (seed, inputs))
    limit_memory()
    for number in range(inputs):
        name = names[number % len(names)]
        folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
        try:
            kind, words = outcome_of(name, folder, (seed, number))
            counts[name, kind] += 1
            if kind == "wrong":
                click.echo(f"--- {name}, input {number} of seed {seed}\n{words}", err=True)
                if keep is not None:
                    shutil.copytree(folder, keep / f"{name}-{seed}-{number}", dirs_exist_ok=True)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    click.echo(f"{'':12}{'result':>8}{'refused':>9}{'wrong':>7}")
    for name in names:
        row = [counts[name, kind] for kind in ("result", "refused", "wrong")]
        click.echo(f"{name:12}{row[0]:>8}{row[1]:>9}{row[2]:>7}")
    sys.exit(1 if any(kind == "wrong" for _, kind in counts) else 0)


if __name__ == "__main__":
    main()
