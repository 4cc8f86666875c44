"""`-` for a photo that comes from standard input, and `-o -` for a result that goes to standard output."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from removal.errors import PlanError, RunError

if TYPE_CHECKING:
    from removal.batch.jobs import Outcome

DASH = Path("-")
STDIN, STDOUT = "standard input", "standard output"


@dataclass(frozen=True)
class Pipes:
    """What a run is given in place of `-`: files in a folder that lasts as long as the run.

    photos, options: as the run takes them. source: holds what came from standard input; result: goes to
    standard output; None = no pipe.
    """

    photos: tuple[Path, ...]
    options: dict[str, Any]
    source: Path | None = None
    result: Path | None = None

    def passed_on(self, outcome: Outcome) -> Outcome:
        """Writes the result to standard output, where it goes there; the outcome with the pipes' names for
        the files that stand in for them. Raises RunError."""
        if self.result is not None and outcome.error is None:
            self._write(self.result.read_bytes())
        job, error = outcome.job, outcome.error
        for file, name in ((self.source, STDIN), (self.result, STDOUT)):
            error = error.replace(str(file), name) if error and file else error
        source = DASH if job.source == self.source else job.source
        target = DASH if job.target == self.result else job.target
        return replace(outcome, job=replace(job, source=source, target=target), error=error)

    def _write(self, data: bytes) -> None:
        try:
            stream = sys.stdout.buffer
            stream.write(data)
            stream.flush()
        except BrokenPipeError:
            raise  # the reader has seen enough: no failure of ours
        except OSError as error:
            raise RunError(f"cannot write to {STDOUT}: {error.strerror}") from error


@contextmanager
def through_pipes(photos: tuple[Path, ...], options: Mapping[str, Any], *, as_json: bool) -> Iterator[Pipes]:
    """The photos and options of a run with files in place of `-`. Raises PlanError for what does not fit
    together, PhotoError where no photo comes in."""
    chosen = dict(options)
    to_stdout = chosen["output"] == DASH or (DASH in photos and chosen["output"] is None)
    if DASH not in photos and not to_stdout:
        yield Pipes(photos, chosen)
        return
    _check(photos, chosen, as_json=as_json, to_stdout=to_stdout)
    with tempfile.TemporaryDirectory(prefix="removal-") as folder:
        source = _spooled(Path(folder), chosen["max_megapixels"]) if DASH in photos else None
        inputs = tuple(source if photo == DASH and source else photo for photo in photos)
        result = Path(folder, f"result{inputs[0].suffix}") if to_stdout else None
        if result is not None:
            chosen["output"] = result
        yield Pipes(inputs, chosen, source, result)


def _check(photos: tuple[Path, ...], options: Mapping[str, Any], *, as_json: bool, to_stdout: bool) -> None:
    if photos.count(DASH) > 1 or (DASH in photos and DASH in options["lists"]):
        raise PlanError(f"expected one photo or one list from {STDIN}, got several")
    if options["engine"] != "local":
        raise PlanError(f"expected files for machines that share the work, got {STDIN} or {STDOUT}")
    if not to_stdout:
        return
    if len(photos) != 1 or options["lists"] or (photos[0] != DASH and not photos[0].is_file()):
        raise PlanError(f"expected one photo for {STDOUT}, got several or none", option="output")
    if as_json or options["compare"] or options["save_masks"]:
        raise PlanError(
            f"expected a file for the result where JSON, masks or sheets are wanted too, got {STDOUT}",
            option="output",
        )
    if sys.stdout.isatty():
        raise PlanError(f"expected a file, or {STDOUT} that leads to one, got a terminal", option="output")


def _spooled(folder: Path, max_megapixels: float) -> Path:
    """A file with the photo that comes from standard input, its suffix by its kind."""
    from removal.images import PHOTO_SUFFIXES
    from removal.images.reading import open_photo

    opened = open_photo(sys.stdin.buffer, max_megapixels=max_megapixels, name=STDIN)
    suffix = next(suffix for suffix, kind in PHOTO_SUFFIXES.items() if kind == opened.kind)
    file = folder / f"stdin{suffix}"
    file.write_bytes(opened.data)
    return file
