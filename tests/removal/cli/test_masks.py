"""`remove masks` on small files, reading back what is written."""

import json

import numpy as np
import pytest
from PIL import Image

from segment import CocoMasks, Detections, MaskFiles

SIZE = (24, 32)
MASK = np.zeros(SIZE, bool)
MASK[8:16, 10:20] = True
GREY = np.where(MASK, 255, 0).astype(np.uint8)
OTHER = np.zeros(SIZE, bool)
OTHER[2:20, 22:30] = True


@pytest.fixture
def photos(tmp_path):
    """photos/street_1.jpg and photos/sub/street_2.png."""
    (tmp_path / "photos/sub").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in ("photos/street_1.jpg", "photos/sub/street_2.png"):
        Image.fromarray(rng.integers(90, 110, (*SIZE, 3), dtype=np.uint8)).save(tmp_path / name)
    return tmp_path / "photos"


@pytest.fixture
def team(tmp_path):
    """team/street_1.png and team/street_2.png, inverted."""
    (tmp_path / "team").mkdir()
    for number, mask in ((1, MASK), (2, OTHER)):
        Image.fromarray(np.where(mask, 0, 255).astype(np.uint8)).save(tmp_path / f"team/street_{number}.png")
    return tmp_path / "team"


@pytest.fixture
def annotations(tmp_path):
    polygon = [10, 8, 20, 8, 20, 16, 10, 16]
    content = {
        "images": [
            {"id": 71, "file_name": "street_1.jpg", "height": 24, "width": 32},
            {"id": 72, "file_name": "street_2.png", "height": 24, "width": 32},
        ],
        "categories": [{"id": 5, "name": "person"}, {"id": 6, "name": "kite"}],
        "annotations": [{"id": 1, "image_id": 71, "category_id": 5, "segmentation": [polygon], "bbox": []}],
    }
    (tmp_path / "instances.json").write_text(json.dumps(content))
    return tmp_path / "instances.json"


def one_error(result, *words):
    lines = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1, result.output
    assert "Traceback" not in result.output
    for word in words:
        assert str(word) in lines[0]


def test_check(invoke, photos, team, annotations):
    result = invoke(
        "masks", "check", team, "--images", photos, "--annotations", annotations, "--class", "person"
    )
    assert result.exit_code == 0, result.output
    assert "white (above 127 of 255) = keep, found in 2 of 2 looked at, so they are inverted" in result.stdout
    assert "2 photos, 0 would fail" in result.stdout
    assert "sizes against the photos': 2 same" in result.stdout
    assert "mean of 2 photos: iou 0.500, leak 0.000, spill 0.000" in result.stdout


def test_check_names_what_would_fail(invoke, photos, team):
    (team / "street_2.png").rename(team / "street_9.png")
    result = invoke("masks", "check", team, "--images", photos)
    assert result.exit_code == 1
    assert "2 photos, 1 would fail" in result.stdout
    assert "masks without a photo: 1\n  " + str(team / "street_9.png") in result.stdout
    assert f"expected one mask for {photos / 'sub/street_2.png'} in {team}, found none" in result.stdout


def test_masks_below_the_photos_are_no_photos(invoke, photos, team):
    inside = team.rename(photos / "team")
    result = invoke("masks", "check", inside, "--images", photos)
    assert result.exit_code == 0, result.output
    assert "2 photos, 0 would fail" in result.stdout
    for target in ("png", "results.json"):
        result = invoke("masks", "export", photos, "--masks", inside, "--class", "person", "--to", target)
        assert result.exit_code == 0, result.output
        assert f"{target}: 2 objects of 2 photos" in result.stdout
    result = invoke(photos, "--masks", inside, "--inpainter", "telea", "-o", "out")
    assert result.exit_code == 0, result.output
    assert result.stdout.count("removed 1 mask") == 2


def test_check_as_json(invoke, photos, team):
    result = invoke("masks", "check", team, "--images", photos, "--json")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line.get("status") for line in lines] == ["marked", "marked", None]
    assert lines[0]["coverage"] == pytest.approx(80 / 768, abs=1e-6)
    assert lines[2]["polarity"] == {"white": "keep", "known": "found", "threshold": 127}


def test_check_refuses_what_it_cannot_use(invoke, photos, team, annotations, tmp_path):
    cases = (
        (("nowhere", "--images", photos), 1, ("nowhere",)),
        ((team, "--images", "nowhere"), 2, ("--images", "nowhere")),
        ((team, "--images", photos, "--annotations", team / "street_1.png"), 1, ("street_1.png",)),
        ((team, "--images", photos, "--class", "person"), 2, ("--class", "carries no classes")),
        ((annotations, "--images", photos, "--class", "persn"), 2, ("did you mean 'person'",)),
    )
    for args, status, words in cases:
        result = invoke("masks", "check", *args)
        assert result.exit_code == status, result.output
        one_error(result, *words)


