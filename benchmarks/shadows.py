"""Shadows and reflections in everyday photos: how many of the marked ones are found, and what is invented.

    python -m benchmarks.shadows --data DIR [--sheets FOLDER]

shadows_marked.csv, beside this file, holds the outlines of a clear shadow or reflection in each of 40 photos,
drawn by eye before any rule was changed; the objects' masks are annotations. Found: at least half of what
the outlines hold outside the mended object is added as shadow. Invented: more than 0.5 % of one of COCO's
photos with people (true masks, what they hold or ride with them) is added, and less than half of it lies in
outlines; the names are printed, for shadows that nobody outlined have to be told by eye. --sheets writes
pictures of all that is added: object violet, shadow red, outlines yellow.
"""

import argparse
import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from benchmarks.pairs import read_image
from postprocess import RefinedMask, refine_mask
from postprocess.attached.objects import attached_objects
from segment import CocoMasks

MARKED = Path(__file__).with_name("shadows_marked.csv")
PERSON_LEVEL = 200
FOUND_SHARE = 0.5
INVENTED_SHARE = 0.005
TILE = (400, 320)  # width and height on the sheets
TILES_ACROSS, TILES_DOWN = 4, 3


@dataclass(frozen=True, eq=False)
class Scene:
    """A photo uint8 (H, W, 3) RGB, what is removed, what goes along with it and, marked by eye, the shadow:
    bool (H, W)."""

    name: str
    image: np.ndarray
    objects: np.ndarray
    attached: np.ndarray
    outlined: np.ndarray


def marked_outlines() -> dict[tuple[str, str], str]:
    """The outlines as text, by folder and photo."""
    with MARKED.open() as lines:
        return {(row["folder"], row["photo"]): row["outlines"] for row in csv.DictReader(lines)}


def coco_photos(data: Path, outlines: dict[tuple[str, str], str]) -> Iterator[Scene]:
    """COCO's photos with people; all of them are removed with what they hold and ride."""
    source = CocoMasks(data / "coco" / "instances.json")
    for path in sorted((data / "coco" / "images").iterdir()):
        found = source.detections(int(path.stem))
        people = [index for index, label in enumerate(found.labels) if label == "person"]
        if not people:
            continue
        along = attached_objects(found.labels, found.boxes, found.mask, people)
        image = read_image(path)
        objects, attached = (
            union([found.mask(i) for i in part], image.shape[:2]) for part in (people, along)
        )
        outlined = drawn(outlines.get(("coco", path.stem), ""), image.shape[:2])
        yield Scene(path.stem, image, objects, attached & ~objects, outlined)


def other_photos(data: Path, outlines: dict[tuple[str, str], str]) -> Iterator[Scene]:
    """The marked photos that are not among `coco_photos`: folders of images/ and masks/."""
    for (folder, name), text in outlines.items():
        if folder == "coco":
            continue
        image = read_image(next((data / folder / "images").glob(f"{name}.*")))
        mask = cv2.imread(str(next((data / folder / "masks").glob(f"{name}.*"))), cv2.IMREAD_GRAYSCALE)
        objects = np.asarray(mask) > PERSON_LEVEL
        yield Scene(name, image, objects, objects & False, drawn(text, image.shape[:2]))


