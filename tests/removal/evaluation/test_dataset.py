import json

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from removal.errors import PlanError
from removal.evaluation.dataset import CocoDataset, inside

SIZE = (48, 64)


def open_set(coco, classes=("person",)):
    return CocoDataset(coco.images, coco.write(), classes)


def test_photos_with_the_class_and_without_in_the_order_of_ids(small_coco):
    dataset = open_set(small_coco)
    assert [(photo.image_id, photo.name) for photo in dataset.photos] == [
        (4, "a.png"),
        (17, "sub/b.png"),
        (30, "c.png"),
    ]
    assert [photo.name for photo in dataset.never] == ["dog.png", "empty.png"]
    assert dataset.missing == ()
    assert dataset.photos[1].path == small_coco.images / "sub" / "b.png"


def test_several_classes_and_ids_with_gaps(small_coco):
    dataset = open_set(small_coco, ("dog", "person"))
    assert [photo.name for photo in dataset.photos] == ["dog.png", "a.png", "sub/b.png", "c.png"]
    assert dataset.category_ids == {900, 7}
    assert [photo.name for photo in open_set(small_coco, ("dog",)).photos] == ["dog.png", "a.png"]


def test_missing_files_are_listed(small_coco):
    small_coco.photo(50, "gone.jpg", persons=[(1, 1, 5, 5)], there=False)
    dataset = open_set(small_coco)
    assert dataset.missing == ("gone.jpg",)
    assert len(dataset.photos) == 3


def test_objects_of_every_class_with_their_masks(small_coco):
    dataset = open_set(small_coco)
    found = dataset.detections(dataset.photos[0], SIZE)
    assert found.labels == ("person", "person", "dog")
    assert found.boxes.tolist() == [[4, 10, 14, 30], [40, 12, 52, 40], [22, 30, 32, 40]]
    assert [int(found.mask(index).sum()) for index in range(3)] == [200, 336, 100]
    assert len(dataset.detections(dataset.never[1], SIZE)) == 0


def test_crowds_are_objects_only_where_asked(small_coco):
    dataset = open_set(small_coco)
    photo = dataset.photos[1]
    assert int(dataset.detections(photo, SIZE).union().sum()) == 20 * 20 + 10 * 30
    assert int(dataset.detections(photo, SIZE, crowds=False).union().sum()) == 10 * 30


def test_a_photo_with_nothing_but_a_crowd_shows_the_class(coco_set):
    coco_set.photo(1, "crowd.png", crowds=[(2, 2, 20, 20)])
    assert [photo.name for photo in open_set(coco_set).photos] == ["crowd.png"]


@pytest.mark.parametrize("form", ["polygon", "string", "list"])
def test_every_form_of_segmentation_gives_one_mask(coco_set, form):
    expected = np.zeros(SIZE, bool)
    expected[10:30, 20:40] = True
    rle = coco_mask.encode(np.asfortranarray(expected.astype(np.uint8)))
    runs = np.flatnonzero(np.diff(np.r_[0, expected.T.ravel().astype(int), 0])).tolist()
    counts = np.diff([0, *runs, expected.size]).tolist()
    segmentation = {
        "polygon": [[20, 10, 40, 10, 40, 30, 20, 30]],
        "string": {"size": [48, 64], "counts": rle["counts"].decode()},
        "list": {"size": [48, 64], "counts": counts},
    }[form]
    coco_set.photo(1, "a.png")
    coco_set.annotation(1, 900, (20, 10, 20, 20), 0, segmentation)
    dataset = open_set(coco_set)
    assert np.array_equal(dataset.detections(dataset.photos[0], SIZE).mask(0), expected)


def test_what_average_precision_is_given_is_of_the_photos_asked_for_alone(small_coco):
    dataset = open_set(small_coco)
    truth = dataset.ground_truth(dataset.photos[:2])
    assert [entry["id"] for entry in truth["images"]] == [4, 17]
    assert sorted(entry["image_id"] for entry in truth["annotations"]) == [4, 4, 17, 17]
    assert sum(entry["iscrowd"] for entry in truth["annotations"]) == 1
    assert truth["categories"] == [{"id": 900, "name": "person"}]


