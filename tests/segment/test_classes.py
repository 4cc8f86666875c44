from torchvision.models.detection import MaskRCNN_ResNet50_FPN_V2_Weights

from segment.classes import coco_categories, coco_classes, unknown_class


def test_the_names_are_torchvisions():
    published = MaskRCNN_ResNet50_FPN_V2_Weights.COCO_V1.meta["categories"]
    assert list(coco_categories()) == published
    assert len(coco_classes()) == 80


def test_an_unknown_name_gets_the_nearest_or_all():
    assert unknown_class("persn", coco_classes()) == "unknown class 'persn': did you mean 'person'?"
    assert unknown_class("xyzzy", ("person", "dog")) == "unknown class 'xyzzy'; known classes: person, dog"
