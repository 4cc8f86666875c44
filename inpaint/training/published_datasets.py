"""The published data sets, as they lie on disk once unpacked: their lists, read by torchvision's own classes.

torchvision knows the MD5 of the lists of Places365 and CelebA and takes no others.
"""

import contextlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from torchvision.datasets import CelebA, CocoDetection, ImageNet, Places365
from torchvision.datasets.utils import check_integrity

from inpaint.training.photos import TrainingPhoto

LANDMARKS = ("lefteye", "righteye", "nose", "leftmouth", "rightmouth")
"""CelebA's, in the order of its list; left is the viewer's."""
CELEBA_SIZE = (218, 178)  # height and width in pixels of each of its aligned photos
COCO_YEARS = ("2017", "2014")


def places365(root: Path, *, split: str, small: bool = False) -> list[TrainingPhoto]:
    """Places365 (Zhou et al. 2017): its standard training photos, or those for validation as the test.

    Expects categories_places365.txt and places365_train_standard.txt or places365_val.txt, with the photos in
    data_large_standard or val_large; small: in data_256_standard or val_256, those of 256 x 256.
    """
    theirs = {"train": "train-standard", "test": "val"}[split]
    size = "256" if small else "large"
    folder = f"data_{size}_standard" if split == "train" else f"val_{size}"
    lists = dict((Places365._CATEGORIES_META, Places365._FILE_LIST_META[theirs]))
    expect(root, (*lists, folder), "the lists and photos of Places365 (places2.csail.mit.edu)")
    with _naming_lists(root, lists):
        dataset = Places365(root, split=theirs, small=small)
    return photos_at(path for path, _ in dataset.imgs)


def celeba(
    root: Path,
    *,
    split: str,
    attribute: str | None = None,
    landmarks: Sequence[str] = (),
    margin_px: int = 10,
) -> list[TrainingPhoto]:
    """CelebA (Liu et al. 2015), the faces aligned and cropped to 178 x 218 px.

    Expects a folder celeba, in it the five lists and the photos in img_align_celeba.

    attribute: only the faces that have it, such as Mustache; None = all.
    landmarks: the hole is the box around these, such as nose, leftmouth and rightmouth for a moustache;
        none = no hole is given. margin_px: how much larger the box is on each side.
    """
    for landmark in landmarks:
        if landmark not in LANDMARKS:
            raise ValueError(f"expected landmarks of {', '.join(LANDMARKS)}, got {landmark!r}")
    if margin_px < 0:
        raise ValueError(f"expected a margin_px from 0, got {margin_px}")
    lists = {f"celeba/{name}": md5 for _, md5, name in CelebA.file_list if name.endswith(".txt")}
    origin = "the lists and photos of CelebA (mmlab.ie.cuhk.edu.hk/projects/CelebA.html)"
    expect(root, (*lists, "celeba/img_align_celeba"), origin)
    with _naming_lists(root, lists):
        dataset = CelebA(root, split=split)
    chosen = np.ones(len(dataset.filename), bool)
    if attribute is not None:
        names = [name for name in dataset.attr_names if name]
        if attribute not in names:
            raise ValueError(f"expected an attribute of {', '.join(names)}, got {attribute!r}")
        chosen = dataset.attr[:, names.index(attribute)].numpy() == 1
    points = dataset.landmarks_align.numpy().reshape(-1, len(LANDMARKS), 2)
    points = points[:, [LANDMARKS.index(landmark) for landmark in landmarks]]
    folder = root / "celeba" / "img_align_celeba"
    return [
        TrainingPhoto(
            folder / dataset.filename[index], _box_around(points[index], margin_px) if landmarks else None
        )
        for index in np.flatnonzero(chosen)
    ]


