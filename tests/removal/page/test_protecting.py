"""People who stay are kept out of the page's fills, whether or not objects were looked for first."""

import numpy as np
import pytest

from segment import Detections
from tests.removal.page.conftest import OBJECT, Filler

BESIDE = [{"kind": "box", "points": [[2, 12], [12, 28]]}]  # left of the person of the drawn photo
ON_HER = [{"kind": "box", "points": [[25, 15], [29, 19]]}]


class Finder:
    """The built-in finder's stand-in: sees what is red, and counts how often it looks."""

    looks = 0

    def __call__(self, images, *, classes=None, min_score=0.05):
        assert classes == ("person",)
        self.looks += 1
        return [Detections.from_masks([image[..., 0] > 150], ["person"], [0.9]) for image in images]


@pytest.fixture
def finder(session, monkeypatch):
    finder = Finder()
    monkeypatch.setattr("removal.models.build_bystanders", lambda inpainter: finder)
    return finder


@pytest.fixture
def photo(session):
    return f"/api/v1/photos/{session.open(name='a.png').json()['id']}"


@pytest.fixture
def protected(monkeypatch):
    """What each fill was told not to copy."""
    told = []

    def fill(self, image, mask, protect=None):
        told.append(protect)
        return np.where(mask[..., None], np.uint8(7), image)

    monkeypatch.setattr(Filler, "__call__", fill)
    return told


def test_before_find_the_built_in_finder_keeps_a_person_out(session, finder, photo, protected):
    for _ in range(2):
        session.done(session.post(f"{photo}/fill", {"steps": BESIDE}))
    person = np.zeros((48, 64), bool)
    person[OBJECT] = True
    assert finder.looks == 2
    assert protected[1][person].all()
    assert protected[1].sum() == 20 * 20 + 4 * 2 * 20 + 4  # a margin of two pixels, its corners round
    session.done(session.post(f"{photo}/fill", {"steps": ON_HER}))
    assert protected[2] is None  # what lies on her is filled with what she wears


def test_after_find_what_was_found_is_kept_out_and_nobody_looks_again(session, finder, photo, protected):
    session.done(session.post(f"{photo}/find"))
    session.done(session.post(f"{photo}/fill", {"steps": BESIDE}))
    assert (finder.looks, protected[0][OBJECT].all()) == (0, True)


def test_a_fill_that_copies_nothing_needs_no_finder(session, finder, photo, protected, monkeypatch):
    session.done(session.post(f"{photo}/fill", {"steps": BESIDE}))
    monkeypatch.setattr(Filler, "copies", False, raising=False)
    session.done(session.post(f"{photo}/fill", {"steps": BESIDE}))
    assert finder.looks == 1
    assert protected[1] is None


def test_nobody_is_protected_where_the_options_say_so(session, finder, photo, protected, monkeypatch):
    from dataclasses import replace

    models = session.studio.models
    monkeypatch.setattr(models, "options", replace(models.options, protect=False))
    for step in ("find", "fill"):
        session.done(session.post(f"{photo}/{step}", {"steps": BESIDE} if step == "fill" else {}))
    assert (finder.looks, protected) == (0, [None])
