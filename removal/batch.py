"""Many photos: what is read, where it is written, what was done already, and what went wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from removal.images import PHOTO_SUFFIXES

MANIFEST = "removal.jsonl"


class PlanError(ValueError):
    """The inputs and the output do not fit together; nothing was done."""


@dataclass(frozen=True)
class Job:
    """One photo to work on, and the file to write. `problem`: why it cannot be done; None = nothing known
    yet."""

    source: Path
    target: Path
    problem: str | None = None


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
    over."""
    found = []
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        inside = leave_out is not None and leave_out != folder and leave_out in path.parents
        if path.suffix.lower() in PHOTO_SUFFIXES and not hidden and not inside and path.is_file():
            found.append(path)
    return found


def plan_jobs(inputs: Sequence[Path], out: Path | None) -> list[Job]:
    """Which file each photo is written to (docs/usage.md, "Where the result goes"), before any work is done.

    inputs: photos and folders. out: a file, a folder, or None = beside each photo. Raises PlanError where
    two photos would
    write one file, where an output would write over an input, or where the output does not fit the inputs.
    """
    is_file = out is not None and out.suffix.lower() in PHOTO_SUFFIXES and not out.is_dir()
    if is_file and (len(inputs) != 1 or inputs[0].is_dir()):
        raise PlanError(f"'{out}' names one file, but there is more than one photo; give a folder")
    jobs: list[Job] = []
    for path in inputs:
        if path.is_dir():
            if out is None:
                raise PlanError(f"'{path}' is a folder, so a folder for the results is needed: -o FOLDER")
            photos = photos_in(path, leave_out=out.resolve() if path.is_absolute() else out)
            jobs += [Job(photo, out / photo.relative_to(path)) for photo in photos]
            if not photos:
                jobs.append(Job(path, out, f"no photos in this folder ({', '.join(sorted(PHOTO_SUFFIXES))})"))
        elif out is None:
            jobs.append(Job(path, path.with_name(f"{path.stem}.removed{path.suffix}")))
        else:
            jobs.append(Job(path, out if is_file else out / path.name))
    check_targets(jobs)
    return jobs


def check_targets(jobs: Sequence[Job]) -> None:
    """Raises PlanError where two jobs write one file, or one writes over a photo that is read."""
    writers: dict[Path, Path] = {}
    for job in jobs:
        target = job.target.resolve()
        if target in writers and job.problem is None:
            raise PlanError(f"'{writers[target]}' and '{job.source}' would both be written to '{job.target}'")
        writers[target] = job.source
    for job in jobs:
        source = job.source.resolve()
        if source in writers and job.problem is None:
            raise PlanError(
                f"the result of '{writers[source]}' would be written over the photo '{job.source}'"
            )


class Manifest:
    """What was done in an output folder: lines of JSON in `removal.jsonl`, each written when a photo starts
    or ends.

    settings: what the results depend on. A folder that holds results of other settings is refused
    (PlanError).
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any], *, overwrite: bool = False):
        self.path, self.settings, self.overwrite = folder / MANIFEST, dict(settings), overwrite
        self.states: dict[str, str] = {}
        self.begun: set[str] = set()
        for line in self.read():
            if "settings" in line:
                self.check(line["settings"])
            elif "output" in line:
                self.states[line["output"]] = line["outcome"]
                if line["outcome"] == "started":
                    self.begun.add(line["output"])

    def read(self) -> Iterator[dict[str, Any]]:
        if not self.path.exists():
            return
        for text in self.path.read_text().splitlines():
            try:
                yield json.loads(text)
            except json.JSONDecodeError:
                continue  # the line that was being written when the power went

    def check(self, earlier: Mapping[str, Any]) -> None:
        changed = sorted(k for k in {*earlier, *self.settings} if earlier.get(k) != self.settings.get(k))
        if changed and not self.overwrite:
            raise PlanError(
                f"'{self.path.parent}' holds results of other settings ({', '.join(changed)} changed); "
                "give another folder, or --overwrite"
            )

    def begin(self) -> None:
        """Called before the first photo: makes the folder and notes the settings."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.write({"settings": self.settings})

    def started(self, job: Job) -> None:
        self.write({"input": str(job.source), "output": str(job.target), "outcome": "started"})

    def ended(self, outcome: Outcome) -> None:
        self.write(outcome.record())

    def write(self, line: Mapping[str, Any]) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def is_done(self, job: Job) -> bool:
        """Whether an earlier run with these settings finished this photo and its result is still there."""
        return (
            not self.overwrite
            and self.states.get(str(job.target)) in ("done", "unchanged")
            and job.target.exists()
        )

    def is_ours(self, job: Job) -> bool:
        """Whether an earlier run was at work on this file, so that it may be written again."""
        return str(job.target) in self.begun
