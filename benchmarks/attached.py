"""Which of the objects around people go along with them, against what a look at each says.

    python -m benchmarks.attached --data DIR [--coarse] [--list]

DIR holds coco/instances.json; attached_judged.csv, beside this file, holds the verdict on every object that
touches or nearly touches a person there: carried (worn and held too), ridden, or neither. All annotations of
a photo are taken as detections, all its people as wanted. --coarse draws every mask anew on a grid of
28 x 28 cells over its box, as Mask R-CNN does.

attached_boxes.csv holds more things, on photos of people/coco_more that no rule was made with: boxes drawn
by eye, from which GrabCut makes the masks; people are the connected parts of the labels.

attached_marked.csv holds a third list, on photos of people_boxes/coco_val: outlines drawn by eye, and the box
of whom a thing belongs to. People are what GrabCut finds in the boxes that come with the photos. With one
person wanted at a time a thing may go with its owner alone.
"""

import argparse
import csv
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from postprocess.attached.objects import TABLE, attached_objects
from segment import CocoMasks

JUDGED = Path(__file__).with_name("attached_judged.csv")
BOXES = Path(__file__).with_name("attached_boxes.csv")
MARKED = Path(__file__).with_name("attached_marked.csv")
GRID = 28
PERSON_LEVEL, PERSON_MIN_PX = 200, 60
CUT_ROUNDS = 4
CUT_LEAST, CUT_SPAN = 0.2, 0.8
"""Of the box and of its sides: where GrabCut leaves less, the ellipse in the box stands for the thing."""
TOUCH_SHARE = 0.02  # of the person's size, the root of its area


@dataclass(frozen=True)
class Judged:
    """One object: what a look at it says, what the rules say, and whether it touches a person."""

    annotation: int
    label: str
    verdict: str
    taken: str  # "carried", "ridden" or ""
    touches: bool


def judge_all(instances: Path, *, coarse: bool = False) -> list[Judged]:
    """What the rules say of every judged object."""
    with JUDGED.open() as lines:
        verdicts = {int(row["annotation"]): row["verdict"] for row in csv.DictReader(lines)}
    ids = defaultdict(list)
    for entry in json.loads(instances.read_text())["annotations"]:
        ids[entry["image_id"]].append(entry["id"])
    source = CocoMasks(instances)
    rows = []
    for image, annotations in sorted(ids.items()):
        listed = [index for index, number in enumerate(annotations) if number in verdicts]
        if not listed:
            continue
        found = source.detections(image)
        masks = [found.mask(index) for index in range(len(found))]
        seen = [drawn_coarsely(mask) for mask in masks] if coarse else masks
        people = [index for index, label in enumerate(found.labels) if label == "person"]
        taken = {
            index: kind
            for kind in ("carried", "ridden")
            for index in attached_objects(found.labels, found.boxes, seen.__getitem__, people, kinds=kind)
        }
        near = near_people([masks[index] for index in people])
        for index in listed:
            number = annotations[index]
            touches = bool((masks[index] & near).any())
            rows.append(Judged(number, found.labels[index], verdicts[number], taken.get(index, ""), touches))
    return rows


def judge_boxes(folder: Path, *, coarse: bool = False) -> list[Judged]:
    """What the rules say of the things that are known by a box: folder holds images/ and masks/ of people."""
    with BOXES.open() as lines:
        by_photo = defaultdict(list)
        for row in csv.DictReader(lines):
            by_photo[f"{int(row['photo']):012d}"].append(row)
    rows = []
    for photo, things in by_photo.items():
        image = np.asarray(cv2.imread(str(folder / "images" / f"{photo}.jpg")))
        levels = np.asarray(cv2.imread(str(folder / "masks" / f"{photo}.png"), cv2.IMREAD_GRAYSCALE))
        people = connected_people(levels > PERSON_LEVEL)
        boxes = [tuple(int(row[side]) for side in ("x0", "y0", "x1", "y1")) for row in things]
        masks = people + [cut_out(image, box, levels > 100) for box in boxes]
        labels = ["person"] * len(people) + [row["class"] for row in things]
        around = np.array([bounds(mask) for mask in masks], np.float32)
        seen = [drawn_coarsely(mask) for mask in masks] if coarse else masks
        wanted = range(len(people))
        taken = {
            index: kind
            for kind in ("carried", "ridden")
            for index in attached_objects(labels, around, seen.__getitem__, wanted, kinds=kind)
        }
        near = near_people(people)
        for index, row in enumerate(things, len(people)):
            touches = bool((masks[index] & near).any())
            rows.append(Judged(int(photo), row["class"], row["verdict"], taken.get(index, ""), touches))
    return rows


