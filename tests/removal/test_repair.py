import numpy as np
import pytest
import torch

from inpaint.blind import FAINT_SHARE
from inpaint.inpainter import Inpainter
from inpaint.reconstruction_inpainter import ReconstructionInpainter, RepairSettings
from removal.batch.threads import OneAtATime
from removal.repair import DamageSegmenter, DetectedDamage, RepairPipeline

HEIGHT, WIDTH = 40, 60


class Painter(Inpainter):
    """Fills with 7."""

    name = description = "painter"

    def fill(self, image, mask, protect):
        return np.full_like(image, 7)


class Draws(torch.nn.Module):
    def forward(self, images, maps, edges):
        return (torch.lerp(images, torch.ones_like(images), maps),)


class NoEdges(torch.nn.Module):
    def edges(self, images, canny, masks):
        return torch.zeros_like(masks)


@pytest.fixture
def image():
    return np.full((HEIGHT, WIDTH, 3), 100, np.uint8)


@pytest.fixture
def level():
    """A destroyed block with a faint band around it, and a faint block by itself."""
    level = np.zeros((HEIGHT, WIDTH), np.float32)
    level[8:22, 8:32] = 0.3
    level[9:21, 9:31] = 0.9
    level[30:38, 45:55] = 0.3
    return level


def pipeline(level, inpainter=None, **options):
    return RepairPipeline(lambda image: level, inpainter or Painter(), **options)


def continuous():
    return ReconstructionInpainter(
        Draws(),
        NoEdges(),
        device="cpu",
        precision="float32",
        settings=RepairSettings(tile_px=64, colour=False),
    )


def destroyed_block():
    """With the faint band around it, without the faint block by itself."""
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[8:22, 8:32] = True
    return mask


def test_any_inpainter_fills_what_is_destroyed_and_the_faint_band_around_it(image, level):
    assert FAINT_SHARE * 0.5 < 0.3 < 0.5
    (result,) = pipeline(level)([image])
    hole = destroyed_block()
    assert np.array_equal(result.mask, hole)
    assert (result.image[hole] == 7).all()
    assert np.array_equal(result.image[~hole], image[~hole])
    assert result.detections.labels == ("damage",)
    assert result.detections.scores.tolist() == [pytest.approx(0.9)]
    assert result.detections.boxes.tolist() == [[8, 8, 32, 22]]
    assert set(result.maps) == {"damage"}
    assert result.maps["damage"] is level
    assert set(result.seconds) == {"segment", "refine", "inpaint"}


def test_the_threshold_and_the_mask_as_it_is(image, level):
    (exact,) = pipeline(level, refine=False)([image])
    assert np.array_equal(exact.mask, level >= 0.5)
    (lower,) = pipeline(level, threshold=0.25, refine=False)([image])
    assert np.array_equal(lower.mask, level > 0)
    (higher,) = pipeline(level, threshold=0.95)([image])
    assert not higher.mask.any()
    what = "damage, from 0.5 on, with what hangs on it from 0.25 on and soft rims"
    assert pipeline(level).description == what
    assert pipeline(level, refine=False).description == "damage, from 0.5 on"


def test_reconstruction_keeps_what_is_left_of_a_pixel(image, level):
    (result,) = pipeline(level, continuous())([image])
    hole = destroyed_block()
    assert np.array_equal(result.mask, hole)
    assert np.array_equal(result.image[~hole], image[~hole])
    assert abs(int(result.image[15, 15, 0]) - (100 * 0.1 + 255 * 0.9)) <= 1
    assert abs(int(result.image[8, 8, 0]) - (100 * 0.7 + 255 * 0.3)) <= 1
    assert set(result.maps) == {"damage", "edges"}
    assert result.maps["edges"].shape == (HEIGHT, WIDTH)


@pytest.mark.parametrize("inpainter", [Painter, continuous])
def test_an_undamaged_photo_comes_back(image, inpainter):
    level = np.full((HEIGHT, WIDTH), 0.49, np.float32)
    (result,) = pipeline(level, inpainter())([image])
    assert np.array_equal(result.image, image)
    assert not result.mask.any()
    assert len(result.detections) == 0


def test_a_photo_that_is_damaged_all_over(image):
    level = np.full((HEIGHT, WIDTH), 0.7, np.float32)
    with pytest.raises(ValueError, match="all of the photo was found damaged"):
        pipeline(level)([image])
    (result,) = pipeline(level, continuous())([image])
    assert abs(int(result.image[5, 5, 0]) - (100 * 0.3 + 255 * 0.7)) <= 1
    with pytest.raises(ValueError, match="something is left"):
        pipeline(np.ones_like(level), continuous())([image])


