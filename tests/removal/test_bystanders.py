"""People who stay are kept out of fills where no detector said what is in the photo."""

import json

import numpy as np
import pytest
from PIL import Image

from benchmarks.scene.render import render_scene
from inpaint import load_inpainter
from postprocess import MaskRecipe
from removal import Pipeline, remove_objects
from removal.bystanders import people_who_stay
from removal.models import build
from removal.options import RunOptions
from segment import Detections

HEIGHT, WIDTH = 200, 300


def box(top, left, bottom, right):
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[top:bottom, left:right] = True
    return mask


def people(*masks):
    if not masks:
        return Detections.empty(HEIGHT, WIDTH)
    return Detections.from_masks(np.stack(masks), ["person"] * len(masks), np.ones(len(masks), np.float32))


PERSON = box(40, 100, 160, 140)


def test_a_person_beside_the_hole_stays_and_is_kept():
    assert np.array_equal(people_who_stay(people(PERSON), box(40, 20, 160, 60)), PERSON)


def test_a_person_whom_the_hole_covers_in_part_is_kept_but_for_that_part():
    hole = box(40, 60, 160, 115)
    assert np.array_equal(people_who_stay(people(PERSON), hole), PERSON & ~hole)


def test_of_a_person_who_goes_only_what_lies_far_from_the_hole_is_kept():
    found, hole = box(34, 95, 170, 145), box(40, 100, 140, 140)  # the hole leaves out the feet
    kept = people_who_stay(people(found), hole)
    assert not kept[28:142, 90:150].any()
    assert kept[150:170, 95:145].all()


def test_a_person_whom_the_hole_lies_upon_is_what_it_is_filled_from():
    upon = box(80, 110, 100, 130)
    assert not people_who_stay(people(PERSON), upon).any()
    beside = box(40, 180, 160, 220)
    kept = people_who_stay(people(PERSON, beside), upon)
    assert np.array_equal(kept, beside)  # the others are kept all the same
    corner = box(30, 90, 50, 105)  # most of its edge lies on the ground
    assert people_who_stay(people(PERSON), corner)[60:160, 100:140].all()


def test_nobody_and_no_hole_keep_nothing():
    assert not people_who_stay(people(), PERSON).any()
    assert not people_who_stay(people(PERSON), np.zeros((HEIGHT, WIDTH), bool)).any()


def test_shares_hold_at_full_size_of_a_large_photo():
    large = np.zeros((1500, 2000), bool)
    large[300:900, 700:1000] = True
    upon, found = np.zeros_like(large), Detections.from_masks(large[None], ["person"], [0.9])
    upon[500:503, 800:803] = True  # a speck on her coat
    assert not people_who_stay(found, upon).any()


class Painter:
    """Fills with 7 and remembers what it was given."""

    name = description = "painter"

    def __call__(self, image, mask, protect=None):
        self.protect = protect
        return np.where(mask[..., None], np.uint8(7), image)


@pytest.fixture(scope="module")
def scene():
    """A rendered person, and a hole beside her."""
    rendered = render_scene(height=360, width=540, seed=1)
    columns = np.flatnonzero(rendered.mask.any(axis=0))
    left = columns[0] - 80 if columns[0] > 100 else columns[-1] + 20
    hole = np.zeros_like(rendered.mask)
    hole[150:300, left : left + 40] = True
    return rendered, hole


def test_with_a_mask_or_a_box_the_built_in_finder_keeps_a_rendered_person_out(scene):
    rendered, hole = scene
    rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
    xywh = (columns[0], rows[0], len(columns), len(rows))
    for given in ({"mask": hole}, {"boxes": [xywh]}):
        painter = Painter()
        remove_objects(rendered.photo, inpainter=painter, recipe=MaskRecipe.none(), **given)
        assert painter.protect[rendered.mask].mean() > 0.9
        assert not painter.protect[hole].any()
        remove_objects(rendered.photo, inpainter=painter, recipe=MaskRecipe.none(), protect=False, **given)
        assert painter.protect is None


def test_a_fill_that_would_copy_her_does_not():
    """A red coat in a grey noise: the hole lies where only she is red, and half of its edge is red too."""
    rng = np.random.default_rng(0)
    image = rng.integers(90, 110, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    image[PERSON] = rng.integers(0, 20, (PERSON.sum(), 3)) + np.array((200, 0, 0))
    hole = box(60, 70, 130, 110)

    class Finder:
        name, classes, description, fallback = "finder", ("person",), "finder", None

        def __call__(self, images, *, classes=None, min_score=0.05):
            return [people(PERSON) for _ in images]

    given = people(hole)
    filled = {
        who: Pipeline(None, MaskRecipe.none(), load_inpainter("exemplar"), classes=None, bystanders=finder)(
            [image], detections=[given]
        )[0].image
        for who, finder in {"looked for": Finder(), "not": None}.items()
    }
    red = {who: ((picture[..., 0] > 150) & hole).sum() for who, picture in filled.items()}
    assert red["not"] > 300
    assert red["looked for"] == 0


def test_an_inpainter_that_copies_nothing_needs_no_finder_and_the_record_says_who_looks(tmp_path):
    for inpainter, protect, says in (
        ("exemplar", True, True),
        ("exemplar", False, False),
        ("telea", True, False),
    ):
        options = RunOptions(boxes=((1, 2, 30, 40),), inpainter=inpainter, protect=protect)
        pipeline, _, models = build(options, print)
        assert ("protect" in models) == (pipeline.bystanders is not None) == says
    assert build(RunOptions(boxes=((1, 2, 3, 4),), inpainter="exemplar"), print)[2]["protect"].startswith(
        "builtin person finder"
    )


def test_the_command_protects_unless_it_is_told_not_to(scene, tmp_path, monkeypatch):
    from click.testing import CliRunner

    from removal.cli.main import cli

    rendered, hole = scene
    monkeypatch.chdir(tmp_path)
    for folder, picture in (("in", rendered.photo), ("masks", hole)):
        (tmp_path / folder).mkdir()
        Image.fromarray(picture).save(tmp_path / folder / "a.png")
    arguments = ["--masks", "masks", "in", "--no-refine", "--inpainter", "exemplar"]
    lines = {}
    for name, more in (("on", []), ("off", ["--no-protect"])):
        result = CliRunner().invoke(cli, [*arguments, "-o", name, *more])
        assert result.exit_code == 0, result.output
        lines[name] = json.loads((tmp_path / name / "removal.jsonl").read_text().splitlines()[0])
    assert "protect" in lines["on"]["settings"]["models"]
    assert "protect" not in lines["off"]["settings"]["models"]
    assert lines["off"]["asked"]["protect"] is False
    changed = CliRunner().invoke(cli, [*arguments, "-o", "on", "--no-protect"])
    assert (changed.exit_code, "models changed" in changed.stderr) == (2, True)
    blind = CliRunner().invoke(cli, ["--blind", "--no-protect", "in/a.png"])
    assert (blind.exit_code, "--protect" in blind.stderr) == (2, True)