def test_export_converts_to_results_and_back(invoke, photos, team, tmp_path):
    result = invoke("masks", "export", photos, "--masks", team, "--class", "person", "--to", "results.json")
    assert result.exit_code == 0, result.output
    assert "results.json: 2 objects of 2 photos, 0 of them without any" in result.stdout
    entries = json.loads((tmp_path / "results.json").read_text())
    assert [(entry["image_id"], entry["category_id"], entry["score"]) for entry in entries] == [
        (1, 1, 1),
        (2, 1, 1),
    ]
    assert entries[0]["bbox"] == [10, 8, 10, 8]
    assert isinstance(entries[0]["segmentation"]["counts"], str)
    files = MaskFiles(tmp_path / "results.json")
    for number, mask in ((1, MASK), (2, OTHER)):
        np.testing.assert_array_equal(files.mask(f"street_{number}.jpg", SIZE), mask)
    result = invoke("masks", "export", photos, "--masks", "results.json", "--to", "png")
    assert result.exit_code == 0, result.output
    for name, mask in (("street_1", MASK), ("sub/street_2", OTHER)):
        levels = np.asarray(Image.open(tmp_path / "png" / f"{name}.png"))
        np.testing.assert_array_equal(levels, np.where(mask, 255, 0))
    assert invoke("masks", "check", "png", "--images", photos).exit_code == 0


def test_export_is_read_by_pycocotools(invoke, photos, annotations, tmp_path, capsys):
    from pycocotools.coco import COCO

    args = ("masks", "export", photos, "--masks", annotations, "--annotations", annotations)
    result = invoke(*args, "--to", "out/results.json")
    assert result.exit_code == 0, result.output
    assert "1 objects of 2 photos, 1 of them without any" in result.stdout
    coco = COCO(str(annotations))
    loaded = coco.loadRes(str(tmp_path / "out/results.json"))
    (annotation,) = loaded.loadAnns(loaded.getAnnIds())
    assert (annotation["image_id"], annotation["category_id"]) == (71, 5)
    np.testing.assert_array_equal(loaded.annToMask(annotation), coco.annToMask(coco.anns[1]))
    np.testing.assert_array_equal(loaded.annToMask(annotation), MASK)


def test_export_writes_over_nothing(invoke, photos, team, tmp_path):
    (tmp_path / "results.json").write_text("mine")
    (tmp_path / "png").mkdir()
    (tmp_path / "png" / "street_1.png").write_text("mine")
    for target in ("results.json", "png"):
        args = ("masks", "export", photos, "--masks", team, "--class", "person", "--to", target)
        result = invoke(*args)
        assert result.exit_code == 2
        one_error(result, target, "--overwrite")
        assert not (tmp_path / "png/sub").exists()
        assert invoke(*args, "--overwrite").exit_code == 0
    assert (tmp_path / "results.json").read_text().startswith("[")
    assert not list(tmp_path.rglob("*.part"))


def test_export_of_one_photo(invoke, photos, team, tmp_path):
    photo = photos / "street_1.jpg"
    assert invoke("masks", "export", photo, "--masks", team, "--to", "mask.png").exit_code == 0
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "mask.png")), GREY)


def test_export_goes_on_past_a_bad_photo(invoke, photos, team, tmp_path):
    (photos / "street_3.jpg").write_text("text")
    result = invoke("masks", "export", photos, "--masks", team, "--class", "person", "--to", "results.json")
    assert result.exit_code == 1
    one_error(result, "street_3.jpg")
    assert "1 photos failed: results.json lacks them" in result.stderr
    assert len(CocoMasks(tmp_path / "results.json").image_ids) == 2


