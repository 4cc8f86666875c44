"""The names of a label map's colours or values: CVAT's labelmap.txt, Roboflow's _classes.csv."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from _removal_support.limits import LARGEST_LIST_BYTES
from segment.classes import unknown_class
from segment.handover.labels import ClassChoice
from segment.handover.mask_error import MaskError

COLOUR_TABLE, VALUE_TABLE = "labelmap.txt", "_classes.csv"
BACKGROUND = ("background", "__background__", "_background_", "unlabeled", "unlabelled", "void", "ignore")
OF_PICTURES = ("SegmentationClass", "SegmentationObject")  # beside whose folder the table lies

Label = int | tuple[int, int, int]


@dataclass(frozen=True)
class LabelMap:
    """path: of the table. labels: the values or colours of each name, background left out."""

    path: Path
    labels: dict[str, tuple[Label, ...]]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the classes."""
        return tuple(self.labels)

    def check(self, wanted: Sequence[str]) -> None:
        """Raises MaskError where no class is wanted, or one that the table does not name."""
        if not wanted:
            raise MaskError(
                f"the masks are label maps of {', '.join(self.names)} ({self.path}): name the class that is "
                "to be removed",
                "labels",
                option="classes",
            )
        meant = ClassChoice(wanted, lambda text: None).names(self.names).values()
        for name in wanted:
            if name not in meant:
                raise MaskError(f"{self.path}: {unknown_class(name, self.names)}", "labels", option="classes")


def find_label_map(hand_over: Path) -> LabelMap | None:
    """The table of a hand-over: in its folder, or beside the folder that CVAT's export keeps its pictures in.

    Raises MaskError for a table that cannot be read, or that gives one colour two names.
    """
    folder = hand_over if hand_over.is_dir() else hand_over.parent
    folders = [folder, folder.parent] if folder.name in OF_PICTURES else [folder]
    for place in folders:
        for name, read in ((COLOUR_TABLE, _colour_rows), (VALUE_TABLE, _value_rows)):
            path = place / name
            if path.is_file():
                return _label_map(path, read(path))
    return None


def _label_map(path: Path, rows: Sequence[tuple[str, Label]]) -> LabelMap:
    labels: dict[str, tuple[Label, ...]] = {}
    owners: dict[Label, str] = {}
    for name, label in rows:
        if owners.setdefault(label, name) != name:
            raise MaskError(
                f"{path}: expected one name for each label, got {owners[label]!r} and {name!r} for {label}",
                "labels",
            )
        if name.casefold() not in BACKGROUND and label not in labels.get(name, ()):
            labels[name] = (*labels.get(name, ()), label)
    if not labels:
        raise MaskError(f"{path}: expected names of classes, got none but the background", "labels")
    return LabelMap(path, labels)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_LIST_BYTES + 1)
        if len(content) > LARGEST_LIST_BYTES:
            raise ValueError(f"it has more than {LARGEST_LIST_BYTES / 1e6:.0f} MB")
        return content.decode("utf-8-sig")
    except (OSError, ValueError) as error:
        raise MaskError(f"{path} cannot be read: {error}", "unreadable") from error


def _colour_rows(path: Path) -> list[tuple[str, Label]]:
    """CVAT's lines ``name:r,g,b:parts:actions``."""
    rows: list[tuple[str, Label]] = []
    for number, line in enumerate(_text(path).splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, _, rest = line.partition(":")
        parts = rest.split(":")[0].split(",")
        if not name.strip() or len(parts) != 3 or not all(part.strip().isdecimal() for part in parts):
            raise MaskError(
                f"{path}: line {number}: expected name:r,g,b:parts:actions, got {line[:60]!r}", "labels"
            )
        red, green, blue = (int(part.strip()[:6]) for part in parts)
        if max(red, green, blue) > 255:
            raise MaskError(
                f"{path}: line {number}: expected r,g,b from 0 to 255, got {rest[:30]!r}", "labels"
            )
        rows.append((name.strip(), (red, green, blue)))
    return rows


def _value_rows(path: Path) -> list[tuple[str, Label]]:
    """Roboflow's lines ``value, name`` below a header."""
    rows: list[tuple[str, Label]] = []
    for number, row in enumerate(csv.reader(_text(path).splitlines()[1:]), start=2):
        if not row:
            continue
        if len(row) != 2 or not row[0].strip().isdecimal() or not row[1].strip() or int(row[0][:9]) > 65535:
            raise MaskError(
                f"{path}: line {number}: expected a value and a name, got {','.join(row)[:60]!r}", "labels"
            )
        rows.append((row[1].strip(), int(row[0])))
    return rows
