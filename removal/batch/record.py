"""The record of an output folder: what was done there, with which settings, from which files."""

from __future__ import annotations

import hashlib
import json
import os
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from _removal_support.files import is_there, leftovers
from _removal_support.json_lines import JsonLines, RecordError, changed_names
from removal.batch.jobs import Job, Outcome
from removal.batch.notes import NOTED, is_as_noted
from removal.batch.record_lines import problem_of_line
from removal.cluster.paths import is_remote, path_from
from removal.errors import BusyError, PlanError

MANIFEST = "removal.jsonl"
FINISHED = ("done", "unchanged")


@dataclass(frozen=True)
class Entry:
    """The last that the record says of one result. photo, masks: the notes of the files it was made from."""

    outcome: str
    run: str
    source: str
    photo: Mapping[str, Any] | None
    masks: Mapping[str, Any] | None


class Record:
    """What earlier runs did and what this one does. This one notes nothing: it is that of results beside the
    photos, or with a name of their own."""

    def open(self, *, create: bool) -> bool:
        """Locks and reads the record; False where it is open already, or is not there and not to be made."""
        return False

    def is_done(self, job: Job) -> bool:
        """Whether an earlier run has done the job, with these settings and from what the photo is now."""
        return False

    def needs_models(self) -> bool:
        """Whether it takes loaded models to know that what counts as done was made by the same ones."""
        return False

    def begin(self, models: Mapping[str, str]) -> None:
        """Notes the settings of this run, and the models in words."""

    def start(self, jobs: Sequence[Job], *, overwrite: bool) -> list[bool]:
        """Notes that work on these photos begins, and says of each whether its files may be written over."""
        return [overwrite] * len(jobs)

    def ended(self, outcome: Outcome) -> None:
        """Notes what became of a photo, after its result is whole and has its name."""

    def finished(self, report: Mapping[str, Any]) -> None:
        """Notes that the run has come to its end."""

    def close(self) -> None:
        """Gives the lock back."""