def test_a_photo_of_another_size_than_annotated_is_named(small_coco):
    dataset = open_set(small_coco)
    with pytest.raises(ValueError, match=r"a\.png is 64 x 48 there, but the photo is 32 x 24"):
        dataset.detections(dataset.photos[0], (24, 32))


def test_a_segmentation_that_cannot_be_read_names_its_object(coco_set):
    coco_set.photo(1, "a.png")
    coco_set.annotation(1, 900, (0, 0, 2, 2), 0, {"size": [48, 64], "counts": [5]})
    dataset = open_set(coco_set)
    with pytest.raises(ValueError, match="object 5000"):
        dataset.detections(dataset.photos[0], SIZE)


@pytest.mark.parametrize(
    "name",
    ["../x.jpg", "/etc/x.jpg", "a/../../x.jpg", "..\\x.jpg", "C:\\x.jpg", "C:/x.jpg", "", "a/..", "\\\\s\\x"],
)
def test_a_file_name_that_leaves_the_folder_is_refused(coco_set, name):
    with pytest.raises(PlanError, match="leaves the folder"):
        inside(coco_set.folder, name)
    coco_set.photo(1, name, there=False)
    with pytest.raises(PlanError, match="leaves the folder"):
        open_set(coco_set)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.jpg", "a.jpg"), ("./x/a.jpg", "x/a.jpg"), ("x/../a.jpg", "a.jpg"), ("x\\a.jpg", "x/a.jpg")],
)
def test_file_names_are_brought_to_one_form(tmp_path, name, expected):
    assert inside(tmp_path, name) == expected


def test_what_is_no_dataset_is_refused_in_one_line(small_coco, tmp_path):
    path = tmp_path / "x.json"
    for text, message in (
        ("{", "no JSON"),
        ("[]", "no images, annotations, categories"),
        ('{"images": [], "annotations": []}', "no categories"),
        (json.dumps({"images": [{"file_name": "a"}], "annotations": [], "categories": []}), "no COCO file"),
        (json.dumps(small_coco.content | {"images": 3}), "no COCO file"),
    ):
        path.write_text(text)
        with pytest.raises(PlanError, match=message) as error:
            CocoDataset(small_coco.images, path, ("person",))
        assert "\n" not in str(error.value)


def test_ids_and_names_that_are_there_twice_are_refused(coco_set):
    coco_set.photo(1, "a.png").photo(1, "b.png")
    with pytest.raises(PlanError, match="id 1 is there twice"):
        open_set(coco_set)
    coco_set.content["images"] = [
        {"id": number, "file_name": "a.png", "height": 48, "width": 64} for number in (1, 2)
    ]
    with pytest.raises(PlanError, match="images 1 and 2"):
        open_set(coco_set)
    coco_set.content["categories"] = [{"id": 1, "name": "person"}, {"id": 1, "name": "car"}]
    with pytest.raises(PlanError, match="the category id 1 is there twice"):
        open_set(coco_set)


def test_an_image_without_its_size_is_refused(coco_set):
    coco_set.photo(1, "a.png")
    del coco_set.content["images"][0]["width"]
    with pytest.raises(PlanError, match=r"height and width of image 1, got \[48, None\]"):
        open_set(coco_set)


def test_an_unknown_class_is_told_with_the_nearest(small_coco):
    with pytest.raises(PlanError, match="persn"):
        open_set(small_coco, ("persn",))


@pytest.mark.parametrize("typed", ["people", "Person", "man"])
def test_a_class_is_understood_as_people_type_it(small_coco, typed):
    dataset = open_set(small_coco, (typed, "person", "dogs"))
    assert dataset.classes == ("person", "dog")
    assert dataset.category_ids == {900, 7}
    assert len(dataset.photos) == 4


def test_a_name_that_the_file_itself_has_is_taken_as_it_is(small_coco):
    for category in small_coco.content["categories"]:
        category["name"] = category["name"].replace("person", "people")
    assert open_set(small_coco, ("person",)).classes == ("people",)


def test_no_photo_of_the_file_in_the_folder(small_coco, tmp_path):
    path = small_coco.write()
    with pytest.raises(PlanError, match="none of the 5 photos"):
        CocoDataset(tmp_path, path, ("person",))
