"""Photos to learn from by the name of their data set. Nothing is ever downloaded or unpacked."""

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from inpaint.training.photos import TrainingPhoto, photo_paths
from inpaint.training.published_datasets import celeba, coco, expect, imagenet, photos_at, places365

SPLITS = ("train", "test")


def folder(root: Path, *, split: str, test_count: int = 0) -> list[TrainingPhoto]:
    """All photos in a folder and those below.

    test_count: how many are kept for the test, at even distances in the order of their names.
    """
    return photos_at(_share(photo_paths(root), split, test_count, str(root)))


def classes(root: Path, *, split: str, test_per_class: int = 5) -> list[TrainingPhoto]:
    """A folder with one folder of photos per class, such as ANIMALS, 90 classes of 55 + 5.

    test_per_class: how many of each are kept for the test, at even distances in the order of their names.
    """
    expect(root, ("",), "a folder with one folder of photos per class")
    found = sorted(entry for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    shares = [_share(photo_paths(entry), split, test_per_class, f"class {entry.name}") for entry in found]
    return photos_at(path for share in shares for path in share)


DATASETS: Mapping[str, Callable[..., list[TrainingPhoto]]] = {
    builder.__name__: builder for builder in (folder, classes, places365, celeba, imagenet, coco)
}


def load_dataset(
    name: str, root: Path, *, split: str = "train", options: Mapping[str, Any] | None = None
) -> list[TrainingPhoto]:
    """The photos of a data set, in the order of its lists.

    name: one of `DATASETS`. root: the folder that holds it; each builder says what it expects there.
    split: "train" or "test". options: what its builder takes besides, such as an attribute.

    Raises ValueError for an unknown name, split or option, for lists that are not the published ones and
    where no photo is left; FileNotFoundError, naming what is expected where, for a missing folder or file.
    """
    if name not in DATASETS:
        raise ValueError(f"expected a data set of {', '.join(DATASETS)}, got {name!r}")
    if split not in SPLITS:
        raise ValueError(f"expected a split of {', '.join(SPLITS)}, got {split!r}")
    given = dict(options or {})
    for option in given:
        if option not in options_of(name):
            takes = f"options of {', '.join(options_of(name))}" if options_of(name) else "no options"
            raise ValueError(f"expected {takes} for {name}, got {option!r}")
    photos = DATASETS[name](Path(root), split=split, **given)
    if not photos:
        chosen = ", ".join(f"{option} {value}" for option, value in given.items())
        raise ValueError(f"expected photos, {name} in {root} has none for {split}{chosen and ', ' + chosen}")
    return photos


def options_of(name: str) -> tuple[str, ...]:
    """The options that a data set takes, by name."""
    parameters = inspect.signature(DATASETS[name]).parameters
    return tuple(option for option in parameters if option not in ("root", "split"))


def _share(paths: list[Path], split: str, test_count: int, name: str) -> list[Path]:
    """The test photos, the middle one of each of `test_count` stretches of the list, or all others."""
    if not 0 <= test_count < len(paths):
        raise ValueError(
            f"expected to keep 0 to {len(paths) - 1} of the {len(paths)} photos of {name} for the test, "
            f"got {test_count}"
        )
    kept = {(2 * number + 1) * len(paths) // (2 * test_count) for number in range(test_count)}
    return [path for number, path in enumerate(paths) if (number in kept) == (split == "test")]
