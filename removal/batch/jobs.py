"""Many photos: which are read, where each is written, and what became of it."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from removal.batch.lists import read_list
from removal.cluster.paths import is_remote, photos_below
from removal.errors import PlanError
from removal.images import PHOTO_SUFFIXES
from removal.images.kinds import is_passed_over
from removal.images.writing import unknown_suffix

_SUFFIX = re.compile(r"\.[A-Za-z][A-Za-z0-9]{0,4}")
MAPS = ("damage", "layers", "edges")
"""The pictures of `--blind`, by the names that `removal.pipeline.Removal.maps` has for them."""
EXTRAS = {"mask": "mask", "sheet": "compare", **{name: name for name in MAPS}}
"""What may be written beside a result, and what is put between its name and `.png`."""


@dataclass(frozen=True)
class Job:
    """One photo to work on, and what to write.

    mask, sheet: where the mask and the comparison sheet go; damage, layers, edges: where the pictures of
        `--blind` go; None = not asked for.
    problem: why the photo cannot be done; None = nothing known yet.
    """

    source: Path
    target: Path
    mask: Path | None = None
    sheet: Path | None = None
    damage: Path | None = None
    layers: Path | None = None
    edges: Path | None = None
    problem: str | None = None

    @property
    def files(self) -> list[Path]:
        """Everything the job writes."""
        extras = (getattr(self, name) for name in EXTRAS)
        return [self.target, *(path for path in extras if path is not None)]


@dataclass(frozen=True)
class Outcome:
    """What became of one photo.

    outcome: "done", "unchanged" (nothing to remove), "skipped" (done by an earlier run) or "failed".
    notes: what was mended or left out when the photo was read, one sentence each.
    objects: what was removed; attached: what went along with it.
    mask_share: of the photo's area, 0 to 1; parts: the same of each part of the mask.
    shadow_confidence: 0 to 1, how sure the surest shadow is, added or not.
    seconds: wall time of each stage. inputs: what a folder's record notes of the files that were read.
    error: why it failed; option: the setting that the error is about, as `RemovalError` has it.
    """

    job: Job
    outcome: str
    objects: list[dict[str, Any]] = field(default_factory=list)
    attached: list[dict[str, Any]] = field(default_factory=list)
    mask_share: float = 0.0
    parts: dict[str, float] = field(default_factory=dict)
    shadow_confidence: float = 0.0
    seconds: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    error: str | None = None
    option: str | None = None
    inputs: dict[str, Any] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """The fields as JSON takes them, `inputs` and `option` left out."""
        source, target = str(self.job.source), str(self.job.target)
        fields: dict[str, Any] = {"input": source, "output": target, "outcome": self.outcome}
        if self.error is not None:
            return fields | {"error": self.error}
        fields |= {"notes": self.notes} if self.notes else {}
        return fields | {
            "objects": self.objects,
            "attached": self.attached,
            "mask_share": round(self.mask_share, 6),
            "parts": {name: round(share, 6) for name, share in self.parts.items()},
            "shadow_confidence": round(self.shadow_confidence, 3),
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
        }


def photos_in(
    folder: Path,
    *,
    leave_out: Path | None = None,
    on_error: Callable[[OSError], object] | None = None,
    on_passed_over: Callable[[Path], object] | None = None,
) -> list[Path]:
    """The photos in a folder and below it, by name; hidden files and everything in `leave_out` are passed
    over. Links are followed, but for those that lead back to a folder on the way; one that leads nowhere is
    there too, for a run to name.

    on_error: called for a folder that cannot be read; None = the OSError is raised. on_passed_over: called
    for each picture or video of a kind that cannot be read (`removal.images.kinds`); None = nobody asks.
    """

    if is_remote(folder):
        return list(photos_below(folder, leave_out=leave_out))

    def stop(error: OSError) -> None:
        raise error

    apart = None if leave_out is None else os.path.realpath(leave_out)
    on_the_way = {os.fspath(folder): frozenset({os.path.realpath(folder)})}
    found = []
    for where, folders, files in os.walk(folder, onerror=on_error or stop, followlinks=True):
        above, below = on_the_way.pop(where), []
        for name in folders:
            path = os.path.join(where, name)
            real = os.path.realpath(path)
            if not name.startswith(".") and real != apart and real not in above:
                on_the_way[path] = above | {real}
                below.append(name)
        folders[:] = below
        found += [Path(where, name) for name in files if is_photo(Path(where, name))]
        if on_passed_over is not None:
            for name in files:
                if is_passed_over(Path(name)):
                    on_passed_over(Path(where, name))
    return sorted(found)


def is_photo(path: Path) -> bool:
    """Whether a name found in a folder is a photo's: not hidden, of a suffix that is read, and a file, a link
    that leads nowhere, or what may not be looked at."""
    if path.name.startswith(".") or path.suffix.lower() not in PHOTO_SUFFIXES:
        return False
    try:
        return path.is_file() or (path.is_symlink() and not path.exists())
    except OSError:
        return True


def plan_jobs(
    inputs: Sequence[Path],
    out: Path | None,
    *,
    lists: Sequence[Path] = (),
    extras: Sequence[str] = (),
    on_passed_over: Callable[[Path], object] | None = None,
) -> list[Job]:
    """Which files each photo is written to (docs/usage.md, "Where the result goes"), before any work is done.

    inputs: photos and folders. lists: files that name more of them. out: a file, a folder, or None = beside
    each photo. extras: those of EXTRAS that are written too. on_passed_over: as `photos_in` has it.

    A missing photo is a job with a problem. Raises PlanError where two photos would write one file, where an
    output would write over an input, or where the output does not fit the inputs or is named like a file
    that no photo can be; OSError for a list that cannot be read.
    """
    listed = list(dict.fromkeys(path for file in lists for path in read_list(file)))
    if not inputs and not listed:
        if lists:
            raise PlanError(f"no photos in {', '.join(map(str, lists))}")
        raise PlanError("no photos given: name photos, folders or a list of them")
    if out is not None and is_unknown_file(out):
        raise PlanError(
            f"'{out}': {unknown_suffix(out.suffix)}; make the folder first if a folder is meant",
            option="output",
        )
    is_file = out is not None and out.suffix.lower() in PHOTO_SUFFIXES and not is_folder(out)
    if is_file and (len(inputs) + len(listed) != 1 or any(is_folder(path) for path in (*inputs, *listed))):
        raise PlanError(
            f"expected a folder for the results of several photos, got '{out}', which names one file",
            option="output",
        )
    jobs: list[Job] = []
    for path in inputs:
        place = Path() if is_folder(path) else Path(path.name)
        jobs += jobs_of(path, out, out if is_file else None, place, on_passed_over)
    for path in listed:
        jobs += jobs_of(path, out, out if is_file else None, place_of(path))
    if extras:
        jobs = with_extras(jobs, extras)
    check_targets(jobs)
    return jobs


def is_unknown_file(out: Path) -> bool:
    """Whether an output is named like a file that no photo can be written to, such as "result.xyz": it is
    no folder, and what follows its last dot looks like a suffix."""
    suffix = out.suffix
    known = suffix.lower() in PHOTO_SUFFIXES
    return bool(_SUFFIX.fullmatch(suffix)) and not known and not is_remote(out) and not is_folder(out)


def jobs_of(
    path: Path,
    out: Path | None,
    file: Path | None,
    place: Path,
    on_passed_over: Callable[[Path], object] | None = None,
) -> Iterator[Job]:
    """The jobs of one input: itself, or the photos below it.

    out: the output folder; file: the output file; None = none was given. place: where in the output folder
    the photo goes, or those of the folder.
    """
    if is_folder(path):
        if out is None:
            raise PlanError(
                f"expected a folder for the results of the photos in '{path}', got none", option="output"
            )
        unreadable: list[OSError] = []
        photos = photos_in(path, leave_out=out, on_error=unreadable.append, on_passed_over=on_passed_over)
        yield from (Job(photo, out / place / photo.relative_to(path)) for photo in photos)
        for error in unreadable:
            yield Job(Path(error.filename), out, problem=f"{error.filename}: {error.strerror}")
        if not photos and not unreadable:
            kinds = ", ".join(sorted(PHOTO_SUFFIXES))
            yield Job(path, out, problem=f"{path}: no photos in this folder ({kinds})")
    elif out is None:
        target = path.with_name(f"{path.stem}.removed{path.suffix}")
        yield Job(path, target, problem=problem_of(path) or problem_without_suffix(path))
    else:
        yield Job(path, file or out / place, problem=problem_of(path))


def place_of(path: Path) -> Path:
    """Where below the output folder the result of a listed path goes: under that same path, as tar and rsync
    have it; without the root where it is absolute or leads up."""
    if is_remote(path):
        return Path(*path.parts[1:])
    if path.is_absolute() or ".." in path.parts:
        return Path(*Path(os.path.abspath(path)).parts[1:])
    return path


def is_folder(path: Path) -> bool:
    """Whether there is a folder of this name; False for a name that no folder can have."""
    try:
        return path.is_dir()
    except OSError:  # too long for the file system
        return False


def problem_of(path: Path) -> str | None:
    """Why there is nothing to read at this path; None where there is something."""
    try:
        path.stat()
    except OSError as error:
        return f"{path}: {error.strerror}"
    return None


def problem_without_suffix(path: Path) -> str | None:
    """Why a photo has no name for its result beside it; None where it has one."""
    return (
        None
        if path.suffix
        else f"{path}: expected a name with a suffix, or a name for the result, got neither"
    )


def with_extras(jobs: Sequence[Job], extras: Sequence[str]) -> list[Job]:
    """The jobs with the names of their masks, sheets and the like: STEM.mask.png, or NAME.mask.png where
    stems clash."""
    stems = Counter(job.target.with_suffix("") for job in jobs)
    named = []
    for job in jobs:
        base = job.target.stem if stems[job.target.with_suffix("")] == 1 else job.target.name
        files: dict[str, Any] = {name: job.target.with_name(f"{base}.{EXTRAS[name]}.png") for name in extras}
        named.append(replace(job, **files))
    return named


def check_targets(jobs: Sequence[Job]) -> None:
    """Raises PlanError where two jobs write one file, or one writes over a photo that is read."""
    real = real_paths()
    writers: dict[str, Path] = {}
    for job in jobs:
        for file in () if job.problem else job.files:
            other = writers.setdefault(real(file), job.source)
            if other is not job.source:
                raise PlanError(f"'{other}' and '{job.source}' would both be written to '{file}'")
    for job in jobs:
        if job.problem is None and (writer := writers.get(real(job.source))):
            raise PlanError(f"the result of '{writer}' would be written over the photo '{job.source}'")


def real_paths() -> Callable[[Path], str]:
    """A function like os.path.realpath that looks every folder up only once."""
    folders: dict[str, str] = {}

    def real(path: Path) -> str:
        if path.is_symlink():
            return os.path.realpath(path)
        folder, name = os.path.split(path)
        if folder not in folders:
            folders[folder] = os.path.realpath(folder)
        return os.path.join(folders[folder], name)

    return real
