"""`remove_objects`, on pictures that would show it if nothing happened."""

import sys
import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

import removal
from inpaint import load_inpainter
from postprocess import MaskRecipe
from removal import FallbackWarning, free_models, remove_objects
from removal.images import PhotoError
from segment import Detections
from segment.classes import UnknownClassError, coco_classes

HEIGHT, WIDTH = 96, 128
OBJECT = np.s_[30:70, 40:62]
FAST = {"inpainter": "telea", "recipe": MaskRecipe.none()}
DEMO = Path(removal.__file__).parent / "cli" / "demo_pictures"


@pytest.fixture(autouse=True)
def fresh_models(monkeypatch, tmp_path):
    """No network, an empty cache of weights, and no model of an earlier test."""
    monkeypatch.setenv("REMOVAL_OFFLINE", "1")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    free_models()
    yield
    free_models()


@pytest.fixture
def ground(rng):
    """Green-brown texture, nowhere near the object's red."""
    noise = cv2.GaussianBlur(rng.normal(0, 60, (HEIGHT, WIDTH, 3)).astype(np.float32), (5, 5), 0)
    return np.clip(noise + np.array((90, 120, 70)), 0, 200).astype(np.uint8)


@pytest.fixture
def scene(ground):
    """The ground with a red object on it."""
    scene = ground.copy()
    scene[OBJECT] = (250, 10, 20)
    return scene


@pytest.fixture
def mask():
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[OBJECT] = True
    return mask


class RedFinder:
    """Finds what is red and calls it a person; remembers whether it was asked."""

    name = description = "red"
    classes, fallback = coco_classes(), None

    def __init__(self):
        self.calls = 0

    def __call__(self, images, *, classes=None, min_score=0.05):
        self.calls += 1
        masks = [(image[..., 0] > 240)[None] for image in images]
        return [Detections.from_masks(mask, ["person"], np.float32([0.9])) for mask in masks]


def check_removed(result, scene, mask):
    """The object is gone, what is there is like the ground, and nothing else was touched."""
    assert np.array_equal(result.mask, mask)
    assert np.array_equal(result.image[~mask], scene[~mask])
    filled = result.image[mask].astype(int)
    assert (filled[:, 0] < 215).all(), "some of the red object is left"
    assert np.abs(filled.mean(0) - scene[~mask].mean(0)).max() < 25
    assert (scene[mask] == (250, 10, 20)).all(), "the caller's array was written to"


@pytest.mark.parametrize("inpainter", ["telea", "exemplar"])
def test_a_mask_of_an_array(scene, mask, inpainter):
    result = remove_objects(scene, mask=mask, inpainter=inpainter, recipe=MaskRecipe.none())
    check_removed(result, scene, mask)
    assert list(result.detections.labels) == ["mask"]


def test_a_class_in_an_array(scene, mask):
    check_removed(remove_objects(scene, ["People"], segmenter=RedFinder(), **FAST), scene, mask)


def test_a_word_for_some_of_a_class_is_warned_of_once(scene, mask):
    with pytest.warns(UserWarning, match="class 'woman' is read as 'person'"):
        result = remove_objects(scene, ["woman"], segmenter=RedFinder(), **FAST)
    assert np.array_equal(result.mask, mask)


def test_a_class_that_is_not_there_leaves_a_copy(scene):
    result = remove_objects(scene, ["dog"], segmenter=RedFinder(), **FAST)
    assert not result.mask.any()
    assert np.array_equal(result.image, scene)
    assert result.image is not scene


def test_boxes_alone_and_with_a_mask(scene, mask):
    result = remove_objects(scene, boxes=[(36, 26, 30, 48)], **FAST)
    assert (result.image[..., 0] < 215).all()
    assert result.mask[mask].mean() > 0.98
    assert list(result.detections.labels) == ["box"]
    corner = np.zeros_like(mask)
    corner[:9, :9] = True
    both = remove_objects(scene, mask=corner, boxes=[(36, 26, 30, 48)], **FAST)
    assert np.array_equal(both.mask, result.mask | corner)


def test_points_find_the_thing_under_them(scene, mask):
    result = remove_objects(scene, points=[(51, 50), (110, 20)], point_labels=[1, 0], **FAST)
    assert list(result.detections.labels) == ["pointed"]
    found = result.mask
    assert (found & mask).sum() / (found | mask).sum() > 0.85
    corner = np.zeros_like(mask)
    corner[:8, :8] = True
    both = remove_objects(scene, mask=corner, points=[(51, 50)], **FAST)
    assert list(both.detections.labels) == ["pointed", "mask"]
    assert both.mask[:8, :8].all()


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"points": [(128, 3)]}, ValueError, r"points inside 128 x 96 pixels, got \(128, 3\)"),
        ({"points": [(5, 3)], "point_labels": [0]}, ValueError, "at least one point on the thing"),
        ({"points": [(5, 3)], "point_labels": [1, 0]}, ValueError, "a label for each of 1 points, got 2"),
        ({"points": [(5, 3)], "point_labels": [2]}, ValueError, "labels of 0 or 1"),
        ({"points": (5, 3)}, TypeError, r"a list of \(x, y\)"),
        ({"points": [], "point_labels": []}, ValueError, "at least one point on the thing"),
        ({"point_labels": [1]}, ValueError, "got labels alone"),
        ({"points": [(5, 3)], "classes": ["dog"]}, ValueError, "classes alone"),
        ({"points": [(5, 3)], "prompter": "clicker"}, ValueError, "expected one of auto, classical"),
    ],
)
def test_wrong_points(scene, change, error, words):
    with pytest.raises(error, match=words):
        remove_objects(scene, **change, **FAST)


