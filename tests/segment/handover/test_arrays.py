import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from segment import MaskError
from segment.handover.arrays import array_names, read_mask_array
from segment.handover.mask_picture import label_levels

MASK = np.array([[1, 1, 0, 0], [0, 0, 0, 0]], dtype=bool)
LEVELS = np.where(MASK, 255, 0)

ARRAYS = {
    "bool": MASK,
    "uint8": LEVELS.astype(np.uint8),
    "zero and one": MASK.astype(np.int64),
    "float32": MASK.astype(np.float32),
    "float16, to 255": LEVELS.astype(np.float16),
    "first axis": MASK[None],
    "last axis": MASK[..., None],
    "one object each": np.stack([MASK & (np.arange(4) == 0), MASK & (np.arange(4) == 1)]),
    "columns first": np.asfortranarray(MASK),
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_kinds_of_arrays(kind, tmp_path):
    np.save(tmp_path / "mask.npy", ARRAYS[kind])
    picture = read_mask_array(tmp_path / "mask.npy")
    assert picture.levels.dtype == np.uint8
    np.testing.assert_array_equal(picture.levels, LEVELS)


def test_fractions_keep_their_shades(tmp_path):
    np.save(tmp_path / "mask.npy", np.array([[0.0, 0.5, 1.0]]))
    np.testing.assert_array_equal(read_mask_array(tmp_path / "mask.npy").levels, [[0, 128, 255]])


def test_labels(tmp_path):
    np.save(tmp_path / "labels.npy", np.array([[0, 3, 3, 700]], np.int32))
    picture = read_mask_array(tmp_path / "labels.npy")
    assert picture.is_label_map
    np.testing.assert_array_equal(label_levels(picture, 700, "")[0], [0, 0, 0, 255])


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.array([[np.nan, 0.0]]), "expected numbers, got NaN or infinity"),
        (np.array([[-5.0, 5.0]]), "expected values from 0 to 1 or 0 to 255, got -5 to 5"),
        (np.array([[-1, 5]]), "expected values from 0 to 65535, got -1 to 5"),
        (np.array([["a"]]), "expected bool or numbers, got an array of <U1"),
        (np.array([[1j]]), "expected bool or numbers, got an array of complex128"),
        (np.array(3), r"expected an array of shape \(H, W\)"),
        (np.zeros((0, 4)), r"expected an array of shape \(H, W\), got \(0, 4\)"),
        (np.zeros((8, 8, 3), np.uint8), r"got colours \(8, 8, 3\)"),
        (np.full((2, 8, 8), 7), "nothing but 0 and 1, or 0 and 255, in masks of shape"),
        (np.zeros((2, 2, 8, 8), bool), r"got \(2, 2, 8, 8\)"),
        (np.zeros((40, 40), bool), r"has the shape \(40, 40\), more than 0.001 million numbers"),
    ],
)
def test_what_is_no_mask(array, message, tmp_path):
    np.save(tmp_path / "mask.npy", array)
    with pytest.raises(MaskError, match=message) as error:
        read_mask_array(tmp_path / "mask.npy", max_pixels=1000)
    assert error.value.reason == "unreadable"
    assert "mask.npy cannot be read" in str(error.value)


def test_nothing_pickled_is_read(tmp_path):
    class Evil:
        def __reduce__(self):
            return Path.touch, (tmp_path / "executed",)

    np.save(tmp_path / "mask.npy", np.array([[Evil()]], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "mask.npz", mask=np.array([[Evil()]], dtype=object))
    for name in ("mask.npy", "mask.npz"):
        with pytest.raises(MaskError, match="expected bool or numbers, got an array of object"):
            read_mask_array(tmp_path / name)
    assert not (tmp_path / "executed").exists()


def test_sizes_are_checked_before_anything_is_unpacked(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|u1", "fortran_order": False, "shape": (10**6, 10**6)}
    )
    (tmp_path / "mask.npy").write_bytes(header.getvalue())
    with zipfile.ZipFile(tmp_path / "mask.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mask.npy", header.getvalue() + bytes(10**6))
    for name in ("mask.npy", "mask.npz"):
        with pytest.raises(MaskError, match=r"has the shape \(1000000, 1000000\), more than 300 million"):
            read_mask_array(tmp_path / name)


def test_damaged_files(tmp_path):
    np.save(tmp_path / "mask.npy", MASK)
    (tmp_path / "mask.npy").write_bytes((tmp_path / "mask.npy").read_bytes()[:-3])
    np.savez(tmp_path / "mask.npz", MASK)
    (tmp_path / "mask.npz").write_bytes((tmp_path / "mask.npz").read_bytes()[:-30])
    (tmp_path / "text.npy").write_text("text")
    for name in ("mask.npy", "mask.npz", "text.npy"):
        with pytest.raises(MaskError, match=f"{name} cannot be read"):
            read_mask_array(tmp_path / name)


def test_which_array_of_an_archive(tmp_path):
    np.savez(tmp_path / "all.npz", a=MASK, b=~MASK)
    np.savez_compressed(tmp_path / "c.npz", MASK)
    np.savez(tmp_path / "d.npz", masks=MASK, boxes=np.zeros(4))
    np.savez(tmp_path / "e.npz", anything=MASK)
    assert array_names(tmp_path / "all.npz") == ("a", "b")
    for name, photo in (("all", "x/a.jpg"), ("c", "c.jpg"), ("c", "x.jpg"), ("d", "d.jpg"), ("e", "e.jpg")):
        picture = read_mask_array(tmp_path / f"{name}.npz", Path(photo))
        np.testing.assert_array_equal(picture.levels, LEVELS)
    for name in ("all", "e"):
        with pytest.raises(
            MaskError, match=rf"expected an array for z\.jpg in .*{name}\.npz, found a"
        ) as error:
            read_mask_array(tmp_path / f"{name}.npz", Path("z.jpg"))
        assert error.value.reason == "missing"
