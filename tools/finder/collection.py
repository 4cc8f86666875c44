"""Everything that the training of the person finder draws from."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tools.finder.boxes import boxed_cutouts, load_boxed
from tools.finder.photos import (
    PERSON,
    Cutout,
    Labelled,
    cut_out,
    load_coco,
    load_empty,
    load_set,
    trusted_label,
)

PASTED_PEOPLE = ("ccp", "hsd290", "ccp_extra", "p3m_demo")
MAIN_PERSON_ONLY = ("ccp", "hsd290", "ccp_extra")


@dataclass
class Collection:
    """Everything the training draws from; `groups` with the weights of `samples.GROUP_WEIGHTS`."""

    groups: dict[str, list[Labelled]] = field(default_factory=dict)
    boxed: list[Labelled] = field(default_factory=list)
    backgrounds: list[np.ndarray] = field(default_factory=list)
    difficulty: list[float] = field(default_factory=list)  # of each background: what draws it more often
    people: list[Cutout] = field(default_factory=list)
    things: list[Cutout] = field(default_factory=list)
    boxed_difficulty: list[float] = field(default_factory=list)  # of each of `boxed`, outside of its boxes


def load_collection(
    data: Path, *, with_people: set[str], pseudo: Path | None = None, difficulty: dict[str, float]
) -> Collection:
    """The training split of the data folder. difficulty: by name, the area that the finder of today takes
    for people in a photo without any; see `hard_negatives`."""
    coco, people, things = load_coco(data / "coco", "train")
    collection = Collection(people=people, things=things)
    collection.groups["coco"] = [i for i in coco if (i.label == PERSON).any()]
    for image in coco:
        if not image.label.any() and image.name not in with_people:
            collection.backgrounds.append(image.image)
            collection.difficulty.append(difficulty.get(f"coco/{image.name}", 0.0))
    for folder in sorted((data / "people").iterdir()):
        images = load_set(folder, "train")
        if folder.name in PASTED_PEOPLE:
            collection.people += [c for i in images if (c := cut_out(i.image, i.label == PERSON))]
        if folder.name in MAIN_PERSON_ONLY:
            images = [Labelled(i.image, trusted_label(i.label), i.people, i.name) for i in images]
        collection.groups[folder.name] = images
    collection.boxed = load_boxed(data, pseudo)
    collection.boxed_difficulty = [difficulty.get(f"boxes/{i.name}", 0.0) for i in collection.boxed]
    collection.people += [cutout for photo in collection.boxed for cutout in boxed_cutouts(photo)]
    for name, photo in load_empty(data, "train", with_people):
        collection.backgrounds.append(photo)
        collection.difficulty.append(difficulty.get(name, 0.0))
    return collection
