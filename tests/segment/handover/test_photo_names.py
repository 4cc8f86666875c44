from pathlib import PurePath

import pytest

from segment.handover.photo_names import (
    PhotoName,
    closest_names,
    contradicts,
    is_claimed,
    lies_elsewhere,
    read_photo_name,
    suffix_agrees,
    telling,
)


def test_folders_are_compared_from_the_file_upwards():
    assert contradicts(("in", "day2"), ("day1",))
    assert not contradicts(("in", "day1"), ("day1",))
    assert not contradicts((), ("day1",))  # nothing is known of the photo's folder
    assert not contradicts(("in", "day1"), ())
    assert contradicts(("day1", "left"), ("day1", "right"))


def test_folders_named_after_their_content_tell_nothing():
    assert telling(("Images", "day1", "SegmentationClass", ".")) == ("day1",)
    names = [PurePath("images/1.jpg")]
    assert closest_names(PurePath("in/1.jpg"), names) == names


def test_another_folder_is_another_photo():
    names = [PurePath("day1/1.jpg"), PurePath("day2/2.jpg")]
    assert closest_names(PurePath("in/day1/1.jpg"), names) == [PurePath("day1/1.jpg")]
    assert closest_names(PurePath("in/day2/1.jpg"), names) == []


def test_the_folder_of_a_photo_that_is_there_is_known(tmp_path, monkeypatch):
    (tmp_path / "day2").mkdir()
    (tmp_path / "day2" / "1.jpg").touch()
    monkeypatch.chdir(tmp_path / "day2")
    assert closest_names(PurePath("1.jpg"), [PurePath("day1/1.jpg")]) == []
    assert closest_names(PurePath("1.jpg"), [PurePath("day2/1.jpg")]) == [PurePath("day2/1.jpg")]


@pytest.mark.parametrize(
    ("photo", "name", "agrees"),
    [
        ("a.jpg", "a.jpg", True),
        ("a.JPG", "a.jpeg", True),
        ("a.tif", "a.TIFF", True),
        ("a.png", "a.jpg", False),
        ("a.jpg", "a", True),
        ("a.b.jpg", "a.b", True),  # what follows the dot is no photo's suffix
    ],
)
def test_suffixes(photo, name, agrees):
    assert suffix_agrees(PurePath(photo), PurePath(name)) is agrees


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("day1/1.jpg", PhotoName(PurePath("day1/1.jpg"))),
        ("day1\\1.jpg", PhotoName(PurePath("day1/1.jpg"))),
        ("C:\\me\\day1\\1.jpg", PhotoName(PurePath("1.jpg"), ("me", "day1"))),
        ("/data/upload/4/1.jpg", PhotoName(PurePath("1.jpg"), ("data", "upload", "4"))),
        ("../day1/1.jpg", PhotoName(PurePath("1.jpg"), ("day1",))),
        ("https://h.example/o/abc%2F1.jpg?alt=media", PhotoName(PurePath("1.jpg"), ("o", "abc"))),
    ],
)
def test_names_as_other_systems_write_them(name, expected):
    assert read_photo_name(name) == expected


@pytest.mark.parametrize("name", [None, 7, "", "  ", "a\0.jpg", "..", "a/..", "https://[::1/1.jpg"])
def test_what_is_no_name(name):
    with pytest.raises(ValueError, match="expected a file name"):
        read_photo_name(name)


def test_what_another_photo_has_the_very_name_of(tmp_path):
    for name in ("Street.jpg", "street.jpg"):
        (tmp_path / name).touch()
    if len(list(tmp_path.iterdir())) == 1:
        pytest.skip("names are the same in any case here")
    assert is_claimed(tmp_path / "Street.jpg", "street")
    assert not is_claimed(tmp_path / "street.jpg", "street")
    assert not is_claimed(tmp_path / "Street.jpg", "STREET")


def test_a_photo_in_the_folder_that_is_named(tmp_path):
    for day in ("day1", "day2"):
        (tmp_path / day).mkdir()
        (tmp_path / day / "1.jpg").touch()
    assert lies_elsewhere(tmp_path / "day2" / "1.jpg", ("me", "day1"))
    assert not lies_elsewhere(tmp_path / "day1" / "1.jpg", ("me", "day1"))
    assert not lies_elsewhere(tmp_path / "day2" / "1.jpg", ("me", "upload"))
