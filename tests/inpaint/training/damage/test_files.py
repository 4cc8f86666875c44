import json

import cv2
import numpy as np
import pytest
from pycocotools import mask as coco_mask

from inpaint.training.damage.kinds import damage_of, passed_over
from inpaint.training.damage.mask_files import MaskFileHoles
from inpaint.training.damage.shapes import CocoShapes

PEOPLE = ({"id": 1, "name": "person"}, {"id": 2, "name": "dog"})
# An L: 60 wide, 100 high, its foot 30 high and its leg 20 wide.
L_POLYGON = [10, 20, 30, 20, 30, 90, 70, 90, 70, 120, 10, 120]


def annotation(segmentation, *, number=7, category=1, bbox=(10, 20, 60, 100), crowd=0):
    return {
        "id": number,
        "image_id": 1,
        "category_id": category,
        "segmentation": segmentation,
        "bbox": list(bbox),
        "iscrowd": crowd,
    }


@pytest.fixture
def written(tmp_path):
    def write(*annotations):
        path = tmp_path / f"instances{len(list(tmp_path.iterdir()))}.json"
        path.write_text(json.dumps({"categories": PEOPLE, "images": [], "annotations": annotations}))
        return path

    return write


def l_mask() -> np.ndarray:
    mask = np.zeros((150, 100), np.uint8)
    mask[20:120, 10:30] = mask[90:120, 10:70] = 1
    return mask


def uncompressed(mask: np.ndarray) -> dict:
    flat = np.concatenate([[0], mask.flatten(order="F"), [0]])
    changes = np.flatnonzero(np.diff(flat))
    counts = np.diff(np.concatenate([[0], changes, [mask.size]])).tolist()
    return {"size": list(mask.shape), "counts": counts}


def compressed(mask: np.ndarray) -> dict:
    found = coco_mask.encode(np.asfortranarray(mask))
    return {"size": found["size"], "counts": found["counts"].decode()}


@pytest.mark.parametrize("segmentation", [[L_POLYGON], uncompressed(l_mask()), compressed(l_mask())])
@pytest.mark.parametrize("size", [(64, 64), (200, 300)])
def test_a_shape_keeps_its_form_at_any_size(written, segmentation, size):
    kind = CocoShapes(written(annotation(segmentation)), size=(0.5, 0.5), overhang=0)
    mirrored = set()
    for seed in range(12):
        hole = kind.hole(*size, np.random.default_rng(seed))
        rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
        longer = min(size) / 2
        assert np.ptp(rows) + 1 == pytest.approx(longer, abs=1)
        assert np.ptp(columns) + 1 == pytest.approx(longer * 0.6, abs=1.5)
        assert hole.sum() == pytest.approx(longer**2 * 0.32, rel=0.12)  # 3,200 of 100 x 100
        head = hole[rows[0], columns[0] : columns[-1] + 1]
        mirrored.add(bool(head[0]))
        assert head[0] != head[-1]
    assert mirrored == {True, False}


def test_shapes_hang_over_but_never_out(written):
    kind = CocoShapes(written(annotation([L_POLYGON])), size=(0.6, 0.6), overhang=0.5)
    holes = [kind.hole(50, 50, np.random.default_rng(seed)) for seed in range(60)]
    assert all(hole.any() for hole in holes)
    areas = np.array([hole.sum() for hole in holes])
    assert areas.min() < 0.8 * areas.max()


def test_only_shapes_of_the_class_that_are_large_and_single(written):
    square = [[0, 0, 99, 0, 99, 99, 0, 99]]
    path = written(
        annotation(square, category=2, bbox=(0, 0, 99, 99)),
        annotation(square, crowd=1, bbox=(0, 0, 99, 99)),
        annotation([[0, 0, 9, 0, 9, 9, 0, 9]], bbox=(0, 0, 9, 9)),
        annotation([L_POLYGON]),
    )
    rng = np.random.default_rng(0)
    for _ in range(12):
        hole = CocoShapes(path, overhang=0).hole(64, 64, rng)
        rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
        assert np.ptp(rows) > 1.3 * np.ptp(columns)
    dog = CocoShapes(path, classes=("dog",), overhang=0, size=(0.5, 0.5)).hole(64, 64, rng)
    assert dog.sum() == 32 * 32


