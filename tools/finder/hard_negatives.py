"""What a finder takes for people in photos without any: these photos are drawn more often in training.

python -m tools.finder.hard_negatives --data DIR --out difficulty.json [--weights FILE]
"""

from __future__ import annotations

import json
from pathlib import Path

import click

from segment.builtin import THRESHOLD, WEIGHTS
from segment.finder_views import look
from segment.person_network import PersonNetwork
from tools.finder.photos import load_coco, load_empty

PHOTOS_WITH_PEOPLE = Path(__file__).with_name("photos_with_people.txt")  # of the backgrounds, judged by eye


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--weights", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=WEIGHTS)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True)
def main(data: Path, weights: Path, out: Path) -> None:
    """Write, for each photo that trains, the share of it that is taken for a person."""
    run = PersonNetwork(weights)
    photos = list(load_empty(data, "train", set(PHOTOS_WITH_PEOPLE.read_text().split())))
    photos += [(f"coco/{p.name}", p.image) for p in load_coco(data / "coco", "train")[0] if not p.label.any()]
    areas = {name: float((look(run, photo, (256,)).probability > THRESHOLD).mean()) for name, photo in photos}
    out.write_text(json.dumps(areas, indent=0))


if __name__ == "__main__":
    main()
