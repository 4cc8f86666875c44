from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from removal.evaluation.known_background import PairsProtocol
from removal.evaluation.plan import EvaluationOptions


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


def test_a_detector_gets_the_names_that_it_knows(pairs_set, tmp_path):
    options = EvaluationOptions(pairs_set, tmp_path / "run", protocol="pairs", classes=("people", "woman"))
    assert PairsProtocol(options).options.classes == ("people", "woman")  # names in masks are their own
    chosen = PairsProtocol(replace(options, mask_sources=("object", "builtin"))).options
    assert chosen.classes == chosen.run.classes == ("person", "woman")  # the detector refuses the second
