"""Three hand-overs of one team's masks: what intake makes of them, photo by photo, and how good they are.

    python -m benchmarks.team_masks --data DIR [--all]

DIR holds team_masks/ (png/, inverted_half_jpg/, results.json) and coco/ (images/, instances.json). Printed:
IoU of the union masks of each two hand-overs, mean and worst over the photos; specks; IoU, leak and spill of
each against the annotated people; what polarity is found from 1, 2, 4 ... masks as they are and inverted.
--all prints every photo. What refinement makes of these masks: benchmarks/masks.py.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

from removal.evaluation.masks import leak, spill, union_iou
from removal.images.size import read_size
from segment import CocoMasks, MaskFiles
from segment.handover.polarity import find_polarity, look_at

HAND_OVERS = ("png", "inverted_half_jpg", "results.json")
SCORE = 0.5  # of results: what the team drew into its pictures


def unions(data: Path) -> dict[str, dict[str, np.ndarray]]:
    """The union mask of each photo, bool (H, W), by hand-over and photo."""
    found: dict[str, dict[str, np.ndarray]] = {}
    photos = [data / "coco" / "images" / f"{path.stem}.jpg" for path in team_photos(data)]
    for name in HAND_OVERS:
        files = MaskFiles(data / "team_masks" / name, allow_empty=True, tell=print)
        found[name] = {
            photo.name: files.detections(photo, read_size(photo)[:2]).union(min_score=SCORE)
            for photo in photos
        }
    return found


def team_photos(data: Path) -> list[Path]:
    return sorted((data / "team_masks" / "png").iterdir())


def print_agreement(found: dict[str, dict[str, np.ndarray]], *, every: bool) -> None:
    photos = list(found["png"])
    marked = [photo for photo in photos if found["png"][photo].any()]
    print(
        f"\nunion IoU of two hand-overs over {len(marked)} photos with a person marked, {len(photos)} in all"
    )
    for one, other in (
        ("png", "results.json"),
        ("png", "inverted_half_jpg"),
        ("results.json", "inverted_half_jpg"),
    ):
        values = {photo: union_iou(found[one][photo], found[other][photo]) for photo in photos}
        print(
            f"  {one:13} {other:18} mean {np.mean([values[photo] for photo in marked]):.4f}"
            f"  (all photos {np.mean(list(values.values())):.4f})  worst {min(values.values()):.4f}"
            f"  below 0.99: {sum(value < 0.99 for value in values.values())}"
            f"  below 0.97: {sum(value < 0.97 for value in values.values())}"
        )
        for photo, value in sorted(values.items(), key=lambda item: item[1]) if every else ():
            print(f"      {photo}  {value:.4f}")


def print_specks(found: dict[str, dict[str, np.ndarray]]) -> None:
    regions = {
        name: [cv2.connectedComponents(mask.view(np.uint8))[0] - 1 for mask in masks.values()]
        for name, masks in found.items()
    }
    counts = ", ".join(f"{sum(values)} {name}" for name, values in regions.items())
    pairs = zip(regions["png"], regions["inverted_half_jpg"], strict=True)
    more = sum(half > full for full, half in pairs)
    print(f"\nconnected regions: {counts}; photos with more from the half-size JPEG than from PNG: {more}")


def print_quality(data: Path, found: dict[str, dict[str, np.ndarray]]) -> None:
    truth = CocoMasks(data / "coco" / "instances.json")
    print("\nagainst the annotated people, mean over the photos with a person marked")
    for name in HAND_OVERS:
        rows = []
        for photo, mask in found[name].items():
            target = truth.detections(photo, (mask.shape[0], mask.shape[1])).union(classes=("person",))
            if mask.any() and target.any():
                rows.append((union_iou(mask, target), leak(mask, target), spill(mask, target)))
        iou, lost, spilt = np.mean(rows, axis=0)
        print(f"  {name:18} {len(rows)} photos: IoU {iou:.3f}, leak {lost:.3f}, spill {spilt:.3f}")


def print_polarity(data: Path) -> None:
    truth = CocoMasks(data / "coco" / "instances.json")
    masks = [truth.detections(number).union(classes=("person",)) for number in truth.image_ids]
    looks = {
        False: [look_at(mask.view(np.uint8) * 255) for mask in masks if mask.any()],
        True: [look_at(255 - mask.view(np.uint8) * 255) for mask in masks if mask.any()],
    }
    print(f"\npolarity found from N of the {len(looks[False])} annotated masks of people, 500 draws each")
    rng = np.random.default_rng(0)
    for count in (1, 2, 4, 8, 24):
        line = f"  N = {count:2}: "
        for inverted in (False, True):
            draws = [rng.choice(len(looks[False]), count, replace=False) for _ in range(500)]
            found = [find_polarity([looks[inverted][index] for index in draw]) for draw in draws]
            right = sum(one.sure and (one.polarity == "keep") == inverted for one in found) / 500
            wrong = sum(one.sure and (one.polarity == "keep") != inverted for one in found) / 500
            kind = "inverted" if inverted else "as they are"
            line += f"{kind}: right {right:6.1%}, in doubt {1 - right - wrong:6.1%}, wrong {wrong:5.1%}   "
        print(line.rstrip())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder that holds team_masks/ and coco/")
    parser.add_argument("--all", action="store_true", help="print every photo")
    arguments = parser.parse_args()
    found = unions(arguments.data)
    print_agreement(found, every=arguments.all)
    print_specks(found)
    print_quality(arguments.data, found)
    print_polarity(arguments.data)


if __name__ == "__main__":
    main()
