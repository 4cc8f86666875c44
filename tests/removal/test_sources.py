from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from removal.batch.jobs import Job
from removal.sources import without_masks


def jobs_of(*sources: Path) -> list[Job]:
    return [Job(source, source.with_suffix(".out")) for source in sources]


@pytest.fixture
def photos(tmp_path):
    """photos/street.png and photos/masks/street.png"""
    for name in ("street.png", "masks/street.png"):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((4, 4), np.uint8)).save(path)
    return tmp_path / "photos"


def test_masks_below_the_photos_are_no_photos(photos, monkeypatch):
    jobs = jobs_of(photos / "masks/street.png", photos / "street.png")
    assert without_masks(jobs, [photos], photos / "masks") == jobs[1:]
    assert without_masks(jobs, [photos], photos / "masks/street.png") == jobs[1:]  # one file for all
    monkeypatch.chdir(photos)
    assert without_masks(jobs, [Path("..")], Path("masks")) == jobs[1:]


def test_photos_stay_where_masks_lie_apart_among_them_or_were_named(photos, tmp_path):
    jobs = jobs_of(photos / "masks/street.png", photos / "street.png")
    for given, masks in (
        ([photos], None),
        ([photos], tmp_path / "elsewhere"),
        ([photos], photos),
        ([photos / "masks"], photos),
        ([photos / "masks/street.png", photos / "street.png"], photos / "masks"),
        ([photos, photos / "masks/street.png"], photos / "masks"),
    ):
        assert without_masks(jobs, given, masks) == jobs
