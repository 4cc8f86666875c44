import numpy as np
import pytest
from PIL import Image

from removal.errors import PlanError
from removal.evaluation.holes_protocol import HolesProtocol, placed_shape, share_better, squared
from removal.evaluation.plan import EvaluationOptions
from removal.options import RunOptions

PERSON = 900  # its category in the drawn annotations


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
        assert np.array_equal(case.image[~hole], case.clean[~hole])
        assert (case.image[hole] == 128).all()  # nobody is shown what is to be guessed


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


def damaged(images, out, *, kinds=("free-form",), seed=0, shapes=None):
    options = EvaluationOptions(
        images, out, protocol="holes", damage=kinds, shapes=shapes, run=RunOptions(seed=seed)
    )
    return HolesProtocol(options)


def test_damage_is_drawn_from_the_seed_and_the_name(holes_set, tmp_path):
    first = damaged(holes_set / "photos", tmp_path / "run")
    assert [photo.name for photo in first.photos] == ["1.png", "2.png"]
    case = first.read(first.photos[0])
    hole = case.truths["holes"].union()
    assert 0 < hole.sum() < hole.size
    assert (case.image[hole] == 128).all()
    assert np.array_equal(case.image[~hole], case.clean[~hole])
    (holes_set / "photos/1.png").rename(holes_set / "photos/3.png")
    (holes_set / "photos/2.png").rename(holes_set / "photos/1.png")  # another photo of that name
    again = damaged(holes_set / "photos", tmp_path / "run")
    assert np.array_equal(again.read(again.photos[0]).truths["holes"].union(), hole)
    other = damaged(holes_set / "photos", tmp_path / "run", seed=1)
    assert not np.array_equal(other.read(other.photos[0]).truths["holes"].union(), hole)


def test_a_mosaic_is_shown_in_its_hole_and_measured_as_it_is(holes_set, tmp_path):
    protocol = damaged(holes_set / "photos", tmp_path / "run", kinds=("mosaic-box",))
    case = protocol.read(protocol.photos[0])
    hole = case.truths["holes"].union()
    shown, clean = case.image[hole].astype(float), case.clean[hole].astype(float)
    assert 0 < np.abs(shown - clean).mean() < np.abs(128 - clean).mean()
    figures = protocol.measure_unedited(case)
    assert figures["hole_mse"] == pytest.approx(np.square((shown - clean) / 255).mean())
    assert figures["whole_l1"] == pytest.approx(np.abs(shown - clean).sum() / 255 / (48 * 64 * 3))


def test_damage_may_take_shapes_of_annotations(holes_set, coco_set, tmp_path):
    with pytest.raises(PlanError, match="shapes"):
        damaged(holes_set / "photos", tmp_path / "run", kinds=("shapes",))
    coco_set.annotation(1, PERSON, (10, 10, 60, 120))
    protocol = damaged(holes_set / "photos", tmp_path / "run", kinds=("shapes",), shapes=coco_set.write())
    for photo in protocol.photos:
        assert 0 < protocol.read(photo).truths["holes"].union().mean() < 1


def test_every_pixel_that_is_partly_destroyed_is_to_be_filled(holes_set, tmp_path):
    protocol = damaged(holes_set / "photos", tmp_path / "run", kinds=("scratches",))
    case = protocol.read(protocol.photos[0])
    changed = (case.image != case.clean).any(axis=2)
    assert changed.any()
    assert not (changed & ~case.truths["holes"].union()).any()


def test_a_kind_of_damage_that_nobody_knows(holes_set, tmp_path):
    with pytest.raises(PlanError, match=r"expected kinds .*free-form.*got wear"):
        damaged(holes_set / "photos", tmp_path / "run", kinds=("wear",))


def test_a_square_is_cut_around_the_hole_and_made_smaller():
    image = np.zeros((40, 100, 3), np.uint8)
    image[:, 60:] = 200
    hole = np.zeros((40, 100), bool)
    hole[9, 71:75] = True
    small, small_hole = squared(image, hole, 10)
    assert small.shape == (10, 10, 3)
    # 40 px about column 73 begin at column 53: the edge at 60 lies 7 px into them, 1.75 of the new ones.
    assert small[0, :, 0].tolist() == [0, round(200 / 4)] + [200] * 8
    # Row 9 is in the third row of four; columns 18 to 21 of the square touch new pixels 4 and 5.
    assert np.argwhere(small_hole).tolist() == [[2, 4], [2, 5]]
    middle, nothing = squared(image, None, 40)
    assert np.array_equal(middle, image[:, 30:70])
    assert not nothing.any()
    assert squared(image, hole, None)[0] is image


def test_the_share_of_photos_that_are_better():
    assert share_better([0.1, 0.2, 0.3, None], [0.2, 0.2, 0.1, 0.5]) == pytest.approx(1 / 3)
    assert share_better([None], [0.5]) is None
