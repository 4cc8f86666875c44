from dataclasses import replace

import numpy as np
import pytest

from postprocess import MaskRecipe
from postprocess.attached.objects import AttachedRule
from removal.pipeline import Pipeline
from segment import Detections

HEIGHT, WIDTH = 60, 80


def image_with(*boxes):
    """Grey ground; each box (top, left, bottom, right) is white."""
    image = np.full((HEIGHT, WIDTH, 3), 100, np.uint8)
    for top, left, bottom, right in boxes:
        image[top:bottom, left:right] = 255
    return image


def mask_of(top, left, bottom, right):
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[top:bottom, left:right] = True
    return mask


class Finder:
    """Says that the given masks are there, whatever it is shown."""

    name, classes, description, fallback = "finder", ("person", "dog"), "finder", None

    def __init__(self, masks, labels, scores):
        self.found = Detections.from_masks(np.stack(masks), labels, np.array(scores, np.float32))

    def __call__(self, images, *, classes=None, min_score=0.05):
        return [self.found.select(classes, min_score) for _ in images]


class Painter:
    """Fills with 7 and remembers what it was given."""

    name = description = "painter"

    def __call__(self, image, mask, protect=None):
        self.mask, self.protect = mask, protect
        filled = image.copy()
        filled[mask] = 7
        return filled


PERSON, DOG = mask_of(10, 10, 40, 25), mask_of(20, 50, 40, 70)


def test_the_wanted_class_is_filled_and_the_others_are_protected():
    image, painter = image_with((10, 10, 40, 25), (20, 50, 40, 70)), Painter()
    pipeline = Pipeline(Finder([PERSON, DOG], ["person", "dog"], [0.9, 0.8]), MaskRecipe.none(), painter)
    (result,) = pipeline([image])
    assert np.array_equal(result.mask, PERSON)
    assert (result.image[PERSON] == 7).all()
    assert np.array_equal(result.image[~PERSON], image[~PERSON])
    assert painter.protect[DOG].all()
    assert not (painter.protect & PERSON).any()
    assert painter.protect.sum() < 1.5 * DOG.sum()  # the dog and a rim
    assert result.detections.labels == ("person",)
    assert set(result.seconds) == {"segment", "refine", "inpaint"}
    assert np.array_equal(result.parts["object"], PERSON)
    assert not result.parts["shadow"].any()


def test_nothing_is_protected_where_that_is_not_wanted():
    painter = Painter()
    finder = Finder([PERSON, DOG], ["person", "dog"], [0.9, 0.8])
    Pipeline(finder, MaskRecipe.none(), painter, protect=False)([image_with((10, 10, 40, 25))])
    assert painter.mask.any()
    assert painter.protect is None


def test_detections_below_the_score_stay():
    pipeline = Pipeline(Finder([PERSON], ["person"], [0.4]), MaskRecipe.none(), Painter(), min_score=0.5)
    image = image_with((10, 10, 40, 25))
    (result,) = pipeline([image])
    assert not result.mask.any()
    assert np.array_equal(result.image, image)
    assert result.image is not image


def test_what_scores_too_little_to_be_removed_is_not_copied_from_either():
    painter, doubtful = Painter(), mask_of(5, 60, 15, 75)
    finder = Finder([PERSON, DOG, doubtful], ["person", "person", "person"], [0.9, 0.3, 0.1])
    (result,) = Pipeline(finder, MaskRecipe.none(), painter)([image_with()])
    assert np.array_equal(result.mask, PERSON)
    assert painter.protect[DOG].all()
    assert not (painter.protect & doubtful).any()


def test_every_class_goes_where_none_is_named():
    pipeline = Pipeline(
        Finder([PERSON, DOG], ["person", "dog"], [0.9, 0.8]), MaskRecipe.none(), Painter(), classes=None
    )
    (result,) = pipeline([image_with()])
    assert np.array_equal(result.mask, PERSON | DOG)


def test_the_mask_is_refined_by_the_recipe():
    pipeline = Pipeline(Finder([PERSON], ["person"], [0.9]), MaskRecipe(), Painter())
    (result,) = pipeline([image_with()])
    assert result.mask.sum() > PERSON.sum()
    assert (result.mask | ~PERSON).all()


BOARD = mask_of(40, 5, 43, 30)