def test_in_several_threads_reconstruction_is_asked_all_the_same(image, level):
    chosen = pipeline(level, continuous())
    (alone,) = chosen([image])
    chosen.inpainter = OneAtATime(chosen.inpainter)
    (result,) = chosen([image])
    assert np.array_equal(result.image, alone.image)
    assert set(result.maps) == {"damage", "edges"}


def test_it_is_a_pipeline_for_damage_alone(image, level):
    from segment import Detections

    with pytest.raises(TypeError, match="expected DetectedDamage, got Detections"):
        pipeline(level)([image], detections=[Detections.empty(HEIGHT, WIDTH)])
    with pytest.raises(ValueError, match="threshold above 0"):
        pipeline(level, threshold=0)([image])
    with pytest.raises(TypeError, match="uint8"):
        pipeline(level)([image.astype(np.float32)])


def test_found_damage_can_be_handed_in(image, level):
    chosen = pipeline(np.zeros_like(level))
    (result,) = chosen([image], detections=[DetectedDamage.of(level, level > 0)])
    assert np.array_equal(result.mask, level > 0)


def test_the_finder_in_words(white_finder):
    from inpaint.blind import DamageFinder

    segmenter = DamageSegmenter(
        DamageFinder(white_finder, source="w", device="cpu", precision="float32"), threshold=0.4, refine=False
    )
    assert segmenter.description == "mask-prediction (w), float32 on cpu, from 0.4 on"


def veiled():
    """A ramp, the same half white in a block, and the block's level."""
    columns = np.arange(WIDTH) * 4
    image = np.repeat(np.broadcast_to(columns, (HEIGHT, WIDTH))[..., None], 3, axis=2).astype(np.uint8)
    level = np.zeros((HEIGHT, WIDTH), np.float32)
    level[10:30, 10:50] = 0.7
    under = image.copy()
    under[10:30, 10:50] = under[10:30, 10:50] // 2 + 127
    return image, under, level


def test_a_layer_that_the_photo_is_seen_through_is_undone_and_not_filled():
    image, under, level = veiled()
    (result,) = pipeline(level)([under])
    assert result.mask[10:30, 10:50].all()
    assert not result.mask[:6, :50].any()
    assert abs(under.astype(int) - image)[10:30, 10:50].mean() > 60
    assert abs(result.image.astype(int) - image)[10:30, 10:50].mean() < 9
    assert np.array_equal(result.image[~result.mask], under[~result.mask])
    assert result.maps["layers"][20, 30] == pytest.approx(0.5, abs=0.08)
    assert result.maps["layers"][2, 2] == 0


def test_beside_a_layer_damage_is_filled():
    _, under, level = veiled()
    under[34:38, 5:55] = 255
    level[34:38, 5:55] = 1
    (result,) = pipeline(level)([under])
    assert (result.image[34:38, 5:55] == 7).all()
    assert (result.image[10:30, 10:50] != 7).any(axis=2).all()


def test_a_layer_that_is_not_surely_known_is_left_alone_unless_its_rest_is_kept(monkeypatch):
    monkeypatch.setattr("inpaint.layers.OPACITY", (0.1, 0.2))
    _, under, level = veiled()
    (left,) = pipeline(level)([under])
    assert not left.mask.any()
    assert np.array_equal(left.image, under)
    assert set(left.maps) == {"damage"}
    assert pipeline(level, refine=False)([under])[0].mask.sum() == 20 * 40
    assert pipeline(level, continuous())([under])[0].mask.any()


def test_in_a_large_photo_what_is_thin_is_filled_by_telea(monkeypatch, image):
    level = np.zeros((HEIGHT, WIDTH), np.float32)
    level[3, 2:58] = 1
    level[15:35, 20:40] = 1
    damaged = image.copy()
    damaged[level > 0] = 255
    monkeypatch.setattr("removal.repair.THIN_SHARE", 0.2)  # 8 px
    (small,) = pipeline(level)([damaged])
    assert (small.image[3, 2:58] == 7).all()
    monkeypatch.setattr("removal.repair.LARGE_PX", HEIGHT * WIDTH)
    (large,) = pipeline(level)([damaged])
    assert np.array_equal(large.mask, small.mask)
    assert abs(large.image[3, 2:58].astype(int) - 100).max() <= 2
    assert (large.image[18:32, 23:37] == 7).all()
    (kept,) = pipeline(level, continuous())([damaged])
    assert (kept.image[3, 2:58] == 255).all()
