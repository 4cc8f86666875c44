import cv2
import numpy as np
import pytest

from inpaint.training.damage.covers import LEAST_CONTRAST, less_where_unseen
from inpaint.training.damage.dust import Dust
from inpaint.training.damage.folds import Folds
from inpaint.training.damage.lettering import Text
from inpaint.training.damage.noise import Noise
from inpaint.training.damage.rims import RimmedStains
from inpaint.training.damage.scratches import Scratches
from inpaint.training.damage.stains import Raindrops, SoftCover
from inpaint.training.damage.tears import Torn


def photo(height: int = 96, width: int = 128) -> np.ndarray:
    noise = np.random.default_rng(2).integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    return cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)


AREAS = [
    (Scratches(area=(0.1, 0.1)), 0.02),
    (Scratches(area=(0.1, 0.1), specks=(1, 1)), 0.01),
    (Text(area=(0.1, 0.1)), 0.025),
    (Text(area=(0.1, 0.1), opacity=(0.5, 0.5)), 0.025),
    (Noise(area=(0.1, 0.1), patches=0, opacity=(1, 1)), 0.01),
    (Noise(area=(0.1, 0.1), patches=1, opacity=(1, 1)), 0.03),
    (SoftCover(area=(0.1, 0.1), opacity=(1, 1), edge=(0.1, 0.1)), 0.03),
    (Raindrops(area=(0.1, 0.1)), 0.025),
    (Torn(area=(0.1, 0.1), tears=(1, 1), paper=(0, 0)), 0.025),
]


@pytest.mark.parametrize(("kind", "tolerance"), AREAS)
@pytest.mark.parametrize("size", [(128, 128), (240, 180)])
def test_the_area_that_is_asked_for_is_met(kind, tolerance, size):
    image = photo(*size)
    shares = [kind(image, np.random.default_rng(seed))[1].mean() for seed in range(12)]
    assert np.mean(shares) == pytest.approx(0.1, abs=tolerance)
    assert max(shares) < 0.2


@pytest.mark.parametrize("kind", [Scratches(), Text()], ids=["scratches", "text"])
@pytest.mark.parametrize("level", [0, 128, 255])
def test_marks_are_seen_on_any_ground(kind, level):
    image = np.full((96, 96, 3), level, np.uint8)
    for seed in range(5):
        damaged, mask = kind(image, np.random.default_rng(seed))
        change = np.abs(damaged.astype(int) - level).max(axis=2)
        assert np.median(change[mask > 0.5]) >= 0.5 * LEAST_CONTRAST


def test_scratches_are_thin_and_long_and_of_both_signs():
    image = np.full((256, 256, 3), 128, np.uint8)
    kind = Scratches(area=(0.01, 0.01), width=(0.004, 0.004), length=(1, 1), specks=(0, 0))
    levels = []
    for seed in range(10):
        damaged, mask = kind(image, np.random.default_rng(seed))
        distance = cv2.distanceTransform((mask > 0.3).astype(np.uint8), cv2.DIST_L2, 5)
        assert np.percentile(distance[mask > 0.3], 90) < 2.5
        rows, columns = np.nonzero(mask)
        assert max(np.ptp(rows), np.ptp(columns)) > 60
        levels += damaged[mask > 0.9].mean(axis=1).tolist()
    assert min(levels) < 90
    assert max(levels) > 170


def test_specks_are_small_and_apart():
    image = np.full((256, 256, 3), 128, np.uint8)
    kind = Scratches(area=(0.01, 0.01), specks=(1, 1), speck=(0.01, 0.01))
    _, mask = kind(image, np.random.default_rng(0))
    count, _, sizes, _ = cv2.connectedComponentsWithStats((mask > 0.3).astype(np.uint8))
    assert count - 1 >= 20
    assert np.median(sizes[1:, cv2.CC_STAT_AREA]) < 4 * 2.56**2