class Manifest(Record):
    """Lines of JSON in `removal.jsonl`: the settings of each run, and each photo's start and end.

    Files are named relative to the folder, so that it does not matter from where or by which path it is
    given. settings: what the results depend on, the models left out; asked: by which names these were asked
    for (models that are loaded say what they are, and loading takes long). overwrite: nothing counts as done.

    While it is open nobody else can open it. Its methods may be called by several threads.
    """

    def __init__(
        self, folder: Path, settings: Mapping[str, Any], asked: Mapping[str, Any], *, overwrite: bool = False
    ):
        self.folder, self.path = folder, folder / MANIFEST
        self.lines = JsonLines(self.path)
        self.settings, self.asked, self.overwrite = dict(settings), dict(asked), overwrite
        self.run = ""  # digest of this run's settings and models
        self.runs: dict[str, dict[str, Any]] = {}  # settings and models of earlier runs
        self.asked_before: dict[str, list[dict[str, Any]]] = {}  # by run
        self.entries: dict[str, Entry] = {}  # by the result's name
        self.begun: dict[str, list[str]] = {}  # all files of a photo that was started, by the result's name
        self.ours: set[str] = set()  # all files that any run began to write
        self.relied_on: dict[str, Path] = {}  # runs whose results count as done, each with one of them
        self.mask_listing: dict[str, Path] = {}  # masks elsewhere, each with what a listing says of it
        self._anew: str | None = None  # the last run, where it was to do all anew and did not come to its end
        self._below: dict[str, str] = {}  # a folder's own name relative to ours, and "/"
        self._inside: dict[str, bool] = {}  # whether a folder, by its name, really lies in ours
        self._same: dict[str, bool] = {}  # whether a file of masks is what it was, by its note

    def open(self, *, create: bool) -> bool:
        """Locks and reads the record; False where it is open already, or is not there and not to be made.

        Raises BusyError where another run has it open, RecordError where it holds what no run writes, OSError
        where it cannot be read or made.
        """
        if self.lines.is_open or not (create or self.path.exists()):
            return False
        if create:
            self.folder.mkdir(parents=True, exist_ok=True)
        if not self.lines.open(create=create):
            raise BusyError(f"another run is at work in '{self.folder}'{self._holder()}; wait for it to end")
        for number, line in self.lines.numbered():
            if problem := problem_of_line(line):
                raise RecordError.at(self.path, number, problem)
            self._take_in(line)
        return True

    def close(self) -> None:
        self.lines.close()

    def is_done(self, job: Job) -> bool:
        """Whether an earlier run has done the job, with these settings and from what the photo is now.

        Raises PlanError where a result that is there was made with other settings or from another photo.
        """
        name = self.name_of(job.target)
        entry = self.entries.get(name)
        if self.overwrite or entry is None or entry.outcome not in FINISHED or not job.target.exists():
            return False
        if self._goes_on_anew() and entry.run != self._anew:
            return False
        earlier = self.runs.get(entry.run, {})
        if without_models(earlier) != self.settings:
            raise made_otherwise(job.target, earlier, self.settings | {"models": earlier.get("models")})
        if not is_as_noted(job.source, entry.photo):
            if entry.source != full_name(job.source):
                raise PlanError(
                    f"'{job.target}' is the result of another photo, '{entry.source}', and not of "
                    f"'{job.source}'; give another folder, or overwrite",
                    option="output",
                )
            return False
        if not self._has_its_masks(entry):
            return False
        self.relied_on.setdefault(entry.run, job.target)
        made = self.begun.get(name, [])  # with the result: other files may be older, or not ours
        return all(self.name_of(file) in made and file.exists() for file in job.files)

    def needs_models(self) -> bool:
        return any(self.asked not in self.asked_before.get(run, []) for run in self.relied_on)

    def begin(self, models: Mapping[str, str]) -> None:
        """Notes the settings of this run and clears away what runs that were killed have left half written.

        Raises PlanError where what counts as done was made by other models.
        """
        settings = self.settings | {"models": dict(models)}
        self.run = digest_of(settings)
        for run, target in self.relied_on.items():
            if run != self.run:
                raise made_otherwise(target, self.runs.get(run, {}), settings)
        self.clear_leftovers()
        now = datetime.now(UTC).isoformat(timespec="seconds")
        process = {"process": os.getpid(), "host": socket.gethostname(), "started": now}
        anew = {"overwrite": True} if self.overwrite or self._goes_on_anew() else {}
        self.append({"settings": settings, "asked": self.asked} | process | anew)

    def clear_leftovers(self) -> None:
        """Removes the hidden files that hold half of a result, of photos that were started and not ended."""
        names: dict[Path, set[str]] = {}
        for name, files in self.begun.items():
            if name not in self.entries or self.entries[name].outcome == "started":
                for file in filter(self._lies_inside, files):
                    path = self.folder / file
                    names.setdefault(path.parent, set()).add(path.name)
        for folder, those in names.items():
            for part in leftovers(folder, those):
                part.unlink(missing_ok=True)

    def start(self, jobs: Sequence[Job], *, overwrite: bool) -> list[bool]:
        """Notes that work on these photos begins; on the disk before any of their results can be.

        Says of each whether its files may be written over: what an earlier run began may be. A photo whose
        files are somebody else's is not noted, for it will fail.
        """
        allowed = [overwrite or self.is_ours(job) for job in jobs]
        free = [
            job for job, may in zip(jobs, allowed, strict=True) if may or not any(map(is_there, job.files))
        ]
        lines = []
        for job in free:
            name = self.name_of(job.target)
            self.begun[name] = [self.name_of(file) for file in job.files]
            self.ours.update(self.begun[name])
            lines.append({"file": name, "run": self.run, "outcome": "started", "files": self.begun[name]})
        self.append(*lines, sync=True)
        return allowed

    def ended(self, outcome: Outcome) -> None:
        name, source = self.name_of(outcome.job.target), full_name(outcome.job.source)
        self.append({"file": name, "run": self.run} | outcome.record() | {"input": source} | outcome.inputs)

    def finished(self, report: Mapping[str, Any]) -> None:
        self.append({"run": self.run, "finished": dict(report)})

    def is_ours(self, job: Job) -> bool:
        """Whether runs made this result, and what there is of its other files, so that all may be written
        again. What lies elsewhere, behind a link, is nobody's here: no run makes links."""
        if self.name_of(job.target) not in self.begun:
            return False
        return all(self._is_our_file(file) or not is_there(file) for file in job.files)

    def name_of(self, path: Path) -> str:
        """The path relative to the folder, with "/" on every system."""
        folder, name = os.path.split(path)
        if folder not in self._below:
            try:
                below = Path(folder).relative_to(self.folder)
            except ValueError:  # given by another path
                below = Path(os.path.relpath(os.path.realpath(folder), os.path.realpath(self.folder)))
            self._below[folder] = "" if below == Path() else f"{below.as_posix()}/"
        return self._below[folder] + name

    def _is_our_file(self, file: Path) -> bool:
        name = self.name_of(file)
        return name in self.ours and self._lies_inside(name) and not file.is_symlink()

    def _lies_inside(self, name: str) -> bool:
        """Whether no link leads from the folder to where this file of it lies."""
        folder = os.path.dirname(name)
        if folder not in self._inside:
            real = os.path.realpath(self.folder)
            self._inside[folder] = os.path.realpath(self.folder / folder) == os.path.join(
                real, folder
            ).rstrip("/")
        return self._inside[folder]

    def _goes_on_anew(self) -> bool:
        """Whether this run takes up one that was to overwrite, which then need not be said again."""
        return self._anew is not None and without_models(self.runs[self._anew]) == self.settings

    def _has_its_masks(self, entry: Entry) -> bool:
        if entry.masks is None:
            return True
        key, name = json.dumps(entry.masks), entry.masks["path"]
        if key not in self._same:
            path = self.mask_listing.get(name) or path_from(name)
            is_listed = name in self.mask_listing or not is_remote(path)  # nobody is asked on a record's word
            self._same[key] = is_listed and is_as_noted(path, entry.masks)
        return self._same[key]

    def append(self, *lines: Mapping[str, Any], sync: bool = False) -> None:
        """Adds lines; sync: on the disk when this returns."""
        self.lines.append(*lines, sync=sync)

    def _take_in(self, line: dict[str, Any]) -> None:
        if isinstance(line.get("settings"), dict):
            run = digest_of(line["settings"])
            self.runs[run] = line["settings"]
            self._anew = run if line.get("overwrite") else None
            asked = line.get("asked")
            if asked is not None and asked not in self.asked_before.setdefault(run, []):
                self.asked_before[run].append(asked)
        elif "finished" in line:
            self._anew = None
        elif {"file", "outcome", "run"} <= line.keys():
            name = line["file"]
            photo = {key: line[key] for key in NOTED} if line.keys() >= NOTED else None
            masks = line.get("mask_file")
            self.entries[name] = Entry(line["outcome"], line["run"], line.get("input", ""), photo, masks)
            if line["outcome"] == "started":
                self.begun[name] = line.get("files", [name])
                self.ours.update(self.begun[name])

    def _holder(self) -> str:
        """Who wrote the last settings, in words."""
        last: dict[str, Any] = {}
        with suppress(RecordError):
            for line in self.lines.read():
                last = line if "process" in line else last
        if not last:
            return ""
        return f" (process {last['process']} on {last.get('host')}, since {last.get('started')})"


def full_name(path: Path) -> str:
    """A path as it is from everywhere."""
    return str(path) if is_remote(path) else os.path.abspath(path)


def made_otherwise(target: Path, earlier: Mapping[str, Any], settings: Mapping[str, Any]) -> PlanError:
    """The error that a result was made with other settings than those of now."""
    changed = ", ".join(changed_names(earlier, settings))
    return PlanError(
        f"'{target}' was made with other settings ({changed} changed); give another folder, or overwrite",
        option="output",
    )


def without_models(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name != "models"}


def digest_of(settings: Mapping[str, Any]) -> str:
    """A few letters that stand for these settings."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]