def test_export_refuses_what_does_not_fit(invoke, photos, team, annotations, tmp_path):
    (photos / "sub/street_1.png").write_bytes((photos / "sub/street_2.png").read_bytes())
    (tmp_path / "nameless.jpg").write_bytes((photos / "street_1.jpg").read_bytes())
    cases = (
        ((photos, "--to", "a.json"), 2, ("--class",)),
        ((photos / "street_1.jpg", "--masks", team, "--to", "a.json"), 2, ("carry no classes", "--class")),
        ((photos, "--masks", team, "--class", "person", "--to", "a.json"), 2, ("same image id 1",)),
        (
            ("nameless.jpg", "--masks", team, "--class", "person", "--to", "a.json"),
            2,
            ("that ends in an image id",),
        ),
        (
            (photos, "--masks", annotations, "--refine", "--to", "a.json"),
            2,
            ("--refine", "expected one class"),
        ),
        ((photos / "street_1.jpg", "--masks", team, "--to", "a.jpg"), 2, ("a.jpg", "ends in .png")),
        (
            (photos / "street_1.jpg", "--masks", team, "--class", "persn", "--to", "a.json"),
            2,
            ("did you mean",),
        ),
        ((photos, "--masks", "nowhere", "--class", "person", "--to", "a"), 1, ("nowhere",)),
        ((photos, "--class", "persn", "--segmenter", "builtin", "--to", "a"), 1, ("persn",)),
        ((photos, "--masks", annotations, "--class", "dog", "--to", "a"), 2, ("unknown class 'dog'",)),
    )
    for args, status, words in cases:
        result = invoke("masks", "export", *args)
        assert result.exit_code == status, (args, result.output)
        one_error(result, *words)
    assert not (tmp_path / "a.json").exists()


def test_export_refined(invoke, photos, team, tmp_path):
    args = ("masks", "export", photos / "street_1.jpg", "--masks", team, "--class", "person", "--refine")
    assert invoke(*args, "--to", "results.json").exit_code == 0
    refined = MaskFiles(tmp_path / "results.json").mask("street_1.jpg", SIZE)
    assert refined[MASK].all()
    assert refined.sum() > MASK.sum()


def test_export_of_what_a_segmenter_finds(invoke, photos, tmp_path, monkeypatch):
    def segmenter(images, **options):
        found = Detections.from_masks([MASK, OTHER, OTHER], ["dog", "dog", "cat"], [0.9, 0.3, 0.8])
        return [found] * len(images)

    segmenter.classes, segmenter.description = ("dog", "cat"), "a finder"
    monkeypatch.setattr("removal.handover.export.build_segmenter", lambda options, say: segmenter)
    result = invoke("masks", "export", photos, "--class", "dog", "--to", "results.json")
    assert result.exit_code == 0, result.output
    assert "2 objects of 2 photos" in result.stdout
    entries = json.loads((tmp_path / "results.json").read_text())
    assert [(entry["category_id"], entry["score"]) for entry in entries] == [(18, 0.9), (18, 0.9)]
    args = ("masks", "export", photos, "--class", "dog", "--class", "cat", "--score", "0.2", "--to", "png")
    assert invoke(*args).exit_code == 0
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "png/street_1.png")) > 0, MASK | OTHER)


def test_export_understands_other_words_for_a_class(invoke, photos, team, tmp_path):
    photo = photos / "street_1.jpg"
    for masks in (team, tmp_path / "results.json"):  # without classes, and with them
        args = (photo, "--masks", masks, "--class", "People", "--to", "results.json", "--overwrite")
        result = invoke("masks", "export", *args)
        assert result.exit_code == 0, result.output
        entries = json.loads((tmp_path / "results.json").read_text())
        assert {entry["category_id"] for entry in entries} == {1}  # person
    args = (photo, "--masks", "results.json", "--class", "woman", "--to", "w.json")
    one_error(invoke("masks", "export", *args), "unknown class 'woman'")


def test_options_of_the_main_command(invoke, photos, team, tmp_path):
    """--mask-label, --mask-polarity and --allow-empty-masks where masks are used."""
    fast = ("--inpainter", "telea", "--no-refine")
    photo = photos / "street_1.jpg"
    Image.fromarray(np.where(MASK, 15, np.where(OTHER, 3, 0)).astype(np.uint8)).save(tmp_path / "labels.png")
    result = invoke(photo, "--masks", "labels.png", *fast, "-o", "a.png")
    assert result.exit_code == 1
    one_error(result, "labels.png looks like a label map", "0 (70.8%), 3 (18.8%), 15", "--mask-label")
    args = (photo, "--masks", "labels.png", "--mask-label", "15", *fast, "--save-masks", "-o", "a.png")
    assert invoke(*args).exit_code == 0
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "a.mask.png")) > 0, MASK)
    args = (photo, "--masks", team, "--mask-polarity", "remove", *fast, "--save-masks", "-o", "b.png")
    assert invoke(*args).exit_code == 0
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "b.mask.png")) > 0, ~MASK)
    result = invoke(photo, "--class", "person", "--mask-label", "3", *fast)
    assert result.exit_code == 2
    one_error(result, "--mask-label")
    result = invoke("masks", "--help")
    assert result.exit_code == 0
    assert {"check", "export"} <= set(result.stdout.split())
