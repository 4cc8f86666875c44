import pickle

import numpy as np
import pytest

from inpaint.training.damage.holes import Boxes, FreeFormStrokes
from inpaint.training.damage.kinds import MixedDamage, NoDamage, damage_kinds, damage_of

DRAWN = tuple(name for name in damage_kinds() if "shapes" not in name and "files" not in name)
SIZES = ((32, 32), (33, 61), (128, 128), (301, 140))


def photo(height: int, width: int) -> np.ndarray:
    """Colours that run smoothly, with grain: no two rows or columns are the same."""
    rows, columns = np.mgrid[0:height, 0:width]
    grain = np.random.default_rng(7).integers(-20, 21, (height, width, 3))
    ramps = (
        np.stack([rows * 200 / height, columns * 200 / width, (rows + columns) * 90 / height], axis=2) + 25
    )
    return np.clip(ramps + grain, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("size", SIZES)
def test_each_kind_keeps_the_contract_at_any_size(name, size):
    image, kind = photo(*size), damage_of({name: 1})
    before = image.copy()
    destroyed = 0.0
    for seed in range(4):
        damaged, mask = kind(image, np.random.default_rng(seed))
        assert (damaged.shape, damaged.dtype) == (image.shape, np.uint8)
        assert (mask.shape, mask.dtype) == (size, np.float32)
        assert 0 <= mask.min() <= mask.max() <= 1
        np.testing.assert_array_equal(damaged[mask == 0], image[mask == 0])
        destroyed += mask.mean()
    np.testing.assert_array_equal(image, before)
    assert destroyed > 0 if name != "none" else destroyed == 0


@pytest.mark.parametrize("name", DRAWN)
def test_the_generator_alone_decides(name):
    image, kind = photo(64, 48), damage_of({name: 1})
    again = pickle.loads(pickle.dumps(kind))  # as a worker process receives it
    np.random.seed(1)  # noqa: NPY002  the global generator must not matter
    first = kind(image, np.random.default_rng(5))
    np.random.seed(2)  # noqa: NPY002
    for found, expected in zip(again(image, np.random.default_rng(5)), first, strict=True):
        np.testing.assert_array_equal(found, expected)
    if name != "none" and "centre" not in name:
        others = [kind(image, np.random.default_rng(seed))[1] for seed in range(6, 10)]
        assert any(not np.array_equal(other, first[1]) for other in others)


def test_kinds_are_drawn_by_weight():
    mixed = MixedDamage(((NoDamage(), 3), (Boxes(), 1)))
    image, rng = photo(32, 32), np.random.default_rng(0)
    holes = sum(mixed(image, rng)[1].any() for _ in range(400))
    assert 70 <= holes <= 130  # 100 expected, deviation 8.7


def test_names_become_kinds_with_their_weights():
    assert damage_of({"strokes": 2, "centre": 0.5}) == MixedDamage(
        ((FreeFormStrokes(), 2), (Boxes(side=(0.5, 0.5), centred=True), 0.5))
    )


@pytest.mark.parametrize(
    ("specs", "said"),
    [
        ({"stroke": 1, "box": 1}, r"expected kinds of damage of strokes, .*got stroke$"),
        ({"mosaic-none": 1}, "got mosaic-none"),
        ({}, "got none"),
        ({"box": 0}, "expected a weight above 0, got 0"),
        ({"box": float("nan")}, "got nan"),
    ],
)
def test_what_is_no_mix_is_refused(specs, said):
    with pytest.raises(ValueError, match=said):
        damage_of(specs)


@pytest.mark.parametrize("name", ["none", "box", "mosaic-box"])
def test_what_is_no_photo_is_refused(name, rng):
    kind = damage_of({name: 1})
    with pytest.raises(TypeError, match="uint8, got float64"):
        kind(np.zeros((8, 8, 3)), rng)
    with pytest.raises(ValueError, match=r"\(H, W, 3\), got \(8, 8\)"):
        kind(np.zeros((8, 8), np.uint8), rng)
