"""Stand-ins in the layout of the real sets. torchvision, which checks the MD5 of lists, is told theirs."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.datasets import CelebA, Places365

from inpaint.training.datasets import load_dataset
from inpaint.training.photos import TrainingPhoto, TrainingPhotos


def write(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def md5_of(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def names_of(photos: list[TrainingPhoto], root: Path) -> list[str]:
    return [str(photo.path.relative_to(root)) for photo in photos]


@pytest.fixture
def places(tmp_path, monkeypatch) -> Path:
    lists = {
        "categories_places365.txt": "/a/airfield 0\n/a/airplane_cabin 1\n",
        "places365_train_standard.txt": "/a/airfield/00000001.jpg 0\n/a/airplane_cabin/00000001.jpg 1\n",
        "places365_val.txt": "Places365_val_00000001.jpg 1\nPlaces365_val_00000002.jpg 0\n",
    }
    sums = {name: md5_of(write(tmp_path / name, text)) for name, text in lists.items()}
    for folder in ("data_256_standard", "data_large_standard", "val_256"):
        (tmp_path / folder).mkdir()
    monkeypatch.setattr(Places365, "_CATEGORIES_META", tuple(sums.items())[0])  # noqa: RUF015
    theirs = {"train-standard": "places365_train_standard.txt", "val": "places365_val.txt"}
    monkeypatch.setattr(Places365, "_FILE_LIST_META", {key: (n, sums[n]) for key, n in theirs.items()})
    return tmp_path


@pytest.mark.parametrize(("small", "folder"), [(False, "data_large_standard"), (True, "data_256_standard")])
def test_places365_for_training(places, small, folder):
    names = names_of(load_dataset("places365", places, options={"small": small}), places)
    assert names == [f"{folder}/a/airfield/00000001.jpg", f"{folder}/a/airplane_cabin/00000001.jpg"]


def test_places365_for_the_test_is_that_for_validation(places):
    names = names_of(load_dataset("places365", places, split="test", options={"small": True}), places)
    assert names == ["val_256/Places365_val_00000001.jpg", "val_256/Places365_val_00000002.jpg"]
    with pytest.raises(FileNotFoundError, match=r"not downloaded; missing: \S*/val_large$"):
        load_dataset("places365", places, split="test")


def test_places365_names_every_missing_list(places):
    for path in places.glob("*.txt"):
        path.unlink()
    missing = r"missing: \S*/categories_places365.txt, \S*/places365_train_standard.txt$"
    with pytest.raises(FileNotFoundError, match=missing):
        load_dataset("places365", places)


def test_places365_refuses_a_list_that_is_not_the_published_one(places):
    write(places / "places365_train_standard.txt", "/a/airfield/00000001.jpg 0\n")
    with pytest.raises(ValueError, match=r"another MD5 of \S*/places365_train_standard.txt$"):
        load_dataset("places365", places)


# Number, split (0 = training, 1 = validation, 2 = test), whether with a moustache, x and y of the landmarks.
FACES = (
    (1, 0, False, (69, 109, 106, 113, 70, 142, 73, 152, 108, 154)),
    (2, 0, True, (69, 109, 106, 113, 71, 142, 73, 152, 108, 154)),
    (3, 0, False, (69, 109, 106, 113, 72, 142, 73, 152, 108, 154)),
    (4, 0, True, (69, 109, 106, 113, 73, 142, 74, 152, 108, 154)),
    (5, 1, True, (69, 109, 106, 113, 74, 142, 73, 152, 108, 154)),
    (6, 2, True, (69, 109, 106, 113, 75, 142, 73, 152, 108, 154)),
    (7, 2, False, (1, 2, 170, 2, 3, 200, 4, 5, 6, 7)),
)


@pytest.fixture
def faces(tmp_path, monkeypatch) -> Path:
    count = f"{len(FACES)}\n"
    parts = ("lefteye", "righteye", "nose", "leftmouth", "rightmouth")
    points = " ".join(f"{part}_{axis}" for part in parts for axis in "xy")
    lists = {
        "list_attr_celeba.txt": f"{count}Attractive Mustache Young \n",
        "list_landmarks_align_celeba.txt": f"{count}{points} \n",
        "list_bbox_celeba.txt": f"{count}image_id x_1 y_1 width height\n",
        "list_eval_partition.txt": "",
        "identity_CelebA.txt": "",
    }
    for number, part, moustache, landmarks in FACES:
        name = f"{number:06}.jpg"
        lists["list_attr_celeba.txt"] += f"{name}  1 {' 1' if moustache else '-1'}  1\n"
        lists["list_landmarks_align_celeba.txt"] += f"{name} {'  '.join(map(str, landmarks))}\n"
        lists["list_bbox_celeba.txt"] += f"{name}    95  71 226 313\n"
        lists["list_eval_partition.txt"] += f"{name} {part}\n"
        lists["identity_CelebA.txt"] += f"{name} {2880 + number}\n"
    sums = {name: md5_of(write(tmp_path / "celeba" / name, text)) for name, text in lists.items()}
    (tmp_path / "celeba" / "img_align_celeba").mkdir()
    monkeypatch.setattr(CelebA, "file_list", [(key, sums.get(n, md5), n) for key, md5, n in CelebA.file_list])
    return tmp_path


def face(root: Path, number: int) -> Path:
    return root / "celeba" / "img_align_celeba" / f"{number:06}.jpg"


def test_celeba_by_split(faces):
    assert load_dataset("celeba", faces) == [TrainingPhoto(face(faces, number)) for number in (1, 2, 3, 4)]
    assert load_dataset("celeba", faces, split="test") == [
        TrainingPhoto(face(faces, number)) for number in (6, 7)
    ]


def test_celeba_with_an_attribute(faces):
    photos = load_dataset("celeba", faces, options={"attribute": "Mustache"})
    assert photos == [TrainingPhoto(face(faces, 2)), TrainingPhoto(face(faces, 4))]
    assert load_dataset("celeba", faces, split="test", options={"attribute": "Mustache"}) == [
        TrainingPhoto(face(faces, 6))
    ]


def test_celeba_has_its_hole_where_the_moustache_is(faces):
    options = {"attribute": "Mustache", "landmarks": ("nose", "leftmouth", "rightmouth"), "margin_px": 5}
    photos = load_dataset("celeba", faces, options=options)
    # 2: nose 71, 142; mouth 73, 152 to 108, 154. 4: nose 73, mouth from 74
    assert [photo.region for photo in photos] == [(66, 137, 114, 160), (68, 137, 114, 160)]


def test_celeba_boxes_stay_within_the_photo(faces):
    options = {"landmarks": ("lefteye", "righteye", "nose"), "margin_px": 20}
    # 7: eyes at 1, 2 and 170, 2, nose at 3, 200
    assert load_dataset("celeba", faces, split="test", options=options)[1].region == (0, 0, 178, 218)


def test_celeba_is_trained_on_with_that_hole(faces):
    pixels = np.zeros((218, 178, 3), np.uint8)
    pixels[142:155, 71:109] = 255
    for number in (2, 4):
        Image.fromarray(pixels).save(face(faces, number), quality=95)
    options = {"attribute": "Mustache", "landmarks": ("nose", "leftmouth", "rightmouth"), "margin_px": 5}
    photos = TrainingPhotos(load_dataset("celeba", faces, options=options), None, size_px=64, seed=0)
    for position in range(8):
        sample = photos[position]
        assert sample.passed_over == ()
        assert sample.image[sample.mask == 1].max() > 200
        assert sample.image[sample.mask == 0].max() < 60


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"attribute": "Moustache"},
            "expected an attribute of Attractive, Mustache, Young, got 'Moustache'",
        ),
        ({"landmarks": ("chin",)}, "expected landmarks of lefteye, .*, got 'chin'"),
        ({"landmarks": ("nose",), "margin_px": -1}, "expected a margin_px from 0, got -1"),
    ],
)
def test_celeba_refuses_what_it_does_not_have(faces, options, message):
    with pytest.raises(ValueError, match=message):
        load_dataset("celeba", faces, options=options)


def test_celeba_names_what_is_missing(faces):
    (faces / "celeba" / "list_attr_celeba.txt").unlink()
    (faces / "celeba" / "img_align_celeba").rmdir()
    missing = r"not downloaded; missing: \S*/celeba/list_attr_celeba.txt, \S*/celeba/img_align_celeba$"
    with pytest.raises(FileNotFoundError, match=missing):
        load_dataset("celeba", faces)


def test_celeba_refuses_a_list_that_is_not_the_published_one(faces):
    path = faces / "celeba" / "list_eval_partition.txt"
    write(path, path.read_text().replace("000006.jpg 2", "000006.jpg 0"))
    with pytest.raises(ValueError, match=r"another MD5 of \S*/celeba/list_eval_partition.txt$"):
        load_dataset("celeba", faces)


@pytest.fixture
def imagenet(tmp_path) -> Path:
    wnids = {"n01440764": ("tench", "Tinca tinca"), "n01443537": ("goldfish",)}
    torch.save((wnids, ["n01443537", "n01440764"]), tmp_path / "meta.bin")
    for split, number in (("train", "{0}_10026"), ("val", "ILSVRC2012_val_00000293")):
        for wnid in wnids:
            write(tmp_path / split / wnid / f"{number.format(wnid)}.JPEG")
    return tmp_path


def test_imagenet(imagenet):
    train = names_of(load_dataset("imagenet", imagenet), imagenet)
    assert train == ["train/n01440764/n01440764_10026.JPEG", "train/n01443537/n01443537_10026.JPEG"]
    test = names_of(load_dataset("imagenet", imagenet, split="test"), imagenet)
    assert test == [f"val/{wnid}/ILSVRC2012_val_00000293.JPEG" for wnid in ("n01440764", "n01443537")]


def test_imagenet_is_not_unpacked_unasked(imagenet):
    archive = write(imagenet / "ILSVRC2012_img_val.tar")
    (imagenet / "val").rename(imagenet / "validation")
    with pytest.raises(FileNotFoundError, match=r"not downloaded; missing: \S*/val$"):
        load_dataset("imagenet", imagenet, split="test")
    assert archive.exists()
    (imagenet / "meta.bin").unlink()
    with pytest.raises(FileNotFoundError, match=r"parse_devkit_archive makes .* missing: \S*/meta.bin$"):
        load_dataset("imagenet", imagenet)


def annotated(path: Path) -> Path:
    """Photos 9: person, dog; 4: dog; 7: nothing; 5: person."""
    content = {
        "images": [
            {"id": number, "file_name": f"{number:012}.jpg", "height": 4, "width": 4}
            for number in (9, 4, 7, 5)
        ],
        "categories": [{"id": 1, "name": "person"}, {"id": 18, "name": "dog"}, {"id": 3, "name": "car"}],
        "annotations": [
            {
                "id": key,
                "image_id": image,
                "category_id": category,
                "bbox": [0, 0, 2, 2],
                "area": 4,
                "iscrowd": 0,
            }
            for key, (image, category) in enumerate([(9, 1), (9, 18), (4, 18), (5, 1), (5, 1)])
        ],
    }
    return write(path, json.dumps(content))


@pytest.mark.parametrize("year", ["2017", "2014"])
def test_coco_by_split(tmp_path, year, capsys):
    for split in ("train", "val"):
        (tmp_path / f"{split}{year}").mkdir()
        annotated(tmp_path / "annotations" / f"instances_{split}{year}.json")
    train = names_of(load_dataset("coco", tmp_path), tmp_path)
    assert train == [f"train{year}/{number:012}.jpg" for number in (4, 5, 7, 9)]
    assert names_of(load_dataset("coco", tmp_path, split="test"), tmp_path)[0] == f"val{year}/{4:012}.jpg"
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, (4, 5, 7, 9)),
        ({"having": ("person",)}, (5, 9)),
        ({"having": ("person", "dog")}, (4, 5, 9)),
        ({"lacking": ("person",)}, (4, 7)),
        ({"having": ("dog",), "lacking": ("person",)}, (4,)),
    ],
)
def test_coco_by_class(tmp_path, options, expected):
    annotations = annotated(tmp_path / "mine.json")
    photos = load_dataset("coco", tmp_path, options={"annotations": annotations, **options})
    assert [int(photo.path.stem) for photo in photos] == list(expected)


def test_coco_with_classes_that_no_photo_or_no_file_has(tmp_path):
    annotations = annotated(tmp_path / "mine.json")
    with pytest.raises(
        ValueError, match=r"expected photos, coco in .* has none for train, .*having \('car',\)$"
    ):
        load_dataset("coco", tmp_path, options={"annotations": annotations, "having": ("car",)})
    with pytest.raises(ValueError, match="expected classes of person, dog, car, got 'cat'"):
        load_dataset("coco", tmp_path, options={"annotations": annotations, "lacking": ("cat",)})


def test_coco_names_what_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"photos of COCO .*not downloaded; missing: \S*/train2017"):
        load_dataset("coco", tmp_path)
    (tmp_path / "train2014").mkdir()
    with pytest.raises(FileNotFoundError, match=r"missing: \S*/annotations/instances_train2014.json"):
        load_dataset("coco", tmp_path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("not JSON", "it is no JSON, Expecting value"),
        ("[]", "AssertionError"),
        ('{"images": [{}], "categories": []}', "it lacks 'id'"),
        ('{"images": [], "annotations": []}', "it lacks 'categories'"),
        ("{}", r"\w+"),
    ],
)
def test_a_file_that_is_not_cocos_is_named(tmp_path, text, reason):
    annotations = write(tmp_path / "mine.json", text)
    with pytest.raises(ValueError, match=rf"mine\.json is no COCO file: {reason}"):
        load_dataset("coco", tmp_path, options={"annotations": annotations})


def test_real_photos_of_coco(shared):
    root = shared / "data" / "coco"
    options = {"annotations": root / "instances.json", "having": ("person",)}
    photos = load_dataset("coco", root / "images", options=options)
    assert photos
    assert all(photo.path.is_file() for photo in photos)