def test_polygons_that_overlap_are_joined(written):
    halves = [[0, 0, 60, 0, 60, 100, 0, 100], [40, 0, 100, 0, 100, 100, 40, 100]]
    kind = CocoShapes(written(annotation(halves)), size=(0.5, 0.5), overhang=0)
    assert kind.hole(64, 64, np.random.default_rng(0)).sum() == 32 * 32


@pytest.mark.parametrize(
    ("segmentation", "said"),
    [
        ([[1, 2, 3]], "annotation 7 cannot be read"),
        ([[5, 5, 5, 5, 5, 5]], "enclose nothing"),
        ([], "found none but 1 boxes without an outline"),
        ({"size": [4, 4], "counts": [16]}, "hold nothing"),
        ({"counts": "11"}, "annotation 7 cannot be read: KeyError 'size'"),
        (None, "found none but 1 boxes without an outline"),
    ],
)
def test_a_bad_shape_is_named(written, segmentation, said, rng):
    path = written(annotation(segmentation))
    with pytest.raises(ValueError, match=said) as raised:
        CocoShapes(path).hole(64, 64, rng)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"annotations": []}', b'{"categories": [], "annotations": [{}]}']
)
def test_a_file_that_is_no_annotations_is_named(tmp_path, content, rng):
    path = tmp_path / "bad.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"bad\.json is no COCO annotations"):
        CocoShapes(path).hole(64, 64, rng)


def test_missing_files_and_shapes_are_named(written, tmp_path, rng):
    with pytest.raises(FileNotFoundError, match=r"no file .*gone\.json"):
        CocoShapes(tmp_path / "gone.json").hole(64, 64, rng)
    path = written(annotation([L_POLYGON]))
    with pytest.raises(ValueError, match=r"expected shapes of cat from 48 px in .*, found none"):
        CocoShapes(path, classes=("cat",)).hole(64, 64, rng)
    with pytest.raises(ValueError, match="of any class from 500 px"):
        CocoShapes(path, classes=None, least_px=500).hole(64, 64, rng)


def test_real_people(shared):
    kind = damage_of({"shapes": 1}, shapes=shared / "data" / "coco" / "instances.json")
    image = np.zeros((128, 128, 3), np.uint8)
    shares = [kind(image, np.random.default_rng(seed))[1].mean() for seed in range(60)]
    assert 0.03 < np.mean(shares) < 0.3
    assert min(shares) > 0


@pytest.fixture
def mask_file(tmp_path):
    """A white block of 20 x 20 in the middle of 80 x 60, in a folder below."""
    mask = np.zeros((80, 60), np.uint8)
    mask[30:50, 20:40] = 255
    (tmp_path / "below").mkdir()
    cv2.imwrite(str(tmp_path / "below" / "a.png"), mask)
    return tmp_path


@pytest.mark.parametrize("inverted", [False, True])
def test_a_mask_file_keeps_its_share_of_the_area(mask_file, inverted):
    shares = [
        MaskFileHoles(mask_file, inverted=inverted, crop=(1, 1))
        .hole(*size, np.random.default_rng(seed))
        .mean()
        for size in ((60, 60), (240, 240))
        for seed in range(5)
    ]
    # The largest square is 60 x 60.
    np.testing.assert_allclose(np.abs(inverted - np.array(shares)), 400 / 3600)


def test_parts_of_a_mask_file_are_enlarged(mask_file):
    kind = MaskFileHoles(mask_file, crop=(0.3, 0.5))
    shares = [kind.hole(64, 64, np.random.default_rng(seed)).mean() for seed in range(30)]
    assert max(shares) > 0.4
    assert 0 < min(shares) < max(shares) < 1


def test_a_hole_thinner_than_the_step_is_not_lost(tmp_path, rng):
    mask = np.zeros((200, 200), np.uint8)
    mask[101, 101] = 255
    cv2.imwrite(str(tmp_path / "dot.png"), mask)
    for _ in range(10):
        assert MaskFileHoles(tmp_path).hole(32, 32, rng).sum() >= 1


