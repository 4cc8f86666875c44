"""Which pictures train, which choose (validation), and which are looked at once, at the end (test).

The rules are written out here and nowhere else. COCO pictures are told by their id, the others by a hash of
their name, so that a picture stays where it is when others are added.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Literal

Split = Literal["train", "validation", "test"]

BOXES_TEST, BOXES_VALIDATION = 100, 60  # photos of people_boxes/coco_val


def coco_split(image_id: int) -> Split:
    """`coco`: every fourth id is for the test, all others train."""
    return "test" if image_id % 4 == 0 else "train"


def coco_more_split(image_id: int) -> Split:
    """`people/coco_more`: a quarter each for the test and for validation, half of it trains."""
    rest: tuple[Split, ...] = ("test", "validation", "train", "train")
    return rest[image_id % 4]


def name_hash(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")


def empty_split(name: str) -> Split:
    """`nopeople`: a tenth each for the test and for validation. name: "animals/a.jpg"."""
    tenth = name_hash(name) % 10
    return "test" if tenth == 0 else "validation" if tenth == 1 else "train"


def boxes_splits(names: Iterable[str]) -> dict[str, Split]:
    """`people_boxes/coco_val`: the 100 names of the smallest hash are for the test, the next 60 for
    validation; all of `coco_val_more` trains."""
    ordered = sorted(names, key=name_hash)
    return {
        name: "test" if i < BOXES_TEST else "validation" if i < BOXES_TEST + BOXES_VALIDATION else "train"
        for i, name in enumerate(ordered)
    }


def set_split(folder: str, index: int, count: int) -> Split:
    """The other sets of `people/`, by place in the sorted list: of the large sets every tenth photo, of
    `camvid`, which is a film, the last quarter; `sbi` shows the views of the test pairs and is left out.
    """
    if folder == "sbi":
        return "test"
    if folder == "camvid":
        return "test" if index >= count * 3 // 4 else "train"
    return "test" if folder in ("ccp", "hsd290") and index % 10 == 0 else "train"
