import numpy as np
import pytest
from PIL import Image

from removal.batch import PlanError
from removal.evaluation.known_background import HolesProtocol, PairsProtocol, placed_shape
from removal.evaluation.options import EvaluationOptions
from removal.options import RunOptions


def holes_of(coco, *, seed=0):
    options = EvaluationOptions(
        coco.images, coco.folder / "run", protocol="holes", annotations=coco.write(), classes=("person",),
        run=RunOptions(seed=seed),
    )  # fmt: skip
    return HolesProtocol(options)


def test_shapes_of_people_go_into_photos_without_them(small_coco):
    protocol = holes_of(small_coco)
    assert [photo.name for photo in protocol.photos] == ["dog.png", "empty.png"]
    areas = {10 * 20, 12 * 28, 12 * 30, 10 * 30}  # of the people who are no crowd
    for photo in protocol.photos:
        case = protocol.read(photo)
        hole = case.truths["holes"].union()
        assert int(hole.sum()) in areas
        assert np.array_equal(case.image, case.clean)


def test_a_photo_has_the_same_hole_whatever_else_is_there(small_coco):
    first = holes_of(small_coco)
    holes = {photo.name: first.read(photo).truths["holes"].union() for photo in first.photos}
    small_coco.photo(1, "before.png")
    again = holes_of(small_coco)
    assert [photo.name for photo in again.photos] == ["before.png", "dog.png", "empty.png"]
    for photo in again.photos[1:]:
        assert np.array_equal(again.read(photo).truths["holes"].union(), holes[photo.name])
    other = holes_of(small_coco, seed=1)
    assert any(
        not np.array_equal(other.read(photo).truths["holes"].union(), holes[photo.name])
        for photo in other.photos[1:]
    )


def test_shapes_keep_their_height_in_the_frame_and_fit():
    shape = np.zeros((100, 100), bool)
    shape[20:80, 90:100] = True
    for number in range(20):
        placed = placed_shape([shape], (200, 300), (0, number))
        rows, columns = np.flatnonzero(placed.any(axis=1)), np.flatnonzero(placed.any(axis=0))
        assert (rows[0], rows[-1], len(columns)) == (40, 159, 20)
    assert placed_shape([shape], (3, 4), (0, 0)).any()


def test_no_shape_of_the_right_size(coco_set):
    coco_set.photo(1, "a.png", persons=[(0, 0, 3, 3)], crowds=[(5, 5, 20, 20)]).photo(2, "b.png")
    with pytest.raises(PlanError, match="no person there covers 2% to 15%"):
        holes_of(coco_set)


def test_photos_without_a_hole_are_problems(holes_set, tmp_path):
    (holes_set / "holes/2.png").unlink()
    options = EvaluationOptions(
        holes_set / "photos", tmp_path / "run", protocol="holes", holes=holes_set / "holes"
    )
    protocol = HolesProtocol(options)
    assert [photo.name for photo in protocol.photos] == ["1.png"]
    assert list(protocol.problems) == ["2.png"]


def test_a_hole_of_another_size(holes_set, tmp_path):
    Image.fromarray(np.ones((10, 10), bool)).save(holes_set / "holes/1.png")
    options = EvaluationOptions(
        holes_set / "photos", tmp_path / "run", protocol="holes", holes=holes_set / "holes"
    )
    protocol = HolesProtocol(options)
    with pytest.raises(ValueError, match=r"1\.png is 10 x 10, but the photo .* is 64 x 48"):
        protocol.read(protocol.photos[0])


def test_what_a_pair_needs(pairs_set, tmp_path):
    (pairs_set / "scene_1/clean.png").unlink()
    (pairs_set / "scene_2/changed.png").unlink()
    (pairs_set / "notes.txt").write_text("x")
    protocol = PairsProtocol(EvaluationOptions(pairs_set, tmp_path / "run", protocol="pairs"))
    assert protocol.problems == {"scene_1": f"no clean.png in '{pairs_set / 'scene_1'}'"}
    (photo,) = protocol.photos
    case = protocol.read(photo)
    assert np.array_equal(case.regions["changed"], case.truths["object"].union())
    assert sorted(case.regions) == ["changed"]


def test_a_clean_view_of_another_size(pairs_set, tmp_path):
    Image.fromarray(np.zeros((10, 10, 3), np.uint8)).save(pairs_set / "scene_1/clean.png")
    protocol = PairsProtocol(EvaluationOptions(pairs_set, tmp_path / "run", protocol="pairs"))
    with pytest.raises(ValueError, match=r"clean\.png is 10 x 10, but photo\.png is 64 x 48"):
        protocol.read(protocol.photos[0])