def test_masks_and_boxes_load_no_detector(scene, mask, monkeypatch):
    def refuse(*arguments, **options):
        raise AssertionError("a detector was loaded")

    monkeypatch.setattr("segment.load_segmenter", refuse, raising=False)
    remove_objects(scene, mask=mask, **FAST)
    remove_objects(scene, boxes=[(36, 26, 30, 48)], **FAST)


def test_a_pil_image_and_a_pil_mask(scene, mask):
    result = remove_objects(Image.fromarray(scene), mask=Image.fromarray(mask.astype(np.uint8) * 255), **FAST)
    check_removed(result, scene, mask)


def test_a_turned_pil_image_is_removed_from_upright(scene, mask):
    turned = Image.fromarray(np.rot90(scene, k=1).copy())  # shown upright after a turn to the right
    turned.getexif()[274] = 6
    check_removed(remove_objects(turned, mask=mask, **FAST), scene, mask)


def test_a_grey_pil_image_of_16_bits_is_seen_in_8(mask):
    grey = np.full((HEIGHT, WIDTH), 257 * 90, np.uint16)
    grey[OBJECT] = 65535
    result = remove_objects(Image.fromarray(grey), mask=mask, **FAST)
    assert (result.image[~mask] == 90).all()
    assert np.abs(result.image[mask].astype(int) - 90).max() <= 6
    with pytest.raises(ValueError, match="mode 'F'"):
        remove_objects(Image.fromarray(grey.astype(np.float32)), mask=mask, **FAST)


def test_a_file_keeps_its_bits_and_metadata(tmp_path, scene, mask):
    deep = scene.astype(np.uint16) * 257 + 3
    cv2.imwrite(str(tmp_path / "photo.png"), deep[..., ::-1])
    cv2.imwrite(str(tmp_path / "mask.png"), mask.astype(np.uint8) * 255)
    result = remove_objects(tmp_path / "photo.png", mask=tmp_path / "mask.png", **FAST)
    saved = cv2.imread(str(result.save()), cv2.IMREAD_UNCHANGED)[..., ::-1]
    assert result.save(overwrite=True) == tmp_path / "photo.removed.png"
    assert saved.dtype == np.uint16
    assert np.array_equal(saved[~mask], deep[~mask])
    assert (saved[mask][:, 0] < 215 * 257).all()


def test_a_jpeg_keeps_its_exif_and_is_turned_upright(tmp_path, scene, mask):
    exif = Image.Exif()
    exif[274], exif[271] = 6, "a camera"
    Image.fromarray(np.rot90(scene, k=1).copy()).save(tmp_path / "photo.jpg", quality=95, exif=exif)
    result = remove_objects(str(tmp_path / "photo.jpg"), mask=mask, **FAST)
    assert result.image.shape == scene.shape
    with Image.open(result.save(tmp_path / "out.jpg")) as saved:
        assert saved.format == "JPEG"
        assert saved.size == (WIDTH, HEIGHT)
        assert saved.getexif()[271] == "a camera"
        assert saved.getexif()[274] == 1
    with pytest.raises(FileExistsError, match=r"out\.jpg"):
        result.save(tmp_path / "out.jpg")


def test_an_array_is_saved_by_its_suffix(tmp_path, scene, mask):
    result = remove_objects(scene, mask=mask, **FAST)
    saved = cv2.imread(str(result.save(tmp_path / "out.png")))[..., ::-1]
    assert np.array_equal(saved, result.image)
    for path in (None, tmp_path / "out"):
        with pytest.raises(ValueError, match="a suffix such as"):
            result.save(path)
    with pytest.raises(PhotoError, match=r"out\.xyz"):
        result.save(tmp_path / "out.xyz")


