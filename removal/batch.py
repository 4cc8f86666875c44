"""Many photos: what is read, where it is written, what was done already, and what went wrong."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from removal.images import PHOTO_SUFFIXES

MANIFEST = "removal.jsonl"
FINISHED = ("done", "unchanged")


class PlanError(ValueError):
    """The inputs and the output do not fit together; nothing was done."""


@dataclass(frozen=True)
class Job:
    """One photo to work on, and what to write.

    mask, sheet: where the mask and the comparison sheet go; None = not asked for.
    problem: why the photo cannot be done; None = nothing known yet.
    """

    source: Path
    target: Path
    mask: Path | None = None
    sheet: Path | None = None
    problem: str | None = None

    @property
    def files(self) -> list[Path]:
        """Everything the job writes."""
        return [path for path in (self.target, self.mask, self.sheet) if path is not None]


@dataclass(frozen=True)
class Outcome:
    """What became of one photo: "done", "unchanged" (nothing to remove), "skipped" (done by an earlier run)
    or "failed"."""

    job: Job
    outcome: str
    objects: list[dict[str, Any]] = field(default_factory=list)
    mask_share: float = 0.0  # of the photo's area, 0 to 1
    parts: dict[str, float] = field(
        default_factory=dict
    )  # share of the photo's area of each part of the mask
    seconds: dict[str, float] = field(default_factory=dict)
    error: str | None = None

    def record(self) -> dict[str, Any]:
        """The fields as JSON takes them."""
        fields = {"input": str(self.job.source), "output": str(self.job.target), "outcome": self.outcome}
        if self.error is not None:
            return fields | {"error": self.error}
        return fields | {
            "objects": self.objects,
            "mask_share": round(self.mask_share, 6),
            "parts": {name: round(share, 6) for name, share in self.parts.items()},
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
        }


def photos_in(folder: Path, *, leave_out: Path | None = None) -> list[Path]:
    """The photos in a folder and below it, by name; hidden files and everything in `leave_out` are passed
    over.
    """
    apart = None if leave_out is None or leave_out.resolve() == folder.resolve() else leave_out.resolve()
    found = []
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        is_result = apart is not None and apart in path.resolve().parents
        if path.suffix.lower() in PHOTO_SUFFIXES and path.is_file() and not hidden and not is_result:
            found.append(path)
    return found


def plan_jobs(
    inputs: Sequence[Path], out: Path | None, *, masks: bool = False, sheets: bool = False
) -> list[Job]:
    """Which files each photo is written to (docs/usage.md, "Where the result goes"), before any work is done.

    inputs: photos and folders. out: a file, a folder, or None = beside each photo. masks, sheets: whether
    these are written too. A missing photo is a job with a problem. Raises PlanError where two photos would
    write one file, where an output would write over an input, or where the output does not fit the inputs.
    """
    is_file = out is not None and out.suffix.lower() in PHOTO_SUFFIXES and not is_folder(out)
    if is_file and (len(inputs) != 1 or is_folder(inputs[0])):
        raise PlanError(f"'{out}' names one file, but there is more than one photo; give a folder")
    jobs: list[Job] = []
    for path in inputs:
        if is_folder(path):
            if out is None:
                raise PlanError(f"'{path}' is a folder, so a folder for the results is needed: -o FOLDER")
            photos = photos_in(path, leave_out=out)
            jobs += [Job(photo, out / photo.relative_to(path)) for photo in photos]
            if not photos:
                kinds = ", ".join(sorted(PHOTO_SUFFIXES))
                jobs.append(Job(path, out, problem=f"{path}: no photos in this folder ({kinds})"))
        elif out is None:
            target = path.with_name(f"{path.stem}.removed{path.suffix}")
            jobs.append(Job(path, target, problem=problem_of(path) or problem_without_suffix(path)))
        else:
            jobs.append(Job(path, out if is_file else out / path.name, problem=problem_of(path)))
    jobs = with_extras(jobs, masks=masks, sheets=sheets)
    check_targets(jobs)
    return jobs


def is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name that is too long for the file system
        return False


def problem_of(path: Path) -> str | None:
    """Why there is nothing to read at this path; None where there is something."""
    try:
        path.stat()
    except OSError as error:
        return f"{path}: {error.strerror}"
    return None


def problem_without_suffix(path: Path) -> str | None:
    return None if path.suffix else f"{path}: a name without a suffix needs one for the result: -o FILE"


def with_extras(jobs: Sequence[Job], *, masks: bool, sheets: bool) -> list[Job]:
    """The jobs with the names of their masks and sheets: STEM.mask.png, or NAME.mask.png where stems
    clash."""
    stems = Counter(job.target.with_suffix("") for job in jobs)
    named = []
    for job in jobs:
        base = job.target.stem if stems[job.target.with_suffix("")] == 1 else job.target.name
        mask = job.target.with_name(f"{base}.mask.png") if masks else None
        sheet = job.target.with_name(f"{base}.compare.png") if sheets else None
        named.append(replace(job, mask=mask, sheet=sheet))
    return named


def check_targets(jobs: Sequence[Job]) -> None:
    """Raises PlanError where two jobs write one file, or one writes over a photo that is read."""
    writers: dict[Path, Path] = {}
    for job in jobs:
        for file in () if job.problem else job.files:
            other = writers.setdefault(file.resolve(), job.source)
            if other is not job.source:
                raise PlanError(f"'{other}' and '{job.source}' would both be written to '{file}'")
    for job in jobs:
        if job.problem is None and (writer := writers.get(job.source.resolve())):
            raise PlanError(f"the result of '{writer}' would be written over the photo '{job.source}'")


class Manifest:
    """What was done in an output folder: lines of JSON in `removal.jsonl`, written when a photo starts and
    ends.

    Files are named relative to the folder, so that it does not matter from where or by which path it is
    given. settings: what the results of this run depend on; each photo's lines carry their digest.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any], *, overwrite: bool = False):
        self.path, self.settings, self.overwrite = folder / MANIFEST, dict(settings), overwrite
        self.digest = digest_of(self.settings)
        self.earlier: dict[str, dict[str, Any]] = {}  # settings of earlier runs, by digest
        self.states: dict[str, tuple[str, str]] = {}  # (outcome, digest) of each file, by its name
        self.begun: set[str] = set()
        for line in self.read():
            if isinstance(line.get("settings"), dict):
                self.earlier[digest_of(line["settings"])] = line["settings"]
            elif {"file", "outcome", "run"} <= line.keys():
                self.states[line["file"]] = (line["outcome"], line["run"])
                if line["outcome"] == "started":
                    self.begun.add(line["file"])

    def read(self) -> Iterator[dict[str, Any]]:
        """The lines that can be read: the last one is cut short where the power went."""
        try:
            text = self.path.read_text(errors="replace")
        except FileNotFoundError:
            return
        for line in text.splitlines():
            try:
                content = json.loads(line)
            except json.JSONDecodeError:
                continue
            if isinstance(content, dict):
                yield content

    def name_of(self, job: Job) -> str:
        return os.path.relpath(job.target.resolve(), self.path.parent.resolve())

    def check(self, jobs: Sequence[Job]) -> None:
        """Raises PlanError where a result that is there was made with other settings."""
        for job in jobs:
            outcome, digest = self.states.get(self.name_of(job), ("", self.digest))
            if self.overwrite or outcome not in FINISHED or digest == self.digest or not job.target.exists():
                continue
            earlier = self.earlier.get(digest, {})
            changed = sorted(
                key for key in {*earlier, *self.settings} if earlier.get(key) != self.settings.get(key)
            )
            raise PlanError(
                f"'{job.target}' was made with other settings ({', '.join(changed)} changed); "
                "give another folder, or --overwrite"
            )

    def begin(self) -> None:
        """Called before the first photo: makes the folder and notes the settings."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.write({"settings": self.settings})

    def started(self, job: Job) -> None:
        self.write({"file": self.name_of(job), "run": self.digest, "outcome": "started"})

    def ended(self, outcome: Outcome) -> None:
        self.write({"file": self.name_of(outcome.job), "run": self.digest} | outcome.record())

    def write(self, line: Mapping[str, Any]) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def is_done(self, job: Job) -> bool:
        """Whether an earlier run with these settings finished this photo and all its files are still
        there."""
        outcome, digest = self.states.get(self.name_of(job), ("", ""))
        finished = outcome in FINISHED and digest == self.digest
        return not self.overwrite and finished and all(file.exists() for file in job.files)

    def is_ours(self, job: Job) -> bool:
        """Whether an earlier run was at work on this file, so that it may be written again."""
        return self.name_of(job) in self.begun


def digest_of(settings: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]