@pytest.mark.parametrize(
    ("kinds", "goes"), [("all", True), ("ridden", True), ("carried", False), ("none", False)]
)
def test_what_is_ridden_goes_along_and_is_named(kinds, goes):
    painter, found = (
        Painter(),
        Detections.from_masks(
            np.stack([PERSON, DOG, BOARD]), ["person", "dog", "skateboard"], [0.9, 0.9, 0.6]
        ),
    )
    recipe = replace(MaskRecipe.none(), attached=kinds)
    image = image_with((10, 10, 40, 25), (20, 50, 40, 70), (40, 5, 43, 30))
    (result,) = Pipeline(None, recipe, painter)([image], detections=[found])
    assert result.detections.labels == ("person",)
    assert result.attached.labels == (("skateboard",) if goes else ())
    assert result.parts["attached"][BOARD].all() == goes
    assert (result.image[BOARD] == (7 if goes else 255)).all()
    assert (result.image[DOG] == 255).all()
    assert painter.protect[BOARD].any() != goes  # what goes is not kept from being copied: it is the hole
    assert painter.protect[DOG].all()


def test_what_goes_along_and_its_rim_may_be_copied_from():
    painter = Painter()
    found = Finder([PERSON, BOARD], ["person", "skateboard"], [0.9, 0.8])
    recipe = replace(MaskRecipe.none(), attached="all")
    (result,) = Pipeline(found, recipe, painter)([image_with((10, 10, 40, 25))])
    assert np.array_equal(result.mask, PERSON | BOARD)
    assert painter.protect is None


def test_a_table_of_ones_own():
    found = Detections.from_masks(np.stack([PERSON, BOARD]), ["person", "skateboard"], [0.9, 0.9])
    recipe = replace(MaskRecipe.none(), attached="all")
    pipeline = Pipeline(None, recipe, Painter(), attached_table={"tie": AttachedRule()})
    assert pipeline([image_with()], detections=[found])[0].attached.labels == ()
    pipeline = Pipeline(None, recipe, Painter(), attached_table={"skateboard": AttachedRule()})
    assert pipeline([image_with()], detections=[found])[0].attached.labels == ("skateboard",)


def test_what_is_hardly_certain_neither_goes_along_nor_keeps_a_thing_back():
    neighbour = mask_of(10, 26, 46, 40)
    for board_score, neighbour_score, goes in [(0.4, 0.0, False), (0.6, 0.4, True), (0.6, 0.6, False)]:
        found = Detections.from_masks(
            np.stack([PERSON, neighbour, mask_of(40, 20, 43, 45)]),
            ["person", "person", "skateboard"],
            [0.9, neighbour_score, board_score],
        )
        recipe = replace(MaskRecipe.none(), attached="all")
        (result,) = Pipeline(None, recipe, Painter(), min_score=0.8)([image_with()], detections=[found])
        assert (result.attached.labels == ("skateboard",)) == goes


def test_detections_can_be_passed_in():
    found = Detections.from_masks(DOG[None], ["dog"], np.ones(1, np.float32))
    pipeline = Pipeline(None, MaskRecipe.none(), Painter(), classes=("dog",))
    results = pipeline([image_with()] * 2, detections=[found, Detections.empty(HEIGHT, WIDTH)])
    assert [bool(result.mask.any()) for result in results] == [True, False]


def test_a_hole_is_told_without_filling_it():
    finder = Finder([mask_of(10, 10, 30, 30), mask_of(40, 50, 55, 70)], ["person", "dog"], [0.9, 0.9])
    image = image_with((10, 10, 30, 30), (40, 50, 55, 70))
    painter = Painter()
    filled = Pipeline(finder, MaskRecipe(), painter)([image])[0]
    hole = Pipeline(None, MaskRecipe(), None).hole(image, finder([image])[0])
    np.testing.assert_array_equal(hole.mask, filled.mask)
    np.testing.assert_array_equal(hole.protect, painter.protect)
    assert hole.wanted.labels == ("person",)
    with pytest.raises(ValueError, match="expected an inpainter"):
        Pipeline(None, MaskRecipe(), None).erase(image, finder([image])[0])


def test_wrong_use_is_refused():
    finder = Finder([PERSON], ["person"], [0.9])
    with pytest.raises(TypeError, match="sequence of class names"):
        Pipeline(finder, MaskRecipe(), Painter(), classes="person")
    with pytest.raises(ValueError, match="min_score from 0 to 1, got 2"):
        Pipeline(finder, MaskRecipe(), Painter(), min_score=2)
    with pytest.raises(ValueError, match="no segmenter"):
        Pipeline(None, MaskRecipe(), Painter())([image_with()])
    with pytest.raises(ValueError, match="detections for 1 images, got 0"):
        Pipeline(finder, MaskRecipe(), Painter())([image_with()], detections=[])
    with pytest.raises(ValueError, match="detections of the size"):
        Pipeline(finder, MaskRecipe(), Painter())([image_with()[:50]])
    with pytest.raises(ValueError, match="did you mean"):
        Pipeline(finder, MaskRecipe(), Painter(), classes=("persn",))([image_with()])
