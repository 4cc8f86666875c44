import numpy as np
import pytest
import torch

from inpaint.blind import DamageFinder, damage_mask, load_damage_finder
from inpaint.networks.mask_prediction import MaskPredictor


def photo_with_white(height=70, width=90):
    """A smooth ground with a white line, and where that is."""
    rows, cols = np.mgrid[:height, :width]
    image = np.stack([rows + 40, cols + 20, rows + cols], axis=2).clip(0, 200).astype(np.uint8)
    line = np.zeros((height, width), bool)
    line[10:13, 5:80] = True
    image[line] = 255
    return image, line


def test_the_level_is_high_where_the_network_sees_damage(white_finder):
    image, line = photo_with_white()
    before = image.copy()
    level = DamageFinder(white_finder, device="cpu", precision="float32")(image)
    assert level.shape == line.shape
    assert level.dtype == np.float32
    assert level[line].min() > 0.99
    assert level[~line].max() < 0.01
    assert np.array_equal(image, before)


def test_a_small_photo_is_also_looked_at_enlarged_and_the_surer_look_counts(monkeypatch):
    levels = {90: 0.2, 126: 0.8}
    network = Sees(lambda images: torch.full_like(images[:, :1], levels[images.shape[3]]))
    finder = DamageFinder(network, device="cpu", precision="float32")
    image, _ = photo_with_white()
    assert finder(image) == pytest.approx(0.8, abs=1e-3)
    assert [tuple(images.shape[2:]) for images in network.shown] == [(70, 90)] * 4 + [(98, 126)] * 4
    monkeypatch.setattr("inpaint.blind.MIRRORED_PX", 98 * 126 - 1)
    assert finder(image) == pytest.approx(0.2)


def test_a_large_photo_is_looked_at_shrunk_and_its_level_is_enlarged(white_finder):
    image, line = photo_with_white(140, 180)
    image[40:80, 40:80], line[40:80, 40:80] = 255, True
    finder = DamageFinder(white_finder, device="cpu", precision="float32", limit_px=90)
    seen = []
    finder.network.register_forward_pre_hook(lambda _, inputs: seen.append(tuple(inputs[0].shape[-2:])))
    level = finder(image)
    assert set(seen) == {(70, 90)}
    assert level.shape == (140, 180)
    assert level[42:78, 42:78].min() > 0.99
    assert level[100:].max() < 1e-3


class Sees(MaskPredictor):
    """Answers by rule, and remembers what it was shown."""

    def __init__(self, rule):
        super().__init__(width=1 / 32)
        self.rule, self.shown = rule, []

    def maps(self, images, *, tile_px=None):
        self.shown.append(images)
        return self.rule(images)


def test_the_level_is_the_mean_of_four_mirrored_looks():
    left = Sees(lambda images: (torch.arange(90) < 30).float().expand(1, 1, 70, 90))
    image, _ = photo_with_white()
    level = DamageFinder(left, device="cpu", precision="float32")._seen(image, 90)
    assert np.array_equal(level, np.repeat(np.array([0.5, 0.0, 0.5], np.float32), 30) * np.ones((70, 1)))
    first, across, down, both = left.shown
    assert torch.equal(across, first.flip(3))
    assert torch.equal(down, first.flip(2))
    assert torch.equal(both, first.flip(2, 3))


def test_a_photo_is_looked_at_from_near_and_far_and_the_surer_look_counts(monkeypatch):
    monkeypatch.setattr("inpaint.blind.LEAST_PX", 20)
    monkeypatch.setattr("inpaint.blind.MIRRORED_PX", 70 * 90 - 1)
    levels = {90: 0.2, 45: 0.7, 22: 0.1}
    finder = DamageFinder(
        Sees(lambda images: torch.full_like(images[:, :1], levels[images.shape[3]])),
        device="cpu",
        precision="float32",
    )
    level = finder(photo_with_white()[0])
    assert level.shape == (70, 90)
    assert level == pytest.approx(0.7)
    widths = [images.shape[3] for images in finder.network.shown]
    assert widths == [90, *[45] * 4, *[22] * 4]  # the largest once


def test_from_near_only_thin_marks_count(monkeypatch):
    monkeypatch.setattr("inpaint.blind.MIRRORED_PX", 70 * 90 - 1)
    marks = torch.zeros(1, 1, 70, 90)
    marks[..., 5:15, 5:85] = 0.9
    marks[..., 35:60, 20:70] = 0.9
    finder = DamageFinder(Sees(lambda images: marks), device="cpu", precision="float32")
    level = finder(photo_with_white()[0])
    assert level[5:15, 5:85].min() == pytest.approx(0.9)
    assert level[16:].max() == 0


def test_the_finder_says_what_it_is(white_finder):
    finder = DamageFinder(white_finder, source="mine.safetensors", device="cpu", precision="float32")
    assert finder.description == "mask-prediction (mine.safetensors), float32 on cpu"


