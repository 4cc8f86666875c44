"""Samples for the person finder: labelled photos, and photos without people into which people are pasted.

Cut-and-paste training follows Dwibedi et al. 2017 and Ghiasi et al. 2021: things other than people are
pasted too (label 0), so that the traces of pasting tell the network nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from pycocotools.coco import COCO

STORED_SHORT_SIDE = 288
PERSON, IGNORE = 255, 128
TRUSTED_MARGIN_PX = 12  # beyond this distance from the person a bystander may be labelled 0
PASTED_PEOPLE = ("ccp", "hsd290")


@dataclass(frozen=True)
class Labelled:
    """image uint8 (H, W, 3) RGB; label uint8 (H, W): 255 person, 0 not, 128 not known."""

    image: np.ndarray
    label: np.ndarray
    name: str


@dataclass(frozen=True)
class Cutout:
    """A thing to paste: image uint8 (H, W, 3), alpha uint8 (H, W)."""

    image: np.ndarray
    alpha: np.ndarray


@dataclass
class Collection:
    """Everything the training draws from; `groups` with the weights of `GROUP_WEIGHTS`."""

    groups: dict[str, list[Labelled]] = field(default_factory=dict)
    backgrounds: list[np.ndarray] = field(default_factory=list)
    scenes: list[np.ndarray] = field(default_factory=list)  # backgrounds full of things that people have
    people: list[Cutout] = field(default_factory=list)
    things: list[Cutout] = field(default_factory=list)


def held_out(number: int) -> bool:
    """Whether the COCO image with this id belongs to the test split: every fourth."""
    return number % 4 == 0


def stored(image: np.ndarray, label: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    scale = STORED_SHORT_SIDE / min(image.shape[:2])
    if scale < 1:
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        label = cv2.resize(label, image.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    return image, label


def read_rgb(path: Path) -> np.ndarray:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError(f"cannot read the photo {path}")
    return np.ascontiguousarray(image[..., ::-1])


def cut_out(image: np.ndarray, mask: np.ndarray, margin: int = 4) -> Cutout | None:
    rows, cols = np.nonzero(mask)
    if len(rows) < 600:
        return None
    top, bottom = max(rows.min() - margin, 0), rows.max() + margin + 1
    left, right = max(cols.min() - margin, 0), cols.max() + margin + 1
    alpha = mask[top:bottom, left:right].astype(np.uint8) * 255
    return Cutout(np.ascontiguousarray(image[top:bottom, left:right]), cv2.GaussianBlur(alpha, (3, 3), 0))


def trusted_label(label: np.ndarray) -> np.ndarray:
    """Label whose zeros far from the person become "not known": a bystander may stand there."""
    distance = cv2.distanceTransform((label != PERSON).astype(np.uint8), cv2.DIST_L2, 3)
    return np.where((label == 0) & (distance > TRUSTED_MARGIN_PX), IGNORE, label).astype(np.uint8)


def load_coco(folder: Path, *, test: bool) -> tuple[list[Labelled], list[Cutout], list[Cutout]]:
    """Labelled images of one split, with cut-outs of their people and of their other objects."""
    coco = COCO()
    coco.dataset = json.loads((folder / "instances.json").read_text())
    coco.createIndex()
    person_id = next(c["id"] for c in coco.dataset["categories"] if c["name"] == "person")
    images: list[Labelled] = []
    people: list[Cutout] = []
    things: list[Cutout] = []
    for info in coco.dataset["images"]:
        if held_out(info["id"]) != test:
            continue
        image = read_rgb(folder / "images" / info["file_name"])
        label = np.zeros(image.shape[:2], np.uint8)
        for annotation in coco.imgToAnns[info["id"]]:
            mask = coco.annToMask(annotation).astype(bool)
            is_person = annotation["category_id"] == person_id
            if is_person:
                label[mask & (label != PERSON)] = IGNORE if annotation["iscrowd"] else PERSON
            if annotation["iscrowd"] or test:
                continue
            cutout = cut_out(image, mask)
            if cutout is not None:
                (people if is_person else things).append(cutout)
        image, label = stored(image, label)
        images.append(Labelled(image, label, info["file_name"]))
    return images, people, things


def load_set(folder: Path, *, test: bool) -> list[Labelled]:
    """One split of a set of `people/`. Kept apart for testing: every tenth photo of the large sets, the last
    quarter of `camvid`, which is a film, and nothing of the small sets.
    """
    paths = sorted((folder / "images").glob("*.jpg"))
    images = []
    for index, path in enumerate(paths):
        if folder.name == "camvid":
            in_test = index >= len(paths) * 3 // 4
        else:
            in_test = folder.name in PASTED_PEOPLE and index % 10 == 0
        if in_test == test:
            label = cv2.imread(str(folder / "masks" / f"{path.stem}.png"), cv2.IMREAD_GRAYSCALE)
            if label is None:
                raise ValueError(f"no mask for the photo {path}")
            image, label = stored(read_rgb(path), label)
            images.append(Labelled(image, label, f"{folder.name}/{path.name}"))
    return images


def load_collection(data: Path, *, with_people: set[str]) -> Collection:
    """The training split of the data folder. `with_people`: names of background photos that show people and
    are left out."""
    coco, people, things = load_coco(data / "coco", test=False)
    collection = Collection(people=people, things=things)
    collection.groups["coco"] = [i for i in coco if (i.label == PERSON).any()]
    collection.scenes = [i.image for i in coco if not i.label.any() and i.name not in with_people]
    for folder in sorted((data / "people").iterdir()):
        images = load_set(folder, test=False)
        if folder.name in PASTED_PEOPLE:
            collection.people += [c for i in images if (c := cut_out(i.image, i.label == PERSON))]
            images = [Labelled(i.image, trusted_label(i.label), i.name) for i in images]
        collection.groups[folder.name] = images
    for name in ("train", "photos"):
        for path in sorted((data / name).glob("*.jpg")):
            if path.name not in with_people:
                image = read_rgb(path)
                collection.backgrounds.append(stored(image, np.zeros(image.shape[:2], np.uint8))[0])
    return collection


GROUP_WEIGHTS = {
    "coco": 0.6,
    "ccp": 0.12,
    "hsd290": 0.12,
    "camvid": 0.08,
    "coco_extra": 0.04,
    "ochuman_sample": 0.04,
}


SCENE_SHARE = 0.35  # of the samples into which people are pasted
NUMBER_OF_PEOPLE = (
    0.45,
    0.25,
    0.18,
    0.12,
)  # pasted, from none on: none at all keeps the finder from seeing people everywhere


class SampleSource:
    """Draws training samples; everything random comes from the generator passed in."""

    def __init__(self, collection: Collection, rng: np.random.Generator):
        self.collection, self.rng = collection, rng
        self.groups = [g for g in GROUP_WEIGHTS if collection.groups.get(g)]
        weights = np.array([GROUP_WEIGHTS[g] for g in self.groups])
        self.weights = weights / weights.sum()

    def batch(self, count: int, size: int) -> tuple[np.ndarray, np.ndarray]:
        """images uint8 (N, size, size, 3), labels uint8 (N, size, size)."""
        samples = [self.real(size) if i % 2 == 0 else self.pasted(size) for i in range(count)]
        return np.stack([s[0] for s in samples]), np.stack([s[1] for s in samples])

    def real(self, size: int) -> tuple[np.ndarray, np.ndarray]:
        rng = self.rng
        group = self.collection.groups[self.groups[rng.choice(len(self.groups), p=self.weights)]]
        sample = group[rng.integers(len(group))]
        rows, cols = np.nonzero(sample.label == PERSON)
        centre = None
        if len(rows) and rng.random() < 0.7:
            pick = rng.integers(len(rows))
            centre = (float(cols[pick]), float(rows[pick]))
        image, label = self.crop(sample.image, sample.label, size, centre)
        for _ in range(rng.choice(3, p=(0.6, 0.25, 0.15))):
            source, mark = (
                (self.collection.people, PERSON) if rng.random() < 0.5 else (self.collection.things, 0)
            )
            image, label = self.paste(image, label, source[rng.integers(len(source))], mark)
        return self.recolour(image), label

    def pasted(self, size: int) -> tuple[np.ndarray, np.ndarray]:
        rng = self.rng
        scenes, others = self.collection.scenes, self.collection.backgrounds
        photos = scenes if scenes and (rng.random() < SCENE_SHARE or not others) else others
        background = photos[rng.integers(len(photos))]
        image, label = self.crop(background, np.zeros(background.shape[:2], np.uint8), size, None)
        items = [PERSON] * rng.choice(4, p=NUMBER_OF_PEOPLE) + [0] * rng.choice(4, p=(0.35, 0.35, 0.2, 0.1))
        for mark in rng.permutation(items):
            source = self.collection.people if mark == PERSON else self.collection.things
            image, label = self.paste(image, label, source[rng.integers(len(source))], int(mark))
        return self.recolour(image), label

    def crop(
        self, image: np.ndarray, label: np.ndarray, size: int, centre: tuple[float, float] | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """A turned, stretched, maybe mirrored square of the picture; what lies outside of it is "not
        known"."""
        rng = self.rng
        height, width = label.shape
        long_side = size * np.exp(rng.uniform(np.log(0.9), np.log(2.2)))
        scale = long_side / max(height, width)
        stretch = np.exp(rng.uniform(-0.15, 0.15))
        angle = np.deg2rad(rng.normal(0, 7))
        flip = -1.0 if rng.random() < 0.5 else 1.0
        linear = scale * np.array(
            [
                [flip * np.cos(angle) * stretch, -np.sin(angle)],
                [flip * np.sin(angle) * stretch, np.cos(angle)],
            ]
        )
        extent_x, extent_y = width * scale * stretch, height * scale
        if centre is None:
            centre = (rng.uniform(0, 1) * width, rng.uniform(0, 1) * height)
        target = np.array([rng.uniform(0.15, 0.85), rng.uniform(0.15, 0.85)]) * size
        # keep the square on the picture where the picture is large enough
        span = np.array([extent_x, extent_y])
        offset = (np.array(centre) - (width / 2, height / 2)) * (scale * stretch, scale) * (flip, 1)
        slack = np.maximum(span - size, 0) / 2
        middle = np.clip(target - offset, size / 2 - slack, size / 2 + slack)
        shift = middle - linear @ np.array([width / 2, height / 2])
        matrix = np.hstack([linear, shift[:, None]])
        filling = tuple(int(v) for v in rng.integers(0, 255, 3)) if rng.random() < 0.3 else (127, 127, 127)
        interpolation = cv2.INTER_AREA if scale < 0.6 else cv2.INTER_LINEAR
        if scale < 0.6:
            image = cv2.GaussianBlur(image, (0, 0), 0.35 / scale)
        warped = cv2.warpAffine(image, matrix, (size, size), flags=interpolation, borderValue=filling)
        known = cv2.warpAffine(label, matrix, (size, size), flags=cv2.INTER_NEAREST, borderValue=IGNORE)
        return warped, known

    def paste(
        self, image: np.ndarray, label: np.ndarray, cutout: Cutout, mark: int
    ) -> tuple[np.ndarray, np.ndarray]:
        rng = self.rng
        size = label.shape[0]
        height, width = cutout.alpha.shape
        wanted = size * np.exp(rng.uniform(np.log(0.15), np.log(1.5)))
        scale = min(wanted / max(height, width), 2.0)
        angle = np.deg2rad(rng.normal(0, 8))
        flip = -1.0 if rng.random() < 0.5 else 1.0
        stretch = np.exp(rng.uniform(-0.12, 0.12))
        linear = scale * np.array(
            [
                [flip * np.cos(angle) * stretch, -np.sin(angle)],
                [flip * np.sin(angle) * stretch, np.cos(angle)],
            ]
        )
        target = np.array([rng.uniform(0.05, 0.95), rng.uniform(0.1, 1.0)]) * size
        matrix = np.hstack([linear, (target - linear @ np.array([width / 2, height / 2]))[:, None]])
        source = cutout.image
        if scale < 0.6:
            source = cv2.GaussianBlur(source, (0, 0), 0.35 / scale)
        warped = cv2.warpAffine(
            source, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        alpha = cv2.warpAffine(cutout.alpha, matrix, (size, size), flags=cv2.INTER_LINEAR)
        weight = alpha[..., None].astype(np.float32) / 255
        inside = alpha > 127
        if not inside.any():
            return image, label
        if rng.random() < 0.7:
            warped = self.match_light(warped, image, inside)
        mixed = image + (warped.astype(np.float32) - image) * weight
        new_label = np.where(inside, np.uint8(mark), label)
        return np.clip(mixed, 0, 255).astype(np.uint8), new_label

    def match_light(self, warped: np.ndarray, image: np.ndarray, inside: np.ndarray) -> np.ndarray:
        """Move the thing's mean colour part of the way to the picture's."""
        share = self.rng.uniform(0, 0.7)
        shift = (image.mean(axis=(0, 1)) - warped[inside].mean(axis=0)) * share
        return np.clip(warped + shift, 0, 255)

    def recolour(self, image: np.ndarray) -> np.ndarray:
        """Brightness, contrast, saturation, tint, gamma, blur, noise, grey, JPEG: what cameras and people
        do."""
        rng = self.rng
        values = image.astype(np.float32)
        values = (values - 127.5) * rng.uniform(0.65, 1.35) + 127.5 + rng.uniform(-35, 35)
        grey = values.mean(axis=2, keepdims=True)
        saturation = 0.0 if rng.random() < 0.06 else rng.uniform(0.5, 1.5)
        values = grey + (values - grey) * saturation
        values *= rng.uniform(0.9, 1.1, 3).astype(np.float32)
        values = 255 * (np.clip(values, 0, 255) / 255) ** np.float32(np.exp(rng.uniform(-0.25, 0.25)))
        if rng.random() < 0.25:
            values = cv2.GaussianBlur(values, (0, 0), rng.uniform(0.3, 1.4))
        if rng.random() < 0.35:
            values += rng.standard_normal(values.shape, dtype=np.float32) * rng.uniform(1, 10)
        result = np.clip(values, 0, 255).astype(np.uint8)
        if rng.random() < 0.3:
            quality = int(rng.integers(35, 95))
            coded = cv2.imencode(".jpg", result, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
            result = cv2.imdecode(coded, cv2.IMREAD_COLOR)
        if rng.random() < 0.12:
            result = self.erase(result)
        return result

    def erase(self, image: np.ndarray) -> np.ndarray:
        """Cover a random box with one colour; the label stays: people half hidden are people."""
        rng = self.rng
        size = image.shape[0]
        height, width = (int(v) for v in rng.uniform(0.1, 0.35, 2) * size)
        top, left = int(rng.integers(size - height)), int(rng.integers(size - width))
        erased = image.copy()
        erased[top : top + height, left : left + width] = rng.integers(0, 255, 3)
        return erased