def test_models_stay_loaded_and_are_let_go_of(scene, monkeypatch):
    loaded = []

    def load(name, *, device, refine_boxes):
        loaded.append((name, device))
        return RedFinder()

    monkeypatch.setattr("segment.load_segmenter", load, raising=False)
    for name in ("a", "a", "b", "a"):
        remove_objects(scene, segmenter=name, **FAST)
    assert loaded == [("a", "auto"), ("b", "auto")]
    remove_objects(scene, segmenter="c", **FAST)  # in the place of b, used longest ago
    remove_objects(scene, segmenter="a", **FAST)
    assert loaded[2:] == [("c", "auto")]
    remove_objects(scene, segmenter="a", device="cpu", **FAST)
    free_models()
    remove_objects(scene, segmenter="a", device="cpu", **FAST)
    assert loaded[3:] == [("a", "cpu"), ("a", "cpu")]


def test_another_seed_is_another_model(scene, mask):
    first, second = (
        remove_objects(scene, mask=mask, inpainter="exemplar", recipe=MaskRecipe.none(), seed=seed).image
        for seed in (0, 1)
    )
    again = remove_objects(scene, mask=mask, inpainter="exemplar", recipe=MaskRecipe.none()).image
    assert np.array_equal(first, again)
    assert not np.array_equal(first, second)


def test_the_effort_reaches_the_fill(scene, mask, monkeypatch):
    from inpaint.exemplar.settings import EFFORTS, ExemplarSettings

    monkeypatch.setitem(EFFORTS, "best", ExemplarSettings(coarse_rounds=1, fine_rounds=1))
    chosen = {"mask": mask, "inpainter": "exemplar", "recipe": MaskRecipe.none()}
    best = remove_objects(scene, effort="best", **chosen).image
    expected = load_inpainter("exemplar", effort="best")(scene, mask)
    assert np.array_equal(best, expected)
    assert not np.array_equal(best, remove_objects(scene, effort="fast", **chosen).image)
    with pytest.raises(ValueError, match="expected an effort of fast, normal, best, got 'most'"):
        remove_objects(scene, effort="most", **chosen)


def test_what_auto_fell_back_to_is_warned_of_once(scene, mask):
    with pytest.warns(FallbackWarning, match="inpainter: using exemplar, because") as caught:
        remove_objects(scene, mask=mask)
    (fallback,) = [one for one in caught if one.category is FallbackWarning]
    assert Path(fallback.filename) == Path(__file__)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", FallbackWarning)
        remove_objects(scene, mask=mask)


def test_a_loaded_model_may_be_given(scene, mask):
    finder = RedFinder()
    for _ in range(2):
        result = remove_objects(
            scene, segmenter=finder, inpainter=load_inpainter("telea"), recipe=MaskRecipe.none()
        )
        check_removed(result, scene, mask)
    assert finder.calls == 2


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"image": 3}, TypeError, "a path, a PIL image or a uint8 array, got int"),
        ({"image": np.zeros((9, 9), np.uint8)}, ValueError, r"shape \(H, W, 3\)"),
        ({"image": "nowhere.jpg"}, FileNotFoundError, r"nowhere\.jpg"),
        ({"mask": np.zeros((HEIGHT, WIDTH), np.uint8)}, TypeError, "bool array, got uint8"),
        ({"mask": np.zeros((9, 9), bool)}, ValueError, r"size \(96, 128\), got \(9, 9\)"),
        ({"mask": np.ones((HEIGHT, WIDTH), bool)}, ValueError, "leaves some of the image"),
        ({"mask": None, "boxes": (1, 2, 3, 4)}, TypeError, r"a list of \(x, y, width, height\)"),
        ({"mask": None, "boxes": []}, ValueError, "at least one box"),
        ({"classes": ["dog"]}, ValueError, "classes alone, or mask and boxes"),
        ({"mask": None, "classes": "person"}, TypeError, "the string 'person'"),
        ({"mask": None, "classes": ["peopel"]}, ValueError, "did you mean 'person'"),
    ],
)
def test_wrong_arguments(scene, mask, change, error, words):
    arguments = {"image": scene, "mask": mask, "segmenter": RedFinder(), **FAST} | change
    with pytest.raises(error, match=words):
        remove_objects(**arguments)


@pytest.mark.slow
def test_the_demo_scene_with_the_shipped_models():
    scene, clean = (np.asarray(Image.open(DEMO / name)).astype(int) for name in ("scene.jpg", "clean.jpg"))
    result = remove_objects(DEMO / "scene.jpg", segmenter="builtin", inpainter="exemplar")
    figure = np.abs(scene - clean).max(-1) > 40
    assert result.mask[figure].mean() > 0.9
    assert np.array_equal(result.image[~result.mask], scene[~result.mask])
    before, after = (np.abs(image - clean)[figure].mean() for image in (scene, result.image.astype(int)))
    assert after < before / 3


def test_importing_it_is_enough(scene):
    assert "remove_objects" in dir(removal)
    assert removal.free_models is sys.modules["removal.api"].free_models
    assert issubclass(UnknownClassError, removal.RemovalError)
    with pytest.raises(AttributeError, match="no attribute 'erase_objects'"):
        _ = removal.erase_objects
