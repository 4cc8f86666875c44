"""The photos that the person finder learns from, read from a data folder: labelled, boxed, without people."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from pycocotools.coco import COCO

from tools.finder.splits import (
    Split,
    boxes_splits,
    coco_more_split,
    coco_split,
    empty_split,
    set_split,
)

STORED_SHORT_SIDE = 288
PERSON, IGNORE = 255, 128
UNKNOWN = -1  # instance: a person, or maybe several
CROWD = -2  # instance: in a box around many people
PEOPLE_OF_A_CROWD = 3  # middles of other, smaller boxes that make a box one around a crowd
TRUSTED_MARGIN_PX = 12  # beyond this distance from the person a bystander may be labelled 0
MOST_DOUBT = 0.06  # of a box: people with more pixels that are not known are not pasted
PASTED_PEOPLE = ("ccp", "hsd290", "ccp_extra", "p3m_demo")
ONE_PERSON = ("ccp", "ccp_extra", "p3m_demo", "davis")
MAIN_PERSON_ONLY = ("ccp", "hsd290", "ccp_extra")


@dataclass(frozen=True)
class Labelled:
    """image uint8 (H, W, 3) RGB; label uint8 (H, W): 255 person, 0 not, 128 not known; people int16 (H, W):
    the person's number from 1 on, 0 where nobody is, UNKNOWN or CROWD where it is not known which; boxes
    float32 (N, 4) xyxy of all people where they alone are known, None where the label says it.
    """

    image: np.ndarray
    label: np.ndarray
    people: np.ndarray
    name: str
    boxes: np.ndarray | None = None


@dataclass(frozen=True)
class Cutout:
    """A thing to paste: image uint8 (H, W, 3), alpha uint8 (H, W)."""

    image: np.ndarray
    alpha: np.ndarray


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


def read_rgb(path: Path) -> np.ndarray:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError(f"cannot read the photo {path}")
    return np.ascontiguousarray(image[..., ::-1])


def shrink(image: np.ndarray, *maps: np.ndarray) -> tuple[np.ndarray, ...]:
    """The photo and its maps at a short side of at most STORED_SHORT_SIDE, for those that train."""
    scale = STORED_SHORT_SIDE / min(image.shape[:2])
    if scale >= 1:
        return image, *maps
    image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return image, *(cv2.resize(m, image.shape[1::-1], interpolation=cv2.INTER_NEAREST) for m in maps)


def cut_out(image: np.ndarray, mask: np.ndarray, margin: int = 4) -> Cutout | None:
    rows, cols = np.nonzero(mask)
    if len(rows) < 600:
        return None
    top, bottom = max(rows.min() - margin, 0), rows.max() + margin + 1
    left, right = max(cols.min() - margin, 0), cols.max() + margin + 1
    alpha = mask[top:bottom, left:right].astype(np.uint8) * 255
    return Cutout(np.ascontiguousarray(image[top:bottom, left:right]), cv2.GaussianBlur(alpha, (3, 3), 0))


def boxed_cutouts(photo: Labelled) -> list[Cutout]:
    """The people of a boxed photo of whom almost every pixel is known and whom its rim does not cut."""
    found = []
    height, width = photo.label.shape
    for number, box in enumerate(photo.boxes if photo.boxes is not None else (), 1):
        part = pixel_box(box, photo.label.shape)
        whole = (box[:2] > 1).all() and box[2] < width - 1 and box[3] < height - 1
        if whole and (photo.label[part] == IGNORE).mean() < MOST_DOUBT:
            found.append(cut_out(photo.image, photo.people == number))
    return [cutout for cutout in found if cutout is not None]


def trusted_label(label: np.ndarray) -> np.ndarray:
    """Label whose zeros far from the person become "not known": a bystander may stand there."""
    distance = cv2.distanceTransform((label != PERSON).astype(np.uint8), cv2.DIST_L2, 3)
    return np.where((label == 0) & (distance > TRUSTED_MARGIN_PX), IGNORE, label).astype(np.uint8)


def load_coco(folder: Path, split: Split) -> tuple[list[Labelled], list[Cutout], list[Cutout]]:
    """Labelled images of one split, with cut-outs of their people and of their other objects."""
    coco = COCO()
    coco.dataset = json.loads((folder / "instances.json").read_text())
    coco.createIndex()
    person_id = next(c["id"] for c in coco.dataset["categories"] if c["name"] == "person")
    images: list[Labelled] = []
    people: list[Cutout] = []
    things: list[Cutout] = []
    for info in coco.dataset["images"]:
        if coco_split(info["id"]) != split:
            continue
        image = read_rgb(folder / "images" / info["file_name"])
        annotations = coco.imgToAnns[info["id"]]
        masks = [coco.annToMask(annotation).astype(bool) for annotation in annotations]
        for annotation, mask in zip(annotations, masks, strict=True):
            cutout = None if annotation["iscrowd"] or split != "train" else cut_out(image, mask)
            if cutout is not None:
                (people if annotation["category_id"] == person_id else things).append(cutout)
        persons = [
            (mask, bool(annotation["iscrowd"]))
            for annotation, mask in zip(annotations, masks, strict=True)
            if annotation["category_id"] == person_id
        ]
        label, numbers = coco_maps(image.shape[:2], persons)
        if split == "train":
            image, label, numbers = shrink(image, label, numbers)
        images.append(Labelled(image, label, numbers, info["file_name"]))
    return images, people, things


def coco_maps(size: tuple[int, ...], persons: list[tuple[np.ndarray, bool]]) -> tuple[np.ndarray, np.ndarray]:
    """Label and numbers from (mask, is a crowd) pairs; what a smaller person covers is the smaller one's."""
    label, numbers = np.zeros(size, np.uint8), np.zeros(size, np.int16)
    for mask, crowd in persons:
        if crowd:
            label[mask], numbers[mask] = IGNORE, UNKNOWN
    single = sorted((mask for mask, crowd in persons if not crowd), key=lambda m: -int(m.sum()))
    for number, mask in enumerate(single, 1):
        label[mask], numbers[mask] = PERSON, number
    return label, numbers


