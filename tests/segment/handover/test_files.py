import json
import logging

import numpy as np
import pytest
from PIL import Image

from segment import CocoMasks, MaskError, MaskFiles

SIZE = (24, 32)
MASK = np.zeros(SIZE, bool)
MASK[8:16, 10:20] = True
GREY = np.where(MASK, 255, 0).astype(np.uint8)


def save(path, levels: np.ndarray = GREY):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(levels).save(path)
    return path


def told(path, **options) -> list[str]:
    lines: list[str] = []
    MaskFiles(path, tell=lines.append, **options)
    return lines


def refusal(files: MaskFiles, photo: str, size=SIZE) -> tuple[str, str]:
    """Reason and message."""
    with pytest.raises(MaskError) as error:
        files.look_up(photo, size)
    assert "\n" not in str(error.value)
    return error.value.reason, str(error.value)


def test_one_file_is_for_every_photo(tmp_path):
    found = MaskFiles(save(tmp_path / "any.png")).detections("photo.jpg", SIZE)
    assert (found.labels, found.scores.tolist()) == (("mask",), [1.0])
    np.testing.assert_array_equal(found.mask(0), MASK)


def test_threshold_is_a_parameter(tmp_path):
    save(tmp_path / "mask.png", np.where(MASK, 100, 20).astype(np.uint8))
    np.testing.assert_array_equal(MaskFiles(tmp_path, threshold=60).mask("mask.jpg", SIZE), MASK)
    assert MaskFiles(tmp_path, threshold=100, allow_empty=True).mask("mask.jpg", SIZE).sum() == 0


def test_polarity_is_found_in_the_whole_and_told(tmp_path):
    for number in range(6):
        save(tmp_path / "in" / f"{number}.png", 255 - GREY)
        save(tmp_path / "as_is" / f"{number}.png")
    save(tmp_path / "in" / "nobody.png", np.full(SIZE, 255, np.uint8))
    close_up = np.full(SIZE, 255, np.uint8)
    close_up[4:, 2:30] = 0
    save(tmp_path / "in" / "close.png", close_up)  # by itself this could be either
    lines: list[str] = []
    files = MaskFiles(tmp_path / "in", tell=lines.append)
    assert "white (above 127 of 255) = keep, found in 8 of 8 looked at, so they are inverted" in lines[0]
    assert "1 of these are empty" in lines[0]
    np.testing.assert_array_equal(files.mask("3.jpg", SIZE), MASK)
    np.testing.assert_array_equal(files.mask("close.jpg", SIZE), close_up == 0)
    assert refusal(files, "nobody.jpg")[0] == "empty"
    assert "white (above 127 of 255) = remove, found in 6 of 6 looked at" in told(tmp_path / "as_is")[0]


def test_a_single_mask_is_turned_round_only_beyond_doubt(tmp_path):
    inverted = save(tmp_path / "inverted.png", 255 - GREY)
    np.testing.assert_array_equal(MaskFiles(inverted).mask("x.jpg", SIZE), MASK)
    assert "so they are inverted" in told(inverted)[0]
    doubtful = np.full(SIZE, 255, np.uint8)
    doubtful[4:, 6:] = 0
    path = save(tmp_path / "doubtful.png", doubtful)
    np.testing.assert_array_equal(MaskFiles(path).mask("x.jpg", SIZE), doubtful > 0)
    close_up = np.zeros(SIZE, np.uint8)
    close_up[6:] = 255
    path = save(tmp_path / "close_up.png", close_up)
    np.testing.assert_array_equal(MaskFiles(path).mask("x.jpg", SIZE), close_up > 0)
    assert "white (above 127 of 255) = remove is assumed, for only 0 of 1" in told(path)[0]
    assert "give the polarity if that is wrong" in told(path)[0]


def test_polarity_can_be_said(tmp_path):
    save(tmp_path / "a.png")
    np.testing.assert_array_equal(MaskFiles(tmp_path, polarity="keep").mask("a.jpg", SIZE), ~MASK)
    save(tmp_path / "a.png", 255 - GREY)
    np.testing.assert_array_equal(MaskFiles(tmp_path, polarity="remove").mask("a.jpg", SIZE), ~MASK)
    with pytest.raises(ValueError, match="polarity to be auto, remove or keep, got 'white'"):
        MaskFiles(tmp_path, polarity="white")


def test_a_polarity_is_for_pictures(tmp_path):
    (tmp_path / "results.json").write_text("[]")
    for options in ({"polarity": "keep"}, {"label": 3}):
        with pytest.raises(MaskError, match=r"for mask images and arrays: .*results\.json has none"):
            MaskFiles(tmp_path / "results.json", **options)


def test_one_that_is_the_other_way_round_is_refused(tmp_path):
    for number in range(6):
        save(tmp_path / f"{number}.png")
    save(tmp_path / "odd.png", 255 - GREY)
    save(tmp_path / "white.png", np.full(SIZE, 255, np.uint8))
    files = MaskFiles(tmp_path)
    reason, message = refusal(files, "odd.jpg")
    assert reason == "polarity"
    assert "odd.png marks 90% of the photo (white = remove) and nearly all of its edge" in message
    assert "covers the whole photo" in refusal(files, "white.jpg")[1]
    told_so = MaskFiles(tmp_path, polarity="remove")
    np.testing.assert_array_equal(told_so.mask("odd.jpg", SIZE), ~MASK)


