"""Training samples from photos: an endless stream in which each position is always the same sample."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from inpaint.training.batch import Sample
from inpaint.training.crops import central_crop, random_crop
from inpaint.training.damage.contract import GREY, Damage
from inpaint.training.decoding import (
    PHOTO_SUFFIXES,
    DecodedPhoto,
    PhotoCache,
    UnreadablePhotoError,
    decode_photo,
)
from inpaint.training.reading_ahead import read_ahead

MOST_PASSED_OVER = 100

# What keeps the random numbers of one seed's purposes apart. Not 0: NumPy ignores zeros at the end of a seed.
_ORDER, _FIXED = 1, 2


@dataclass(frozen=True)
class TrainingPhoto:
    """A photo to learn from.

    path: the file.
    region: the hole, a box xyxy in pixels of the upright photo, its right and lower ends not included;
        None = drawn.
    """

    path: Path
    region: tuple[int, int, int, int] | None = None


def photo_paths(folder: Path) -> list[Path]:
    """The photos in a folder and the folders below, sorted; nothing whose name starts with a dot.

    Raises FileNotFoundError where there is no such folder and ValueError where it holds no photos.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}")
    found = [
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in PHOTO_SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    ]
    if not found:
        raise ValueError(f"expected photos ({' '.join(PHOTO_SUFFIXES)}) in {folder}, found none")
    return sorted(found)


QUALITY, BLUR_PX = (35, 95), (0.3, 1.0)
"""Of samples that are resaved."""


class TrainingPhotos:
    """Photos cropped, flipped, resized and damaged: `photos[position]` for any whole number from 0 on.

    Each epoch takes every photo once, in an order of its own. A sample depends on the seed and its position
    alone, whoever asks and in whatever order. A photo that cannot be read is passed over for the next of its
    epoch.

    photos: files, or `TrainingPhoto`s; one with a region has its hole there, and `damage` is not asked.
    size_px: height and width of a sample.
    flip: mirror half of them.
    smallest_scale: the crop's side is a share of the photo's shorter side, drawn evenly between this and 1.
    largest_px: the crop is damaged at a size between `size_px` and this, though not enlarged for it, and a
        window of `size_px` is cut out: damage is then seen from near and far. None = damaged at `size_px`.
    resaved: share of the samples whose damaged photo is blurred a little, and compressed as JPEG, together
        with its damage, as most are when they are met. There it differs from the photo everywhere.
    cache_mb: how much memory decoded photos may take, in each process that reads them; 0 = off.

    Raises ValueError for no photos or a number out of range.
    """

    def __init__(
        self,
        photos: Sequence[TrainingPhoto | Path],
        damage: Damage,
        *,
        size_px: int,
        seed: int,
        flip: bool = True,
        smallest_scale: float = 0.6,
        largest_px: int | None = None,
        resaved: float = 0.0,
        cache_mb: float = 512,
    ) -> None:
        if not 0 < smallest_scale <= 1:
            raise ValueError(f"expected a smallest_scale above 0 and at most 1, got {smallest_scale}")
        if size_px < 1 or seed < 0:
            raise ValueError(f"expected a size_px from 1 and a seed from 0, got {size_px} and {seed}")
        if largest_px is not None and largest_px < size_px:
            raise ValueError(f"expected a largest_px from size_px, {size_px}, got {largest_px}")
        if not 0 <= resaved <= 1:
            raise ValueError(f"expected a resaved share of 0 to 1, got {resaved}")
        self.photos, self.resaved = _listed(photos), resaved
        self.damage, self.size_px, self.seed = damage, size_px, seed
        self.flip, self.smallest_scale = flip, smallest_scale
        self.largest_px = largest_px or size_px
        # In a photo this large the smallest crop is one to one: more pixels are never seen.
        self._cache = PhotoCache(int(np.ceil(self.largest_px / smallest_scale)), int(cache_mb * 2**20))
        self._order: tuple[int, np.ndarray] | None = None

    def __len__(self) -> int:
        """How many photos there are; positions go on for ever."""
        return len(self.photos)

    def __getitem__(self, position: int) -> Sample:
        """Raises IndexError below 0, and ValueError where 100 photos in a row, or all, cannot be read."""
        if position < 0:
            raise IndexError(f"expected a position from 0, got {position}")
        photo, decoded, passed_over = self._readable(*divmod(position, len(self.photos)))
        rng = np.random.default_rng([self.seed, position])
        region = _scaled(photo, decoded)
        crop = random_crop(decoded.pixels.shape[:2], rng, smallest_scale=self.smallest_scale, region=region)
        mirrored = self.flip and bool(rng.integers(2))
        if region is None:
            size_px = self._damaged_px(crop.side, rng)
            image = crop.cut(decoded.pixels, size_px, mirrored=mirrored)
            sample = _window(_damaged(image, None, self.damage, rng, passed_over), self.size_px, rng)
            return _resaved(sample, rng) if rng.uniform() < self.resaved else sample
        image = crop.cut(decoded.pixels, self.size_px, mirrored=mirrored)
        hole = crop.box(region, self.size_px, mirrored=mirrored)
        return _damaged(image, hole, self.damage, rng, passed_over)

    def _damaged_px(self, side_px: int, rng: np.random.Generator) -> int:
        """The size at which a crop of that side is damaged, evenly over the doublings."""
        most = max(self.size_px, min(self.largest_px, side_px))
        if most == self.size_px:
            return most
        return round(float(np.exp(rng.uniform(np.log(self.size_px), np.log(most)))))

    def _readable(self, epoch: int, place: int) -> tuple[TrainingPhoto, DecodedPhoto, tuple[str, ...]]:
        """The photo at a place of an epoch's order, or the next that can be read, and those before it."""
        if self._order is None or self._order[0] != epoch:
            rng = np.random.default_rng([self.seed, epoch, _ORDER])
            self._order = epoch, rng.permutation(len(self.photos))
        order = self._order[1]
        passed_over: list[str] = []
        for further in range(min(len(order), MOST_PASSED_OVER)):
            photo = self.photos[order[(place + further) % len(order)]]
            try:
                return photo, self._cache.decode(photo.path), tuple(passed_over)
            except UnreadablePhotoError as error:
                passed_over.append(str(error))
        raise ValueError(f"{len(passed_over)} photos in a row cannot be read, the last: {passed_over[-1]}")


