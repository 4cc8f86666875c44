import cv2
import numpy as np
import pytest

from inpaint.training.damage.covers import (
    CONTENTS,
    LEAST_CONTRAST,
    Cover,
    Covered,
    drawn_colour,
    drawn_content,
    laid_over,
    relit,
)
from inpaint.training.damage.holes import Boxes
from inpaint.training.damage.kinds import LayeredDamage, NoDamage
from inpaint.training.damage.lettering import Text
from inpaint.training.damage.noise import Noise
from inpaint.training.damage.scratches import Scratches
from inpaint.training.damage.stains import Raindrops, SoftCover
from inpaint.training.damage.tears import Torn

COVERS = (Scratches(), Text(), Noise(), SoftCover(), Raindrops(), Torn(), Covered(Boxes()))


def photo(height: int = 96, width: int = 128) -> np.ndarray:
    noise = np.random.default_rng(2).integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    return cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)


def test_layers_of_numbers_written_out():
    image = np.array([[[0, 100, 255], [12, 12, 12], [200, 0, 7]]], np.uint8)
    content = np.array([[[255, 200, 0], [99, 99, 99], [100, 255, 8]]], np.uint8)
    mask = np.array([[0.5, 0, 1]], np.float32)
    # 127.5 lies between two: either will do.
    found = laid_over(image, content, mask)
    assert found[0, 0, 0] in (127, 128)
    np.testing.assert_array_equal(found[0, 0, 1], 150)
    np.testing.assert_array_equal(found[0, 1:], [[12, 12, 12], [100, 255, 8]])
    one = laid_over(image, np.array([[[40, 60, 80]]], np.uint8), np.full((1, 3), 0.25, np.float32))
    np.testing.assert_array_equal(one, [[[10, 90, 211], [19, 24, 29], [160, 15, 25]]])


@pytest.mark.parametrize("kind", COVERS, ids=lambda kind: type(kind).__name__)
def test_what_is_shown_is_the_photo_and_the_content_in_proportion(kind):
    image = photo()
    for seed in range(3):
        content, mask = kind.cover(image, np.random.default_rng(seed))
        damaged, same = kind(image, np.random.default_rng(seed))
        np.testing.assert_array_equal(mask, same)
        assert content.dtype == np.uint8
        exact = image + (content.astype(np.float64) - image) * mask[..., None].astype(np.float64)
        assert np.abs(damaged - exact).max() <= 0.504
        np.testing.assert_array_equal(damaged[mask == 1], np.broadcast_to(content, image.shape)[mask == 1])


def test_a_colour_stands_out():
    rng = np.random.default_rng(0)
    for around in ([0, 0, 0], [128, 128, 128], [255, 255, 255], [20, 200, 90]):
        colours = np.array([drawn_colour(rng, np.array(around)) for _ in range(50)], int)
        assert np.abs(colours - around).max(axis=1).min() >= LEAST_CONTRAST
        assert len(np.unique(colours, axis=0)) > 10


@pytest.mark.parametrize("name", CONTENTS)
def test_contents_differ_from_photo_to_photo(name):
    image = photo()
    found = [
        np.broadcast_to(drawn_content((name,), image, np.random.default_rng(s)), image.shape)
        for s in range(6)
    ]
    assert all(content.dtype == np.uint8 for content in found)
    assert len({content.tobytes() for content in found}) == 6
    assert all(np.abs(content.astype(int) - image).mean() > 10 for content in found)


def test_light_is_a_factor_and_a_sum_for_each_channel():
    image = np.array([[[10, 100, 200]]], np.uint8)
    np.testing.assert_array_equal(
        relit(image, np.array([2, 0.5, 2]), np.array([1, -60, 0])), [[[21, 0, 255]]]
    )


def test_a_covered_hole_has_its_mask_and_edge():
    sharp = Covered(Boxes(side=(0.5, 0.5), centred=True), edge=(0, 0), contents=("colour",))
    image = np.full((40, 40, 3), 128, np.uint8)
    damaged, mask = sharp(image, np.random.default_rng(0))
    assert mask.sum() == 400
    assert len(np.unique(damaged.reshape(-1, 3), axis=0)) == 2
    soft = Covered(Boxes(side=(0.5, 0.5), centred=True), edge=(0.05, 0.05))
    _, blurred = soft(image, np.random.default_rng(0))
    assert blurred.sum() == pytest.approx(400, abs=1)
    assert ((blurred > 0.1) & (blurred < 0.9)).any()
    half = Covered(Boxes(), opacity=(0.5, 0.5), edge=(0, 0))(image, np.random.default_rng(0))[1]
    assert set(np.unique(half)) == {0, 0.5}


class Half(Cover):
    """Half of each pixel."""

    def cover(self, image, rng):
        return np.zeros((1, 1, 3), np.uint8), np.full(image.shape[:2], 0.5, np.float32)


def test_of_layers_what_each_leaves_is_multiplied(rng):
    damaged, mask = LayeredDamage((Half(), Half(), NoDamage()), count=(3, 3))(
        np.full((8, 8, 3), 200, np.uint8), rng
    )
    np.testing.assert_array_equal(mask, 0.75)
    np.testing.assert_array_equal(damaged, 50)


def test_each_layer_is_drawn_at_most_once():
    kind = LayeredDamage((Half(), NoDamage()), count=(1, 1))
    found = {float(kind(photo(), np.random.default_rng(seed))[1].max()) for seed in range(12)}
    assert found == {0.0, 0.5}


@pytest.mark.parametrize(
    ("kind", "values", "said"),
    [
        (Covered, {"hole": Boxes(), "edge": (0, 1)}, "expected edge"),
        (Covered, {"hole": Boxes(), "opacity": (0, 2)}, "expected opacity"),
        (Covered, {"hole": Boxes(), "contents": ()}, "expected contents"),
        (LayeredDamage, {"parts": (Text(),), "count": (1, 2)}, "expected count"),
    ],
)
def test_numbers_out_of_range_are_refused(kind, values, said):
    with pytest.raises(ValueError, match=said):
        kind(**values)


def test_only_holes_are_covered():
    with pytest.raises(TypeError, match="expected a kind of hole"):
        Covered(Text())  # type: ignore[arg-type]