def union(masks: list[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    result = np.zeros(shape, bool)
    for mask in masks:
        result |= mask
    return result


def drawn(text: str, shape: tuple[int, int]) -> np.ndarray:
    """Outlines as "x y x y ...; x y ..." -> what they hold, bool (H, W)."""
    levels = np.zeros(shape, np.uint8)
    for outline in filter(None, text.split(";")):
        corners = np.array([int(number) for number in outline.split()]).reshape(-1, 2)
        cv2.fillPoly(levels, [corners], 1)
    return levels.view(bool)


def is_found(scene: Scene, refined: RefinedMask) -> bool:
    """Whether half of what is outlined beyond the mended object is added as shadow."""
    left = scene.outlined & ~refined.parts["object"] & ~refined.parts["attached"]
    return bool((refined.parts["shadow"] & left).sum() >= FOUND_SHARE * left.sum())


def added_share(refined: RefinedMask) -> float:
    shadow = refined.parts["shadow"] & ~refined.parts["object"] & ~refined.parts["attached"]
    return float(shadow.mean())


def is_outlined(scene: Scene, refined: RefinedMask) -> bool:
    shadow = refined.parts["shadow"] & ~refined.parts["object"] & ~refined.parts["attached"]
    return bool((shadow & scene.outlined).sum() >= 0.5 * shadow.sum())


def tile(scene: Scene, refined: RefinedMask, verdict: str) -> np.ndarray:
    """uint8 (h, w, 3) BGR: the photo, and what is added to it in colour."""
    shown = scene.image[..., ::-1].copy()
    shown[refined.parts["shadow"]] = (0.4 * shown[refined.parts["shadow"]] + (0, 0, 153)).astype(np.uint8)
    for area, colour in ((scene.objects | scene.attached, (255, 0, 255)), (scene.outlined, (0, 255, 255))):
        contours, _ = cv2.findContours(area.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        cv2.drawContours(shown, contours, -1, colour, 1)
    factor = min(TILE[0] / shown.shape[1], (TILE[1] - 14) / shown.shape[0])
    shown = cv2.resize(shown, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    result = np.zeros((TILE[1], TILE[0], 3), np.uint8)
    result[14 : 14 + shown.shape[0], : shown.shape[1]] = shown
    cv2.putText(result, verdict, (2, 11), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 255), 1)
    return result


def write_sheets(folder: Path, name: str, tiles: list[np.ndarray]) -> None:
    each = TILES_ACROSS * TILES_DOWN
    folder.mkdir(parents=True, exist_ok=True)
    for start in range(0, len(tiles), each):
        page = tiles[start : start + each]
        page += [np.zeros_like(tiles[0])] * (-len(page) % TILES_ACROSS)
        rows = [np.hstack(page[i : i + TILES_ACROSS]) for i in range(0, len(page), TILES_ACROSS)]
        cv2.imwrite(str(folder / f"{name}_{start // each}.png"), np.vstack(rows))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder that holds coco/, people/, objects/")
    parser.add_argument("--sheets", type=Path, help="folder for the pictures")
    arguments = parser.parse_args()
    outlines = marked_outlines()
    found: list[str] = []
    missed: list[str] = []
    marked_tiles, added_tiles, large = [], [], []
    count, added = 0, 0
    for scenes in (coco_photos(arguments.data, outlines), other_photos(arguments.data, outlines)):
        for scene in scenes:
            refined = refine_mask(scene.image, scene.objects, attached=scene.attached)
            share = added_share(refined)
            verdict = f"{scene.name[-22:].lstrip('0')} {share:.2%} {refined.shadow_confidence:.2f}"
            if scene.outlined.any():
                (found if is_found(scene, refined) else missed).append(scene.name)
                marked_tiles.append(
                    tile(scene, refined, verdict + (" found" if scene.name in found else " missed"))
                )
            if scenes.__name__ == "coco_photos":
                count, added = count + 1, added + (share > 0)
                if share > 0 and not scene.outlined.any():
                    added_tiles.append(tile(scene, refined, verdict))
                if share > INVENTED_SHARE and not is_outlined(scene, refined):
                    large.append(f"{scene.name.lstrip('0')} ({share:.1%})")
    print(f"found: {len(found)} of {len(found) + len(missed)}; missed: {', '.join(missed)}")
    print(f"{count} COCO photos with people: something added in {added}")
    print(f"over {INVENTED_SHARE:.1%} of the photo, not outlined: {len(large)}: {', '.join(large)}")
    if arguments.sheets:
        write_sheets(arguments.sheets, "marked", marked_tiles)
        write_sheets(arguments.sheets, "added", added_tiles)


if __name__ == "__main__":
    main()