@pytest.mark.parametrize(
    ("image", "error", "message"),
    [
        (np.zeros((8, 8, 3), np.float32), TypeError, "uint8"),
        (np.zeros((8, 8), np.uint8), ValueError, r"\(H, W, 3\)"),
        ([[0]], TypeError, "list"),
    ],
)
def test_what_is_no_photo_is_refused(white_finder, image, error, message):
    with pytest.raises(error, match=message):
        DamageFinder(white_finder, device="cpu", precision="float32")(image)


def test_bad_arguments_of_the_finder(white_finder):
    with pytest.raises(ValueError, match="limit_px of at least 1, got 0"):
        DamageFinder(white_finder, device="cpu", precision="float32", limit_px=0)
    with pytest.raises(FileNotFoundError, match=r"nowhere\.safetensors"):
        load_damage_finder(weights=["nowhere.safetensors"], device="cpu", precision="float32")


LEVEL = np.array([[0.0, 0.2, 0.4, 1.0, 0.7, 0.0, 0.4, 0.4, 0.0]], np.float32)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "001110000"),  # from 0.25 on what hangs together with damage, and not what lies by itself
        ({"threshold": 0.6}, "000000000"),  # of 0.4, 1.0 and 0.7 the mean is below 0.74: not sure
        ({"threshold": 0.3}, "011110000"),  # 0.545 is asked for
        ({"threshold": 0.2}, "011110000"),  # 0.48 is asked for
        ({"threshold": 0.05}, "011110110"),
        ({"certain_share": 0.0}, "001110000"),  # a mean of the threshold itself is enough
        ({"certain_share": 1.0}, "000000000"),  # nothing but what is wholly destroyed
        ({"refine": False}, "000110000"),  # "from which on"
        ({"threshold": 0.8, "refine": False}, "000100000"),
        ({"threshold": 0.3, "refine": False}, "001110110"),
    ],
)
def test_damage_mask(options, expected):
    level = np.float32(LEVEL)
    mask = damage_mask(level, **options)
    assert mask.dtype == np.bool_
    assert "".join(str(int(pixel)) for pixel in mask[0]) == expected
    assert np.array_equal(level, LEVEL)


def test_faint_pixels_count_across_corners():
    level = np.eye(3, dtype=np.float32) * 0.45
    level[[0, 1], [0, 1]] = 0.95
    assert np.array_equal(damage_mask(level), np.eye(3, dtype=bool))


def test_what_is_thick_gets_a_rim_and_what_is_thin_none():
    level = np.zeros((60, 90), np.float32)
    level[10:50, 10:40] = 1
    level[25:35, 40:80] = 1  # a bar of 10 px on a block of 40 x 30
    mask = damage_mask(level)
    assert mask[20, 8:42].all()
    assert not mask[20, :8].any()
    assert not mask[20, 42:].any()
    assert np.array_equal(mask[:, 60], level[:, 60] > 0)
    assert np.array_equal(damage_mask(level, refine=False), level > 0)
    assert damage_mask(np.ones_like(level)).all()


@pytest.mark.parametrize(
    ("level", "options", "error", "message"),
    [
        (LEVEL.astype(np.float64), {}, TypeError, "float32"),
        (LEVEL[0], {}, ValueError, r"\(H, W\)"),
        (LEVEL + 1, {}, ValueError, r"\[0, 1\], got 1.0 to 2.0"),
        (LEVEL * np.float32(np.nan), {}, ValueError, "got nan"),
        (LEVEL, {"threshold": 0.0}, ValueError, "threshold above 0"),
        (LEVEL, {"threshold": 1.5}, ValueError, "threshold above 0"),
        (LEVEL, {"certain_share": -0.1}, ValueError, "expected certain_share from 0 to 1, got -0.1"),
        (LEVEL, {"certain_share": 1.1}, ValueError, "expected certain_share from 0 to 1, got 1.1"),
        (LEVEL, {"certain_share": np.nan, "refine": False}, ValueError, "certain_share from 0 to 1, got nan"),
    ],
)
def test_bad_arguments_of_damage_mask(level, options, error, message):
    with pytest.raises(error, match=message):
        damage_mask(level, **options)


def test_the_network_is_asked_in_tiles(white_finder, monkeypatch):
    monkeypatch.setattr("inpaint.blind.TILE_PX", 32)
    image, _ = photo_with_white()
    whole = torch.from_numpy(DamageFinder(white_finder, device="cpu", precision="float32")(image))
    monkeypatch.setattr("inpaint.blind.TILE_PX", 1024)
    assert torch.allclose(
        whole,
        torch.from_numpy(DamageFinder(white_finder, device="cpu", precision="float32")(image)),
        atol=1e-6,
    )


def test_half_precision_finds_the_same(white_finder):
    image, line = photo_with_white()
    finder = DamageFinder(white_finder, device="cpu", precision="bfloat16")
    assert finder.description.endswith("bfloat16 on cpu")
    level = finder(image)
    assert level.dtype == np.float32
    assert np.array_equal(damage_mask(level, refine=False), line)
    with pytest.raises(ValueError, match="expected a precision of"):
        DamageFinder(white_finder, device="cpu", precision="double")
