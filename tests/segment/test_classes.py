import pytest
from torchvision.models.detection import MaskRCNN_ResNet50_FPN_V2_Weights

from segment.classes import (
    UnknownClassError,
    canonical_class,
    coco_categories,
    coco_classes,
    is_narrower,
    resolve_classes,
    unknown_class,
)


def test_the_names_are_torchvisions():
    published = MaskRCNN_ResNet50_FPN_V2_Weights.COCO_V1.meta["categories"]
    assert list(coco_categories()) == published
    assert len(coco_classes()) == 80


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("people", "person"),
        ("Persons", "person"),
        ("man", "person"),
        ("Women", "person"),
        ("children", "person"),
        ("cars", "car"),
        ("CARS", "car"),
        ("tv monitor", "tv"),
        ("tvmonitor", "tv"),
        ("TV", "tv"),
        ("buses", "bus"),
        ("Traffic_Lights", "traffic light"),
        ("cell-phones", "cell phone"),
        ("hotdog", "hot dog"),
        ("knives", "knife"),
        ("wine glasses", "wine glass"),
        ("sandwiches", "sandwich"),
        ("teddies", "teddy bear"),
        ("puppies", "dog"),
        ("couches", "couch"),
        ("benches", "bench"),
        ("mice", "mouse"),
        ("ski", "skis"),
        ("skis", "skis"),
        ("sheep", "sheep"),
        ("scissors", "scissors"),
        ("motorbikes", "motorcycle"),
        ("aeroplane", "airplane"),
        ("sofas", "couch"),
        ("xyzzy", None),
        ("", None),
        ("s", None),
    ],
)
def test_names_that_people_type_mean_a_coco_class(typed, meant):
    assert canonical_class(typed, coco_classes()) == meant


def test_every_coco_class_means_itself_in_any_case_and_in_the_plural():
    for name in coco_classes():
        assert canonical_class(name, coco_classes()) == name
        assert canonical_class(name.upper(), coco_classes()) == name
        if not name.endswith("s"):
            assert canonical_class(f"{name}s", coco_classes()) == name


def test_a_name_that_the_masks_use_themselves_wins_over_what_it_means_elsewhere():
    assert canonical_class("man", ("man", "woman", "person")) == "man"
    assert canonical_class("person", ("people", "tree")) == "people"
    assert canonical_class("Tree", ("people", "tree")) == "tree"
    assert canonical_class("people", ("man", "woman")) is None  # either: not ours to choose


def test_resolving_keeps_the_order_and_names_each_class_once():
    assert resolve_classes(["Dogs", "people", "person"], coco_classes()) == ("dog", "person")
    with pytest.raises(TypeError, match="a sequence of class names, got the string 'person'"):
        resolve_classes("person", coco_classes())
    with pytest.raises(UnknownClassError, match="did you mean 'bicycle'") as caught:
        resolve_classes(["bycicle"], coco_classes())
    assert caught.value.option == "classes"


def test_words_for_a_part_of_a_class_are_known_as_such():
    assert is_narrower("Women")
    assert is_narrower("taxi")
    assert not is_narrower("people")
    assert not is_narrower("person")
    assert not is_narrower("cars")


def test_an_unknown_name_gets_the_nearest_or_all():
    assert unknown_class("persn", coco_classes()) == "unknown class 'persn': did you mean 'person'?"
    assert unknown_class("peopel", coco_classes()) == "unknown class 'peopel': did you mean 'person'?"
    assert (
        unknown_class("Skatebord", coco_classes()) == "unknown class 'Skatebord': did you mean 'skateboard'?"
    )
    assert unknown_class("signs", coco_classes()) == "unknown class 'signs': did you mean 'stop sign'?"
    assert unknown_class("xyzzy", ("person", "dog")) == "unknown class 'xyzzy'; known classes: person, dog"
    assert unknown_class("lamp post", coco_classes()).startswith(
        "unknown class 'lamp post'; known classes: person,"
    )
    assert unknown_class("people", ("man", "woman")) == "unknown class 'people'; known classes: man, woman"