@dataclass(frozen=True, eq=False)
class Marked:
    """A photo of the third list: masks of people, then of things, and which person each thing belongs to."""

    photo: str
    image: np.ndarray
    labels: list[str]
    masks: list[np.ndarray]
    verdicts: list[str]  # of the things
    owners: list[int | None]  # of the things: an index of `masks`

    @property
    def people(self) -> range:
        return range(len(self.masks) - len(self.verdicts))

    def taken(self, seen: list[np.ndarray], wanted: Sequence[int]) -> dict[int, str]:
        around = np.array([bounds(mask) for mask in self.masks], np.float32)
        return {
            index: kind
            for kind in ("carried", "ridden")
            for index in attached_objects(self.labels, around, seen.__getitem__, wanted, kinds=kind)
        }


def marked_photos(folder: Path) -> Iterator[Marked]:
    """The third list: folder holds images/ and boxes.json."""
    with MARKED.open() as lines:
        by_photo = defaultdict(list)
        for row in csv.DictReader(lines):
            by_photo[f"{int(row['photo']):012d}"].append(row)
    people = json.loads((folder / "boxes.json").read_text())
    for photo, rows in by_photo.items():
        image = np.asarray(cv2.imread(str(folder / "images" / f"{photo}.jpg")))
        things = [drawn(row["outline"], image.shape[:2]) for row in rows]
        boxes = [tuple(round(side) for side in box) for box in people[photo]]
        boxes = [box for box in boxes if (box[2] - box[0]) * (box[3] - box[1]) >= PERSON_MIN_PX]
        outside = np.any(things, axis=0)
        masks = [cut_out(image, box, outside) for box in boxes] + things
        owners = [
            boxes.index(tuple(map(int, row["owner"].split()))) if row["owner"] else None for row in rows
        ]
        labels = ["person"] * len(boxes) + [row["class"] for row in rows]
        yield Marked(photo, image, labels, masks, [row["verdict"] for row in rows], owners)


def drawn(outline: str, shape: tuple[int, ...]) -> np.ndarray:
    """Polygons, "x y x y ...", apart by semicolons, as bool (H, W)."""
    mask = np.zeros(shape, np.uint8)
    for part in outline.split(";"):
        cv2.fillPoly(mask, [np.array(part.split(), np.int32).reshape(-1, 2)], 1)
    return mask.view(bool)


def judge_marked(folder: Path, *, coarse: bool = False) -> tuple[list[Judged], list[bool]]:
    """What the rules say with all people wanted, and of each thing that has an owner, whether it goes with
    its owner alone and with nobody else."""
    rows, alone = [], []
    for marked in marked_photos(folder):
        seen = [drawn_coarsely(mask) for mask in marked.masks] if coarse else marked.masks
        near = near_people([marked.masks[index] for index in marked.people])
        taken = marked.taken(seen, marked.people)
        goes_with: dict[int, set[int]] = defaultdict(set)
        for person in marked.people:
            for index in marked.taken(seen, [person]):
                goes_with[index].add(person)
        first = len(marked.people)
        for index, (verdict, owner) in enumerate(zip(marked.verdicts, marked.owners, strict=True), first):
            touches = bool((marked.masks[index] & near).any())
            label = marked.labels[index]
            rows.append(Judged(int(marked.photo), label, verdict, taken.get(index, ""), touches))
            if owner is not None:
                alone.append(goes_with[index] == {owner})
    return rows, alone


def connected_people(labelled: np.ndarray) -> list[np.ndarray]:
    count, parts, stats, _ = cv2.connectedComponentsWithStats(labelled.view(np.uint8))
    sizes = stats[:, cv2.CC_STAT_AREA]
    return [parts == index for index in range(1, count) if sizes[index] >= PERSON_MIN_PX]