def imagenet(root: Path, *, split: str) -> list[TrainingPhoto]:
    """ImageNet 2012 (Russakovsky et al. 2015): its training photos, or those for validation as the test.

    Expects a folder train or val with one folder of photos per WordNet id, and meta.bin, which torchvision's
    `parse_devkit_archive` makes of the development kit.
    """
    theirs = {"train": "train", "test": "val"}[split]
    # Without these torchvision would unpack archives, which nobody asked for.
    expect(
        root,
        ("meta.bin", theirs),
        "the photos of ImageNet in folders by WordNet id, and the meta.bin that "
        "torchvision.datasets.imagenet.parse_devkit_archive makes (image-net.org)",
    )
    return photos_at(path for path, _ in ImageNet(root, split=theirs).samples)


def coco(
    root: Path,
    *,
    split: str,
    annotations: Path | None = None,
    having: Sequence[str] = (),
    lacking: Sequence[str] = (),
) -> list[TrainingPhoto]:
    """The photos of COCO (Lin et al. 2014), by image id; those for validation as the test.

    Expects train2017 or val2017 and annotations/instances_train2017.json or ..._val2017.json; or of 2014.

    annotations: a file of one's own in COCO's format, for photos that lie in `root`; it is a split by itself.
    having: classes of which a photo shows at least one; none = all photos. lacking: classes it shows none of.
    """
    folder = root
    if annotations is None:
        theirs = {"train": "train", "test": "val"}[split]
        there = (year for year in COCO_YEARS if (root / f"{theirs}{year}").is_dir())
        folder = root / f"{theirs}{next(there, COCO_YEARS[0])}"
        annotations = root / "annotations" / f"instances_{folder.name}.json"
    expect(folder, ("",), "the photos of COCO (cocodataset.org)")
    expect(Path(annotations), ("",), "annotations of COCO (cocodataset.org)")
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # pycocotools tells how long it took
            dataset = CocoDetection(folder, str(annotations))
        index = dataset.coco
        numbers = {entry["name"]: entry["id"] for entry in index.dataset["categories"]}
        names = {number: entry["file_name"] for number, entry in index.imgs.items()}
    except json.JSONDecodeError as error:
        raise ValueError(f"{annotations} is no COCO file: it is no JSON, {error}") from error
    except KeyError as error:
        raise ValueError(f"{annotations} is no COCO file: it lacks {error}") from error
    except (TypeError, AttributeError, AssertionError, ValueError) as error:
        raise ValueError(f"{annotations} is no COCO file: {type(error).__name__} {error}") from error
    for name in (*having, *lacking):
        if name not in numbers:
            raise ValueError(f"expected classes of {', '.join(numbers)}, got {name!r}")
    wanted = {number for name in having for number in index.catToImgs[numbers[name]]}
    unwanted = {number for name in lacking for number in index.catToImgs[numbers[name]]}
    return photos_at(
        folder / names[number]
        for number in dataset.ids
        if (number in wanted or not having) and number not in unwanted
    )


def photos_at(paths: Iterable[Path | str]) -> list[TrainingPhoto]:
    """Photos without regions."""
    return [TrainingPhoto(Path(path)) for path in paths]


def expect(root: Path, names: Iterable[str], what: str) -> None:
    """Raise FileNotFoundError, naming what is missing of a data set, unless all of it is there."""
    missing = [str(root / name) for name in names if not (root / name).exists()]
    if missing:
        raise FileNotFoundError(f"expected {what}, which are not downloaded; missing: {', '.join(missing)}")


def _box_around(points: np.ndarray, margin_px: int) -> tuple[int, int, int, int]:
    """xyxy around pixels (N, 2), x and y, and so much more on each side as lies within a CelebA photo."""
    height, width = CELEBA_SIZE
    x0, y0 = np.maximum(points.min(0) - margin_px, 0)
    x1, y1 = np.minimum(points.max(0) + 1 + margin_px, (width, height))
    return int(x0), int(y0), int(x1), int(y1)


@contextlib.contextmanager
def _naming_lists(root: Path, lists: Mapping[str, str]) -> Iterator[None]:
    """Of these lists with their MD5, say which it is that torchvision refuses."""
    try:
        yield
    except RuntimeError as error:
        others = [str(root / name) for name, md5 in lists.items() if not check_integrity(root / name, md5)]
        raise ValueError(
            f"expected the lists as published; torchvision knows another MD5 of {', '.join(others)}"
        ) from error