def test_label_maps_need_a_label(tmp_path):
    labels = np.where(MASK, 15, 0).astype(np.uint8)
    save(tmp_path / "a.png", labels)
    labels[0] = 8
    save(tmp_path / "b.png", labels)
    with pytest.raises(
        MaskError,
        match=r"b\.png looks like a label map.* 0 \(85\.4%\), 8 \(4\.2%\), 15 \(10\.4%\): .*the mask label",
    ) as error:
        MaskFiles(tmp_path)
    assert (error.value.reason, error.value.option) == ("labels", "mask_label")
    for number in range(2, 60):
        save(tmp_path / f"{number}.png")  # so many that the label map is not among those looked at
    assert refusal(MaskFiles(tmp_path), "b.jpg")[0] == "labels"
    for number in range(2, 60):
        (tmp_path / f"{number}.png").unlink()
    files = MaskFiles(tmp_path, label=15)
    for photo in ("a.jpg", "b.jpg"):
        np.testing.assert_array_equal(files.mask(photo, SIZE), MASK)
    assert told(tmp_path, label=15)[0].endswith("2 .png; label maps, 15 = remove")
    reason, message = refusal(MaskFiles(tmp_path, label=8), "a.jpg")
    assert (reason, "no pixel has the value 8" in message) == ("empty", True)
    background = MaskFiles(tmp_path, label=0).mask("a.jpg", SIZE)
    np.testing.assert_array_equal(background, ~MASK)


def test_empty_is_an_error_unless_it_is_allowed(tmp_path):
    """A mask without a marked pixel may be a broken export; a list without objects says that nothing is
    there."""
    save(tmp_path / "png" / "a.png", GREY * 0)
    save(tmp_path / "png" / "b.png")
    np.save(tmp_path / "png" / "c.npy", np.zeros(SIZE, bool))
    entry = {"image_id": 7, "category_id": 1, "segmentation": {"size": [24, 32], "counts": [768]}, "score": 1}
    (tmp_path / "results.json").write_text(json.dumps([entry]))
    for path, photo in (("png", "a.jpg"), ("png", "c.jpg"), ("results.json", "7.jpg")):
        reason, message = refusal(MaskFiles(tmp_path / path), photo)
        assert reason == "empty"
        assert "allow empty masks to leave such photos as they are" in message
        nothing = MaskFiles(tmp_path / path, allow_empty=True).detections(photo, SIZE)
        assert not nothing.union().any()
        assert (nothing.height, nothing.width) == SIZE
    assert len(MaskFiles(tmp_path / "results.json").detections("8.jpg", SIZE)) == 0


def test_another_size_is_told_once_per_kind(tmp_path):
    for number in range(3):
        save(tmp_path / f"{number}.png", GREY[::2, ::2])
    save(tmp_path / "4.png")
    lines: list[str] = []
    files = MaskFiles(tmp_path, tell=lines.append)
    for number in range(3):
        assert files.mask(f"{number}.jpg", SIZE).sum() == pytest.approx(80, rel=0.15)
    files.mask("4.jpg", SIZE)
    assert lines[1:] == [
        "masks: 0.png is 16 x 12, its photo 0.jpg 32 x 24: scaled 2 times (others like it are not named)"
    ]
    reason, message = refusal(files, "4.jpg", (24, 40))
    assert reason == "size"
    assert "4.png is 32 x 24, but the photo 4.jpg is 40 x 24 (width x height), another shape" in message


def test_masks_of_the_stored_pixels_are_turned(tmp_path):
    save(tmp_path / "a.png")
    lines: list[str] = []
    files = MaskFiles(tmp_path, tell=lines.append)
    found = files.look_up("a.jpg", (32, 24), orientation=6)
    np.testing.assert_array_equal(found.detections.union(), np.rot90(MASK, -1))
    assert found.fit.is_turned
    assert "turned as the photo is" in lines[1]
    assert refusal(files, "a.jpg", (32, 24))[0] == "size"  # a photo that is not turned


def test_arrays_in_one_file(tmp_path):
    np.savez(tmp_path / "all.npz", a=MASK, b=MASK.astype(np.float32)[::2, ::2])
    files = MaskFiles(tmp_path / "all.npz")
    np.testing.assert_array_equal(files.mask("x/a.jpg", SIZE), MASK)
    assert files.mask("b.jpg", SIZE).any()
    assert refusal(files, "c.jpg")[0] == "missing"


def test_a_folder_with_one_archive_is_that_file_for_the_photos_it_names(tmp_path):
    (tmp_path / "many").mkdir()
    np.savez(tmp_path / "many" / "all.npz", a=MASK, b=~MASK)
    files = MaskFiles(tmp_path / "many")
    np.testing.assert_array_equal(files.mask("x/a.jpg", SIZE), MASK)
    assert refusal(files, "c.jpg")[0] == "missing"
    (tmp_path / "one").mkdir()
    np.savez(tmp_path / "one" / "a.npz", mask=MASK)  # one photo's, by the file's name
    files = MaskFiles(tmp_path / "one")
    np.testing.assert_array_equal(files.mask("a.jpg", SIZE), MASK)
    assert refusal(files, "b.jpg")[0] == "missing"