def load_set(folder: Path, split: Split) -> list[Labelled]:
    """One split of a set of `people/`."""
    paths = sorted((folder / "images").glob("*.jpg"))
    images = []
    for index, path in enumerate(paths):
        if folder.name == "coco_more":
            found = coco_more_split(int(path.stem))
        else:
            found = set_split(folder.name, index, len(paths))
        if found != split:
            continue
        label = cv2.imread(str(folder / "masks" / f"{path.stem}.png"), cv2.IMREAD_GRAYSCALE)
        if label is None:
            raise ValueError(f"no mask for the photo {path}")
        image = read_rgb(path)
        if split == "train":
            image, label = shrink(image, label)
        number = 1 if folder.name in ONE_PERSON else UNKNOWN
        people = np.where(label == PERSON, number, np.where(label == IGNORE, UNKNOWN, 0)).astype(np.int16)
        images.append(Labelled(image, label, people, f"{folder.name}/{path.name}"))
    return images


def box_paths(data: Path, split: Split) -> Iterator[tuple[Path, np.ndarray]]:
    """Photos of `people_boxes` and the boxes of their people, float32 (N, 4) xyxy in px."""
    for name in ("coco_val", "coco_val_more"):
        folder = data / "people_boxes" / name
        boxes = json.loads((folder / "boxes.json").read_text()) if folder.is_dir() else {}
        paths = {p.stem: p for p in sorted((folder / "images").glob("*.jpg")) if p.stem in boxes}
        splits = boxes_splits(paths) if name == "coco_val" else dict.fromkeys(paths, "train")
        for stem, path in paths.items():
            if splits[stem] == split:
                yield path, np.array(boxes[stem], np.float32).reshape(-1, 4)