def test_a_bad_mask_file_is_named(tmp_path, rng):
    with pytest.raises(FileNotFoundError, match="no folder"):
        MaskFileHoles(tmp_path / "gone").hole(32, 32, rng)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"expected photos .* found none"):
        MaskFileHoles(tmp_path / "empty").hole(32, 32, rng)
    cv2.imwrite(str(tmp_path / "black.png"), np.zeros((9, 9), np.uint8))
    with pytest.raises(ValueError, match=r"black\.png: expected a hole, found no pixel from 128"):
        MaskFileHoles(tmp_path).hole(32, 32, rng)
    folder = tmp_path / "other"
    folder.mkdir()
    (folder / "broken.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"broken\.png: not an image"):
        MaskFileHoles(folder).hole(32, 32, rng)


def test_mask_files_without_a_hole_are_passed_over_and_counted(mask_file, rng):
    kind = MaskFileHoles(mask_file)
    assert kind.passed_over() is None
    cv2.imwrite(str(mask_file / "nobody.png"), np.zeros((9, 9), np.uint8))
    (mask_file / "broken.png").write_bytes(b"no picture")
    photo_folder_is_listed_anew()
    for _ in range(20):
        assert kind.hole(32, 32, rng).any()
    assert kind.passed_over().startswith(
        f"2 of 3 mask files passed over: {mask_file / 'broken.png'}: not an image"
    )
    assert passed_over({"mosaic-files": 1}, files=mask_file) == [kind.passed_over()]
    assert passed_over({"strokes": 1}, files=mask_file) == []
    (mask_file / "below" / "a.png").unlink()
    photo_folder_is_listed_anew()
    with pytest.raises(ValueError, match=r"broken\.png: not an image"):
        kind.passed_over()


def photo_folder_is_listed_anew():
    from inpaint.training.damage import mask_files

    for cached in (mask_files._listed, mask_files._read, mask_files._cause):
        cached.cache_clear()


def test_shapes_without_an_outline_are_passed_over_and_counted(written, rng):
    path = written(annotation([]), annotation([L_POLYGON]), annotation(None), annotation([[1, 2]]))
    kind = CocoShapes(path)
    assert kind.passed_over() == f"2 of 4 shapes passed over: {path}: they have no outline, only a box"
    for _ in range(20):
        assert kind.hole(64, 64, rng).any()
    assert passed_over({"shapes": 1, "box": 2}, shapes=path) == [kind.passed_over()]
    path = written(annotation([]))
    with pytest.raises(ValueError, match="found none but 1 boxes without an outline"):
        CocoShapes(path, least_px=47).passed_over()


def test_a_category_of_two_names_is_refused(tmp_path):
    content = {"categories": [{"id": 1, "name": "person"}, {"id": 1, "name": "car"}], "annotations": []}
    (tmp_path / "bad.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match="category 1 is listed twice, as 'person' and as 'car'"):
        CocoShapes(tmp_path / "bad.json").passed_over()


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda path: CocoShapes(path, size=(0.5, 2)), "expected size"),
        (lambda path: CocoShapes(path, overhang=0.6), "expected overhang"),
        (lambda path: MaskFileHoles(path, threshold=0), "expected threshold"),
        (lambda path: MaskFileHoles(path, crop=(0.5, 2)), "expected crop"),
        (lambda path: damage_of({"shapes": 1}, files=path), "expected COCO annotations for damage by shapes"),
        (lambda path: damage_of({"mosaic-files": 1}, shapes=path), "expected a folder of mask pictures"),
    ],
)
def test_settings_out_of_range_are_refused(build, said, tmp_path):
    with pytest.raises(ValueError, match=said):
        build(tmp_path)


def test_holes_of_files_can_show_something(mask_file, written):
    image = np.full((48, 48, 3), 9, np.uint8)
    image[::2] = 90
    kind = damage_of(
        {"mosaic-files": 1, "covered-shapes": 1}, files=mask_file, shapes=written(annotation([L_POLYGON]))
    )
    for seed in range(6):
        damaged, mask = kind(image, np.random.default_rng(seed))
        assert (damaged != image).any()
        np.testing.assert_array_equal(damaged[mask == 0], image[mask == 0])
