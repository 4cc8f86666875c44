import os

import pytest

from segment import MaskError
from segment.handover.index import MaskIndex


@pytest.fixture
def index(tmp_path):
    """An index of empty files of these names."""

    def make(*names: str) -> MaskIndex:
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()
        return MaskIndex(tmp_path)

    return make


@pytest.mark.parametrize(
    ("mask", "photo"),
    [
        ("street.png", "photos/street.jpg"),
        ("street.npy", "street.JPG"),
        ("street.json", "street.webp"),
        ("street.mask.png", "street.jpg"),
        ("street_mask.png", "street.jpg"),
        ("street-mask.tif", "street.jpg"),
        ("street.jpg.png", "street.jpg"),
        ("street_masks.png", "street.jpg"),
        ("street_mask001.png", "street.jpg"),
        ("street.jpg_mask.png", "street.jpg"),
        ("mask_street.png", "street.jpg"),
        ("street mask.png", "street.jpg"),
        ("STREET.PNG", "street.jpg"),
        ("street_Mask.PNG", "Street.jpg"),
        ("deep/down/street.png", "street.jpg"),
        ("Caf\u00e9.png", "Cafe\u0301.jpg"),  # the same name as two systems write it
        ("Cafe\u0301_mask.png", "Caf\u00e9.jpg"),
        ("42.png", "000000000042.jpg"),
        ("000000000042.png", "COCO_val2014_000000000042.jpg"),
    ],
)
def test_matching_names(mask, photo, index, tmp_path):
    assert index(mask, "unrelated.png").find(photo) == tmp_path / mask


@pytest.mark.parametrize(
    ("mask", "photo"),
    [
        ("street.png", "street2.jpg"),
        ("2.png", "holiday-2.jpg"),  # a number in a name is no image id
        ("2.png", "img_000002.jpg"),
        ("1.png", "01.jpg"),  # zeros in front are part of a name that is no image id
        ("01.png", "1.jpg"),
        ("street_2.png", "street.jpg"),
        ("street.png.png", "street.jpg"),  # names its photo's suffix, another
        (".street.png", "street.jpg"),
        ("__MACOSX/street.png", "street.jpg"),
        ("street.txt", "street.jpg"),
    ],
)
def test_names_that_do_not_match(mask, photo, index):
    with pytest.raises(MaskError, match=rf"expected one mask for {photo} in .*, found none") as error:
        index(mask, "unrelated.png").find(photo)
    assert error.value.reason == "missing"


def test_what_save_masks_writes_comes_first(index, tmp_path):
    masks = index("a.png", "a.mask.png", "b.png", "b_mask.png", "c.png", "c.jpg.png")
    assert masks.find("a.jpg") == tmp_path / "a.mask.png"
    assert masks.find("b.jpg") == tmp_path / "b.png"
    assert masks.find("c.jpg") == tmp_path / "c.png"


def test_of_several_the_nearest_folder(index, tmp_path):
    masks = index("a/1.png", "b/1.png", "1.npy", "c/x/2.png", "d/y/2.png", "3.png", "3.npy")
    assert masks.find("photos/b/1.jpg") == tmp_path / "b/1.png"
    assert masks.find("c/x/2.jpg") == tmp_path / "c/x/2.png"
    for photo in ("photos/1.jpg", "2.jpg", "3.jpg"):
        with pytest.raises(MaskError, match=f"expected one mask for {photo} in .*, found several: ") as error:
            masks.find(photo)
        assert error.value.reason == "several"


def test_a_photo_is_not_its_own_mask(index, tmp_path, monkeypatch):
    masks = index("street.jpg", "street_mask.png", "alone.jpg")
    assert masks.find(tmp_path / "street.jpg") == tmp_path / "street_mask.png"
    monkeypatch.chdir(tmp_path)
    assert masks.find("street.jpg") == tmp_path / "street_mask.png"
    with pytest.raises(MaskError, match="found none"):
        masks.find(tmp_path / "alone.jpg")


def test_a_folder_without_masks(tmp_path):
    (tmp_path / "readme.txt").touch()
    with pytest.raises(MaskError, match=r"no mask file \(.*\.npy.*\) in"):
        MaskIndex(tmp_path)


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="no symbolic links here")
def test_links_to_folders_are_not_followed(index, tmp_path):
    masks = index("a/1.png")
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    assert MaskIndex(tmp_path).entries == masks.entries