def test_a_folder_with_one_coco_file_is_that_file(tmp_path):
    entry = {"image_id": 7, "category_id": 1, "segmentation": [[10, 8, 20, 8, 20, 16, 10, 16]], "score": 0.5}
    (tmp_path / "results.json").write_text(json.dumps([entry]))
    files = MaskFiles(tmp_path)
    assert files.detections("street_7.jpg", SIZE).labels == ("person",)
    assert files.description.endswith("results.json: COCO results, 1 objects in 1 images")
    files.check_classes(["person"])
    with pytest.raises(ValueError, match="did you mean 'person'"):
        files.check_classes(["persn"])


def test_coco_for_one_photo_each(tmp_path):
    polygon = {"category_id": 1, "segmentation": [[10, 8, 20, 8, 20, 16, 10, 16]], "score": 0.5}
    (tmp_path / "a.json").write_text(json.dumps([polygon | {"image_id": 1}]))
    document = {
        "images": [{"id": 3, "file_name": "b.jpg", "height": 24, "width": 32}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [polygon | {"image_id": 3, "id": 1}],
    }
    (tmp_path / "b.json").write_text(json.dumps(document))
    files = MaskFiles(tmp_path)
    np.testing.assert_array_equal(files.mask("a.jpg", SIZE), MASK)
    assert files.detections("b.jpg", SIZE).labels == ("cat",)
    (tmp_path / "c.json").write_text('{"some": "thing"}')
    assert "got an object with some" in refusal(MaskFiles(tmp_path), "c.jpg")[1]


def test_masks_without_classes(tmp_path):
    save(tmp_path / "a.png")
    files = MaskFiles(tmp_path)
    files.check_classes([])
    assert not files.has_classes
    with pytest.raises(ValueError, match=r"a\.png carries no classes, but person was asked for"):
        files.check_classes(["person"])
    with pytest.raises(TypeError, match="got the string"):
        files.check_classes("person")


def test_paths_that_hold_no_masks(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"masks not found: .*nowhere"):
        MaskFiles(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(MaskError, match=r"no mask file .* in .*empty"):
        MaskFiles(tmp_path / "empty")
    (tmp_path / "deep.json").write_text("[" * 100_000)
    with pytest.raises(MaskError, match=r"deep\.json is no JSON file: maximum recursion"):
        MaskFiles(tmp_path / "deep.json")


def test_one_damaged_file_spoils_no_other(tmp_path):
    save(tmp_path / "good.png")
    (tmp_path / "text.png").write_text("text")
    (tmp_path / "cut.png").write_bytes((tmp_path / "good.png").read_bytes()[:60])
    files = MaskFiles(tmp_path)
    np.testing.assert_array_equal(files.mask("good.jpg", SIZE), MASK)
    for name in ("text", "cut"):
        reason, message = refusal(files, f"{name}.jpg")
        assert (reason, f"{name}.png cannot be read" in message) == ("unreadable", True)


def test_python_users_find_it_in_the_log(tmp_path, caplog):
    save(tmp_path / "a.png")
    with caplog.at_level(logging.INFO, logger="segment.handover.files"):
        MaskFiles(tmp_path)
    assert "white (above 127 of 255) = remove, found in 1 of 1 looked at" in caplog.text


def iou(one: np.ndarray, other: np.ndarray) -> float:
    union = (one | other).sum()
    return float((one & other).sum() / union) if union else 1.0


def test_three_hand_overs_of_one_team_agree(shared):
    """Within 1 %, the half-size one within 3 %, for each of every third photo."""
    team = shared / "data" / "team_masks"
    png, results = MaskFiles(team / "png", allow_empty=True), MaskFiles(team / "results.json")
    half = MaskFiles(team / "inverted_half_jpg", allow_empty=True)
    assert (png.reading.polarity.polarity, half.reading.polarity.polarity) == ("remove", "keep")
    same, scaled, marked = [], [], 0
    for path in sorted((team / "png").iterdir())[::3]:
        with Image.open(path) as reference:
            expected = np.asarray(reference) == 255
        photo = f"{path.stem}.jpg"
        union = png.mask(photo, expected.shape)
        np.testing.assert_array_equal(union, expected)
        same.append(iou(results.detections(photo, expected.shape).union(min_score=0.5), union))
        scaled.append(iou(half.mask(photo, expected.shape), union))
        marked += bool(union.any())
    assert marked == 40
    assert min(same) > 0.999
    assert min(scaled) > 0.97
    assert np.mean(scaled) > 0.99


def test_results_and_annotations_are_told_apart(shared):
    files = MaskFiles(shared / "data" / "coco" / "instances.json")
    assert isinstance(files.coco, CocoMasks)
    assert "COCO annotations, 2065 objects in 216 images" in files.description