def test_level_text_lies_in_lines_and_turned_text_does_not():
    image = photo(200, 200)
    height = 0.1 * 200
    level = Text(area=(0.02, 0.02), height=(0.1, 0.1), angle=0)
    for seed in range(5):
        _, mask = level(image, np.random.default_rng(seed))
        rows = np.flatnonzero(mask.max(axis=1) > 0.5)
        lines = np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)
        assert min(len(line) for line in lines) <= 2.2 * height
    turned = Text(area=(0.05, 0.05), height=(0.06, 0.06), angle=1.5)
    spreads = [np.ptp(np.nonzero(turned(image, np.random.default_rng(s))[1])[0]) for s in range(8)]
    assert max(spreads) > 100


def test_an_outline_has_another_colour_and_belongs_to_the_mask():
    image = np.full((200, 200, 3), 128, np.uint8)
    outlined = Text(area=(0.05, 0.05), height=(0.2, 0.2), weight=(0.1, 0.1), outlined=1, angle=0)
    content, mask = outlined.cover(image, np.random.default_rng(1))
    assert len(np.unique(content[mask == 1], axis=0)) >= 2


def test_noise_keeps_to_its_ellipse():
    image = photo(200, 200)
    kind = Noise(area=(0.05, 0.05), patches=1, grain=(0, 0))
    outside = 0
    for seed in range(10):
        _, mask = kind(image, np.random.default_rng(seed))
        rows, columns = np.nonzero(mask)
        outside += int(np.ptp(rows) < 195 or np.ptp(columns) < 195)
    assert outside >= 8
    _, everywhere = Noise(area=(0.05, 0.05), patches=0, grain=(0, 0))(image, np.random.default_rng(0))
    assert np.ptp(np.nonzero(everywhere)[0]) > 195


def test_grains_are_squares_of_their_size():
    kind = Noise(area=(0.3, 0.3), patches=0, grain=(0.04, 0.04), opacity=(1, 1))
    _, mask = kind(photo(100, 100), np.random.default_rng(0))
    np.testing.assert_array_equal(mask, np.kron(mask[::4, ::4], np.ones((4, 4))))


def test_a_soft_cover_is_partly_transparent():
    kind = SoftCover(area=(0.5, 0.5), opacity=(0.6, 0.6), edge=(2, 2))
    _, mask = kind(photo(200, 200), np.random.default_rng(0))
    assert mask.max() == pytest.approx(0.6, abs=0.05)
    assert ((mask > 0.05) & (mask < 0.55)).mean() > 0.4
    assert np.abs(np.diff(mask, axis=1)).max() < 0.1  # smooth


def test_drops_let_through_some_of_the_photo_and_have_soft_rims():
    _, mask = Raindrops(area=(0.1, 0.1), opacity=(0.8, 0.8))(photo(200, 200), np.random.default_rng(0))
    assert 0.7 < mask.max() <= 0.81
    assert ((mask > 0.05) & (mask < 0.7)).mean() > 0.02


def test_what_is_torn_off_reaches_the_edge():
    for seed in range(20):
        _, mask = Torn(tears=(1, 1))(photo(), np.random.default_rng(seed))
        gone = mask > 0.5
        _, labels = cv2.connectedComponents(gone.astype(np.uint8))
        largest = labels == 1 + np.argmax(np.bincount(labels[gone])[1:])
        assert largest.sum() > 0.9 * gone.sum()
        edge = np.concatenate([largest[0], largest[-1], largest[:, 0], largest[:, -1]])
        assert edge.any()


def test_white_paper_shows_along_a_tear():
    image = np.zeros((200, 200, 3), np.uint8)
    kind = Torn(
        paper=(0.05, 0.05), area=(0.1, 0.1), tears=(1, 1), contents=("texture",)
    )  # dark, like the photo
    damaged, mask = kind(image, np.random.default_rng(3))
    white = (damaged.min(axis=2) >= 225) & (mask == 1)
    assert white.sum() > 200 * 0.05 * 100


