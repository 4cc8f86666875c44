from pathlib import Path

import pytest

from inpaint.training.datasets import DATASETS, load_dataset, options_of
from inpaint.training.photos import TrainingPhoto


def photos(root: Path, *names: str) -> list[Path]:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return [root / name for name in names]


def paths_of(*args, **kwargs) -> list[Path]:
    found = load_dataset(*args, **kwargs)
    assert all(photo.region is None for photo in found)
    return [photo.path for photo in found]


def test_a_folder_is_all_for_training_unless_some_are_kept(tmp_path):
    six = photos(tmp_path, "a.jpg", "b/c.jpg", "b/d.png", "e.jpg", "f.jpg", "g.jpg")
    assert paths_of("folder", tmp_path) == six
    assert paths_of("folder", tmp_path, split="test", options={"test_count": 2}) == [six[1], six[4]]
    kept = paths_of("folder", tmp_path, split="train", options={"test_count": 2})
    assert kept == [six[0], six[2], six[3], six[5]]


def test_a_folder_of_which_nothing_is_kept_has_no_test(tmp_path):
    photos(tmp_path, "a.jpg")
    with pytest.raises(ValueError, match=r"expected photos, folder in .* has none for test$"):
        load_dataset("folder", tmp_path, split="test")


@pytest.mark.parametrize("count", [-1, 2, 3])
def test_a_folder_cannot_keep_all_or_less_than_none(tmp_path, count):
    photos(tmp_path, "a.jpg", "b.jpg")
    with pytest.raises(ValueError, match=rf"expected to keep 0 to 1 of the 2 photos .* got {count}"):
        load_dataset("folder", tmp_path, options={"test_count": count})


def test_animals_are_55_for_training_and_5_for_the_test_of_each_class(tmp_path):
    animals = ("zebra", "antelope", "bee")
    for animal in animals:
        photos(tmp_path, *(f"{animal}/{number:02}.jpg" for number in range(60)))
    photos(tmp_path, ".checkpoints/a.jpg", "readme.jpg")
    train, test = (paths_of("classes", tmp_path, split=split) for split in ("train", "test"))
    assert (len(train), len(test)) == (3 * 55, 3 * 5)
    assert not set(train) & set(test)
    assert test[:5] == [tmp_path / "antelope" / f"{number:02}.jpg" for number in (6, 18, 30, 42, 54)]
    assert [path.parent.name for path in test[::5]] == sorted(animals)


def test_a_class_too_small_for_its_test_is_named(tmp_path):
    photos(tmp_path, "ant/a.jpg", "ant/b.jpg", "bee/a.jpg")
    with pytest.raises(ValueError, match=r"expected to keep 0 to 0 of the 1 photos of class bee .* got 1"):
        load_dataset("classes", tmp_path, options={"test_per_class": 1})


def test_a_missing_folder_of_classes_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"one folder of photos per class.* missing: .*absent"):
        load_dataset("classes", tmp_path / "absent")
    with pytest.raises(ValueError, match=r"expected photos, classes in .* has none for train"):
        load_dataset("classes", tmp_path)


def test_names_splits_and_options_that_do_not_exist_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"expected a data set of folder, classes, .*, got 'cifar'"):
        load_dataset("cifar", tmp_path)
    with pytest.raises(ValueError, match="expected a split of train, test, got 'val'"):
        load_dataset("folder", tmp_path, split="val")
    with pytest.raises(ValueError, match="expected options of test_count for folder, got 'attribute'"):
        load_dataset("folder", tmp_path, options={"attribute": "Mustache"})
    with pytest.raises(ValueError, match="expected no options for imagenet, got 'root'"):
        load_dataset("imagenet", tmp_path, options={"root": "elsewhere"})


def test_the_names_and_their_options():
    assert {name: options_of(name) for name in DATASETS} == {
        "folder": ("test_count",),
        "classes": ("test_per_class",),
        "places365": ("small",),
        "celeba": ("attribute", "landmarks", "margin_px"),
        "imagenet": (),
        "coco": ("annotations", "having", "lacking"),
    }


def test_a_photo_is_a_path_without_a_region():
    assert TrainingPhoto(Path("a.jpg")) == TrainingPhoto(Path("a.jpg"), None)
