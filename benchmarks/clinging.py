"""What `clinging_region` adds to masks, and how much of it is right.

    python -m benchmarks.clinging --data DIR [--list]

DIR holds coco/, pairs/ and people/. coco: people's annotations, with what attached_judged.csv says is carried
or ridden cut out of them and not detected; right is what lies on such a thing or on a person. pairs:
object.png; right is what lies in changed.png. people: labelled people; right is what their labels leave open
(128), which is mostly bags, but for things that the labels leave out: look at what --list names.
"""

import argparse
import csv
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from postprocess.attached.objects import clinging_region
from segment import CocoMasks

JUDGED = Path(__file__).with_name("attached_judged.csv")
PERSON_MIN_PX = 2500


@dataclass(frozen=True, eq=False)
class Case:
    """One photo: what is removed, what is known to stay, where an addition is right."""

    name: str
    image: np.ndarray
    objects: np.ndarray
    others: np.ndarray | None
    truth: np.ndarray


def read(path: Path) -> np.ndarray:
    return np.ascontiguousarray(np.asarray(cv2.imread(str(path)))[..., ::-1])


def levels(path: Path) -> np.ndarray:
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE))


def coco(folder: Path) -> Iterator[Case]:
    with JUDGED.open() as lines:
        goes = {int(row["annotation"]) for row in csv.DictReader(lines) if row["verdict"] != "neither"}
    content = json.loads((folder / "instances.json").read_text())
    entries = defaultdict(list)
    for entry in content["annotations"]:
        entries[entry["image_id"]].append(entry)
    source = CocoMasks(folder / "instances.json")
    for image in content["images"]:
        found = source.detections(image["id"])
        kinds: dict[str, np.ndarray] = {
            kind: np.zeros((found.height, found.width), bool) for kind in ("person", "goes", "stays")
        }
        for index, entry in enumerate(entries[image["id"]]):
            is_person = found.labels[index] == "person" and not entry["iscrowd"]
            kind = "person" if is_person else "goes" if entry["id"] in goes else "stays"
            kinds[kind] |= found.mask(index)
        if kinds["person"].any():
            truth = kinds["person"] | kinds["goes"]
            photo = read(folder / "images" / image["file_name"])
            objects, others = kinds["person"] & ~kinds["goes"], kinds["stays"] & ~truth
            yield Case(image["file_name"], photo, objects, others, truth)


def pairs(folder: Path) -> Iterator[Case]:
    for pair in sorted(folder.iterdir()):
        objects, changed = levels(pair / "object.png") > 127, levels(pair / "changed.png") > 127
        yield Case(pair.name, read(pair / "photo.png"), objects, None, changed)


def people(folder: Path) -> Iterator[Case]:
    for path in sorted((folder / "images").iterdir()):
        label = levels(next((folder / "masks").glob(f"{path.stem}.*")))
        objects = label > 200
        if np.count_nonzero(objects) >= PERSON_MIN_PX:
            yield Case(path.name, read(path), objects, None, label > 20)


def report(name: str, cases: Iterator[Case], *, listed: bool) -> None:
    count, changed, right, wrong = 0, [], 0.0, 0.0
    for case in cases:
        count += 1
        added = clinging_region(case.image, case.objects, others=case.others)
        if not added.any():
            continue
        shares = [float((added & part).sum() / case.objects.sum()) for part in (case.truth, ~case.truth)]
        changed.append(f"{case.name}: right {shares[0]:.1%}, wrong {shares[1]:.1%}")
        right, wrong = right + shares[0], wrong + shares[1]
    print(f"| {name} | {count} | {len(changed)} | {right / count:.2%} | {wrong / count:.2%} |")
    if listed:
        print("\n".join(f"    {line}" for line in changed))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder that holds coco/, pairs/, people/")
    parser.add_argument("--list", action="store_true", help="name the photos that something is added to")
    arguments = parser.parse_args()
    print("| photos | how many | something added | right, of the objects' area | wrong |")
    print("|---|---|---|---|---|")
    report("coco", coco(arguments.data / "coco"), listed=arguments.list)
    report("pairs", pairs(arguments.data / "pairs"), listed=arguments.list)
    for name in ("ccp", "hsd290"):
        report(f"people/{name}", people(arguments.data / "people" / name), listed=arguments.list)


if __name__ == "__main__":
    main()
