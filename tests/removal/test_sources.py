from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from postprocess import MaskRecipe
from removal.batch.jobs import Job
from removal.images import read_photo
from removal.pipeline import Pipeline
from removal.sources import BoxMasks, DetectorMasks, FileMasks, MaskSource, without_masks
from segment import Detections, MaskFiles


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


class Found:
    """A segmenter that finds one thing in the whole photo."""

    name, description, fallback, classes = "found", "found, float32 on cpu", None, ("person",)

    def __call__(self, images, *, classes=None, min_score=0.05):
        return [
            Detections.from_masks([np.ones(image.shape[:2], bool)], ["person"], [0.9]) for image in images
        ]


@pytest.fixture
def pair(tmp_path):
    """Two photos of different sizes with a mask each, as they are read."""
    (tmp_path / "masks").mkdir()
    for number, size in enumerate(((20, 16), (12, 24))):
        Image.new("RGB", size, (90, 90, 90)).save(tmp_path / f"{number}.png")
        mask = np.zeros(size[::-1], np.uint8)
        mask[2:6, 3:8] = 255
        Image.fromarray(mask).save(tmp_path / f"masks/{number}.png")
    return [read_photo(tmp_path / f"{number}.png") for number in range(2)]


def source_of(kind, folder):
    if kind == "detector":
        return DetectorMasks(Pipeline(Found(), MaskRecipe.none(), None))
    if kind == "boxes":
        return BoxMasks([(2, 2, 6, 6)])
    return FileMasks(MaskFiles(folder / ("masks" if kind == "files" else "masks/0.png")))


@pytest.mark.parametrize(
    ("kind", "batched", "described"),
    [
        ("detector", True, "found, float32 on cpu"),
        ("boxes", False, "boxes"),
        ("files", False, "{folder}/masks"),
        ("file", False, "{folder}/masks/0.png"),
    ],
)
def test_every_source_keeps_the_protocol(pair, tmp_path, kind, batched, described):
    source: MaskSource = source_of(kind, tmp_path)
    assert source.batched is batched
    assert source.description == described.format(folder=tmp_path)
    asked = pair[:1] if kind == "file" else pair
    found = source(asked)
    assert [(one.height, one.width) for one in found] == [photo.pixels.shape[:2] for photo in asked]
    note = source.note(pair[0].path)
    if kind in ("files", "file"):
        assert note["mask_file"]["path"] == str(tmp_path / "masks/0.png")
        assert note["mask_file"].keys() == {"path", "size", "mtime_ns", "hash"}
        assert found[0].union().sum() == 20
    else:
        assert note == {}


def test_a_detector_without_a_network_says_so(pair):
    source = DetectorMasks(Pipeline(None, MaskRecipe.none(), None, classes=None))
    with pytest.raises(ValueError, match="no segmenter"):
        source(pair)
    with pytest.raises(ValueError, match="with a segmenter"):
        _ = source.description