def fixed_samples(
    photos: Sequence[TrainingPhoto | Path], damage: Damage, *, size_px: int, seed: int, count: int
) -> list[Sample]:
    """`count` samples, or as many as can be read, that are the same for every run: to measure on.

    Photos at even distances in the list, the largest square in the middle of each, damaged as the seed and
    the photo's place in the list say. For one that cannot be read another of the list stands in; the first
    sample names all of those.

    Raises ValueError for no photos, a count below 1, or where no photo can be read.
    """
    listed = _listed(photos)
    if count < 1:
        raise ValueError(f"expected a count from 1, got {count}")
    count = min(count, len(listed))
    spaced = [number * len(listed) // count for number in range(count)]
    readable: list[tuple[int, DecodedPhoto]] = []
    unread: list[str] = []
    for place in dict.fromkeys([*spaced, *range(len(listed))]):
        try:
            readable.append((place, decode_photo(listed[place].path, size_px)))
        except UnreadablePhotoError as error:
            unread.append(str(error))
        if len(readable) == count:
            break
    if not readable:
        raise ValueError(f"none of {len(unread)} photos can be read, the last: {unread[-1]}")
    samples: list[Sample] = []
    for place, decoded in sorted(readable, key=lambda pair: pair[0]):
        region = _scaled(listed[place], decoded)
        crop = central_crop(decoded.pixels.shape[:2], region=region)
        image = crop.cut(decoded.pixels, size_px)
        hole = None if region is None else crop.box(region, size_px)
        rng = np.random.default_rng([seed, place, _FIXED])
        samples.append(_damaged(image, hole, damage, rng, () if samples else tuple(unread)))
    return samples


def sample_batches(
    photos: TrainingPhotos,
    *,
    batch: int,
    first_step: int,
    steps: int,
    workers: int,
    rank: int = 0,
    world: int = 1,
) -> Iterator[list[Sample]]:
    """The samples of `steps` steps from `first_step` on, `batch` of them each, made ahead by workers.

    Step s of process `rank` of `world` takes the positions from (s * world + rank) * batch on: any number of
    workers (0 = in this process) gives the same samples in the same order. Workers end with the iterator.

    Raises ValueError for numbers out of range, at once, and, when their turn comes, what `photos` raises.
    """
    if batch < 1 or first_step < 0 or steps < 0 or workers < 0 or not 0 <= rank < world:
        raise ValueError(
            "expected a batch from 1, first_step, steps and workers from 0 and a rank below world, got "
            f"{batch}, {first_step}, {steps}, {workers} and rank {rank} of {world}"
        )
    starts = ((step * world + rank) * batch for step in range(first_step, first_step + steps))
    return read_ahead(photos.__getitem__, (range(start, start + batch) for start in starts), workers)


def _listed(photos: Sequence[TrainingPhoto | Path]) -> list[TrainingPhoto]:
    if not photos:
        raise ValueError("expected photos, got none")
    return [photo if isinstance(photo, TrainingPhoto) else TrainingPhoto(Path(photo)) for photo in photos]


def _scaled(photo: TrainingPhoto, decoded: DecodedPhoto) -> np.ndarray | None:
    """The photo's region in pixels of what was decoded."""
    return None if photo.region is None else np.array(photo.region) * decoded.scale


def _window(sample: Sample, size_px: int, rng: np.random.Generator) -> Sample:
    """A square of that size from anywhere in the sample."""
    height, width = sample.mask.shape
    if (height, width) == (size_px, size_px):
        return sample
    top, left = int(rng.integers(height - size_px + 1)), int(rng.integers(width - size_px + 1))
    part = slice(top, top + size_px), slice(left, left + size_px)
    image, damaged, mask = (
        np.ascontiguousarray(whole[part]) for whole in (sample.image, sample.damaged, sample.mask)
    )
    return Sample(image, damaged, mask, sample.passed_over)


def _resaved(sample: Sample, rng: np.random.Generator) -> Sample:
    """The sample, its damaged photo blurred in half of the cases, and compressed."""
    damaged = sample.damaged
    if rng.integers(2):
        damaged = cv2.GaussianBlur(damaged, (0, 0), rng.uniform(*BLUR_PX))
    quality = int(rng.integers(QUALITY[0], QUALITY[1] + 1))
    _, coded = cv2.imencode(".jpg", damaged[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    saved = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    assert saved is not None  # it was coded here
    damaged = np.ascontiguousarray(saved[..., ::-1])
    return Sample(sample.image, damaged, sample.mask, sample.passed_over)


def _damaged(
    image: np.ndarray,
    hole: tuple[int, int, int, int] | None,
    damage: Damage,
    rng: np.random.Generator,
    passed_over: tuple[str, ...],
) -> Sample:
    """The hole where there is one (xyxy), else what `damage` does."""
    if hole is None:
        damaged, mask = damage(image, rng)
    else:
        x0, y0, x1, y1 = hole
        damaged, mask = image.copy(), np.zeros(image.shape[:2], np.float32)
        damaged[y0:y1, x0:x1], mask[y0:y1, x0:x1] = GREY, 1
    return Sample(image, damaged, mask, passed_over)
