"""How long the fill may take, and what a record says of it."""

import numpy as np
import pytest

from inpaint import InpainterOptions, load_inpainter
from inpaint.exemplar import completion
from inpaint.exemplar.completion import ExemplarInpainter
from inpaint.exemplar.settings import EFFORTS, ExemplarSettings
from inpaint.inpainter import EFFORT_NAMES

QUICK = ExemplarSettings(coarse_rounds=1, fine_rounds=1)


def test_every_effort_has_settings_and_fast_is_the_method_of_earlier_versions():
    assert tuple(EFFORTS) == EFFORT_NAMES == ("fast", "normal", "best")
    assert EFFORTS["fast"] == ExemplarSettings()
    assert ExemplarInpainter(effort="fast", seed=2).description == "exemplar (multi-scale PatchMatch), seed 2"


def test_an_effort_stands_for_its_settings_unless_some_are_given(monkeypatch):
    monkeypatch.setitem(EFFORTS, "best", QUICK)
    assert load_inpainter("exemplar", effort="best").settings is QUICK
    assert ExemplarInpainter(effort="best", settings=ExemplarSettings()).settings == ExemplarSettings()


def test_a_description_names_an_effort_that_gives_other_pixels(monkeypatch):
    monkeypatch.setitem(EFFORTS, "best", QUICK)
    wanted = "exemplar (multi-scale PatchMatch), effort best, seed 0"
    assert ExemplarInpainter(effort="best").description == wanted


def test_the_fill_goes_by_the_settings_of_the_effort(monkeypatch):
    seen = []
    monkeypatch.setattr(completion, "complete", lambda image, mask, **others: seen.append(others) or image)
    image, mask = np.zeros((20, 20, 3), np.uint8), np.zeros((20, 20), bool)
    mask[8:12, 5:14] = True
    ExemplarInpainter(effort="best")(image, mask)
    assert [others["settings"] for others in seen] == [EFFORTS["best"]]


@pytest.mark.parametrize("build", [InpainterOptions, ExemplarInpainter])
def test_an_effort_that_nobody_knows_is_refused(build):
    with pytest.raises(ValueError, match="expected an effort of fast, normal, best, got 'most'"):
        build(effort="most")