def shrunk_boxes(image: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    (small,) = shrink(image)
    scale = np.array(small.shape[1::-1]) / np.array(image.shape[1::-1])
    return small, (boxes * np.tile(scale, 2)).astype(np.float32)


def load_boxed(data: Path, pseudo: Path | None) -> list[Labelled]:
    """The boxed photos that train. pseudo: folder of what `pseudo_masks` wrote; None = boxes alone."""
    images = []
    for path, boxes in box_paths(data, "train"):
        image, boxes = shrunk_boxes(read_rgb(path), boxes)
        label = boxes_label(image.shape[:2], boxes)
        single = ~crowds(boxes)
        people = np.zeros(label.shape, np.int16)
        if pseudo is not None:
            label, people = read_pseudo(pseudo, path.stem, label.shape, single)
        people[label == IGNORE] = UNKNOWN
        outside = boxes_label(label.shape, boxes[single]) == 0
        for box in boxes[~single]:
            part = pixel_box(box, label.shape)
            people[part][outside[part]] = CROWD
        images.append(Labelled(image, label, people, path.name, boxes[single]))
    return images


def read_pseudo(
    folder: Path, stem: str, size: tuple[int, ...], single: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Label and numbers that `pseudo_masks` wrote; numbers count the boxes that are `single`, bool (N,)."""
    label = cv2.imread(str(folder / f"{stem}.png"), cv2.IMREAD_GRAYSCALE)
    numbers = cv2.imread(str(folder / f"{stem}_people.png"), cv2.IMREAD_UNCHANGED)
    if label is None or numbers is None or label.shape != size:
        raise ValueError(f"{folder} has no mask for the photo {stem}: run tools.finder.pseudo_masks")
    renumbered = np.concatenate([[0], np.where(single, np.cumsum(single), UNKNOWN)])
    return label, renumbered[numbers].astype(np.int16)


def crowds(boxes: np.ndarray) -> np.ndarray:
    """bool (N,): the boxes (N, 4) that hold the middles of several others, each under a third of its area."""
    middles = (boxes[:, None, :2] + boxes[:, None, 2:]) / 2  # of the other boxes, (N, 1, 2)
    area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    inside = (middles > boxes[None, :, :2]).all(2) & (middles < boxes[None, :, 2:]).all(2)
    return (inside & (area[:, None] < area[None] / 3)).sum(0) >= PEOPLE_OF_A_CROWD


def pixel_box(box: np.ndarray, size: tuple[int, ...]) -> tuple[slice, slice]:
    """Rows and columns that a box touches."""
    left, top = np.floor(np.maximum(box[:2], 0)).astype(int)
    right, bottom = np.ceil(box[2:]).astype(int)
    return slice(top, min(bottom, size[0])), slice(left, min(right, size[1]))


def boxes_label(size: tuple[int, ...], boxes: np.ndarray) -> np.ndarray:
    label = np.zeros(size, np.uint8)
    for box in boxes:
        label[pixel_box(box, size)] = IGNORE
    return label


def load_empty(data: Path, split: Split, with_people: set[str]) -> Iterator[tuple[str, np.ndarray]]:
    """Names and photos without people; `with_people` names those that show some all the same."""
    folders = sorted(p for p in (data / "nopeople").glob("*") if p.is_dir())
    for folder in folders:
        for path in sorted(p for p in folder.iterdir() if p.suffix in (".jpg", ".png")):
            name = f"{folder.name}/{path.name}"
            if empty_split(name) == split and path.name not in with_people:
                image = read_rgb(path)
                yield name, shrink(image)[0] if split == "train" else image
    for folder_name in ("train", "photos") if split == "train" else ():
        for path in sorted((data / folder_name).glob("*.jpg")):
            if path.name not in with_people:
                yield f"{folder_name}/{path.name}", shrink(read_rgb(path))[0]


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