@pytest.mark.parametrize(
    ("kind", "values", "said"),
    [
        *(
            (kind, {"area": (0.2, 0.1)}, "expected area as")
            for kind in (Scratches, Text, Noise, SoftCover, Torn)
        ),
        *(
            (kind, {"opacity": (0.5, 1.1)}, "expected opacity")
            for kind in (Scratches, Text, Noise, SoftCover)
        ),
        (Raindrops, {"area": (0, 0.6)}, "expected area"),
        (Raindrops, {"radius": (0, 0.6)}, "expected radius"),
        (Raindrops, {"opacity": (0, 1)}, "expected opacity"),
        (Scratches, {"width": (0, 0.2)}, "expected width"),
        (Scratches, {"length": (0, 4)}, "expected length"),
        (Scratches, {"waver": -1}, "expected waver"),
        (Scratches, {"specks": (0, 2)}, "expected specks"),
        (Scratches, {"speck": (0, 1)}, "expected speck"),
        (Text, {"height": (0, 2)}, "expected height"),
        (Text, {"weight": (0, 1)}, "expected weight"),
        (Text, {"words": (0, 3)}, "expected words"),
        (Text, {"stretch": (0, 1)}, "expected stretch"),
        (Text, {"angle": 4}, "expected angle"),
        (Text, {"outlined": 2}, "expected outlined"),
        (Noise, {"grain": (0, 1)}, "expected grain"),
        (Noise, {"patches": 2}, "expected patches"),
        (SoftCover, {"blotch": (0, 1)}, "expected blotch"),
        (SoftCover, {"edge": (0, 1)}, "expected edge"),
        (SoftCover, {"contents": ("paint",)}, "expected contents of colour, noise, texture, got"),
        (Torn, {"contents": ()}, "expected contents"),
        (Torn, {"tears": (0, 1)}, "expected tears"),
        (Torn, {"roughness": (0, 1)}, "expected roughness"),
        (Torn, {"paper": (0, 1)}, "expected paper"),
    ],
)
def test_numbers_out_of_range_are_refused(kind, values, said):
    with pytest.raises(ValueError, match=said):
        kind(**values)


def even(level: int) -> np.ndarray:
    return np.full((200, 240, 3), level, np.uint8)


def test_a_fold_is_a_bright_line_from_side_to_side_with_shade_beside_it():
    fold = Folds(count=(1, 1), width=(0.02, 0.02), opacity=(1, 1), shade=(0.2, 0.2), waver=(0, 0))
    damaged, mask = fold(even(100), np.random.default_rng(3))
    worn = mask > 0.5
    assert 0.002 < worn.mean() < 0.06
    assert 0.05 < ((mask > 0.05) & ~worn).mean() < 0.5
    assert damaged.max() > 200
    assert damaged.min() < 90


@pytest.mark.parametrize("number", [10, 200])
def test_there_are_as_many_specks_of_dust_as_asked_for(number):
    dust = Dust(count=(number, number), radius=(0.004, 0.004), fibres=(0, 0), opacity=(1, 1), blur=(0, 0))
    _, mask = dust(even(128), np.random.default_rng(1))
    count, _ = cv2.connectedComponents((mask > 0.3).astype(np.uint8))
    assert 0.7 * number < count - 1 <= number
    assert mask.mean() < 0.03


def test_the_rim_of_a_dried_stain_is_stronger_than_its_inside():
    stain = RimmedStains(
        count=(1, 1), radius=(0.2, 0.2), inside=(0.2, 0.2), rim=(0.9, 0.9), width=(0.02, 0.02)
    )
    shares = [stain(even(230), np.random.default_rng(seed))[1] for seed in range(8)]
    assert np.mean([np.mean(np.abs(mask - 0.2) < 0.02) for mask in shares]) > 0.03
    assert np.mean([mask.max() for mask in shares]) > 0.5


def test_what_cannot_be_seen_is_not_called_destroyed():
    mask = np.ones((200, 240), np.float32)
    white = np.full((1, 1, 3), 255, np.uint8)
    assert less_where_unseen(even(255), white, mask).max() == 0
    assert less_where_unseen(even(235), white, mask) == pytest.approx(0.5)
    assert less_where_unseen(even(100), white, mask).min() == 1


@pytest.mark.parametrize("options", [{"count": (0, 2)}, {"shade": (0, 2)}, {"reach": (0, 0.1)}])
def test_bad_folds(options):
    with pytest.raises(ValueError, match=f"expected {next(iter(options))} as"):
        Folds(**options)


def test_bad_dust_and_stains():
    with pytest.raises(ValueError, match="expected radius as"):
        Dust(radius=(0.0, 0.01))
    with pytest.raises(ValueError, match="expected inside as"):
        RimmedStains(inside=(0.0, 1.5))
