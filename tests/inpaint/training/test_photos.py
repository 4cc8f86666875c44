from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from inpaint.training.damage.contract import Damage
from inpaint.training.photos import TrainingPhoto, TrainingPhotos, fixed_samples, photo_paths, sample_batches

# A Python that warns of forking beside torch's threads.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")


@dataclass(frozen=True)
class DrawnRow(Damage):
    """Stands in for damage: grey in one row that is drawn."""

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        damaged, mask = image.copy(), np.zeros(image.shape[:2], np.float32)
        row = rng.integers(len(image))
        damaged[row], mask[row] = 128, 1
        return damaged, mask


@dataclass(frozen=True)
class LastRow(Damage):
    """Stands in for damage: grey in the last row, so that a window shows whether it holds that."""

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        damaged, mask = image.copy(), np.zeros(image.shape[:2], np.float32)
        damaged[-1], mask[-1] = 128, 1
        return damaged, mask


def save(path: Path, pixels: np.ndarray, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


@pytest.fixture
def folder(tmp_path, rng) -> Path:
    """Seven photos of noise, of seven heights."""
    for number in range(7):
        pixels = rng.integers(0, 256, (20 + number, 30, 3), dtype=np.uint8)
        save(tmp_path / f"{number}.png", pixels)
    return tmp_path


def plain(paths, **options) -> TrainingPhotos:
    return TrainingPhotos(paths, DrawnRow(), **{"size_px": 16, "seed": 3, **options})


def assert_same(one, other):
    assert one.passed_over == other.passed_over
    for name in ("image", "damaged", "mask"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
        assert getattr(one, name).dtype == getattr(other, name).dtype


def flat(batches):
    return [sample for batch in batches for sample in batch]


def test_paths_are_those_of_photos_in_all_folders_sorted(tmp_path):
    for name in ("b/z.JPG", "a.png", "c/d/e.webp", ".hidden.png", "b/.thumbs/f.png", "notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "folder.png").mkdir()
    assert photo_paths(tmp_path) == [tmp_path / name for name in ("a.png", "b/z.JPG", "c/d/e.webp")]


def test_a_folder_without_photos_is_refused(tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ValueError, match=r"expected photos \(\.jpg .* found none"):
        photo_paths(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"no folder .*absent"):
        photo_paths(tmp_path / "absent")


def test_a_sample_is_what_batch_promises(folder):
    sample = plain(photo_paths(folder))[0]
    assert sample.image.shape == sample.damaged.shape == (16, 16, 3)
    assert sample.mask.shape == (16, 16)
    assert (sample.image.dtype, sample.damaged.dtype, sample.mask.dtype) == (np.uint8, np.uint8, np.float32)
    np.testing.assert_array_equal(sample.image[sample.mask == 0], sample.damaged[sample.mask == 0])
    assert sample.mask.sum() == 16
    assert sample.passed_over == ()


def test_a_position_is_the_same_sample_in_any_order_and_from_any_object(folder):
    paths = photo_paths(folder)
    one, other = plain(paths), plain(paths, cache_mb=0)
    forwards = [one[position] for position in range(20)]
    for position in reversed(range(20)):
        assert_same(other[position], forwards[position])
    assert any((plain(paths, seed=4)[p].image != forwards[p].image).any() for p in range(3))


def test_each_epoch_takes_every_photo_once_in_another_order(tmp_path):
    for level in range(12):
        save(tmp_path / f"{level:02}.png", np.full((16, 16, 3), 20 * level, np.uint8))
    photos = plain(photo_paths(tmp_path))
    first, second = (
        [int(photos[p].image[0, 0, 0]) // 20 for p in range(e * 12, e * 12 + 12)] for e in (0, 1)
    )
    assert sorted(first) == sorted(second) == list(range(12))
    assert first != second
    assert first != sorted(first)


def test_half_are_mirrored_unless_switched_off(tmp_path):
    ramp = np.repeat(np.arange(32, dtype=np.uint8)[None, :, None], 32, axis=0).repeat(3, axis=2) * 8
    path = save(tmp_path / "ramp.png", ramp)
    rising = [plain([path])[p].image[0, 0, 0] < plain([path])[p].image[0, -1, 0] for p in range(60)]
    assert 15 < sum(rising) < 45
    unturned = [plain([path], flip=False)[p].image for p in range(30)]
    assert all(image[0, 0, 0] < image[0, -1, 0] for image in unturned)


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_give_the_same_samples_in_the_same_order(folder, workers):
    (folder / "3.png").write_bytes(b"not an image")
    paths = photo_paths(folder)
    options = {"batch": 3, "first_step": 5, "steps": 6}
    alone = flat(sample_batches(plain(paths), **options, workers=0))
    together = flat(sample_batches(plain(paths), **options, workers=workers))
    assert len(alone) == len(together) == 18
    assert any(sample.passed_over for sample in alone)
    for one, other in zip(alone, together, strict=True):
        assert_same(one, other)


def test_more_workers_than_cores_are_no_cause_for_a_warning(folder, monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {0}, raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    photos = plain(photo_paths(folder))
    assert len(flat(sample_batches(photos, batch=2, first_step=0, steps=2, workers=2))) == 4


def test_steps_and_ranks_share_the_positions_out(folder):
    photos = plain(photo_paths(folder))
    drawn = flat(sample_batches(photos, batch=2, first_step=3, steps=2, workers=0, rank=1, world=2))
    # (3 * 2 + 1) * 2 = 14 and (4 * 2 + 1) * 2 = 18
    for sample, position in zip(drawn, (14, 15, 18, 19), strict=True):
        assert_same(sample, photos[position])


def test_a_stream_taken_up_again_goes_on_as_if_it_had_not_stopped(folder):
    photos = plain(photo_paths(folder))
    whole = list(sample_batches(photos, batch=2, first_step=0, steps=5, workers=0))
    rest = list(sample_batches(photos, batch=2, first_step=3, steps=2, workers=0))
    for one, other in zip(flat(whole[3:]), flat(rest), strict=True):
        assert_same(one, other)


def test_the_global_random_numbers_are_left_alone(folder):
    before = torch.random.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    stream = sample_batches(plain(photo_paths(folder)), batch=2, first_step=0, steps=2, workers=1)
    assert len(list(islice(stream, 2))) == 2
    assert torch.equal(torch.random.get_rng_state(), before[0])
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002


def test_bad_photos_are_named_and_passed_over(folder):
    good = (folder / "0.png").read_bytes()
    (folder / "0.png").write_bytes(good[: len(good) // 2])
    (folder / "1.png").write_bytes(b"text")
    paths = [*photo_paths(folder), folder / "absent.png"]
    photos = plain(paths)
    samples = [photos[position] for position in range(len(paths))]
    named = {name for sample in samples for name in sample.passed_over}
    assert len(named) == 3
    assert f"{folder / '1.png'}: not an image" in named
    assert f"{folder / 'absent.png'}: no such file" in named
    assert any(name.startswith(f"{folder / '0.png'}: ") and "\n" not in name for name in named)


@pytest.mark.parametrize("workers", [0, 1])
def test_nothing_but_bad_photos_ends_the_stream_in_one_line(tmp_path, workers):
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    stream = sample_batches(plain(paths), batch=1, first_step=0, steps=1, workers=workers)
    with pytest.raises(ValueError, match=r"^3 photos in a row cannot be read, the last: .*: no such file$"):
        next(stream)


def test_a_region_is_the_hole_and_whole_within_every_crop(tmp_path):
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[10:22, 40:55] = 255  # white where the region is
    path = save(tmp_path / "face.png", pixels)
    photos = plain([TrainingPhoto(path, (40, 10, 55, 22))], smallest_scale=0.4)
    areas = set()
    for position in range(40):
        sample = photos[position]
        assert set(np.unique(sample.mask)) == {0, 1}
        assert (sample.damaged[sample.mask == 1] == 128).all()
        assert (sample.damaged[sample.mask == 0] < 128).all()  # nothing white is left outside
        rows, columns = np.flatnonzero(sample.mask.any(1)), np.flatnonzero(sample.mask.any(0))
        assert sample.mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
        # 15 wide and 12 high, each rounded outwards by less than a pixel at either end
        assert abs(len(columns) / len(rows) - 15 / 12) < 0.4
        areas.add(int(sample.mask.sum()))
    assert len(areas) > 3


def test_a_region_larger_than_any_square_lies_in_its_middle(tmp_path):
    path = save(tmp_path / "wide.png", np.zeros((16, 64, 3), np.uint8))
    sample = plain([TrainingPhoto(path, (20, 4, 50, 12))], flip=False)[0]
    expected = np.zeros((16, 16), np.float32)
    expected[4:12] = 1
    np.testing.assert_array_equal(sample.mask, expected)


def test_a_region_is_given_in_pixels_of_the_photo_before_it_is_shrunk(tmp_path):
    path = save(tmp_path / "large.png", np.zeros((160, 160, 3), np.uint8))
    sample = fixed_samples([TrainingPhoto(path, (20, 40, 80, 120))], DrawnRow(), size_px=16, seed=0, count=1)[
        0
    ]
    expected = np.zeros((16, 16), np.float32)
    expected[4:12, 2:8] = 1
    np.testing.assert_array_equal(sample.mask, expected)


def test_fixed_samples_are_the_middle_of_photos_at_even_distances(tmp_path):
    paths = []
    for number in range(6):
        pixels = np.full((8, 12, 3), 255, np.uint8)
        pixels[:, 2:10] = 10 * number
        paths.append(save(tmp_path / f"{number}.png", pixels))
    samples = fixed_samples(paths, DrawnRow(), size_px=8, seed=1, count=3)
    for sample, level in zip(samples, (0, 20, 40), strict=True):
        assert (sample.image == level).all()
    again = fixed_samples(paths, DrawnRow(), size_px=8, seed=1, count=3)
    for one, other in zip(samples, again, strict=True):
        assert_same(one, other)


def test_fixed_samples_have_a_stand_in_for_a_bad_photo_and_name_it(folder):
    (folder / "2.png").write_bytes(b"text")
    paths = photo_paths(folder)
    samples = fixed_samples(paths, DrawnRow(), size_px=8, seed=1, count=7)
    assert len(samples) == 6
    assert samples[0].passed_over == (f"{folder / '2.png'}: not an image",)
    without = fixed_samples(paths, DrawnRow(), size_px=8, seed=1, count=3)  # 0, 2 and 4: 1 for 2
    for sample, at in zip(without, (0, 1, 3), strict=True):
        np.testing.assert_array_equal(sample.damaged, samples[at].damaged)


def test_fixed_samples_refuse_what_they_cannot_use(tmp_path):
    with pytest.raises(ValueError, match="expected photos, got none"):
        fixed_samples([], DrawnRow(), size_px=8, seed=1, count=3)
    with pytest.raises(ValueError, match="expected a count from 1, got 0"):
        fixed_samples([tmp_path / "a.png"], DrawnRow(), size_px=8, seed=1, count=0)
    with pytest.raises(ValueError, match=r"none of 1 photos can be read, the last: .*a.png: no such file"):
        fixed_samples([tmp_path / "a.png"], DrawnRow(), size_px=8, seed=1, count=3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"smallest_scale": 0}, "smallest_scale above 0 and at most 1, got 0"),
        ({"smallest_scale": 1.1}, r"got 1\.1"),
        ({"size_px": 0}, "size_px from 1"),
        ({"seed": -1}, "seed from 0"),
    ],
)
def test_numbers_out_of_range_are_refused(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        plain([tmp_path / "a.png"], **options)


def test_no_photos_and_positions_below_zero_are_refused(tmp_path):
    with pytest.raises(ValueError, match="expected photos, got none"):
        plain([])
    with pytest.raises(IndexError, match="got -1"):
        plain([tmp_path / "a.png"])[-1]


@pytest.mark.parametrize(
    "wrong", [{"batch": 0}, {"first_step": -1}, {"steps": -1}, {"workers": -1}, {"rank": 1}, {"rank": -1}]
)
def test_a_stream_with_numbers_out_of_range_is_refused_at_once(folder, wrong):
    options = {"batch": 1, "first_step": 0, "steps": 1, "workers": 0, **wrong}
    with pytest.raises(ValueError, match="expected a batch from 1"):
        sample_batches(plain(photo_paths(folder)), **options)


def test_windows_are_cut_from_larger_damaged_crops(tmp_path, rng):
    path = save(tmp_path / "a.png", rng.integers(0, 256, (64, 64, 3), dtype=np.uint8))
    photos = TrainingPhotos([path], LastRow(), size_px=16, largest_px=64, seed=3, smallest_scale=1)
    samples = [photos[position] for position in range(200)]
    for sample in samples:
        assert sample.image.shape == sample.damaged.shape == (16, 16, 3)
        assert sample.mask.shape == (16, 16)
        np.testing.assert_array_equal(
            sample.image != sample.damaged, (sample.mask[..., None] * (sample.image != 128)) > 0
        )
    # Damaged at 16 px a window holds the last row always, at 64 px in one of 49 places; evenly over doublings
    # that is 0.124 of all.
    holding = np.mean([sample.mask.any() for sample in samples])
    assert 0.07 < holding < 0.25
    assert_same(samples[7], photos[7])


def test_no_crop_is_enlarged_for_windows(tmp_path):
    path = save(tmp_path / "a.png", np.zeros((20, 20, 3), np.uint8))
    photos = TrainingPhotos([path], LastRow(), size_px=16, largest_px=640, seed=3, smallest_scale=1)
    assert 0.25 < np.mean([photos[position].mask.any() for position in range(100)]) < 0.85


def test_windows_larger_than_what_they_are_cut_from_are_refused(tmp_path):
    with pytest.raises(ValueError, match="expected a largest_px from size_px, 16, got 15"):
        plain([tmp_path / "a.png"], largest_px=15)


def test_a_share_of_the_samples_is_compressed_with_its_damage(tmp_path, rng):
    path = save(tmp_path / "a.png", rng.integers(0, 256, (16, 16, 3), dtype=np.uint8))
    never, always, some = (
        TrainingPhotos([path], LastRow(), size_px=16, seed=3, resaved=share) for share in (0, 1, 0.5)
    )
    differs = []
    for position in range(40):
        known, compressed = never[position], always[position]
        np.testing.assert_array_equal(known.mask, compressed.mask)
        np.testing.assert_array_equal(known.image, compressed.image)
        assert (known.damaged != compressed.damaged).any()
        differs.append((known.damaged != some[position].damaged).any())
    assert 8 <= sum(differs) <= 32
    assert_same(always[7], always[7])


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_resaved_share_out_of_range_is_refused(tmp_path, share):
    with pytest.raises(ValueError, match="resaved share of 0 to 1"):
        plain([tmp_path / "a.png"], resaved=share)
