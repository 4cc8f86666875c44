"""The folder of one evaluation: its settings, a line of JSON per photo, and what was made from them.

config.json     settings, models, commit: written first
photos.jsonl    one line per photo that is done or has failed
results/        COMBINATION/PHOTO.png, lossless: measures that need all photos are taken from these
masks/          SOURCE.refined/PHOTO.png: red the object, green what is attached, blue its shadow
detections/     SOURCE/PHOTO.json, COCO results
inputs/         shown/PHOTO.png and clean/PHOTO.png where photos were damaged or cut to squares
results.json, results.csv, results_images.csv, report.html; of a comparison table.md and sheet.jpg
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from _removal_support.files import is_part
from _removal_support.json_lines import JsonLines, RecordError, changed_names
from removal.errors import PlanError, RunError
from removal.evaluation.record_lines import problem_of_line

KIND = "removal evaluation"
CONFIG, LINES = "config.json", "photos.jsonl"
RESULTS, TABLE, IMAGES_TABLE, REPORT = "results.json", "results.csv", "results_images.csv", "report.html"
PICTURES = ("results", "masks", "detections", "inputs")
SHOWN, CLEAN = "shown", "clean"  # of the inputs: what was filled, and what it should have come to
SUMMARY_FILES = (RESULTS, TABLE, IMAGES_TABLE, REPORT)
MARKDOWN, SHEET = "table.md", "sheet.jpg"
NO_JUDGE = "no judge"  # how the words begin where there is none


class EvaluationFolder:
    """Reads and writes the folder of an evaluation.

    folder: where. settings: what the results depend on, as JSON takes it.

    records: the last line of each photo, by its name. From `begin` to `close` no other run may begin.

    Raises PlanError for a folder that is not empty and no evaluation's, and for one whose evaluation had
    other settings (unless `overwrite`, which starts anew); RecordError for lines that no run of ours writes.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any], *, overwrite: bool = False) -> None:
        self.folder, self.settings = folder, dict(settings)
        self.lines = JsonLines(folder / LINES)
        self.config = self._earlier()
        self.records: dict[str, dict[str, Any]] = {}
        self.starts_anew = overwrite or not self.config
        if self.config and not overwrite:
            self._refuse_other(self.config.get("settings", {}), self.settings)
        if not self.starts_anew:
            with contextlib.suppress(FileNotFoundError):
                for number, line in self.lines.numbered():
                    if problem := problem_of_line(line):
                        raise RecordError.at(self.lines.path, number, problem)
                    if "photo" in line and "outcome" in line:
                        self.records[line["photo"]] = line

    def begin(self, models: Mapping[str, str], facts: Mapping[str, Any]) -> None:
        """Called before the first photo: writes the settings, and what runs (`models`, held against an
        earlier run's) with other `facts` (commit, version); clears away what killed runs left half written.

        Raises PlanError for other models than before, RunError where another run is at work in the folder.
        """
        if not self.starts_anew:
            self._refuse_other(compared_models(self.config.get("models", {})), compared_models(models))
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self.lines.open(create=True):
            raise RunError(f"another run is at work in '{self.folder}'; wait for it to end")
        if self._earlier() != self.config:
            raise RunError(f"another run began in '{self.folder}' meanwhile; run the same command again")
        for part in self.folder.rglob(".*.part"):  # which enters no folder through a link
            if is_part(part):
                part.unlink(missing_ok=True)
        if not self.starts_anew:
            self._note_other_code(facts)
            return
        for name in (*SUMMARY_FILES, MARKDOWN, SHEET):
            (self.folder / name).unlink(missing_ok=True)
        self.lines.clear()
        for name in PICTURES if self.config else ():  # of the run that this one starts anew
            shutil.rmtree(self.folder / name, ignore_errors=True)
        self.config = {"kind": KIND, "settings": self.settings, "models": dict(models), **facts}
        self.write_json(CONFIG, self.config)
        self.records, self.starts_anew = {}, False

    def add(self, record: Mapping[str, Any]) -> None:
        """Appends a photo's line; it is on the disk when this returns."""
        if not self.lines.is_open:
            raise ValueError("expected begin() before lines are added")
        self.records[record["photo"]] = dict(record)
        self.lines.append(record, sync=True)

    def close(self) -> None:
        """Lets other runs begin."""
        self.lines.close()

    def digest(self, names: Sequence[str], left_out: Mapping[str, str]) -> str:
        """Of what a summary is made of: these photos' lines, and why others were left out."""
        lines = [self.records.get(name) for name in names]
        return hashlib.sha256(json.dumps([lines, left_out], sort_keys=True).encode()).hexdigest()[:16]

    def is_summed_up(self, names: Sequence[str], left_out: Mapping[str, str]) -> bool:
        """Whether tables and report are there and were made from just these photos' lines."""
        if not all((self.folder / name).is_file() for name in SUMMARY_FILES):
            return False
        with contextlib.suppress(ValueError, OSError, AttributeError, RecursionError):
            content = json.loads((self.folder / RESULTS).read_text(encoding="utf-8"))
            result: bool = content.get("lines_digest") == self.digest(names, left_out)
            return result
        return False

    def file(self, kind: str, folder: str, photo: str, suffix: str = ".png") -> Path:
        """Where a photo's picture, mask or detections are kept: KIND/FOLDER/PHOTO.png."""
        return self.folder / kind / folder / f"{photo}{suffix}"

    @property
    def keeps_inputs(self) -> bool:
        """Whether photos were worked on otherwise than they are in their files."""
        return bool(self.settings.get("damage") or self.settings.get("size"))

    def write_json(self, name: str, content: Any) -> None:
        self.write_text(name, json.dumps(content, indent=1, allow_nan=False) + "\n")

    def write_text(self, name: str, text: str) -> None:
        self.write_bytes(name, text.encode(errors="backslashreplace"))  # a file's name may be no text

    def write_bytes(self, name: str, data: bytes) -> None:
        from _removal_support.files import write_atomically

        write_atomically(self.folder / name, data, overwrite=True)

    def _earlier(self) -> dict[str, Any]:
        """The settings an earlier run left here; empty where there was none."""
        if self.folder.exists() and not self.folder.is_dir():
            raise PlanError(f"expected a folder, '{self.folder}' is a file", option="out")
        if not self.folder.exists() or not any(self.folder.iterdir()):
            return {}
        if all(is_before_settings(path) for path in self.folder.iterdir()):
            return {}
        config: Any = None
        with contextlib.suppress(ValueError, OSError, RecursionError):
            config = json.loads((self.folder / CONFIG).read_text(encoding="utf-8"))
        if not isinstance(config, dict) or config.get("kind") != KIND:
            raise PlanError(
                f"'{self.folder}' is not empty and holds no evaluation; give another folder", option="out"
            )
        later = config.get("continued_by", [])
        if not (
            isinstance(config.get("settings", {}), dict)
            and isinstance(config.get("models", {}), dict)
            and isinstance(later, list)
            and all(isinstance(entry, dict) for entry in later)
        ):
            raise PlanError(f"{self.folder / CONFIG} is damaged; give another folder", option="out")
        return config

    def _refuse_other(self, earlier: Mapping[str, Any], now: Mapping[str, Any]) -> None:
        if changed := changed_names(earlier, now):
            raise PlanError(
                f"'{self.folder}' holds an evaluation with other settings "
                f"({', '.join(changed)} changed); give another folder or overwrite it",
                option="out",
            )

    def _note_other_code(self, facts: Mapping[str, Any]) -> None:
        """Results that were made by several versions of the code say so."""
        later = self.config.get("continued_by", [])
        known = [entry.get("commit") for entry in (self.config, *later)]
        if facts.get("commit") not in known:
            self.config["continued_by"] = [*later, dict(facts)]
            self.write_json(CONFIG, self.config)


def compared_models(models: Mapping[str, str]) -> dict[str, str]:
    """What an earlier run's models are held against: no judge is no judge, in whatever words it was said."""
    return {
        name: NO_JUDGE if name == "judge" and words.startswith(NO_JUDGE) else words
        for name, words in models.items()
    }


def is_before_settings(path: Path) -> bool:
    """Whether a run that was killed before it wrote its settings may have left this file."""
    return (path.name == LINES and path.stat().st_size == 0) or is_part(path)


def fingerprint(path: Path, *, content: bool = True) -> str:
    """Tells whether a file or the files of a folder were changed, by names and content; without `content` by
    names alone."""
    found = hashlib.sha256()
    files = [path] if path.is_file() else sorted(entry for entry in path.rglob("*") if entry.is_file())
    for entry in files:
        if entry != path:
            found.update(os.fsencode(entry.relative_to(path).as_posix()) + b"\0")
        if content:
            with entry.open("rb") as file:
                found.update(hashlib.file_digest(file, "sha256").digest())
    return found.hexdigest()[:16]