def cut_out(image: np.ndarray, box: tuple[int, ...], people: np.ndarray) -> np.ndarray:
    """The thing in a box, without the people: bool (H, W). image: uint8 (H, W, 3)."""
    x0, y0, x1, y1 = box
    labels = np.full(people.shape, cv2.GC_BGD, np.uint8)
    inside = np.zeros_like(people)
    inside[y0:y1, x0:x1] = ~people[y0:y1, x0:x1]
    labels[inside] = cv2.GC_PR_FGD
    if not inside.any():
        return inside
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)
    cv2.grabCut(image, labels, None, *models, CUT_ROUNDS, cv2.GC_INIT_WITH_MASK)
    thing = inside & ((labels == cv2.GC_PR_FGD) | (labels == cv2.GC_FGD))
    rows, columns = np.nonzero(thing)
    if thing.sum() >= CUT_LEAST * inside.sum() and len(rows):
        spans = np.ptp(rows) / (y1 - y0), np.ptp(columns) / (x1 - x0)
        if min(spans) > CUT_SPAN:
            return thing
    ellipse = np.zeros(people.shape, np.uint8)
    cv2.ellipse(ellipse, (((x0 + x1) / 2, (y0 + y1) / 2), (x1 - x0, y1 - y0), 0), 1, -1)
    return (thing | ellipse.view(bool)) & inside


def bounds(mask: np.ndarray) -> tuple[int, int, int, int]:
    x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
    return x, y, x + width, y + height


def drawn_coarsely(mask: np.ndarray) -> np.ndarray:
    """The mask as a detector with a grid of GRID x GRID cells over its box would have drawn it."""
    x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
    drawn = np.zeros_like(mask)
    if width and height:
        cut = mask[y : y + height, x : x + width].astype(np.float32)
        cells = cv2.resize(cut, (GRID, GRID), interpolation=cv2.INTER_AREA)
        drawn[y : y + height, x : x + width] = cv2.resize(cells, (width, height)) > 0.5
    return drawn


def near_people(people: list[np.ndarray]) -> np.ndarray:
    """Bool (H, W): what is within TOUCH_SHARE of a person's size of that person."""
    near = np.zeros_like(people[0])
    for mask in people:
        if mask.any():
            away = cv2.distanceTransform((~mask).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
            near |= away <= max(2.0, TOUCH_SHARE * np.count_nonzero(mask) ** 0.5)
    return near


def share_taken(rows: list[Judged]) -> str:
    taken = sum(bool(row.taken) for row in rows)
    return f"{taken} of {len(rows)}" + (f" ({taken / len(rows):.1%})" if rows else "")


def report(rows: list[Judged]) -> None:
    attached = [row for row in rows if row.verdict != "neither"]
    rest = [row for row in rows if row.verdict == "neither" and row.touches]
    right_kind = sum(row.taken == row.verdict for row in attached)
    print(f"carried or ridden, taken: {share_taken(attached)}, {right_kind} as the kind they are")
    print(f"the rest that touches a person, taken: {share_taken(rest)}")
    print(f"of it, classes that the table has: {share_taken([row for row in rest if row.label in TABLE])}")
    apart = [row for row in rows if row.verdict == "neither" and not row.touches]
    print(f"the rest that is near but apart, taken: {share_taken(apart)}")
    print("\n| class | carried or ridden | taken | rest touching | taken |\n|---|---|---|---|---|")
    for label in sorted({row.label for row in rows}):
        cells = []
        for group in (attached, rest):
            of_class = [row for row in group if row.label == label]
            cells += [len(of_class), sum(bool(row.taken) for row in of_class)]
        print(f"| {label} | " + " | ".join(map(str, cells)) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder that holds coco/")
    parser.add_argument("--coarse", action="store_true", help="masks as coarse as Mask R-CNN's")
    parser.add_argument("--list", action="store_true", help="also list what was decided wrongly")
    arguments = parser.parse_args()
    lists = {
        "annotated": judge_all(arguments.data / "coco" / "instances.json", coarse=arguments.coarse),
        "boxes drawn by eye": judge_boxes(arguments.data / "people" / "coco_more", coarse=arguments.coarse),
    }
    lists["marked by eye"], alone = judge_marked(
        arguments.data / "people_boxes" / "coco_val", coarse=arguments.coarse
    )
    for name, rows in lists.items():
        print(f"\n{name}\n")
        report(rows)
        if arguments.list:
            for row in rows:
                if bool(row.taken) != (row.verdict != "neither"):
                    print(f"{row.annotation} {row.label}: {row.verdict}, taken as {row.taken or 'nothing'}")
    print(
        f"\nmarked things that go with their owner alone and with nobody else: {sum(alone)} of {len(alone)}"
    )


if __name__ == "__main__":
    main()
