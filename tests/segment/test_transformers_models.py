import copy
import json
import shutil
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn import functional

pytest.importorskip("transformers")

from segment import WeightsError, load_segmenter
from segment import transformers_models as ours
from segment.classes import coco_categories, coco_classes
from segment.transformers_models import ModelOutputError, class_ids, corners, paste_logits
from tests.tiny_detectors import save_mask2former, save_rf_detr

PERSON, DOG = 1, 18  # COCO's category ids


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("detectors")
    save_rf_detr(folder / "rf-detr")
    save_mask2former(folder / "mask2former")
    return folder


@pytest.fixture(scope="module")
def loaded(folders):
    names = {"rf-detr": "rf-detr-seg-nano", "mask2former": "mask2former-swin-tiny"}
    return {kind: load_segmenter(name, device="cpu", weights=folders / kind) for kind, name in names.items()}


@pytest.fixture(scope="module")
def image():
    rng = np.random.default_rng(1)
    return np.repeat(np.repeat(rng.integers(0, 256, (10, 17, 3), np.uint8), 9, 0), 9, 1)


def reference(segmenter, image) -> list[tuple[str, float, np.ndarray]]:
    """Class, score and mask of what the library's own post-processing finds, best first."""
    inputs = segmenter._processor(images=[image], return_tensors="pt", input_data_format="channels_last")
    with torch.inference_mode():
        output = segmenter._model(pixel_values=inputs["pixel_values"])
    [found] = segmenter._processor.post_process_instance_segmentation(
        output, threshold=0.0, target_sizes=[image.shape[:2]], return_binary_maps=True
    )
    names = segmenter._model.config.id2label
    objects = [
        (names[one["label_id"]], one["score"], mask.bool().numpy())
        for one, mask in zip(found["segments_info"], found["segmentation"], strict=True)
    ]
    return sorted(objects, key=lambda one: -one[1])


def test_rf_detr_is_the_librarys_own(loaded, image):
    theirs = [one for one in reference(loaded["rf-detr"], image) if one[0] in coco_classes()]
    image.flags.writeable = False
    [found] = loaded["rf-detr"]([image], min_score=0.0)
    image.flags.writeable = True
    assert found.labels == tuple(name for name, _, _ in theirs)
    assert len(found) >= 15
    np.testing.assert_allclose(found.scores, [score for _, score, _ in theirs], atol=2e-6)
    for index, (_, _, mask) in enumerate(theirs):
        assert np.array_equal(found.mask(index), mask)


def test_mask2former_is_the_librarys_own_but_for_its_steps_at_the_rim(loaded, image):
    theirs = reference(loaded["mask2former"], image)
    [found] = loaded["mask2former"]([image], min_score=0.0)
    words = {"motorbike": "motorcycle", "tvmonitor": "tv", "sofa": "couch", "aeroplane": "airplane"}
    assert found.labels == tuple(words.get(name, name) for name, _, _ in theirs)
    np.testing.assert_allclose(found.scores, [score for _, score, _ in theirs], atol=3e-6)
    for index, (_, _, mask) in enumerate(theirs):
        # the library enlarges to 384 px bilinearly and from there without
        assert (found.mask(index) != mask).mean() < 0.05


class Answers:
    """In place of a network: the same answer to any photo."""

    def __init__(self, segmenter, **output):
        self.config, self.output = segmenter._model.config, SimpleNamespace(**output)

    def __call__(self, pixel_values):
        assert pixel_values.shape == (1, 3, 96, 96)
        return self.output


def rf_detr_answer(segmenter):
    """A person in the upper right, a dog in the lower left, in masks of 24 x 24 cells; both queries more."""
    logits = torch.full((1, 4, 91), -9.0)
    logits[0, 0, DOG], logits[0, 1, PERSON] = 1.0, 3.0
    masks = torch.full((1, 4, 24, 24), -4.0)
    masks[0, 0, 16:22, 2:8], masks[0, 1, 3:9, 18:22] = 4.0, 4.0
    boxes = torch.tensor(
        [[[5 / 24, 19 / 24, 0.25, 0.25], [20 / 24, 0.25, 4 / 24, 0.25], [0.5] * 4, [1.5] * 4]]
    )
    changed = copy.copy(segmenter)
    changed._model = Answers(segmenter, logits=logits, pred_masks=masks, pred_boxes=boxes)
    return changed


def mask2former_answer(segmenter):
    """The same two; a softmax over 81 classes needs more to be sure."""
    logits = torch.full((1, 2, 81), -9.0)
    logits[0, 0, coco_classes().index("dog")], logits[0, 1, 0] = -3.0, 9.0
    masks = torch.full((1, 2, 24, 24), -4.0)
    masks[0, 0, 16:22, 2:8], masks[0, 1, 3:9, 18:22] = 4.0, 4.0
    changed = copy.copy(segmenter)
    changed._model = Answers(segmenter, class_queries_logits=logits, masks_queries_logits=masks)
    return changed


def assert_but_for_corners(found: np.ndarray, expected: np.ndarray) -> None:
    """An edge halfway between two cells is where they change; bilinear values cut the corners."""
    rows, columns = np.flatnonzero(expected.any(1)), np.flatnonzero(expected.any(0))
    assert np.array_equal(np.flatnonzero(found.any(1)), rows)
    assert np.array_equal(np.flatnonzero(found.any(0)), columns)
    assert not (found & ~expected).any()
    assert (expected & ~found).sum() <= 4 * 10
    assert found[rows[3] : rows[-3], columns[6] : columns[-6]].all()


@pytest.mark.parametrize("kind", ["rf-detr", "mask2former"])
def test_masks_and_boxes_lie_where_the_answer_says(loaded, kind):
    answer = {"rf-detr": rf_detr_answer, "mask2former": mask2former_answer}[kind](loaded[kind])
    photo = np.zeros((120, 240, 3), np.uint8)  # a cell is 5 px high and 10 px wide
    [found] = answer([photo], min_score=0.1)
    assert found.labels == ("person", "dog")
    person, dog = found.mask(0), found.mask(1)
    expected = np.zeros((120, 240), bool)
    expected[15:45, 180:220] = True
    assert_but_for_corners(person, expected)
    expected[:] = False
    expected[80:110, 20:80] = True
    assert_but_for_corners(dog, expected)
    np.testing.assert_allclose(found.boxes, [[180, 15, 220, 45], [20, 80, 80, 110]], atol=1e-4)
    if kind == "rf-detr":
        np.testing.assert_allclose(found.scores, [1 / (1 + np.exp(-3)), 1 / (1 + np.exp(-1))], atol=1e-6)
    else:  # the mean probability inside is a little under that of the cells, for it falls at the rim
        assert 0.85 < found.scores[0] < 1 / (1 + np.exp(-4))
        assert 0.6 < found.scores[1] < found.scores[0] * 0.9
    [found] = answer([photo], classes=["dog"])
    assert found.labels == ("dog",)
    assert_but_for_corners(found.mask(0), expected)
    assert len(answer([photo], min_score=0.99)[0]) == 0


def test_only_wanted_masks_are_enlarged(loaded, monkeypatch):
    sizes = []
    monkeypatch.setattr(ours, "paste_logits", lambda *size: sizes.append(size) or (None, (0, 0, 0, 0)))
    rf_detr_answer(loaded["rf-detr"])([np.zeros((120, 240, 3), np.uint8)], classes=["dog"])
    assert len(sizes) == 1


def test_numbers_that_are_none_are_an_error(loaded):
    answer = rf_detr_answer(loaded["rf-detr"])
    answer._model.output.logits[0, 3, 5] = float("nan")
    with pytest.raises(ModelOutputError, match="rf-detr-seg-nano gave numbers that are not finite"):
        answer([np.zeros((30, 40, 3), np.uint8)])


@pytest.mark.parametrize("size", [(24, 24), (31, 200), (500, 7), (90, 153)])
def test_masks_are_enlarged_as_torch_does_it(rng, size):
    logits = np.full((24, 30), -3, np.float32)
    logits[4:20, 11:29] = rng.normal(0, 3, (16, 18))
    full = functional.interpolate(torch.from_numpy(logits)[None, None], size, mode="bilinear")[0, 0] > 0
    rle, box = paste_logits(logits, *size)
    from pycocotools import mask as coco_mask

    assert np.array_equal(coco_mask.decode(rle).astype(bool), full.numpy())
    rows, columns = np.flatnonzero(full.any(1)), np.flatnonzero(full.any(0))
    assert box == (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)


def test_an_empty_mask_has_no_run_lengths():
    assert paste_logits(np.full((6, 6), -1, np.float32), 50, 50) == (None, (0, 0, 0, 0))
    lonely = np.full((100, 100), -9, np.float32)
    lonely[50, 50] = 0.1  # lies between the pixels of a smaller photo
    assert paste_logits(lonely, 10, 10)[0] is None


def test_boxes_end_at_the_photo():
    np.testing.assert_allclose(
        corners(np.array([[0.5, 0.5, 0.2, 0.4], [1.0, 0.0, 0.5, 0.5]], np.float32), 100, 200),
        [[80, 30, 120, 70], [150, 0, 200, 25]],
        atol=1e-4,
    )


def test_names_are_the_models_own():
    assert class_ids({0: "sofa", 1: "N/A", 2: "person", 3: "tvmonitor"}) == {0: "couch", 2: "person", 3: "tv"}
    by_id = class_ids({number: f"LABEL_{number}" for number in range(91)})
    assert by_id == {n: name for n, name in enumerate(coco_categories()) if name in coco_classes()}
    assert by_id[PERSON] == "person"
    assert by_id[90] == "toothbrush"
    assert class_ids({number: f"LABEL_{number}" for number in range(80)})[0] == "person"
    for unknown in ({0: "LABEL_0", 1: "LABEL_1"}, {0: "boulder"}):
        with pytest.raises(ValueError, match="expected a model of COCO's classes, got"):
            class_ids(unknown)


def test_classes_that_are_only_numbered_are_cocos_ids(tmp_path):
    save_rf_detr(tmp_path, named=False)
    found = load_segmenter("rf-detr-seg-nano", device="cpu", weights=tmp_path)
    assert found.classes == coco_classes()


def test_the_record_of_a_run_names_the_weights(loaded, folders):
    from _removal_support.pretrained import file_sha256

    digest = file_sha256(folders / "rf-detr" / "model.safetensors")[:8]
    assert loaded["rf-detr"].description == f"RF-DETR-Seg nano, rf-detr (sha256 {digest}), float32 on cpu"
    assert loaded["rf-detr"].classes == loaded["mask2former"].classes == coco_classes()
    assert (
        load_segmenter("rf-detr-nano", device="cpu", weights=folders / "rf-detr").name == "rf-detr-seg-nano"
    )


def test_a_folder_of_another_model_is_refused(folders, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"folder of weights not found: .*none"):
        load_segmenter("rf-detr-seg-nano", weights=tmp_path / "none")
    with pytest.raises(ValueError, match=r"RfDetrForInstanceSegmentation, got Mask2FormerFor"):
        load_segmenter("rf-detr-seg-nano", weights=folders / "mask2former")
    with pytest.raises(ValueError, match=r"Mask2FormerForUniversal\w+, got RfDetrFor"):
        load_segmenter("mask2former-swin-tiny", weights=folders / "rf-detr")
    with pytest.raises(ValueError, match=r"without config\.json"):
        load_segmenter("rf-detr-seg-nano", weights=folders)


def changed(folders, tmp_path, file: str, change) -> str:
    folder = tmp_path / "changed"
    shutil.copytree(folders / "rf-detr", folder)
    change(folder / file)
    return folder


def settings(**values):
    return lambda path: path.write_text(json.dumps(json.loads(path.read_text()) | values))


@pytest.mark.parametrize(
    ("file", "change", "said"),
    [
        ("config.json", lambda path: path.write_text("{"), "config.json that cannot be read"),
        ("config.json", lambda path: path.write_text("[]"), "config.json that cannot be read"),
        ("config.json", settings(architectures=["RfDetrForObjectDetection"]), "got RfDetrForObjectDetection"),
        ("config.json", settings(d_model=64), "cannot be loaded as RfDetrForInstanceSegmentation"),
        ("config.json", settings(decoder_layers=3), "lacks weights of RfDetrForInstanceSegmentation"),
        ("config.json", settings(d_model="wide"), "cannot be loaded as RfDetrForInstanceSegmentation"),
        ("preprocessor_config.json", lambda path: path.unlink(), "without preprocessor_config.json"),
        ("model.safetensors", lambda path: path.unlink(), "without a .safetensors file"),
        ("model.safetensors", lambda path: path.write_bytes(b"no tensors"), "cannot be loaded as RfDetrFor"),
    ],
)
def test_damaged_folders_are_one_line(folders, tmp_path, file, change, said):
    folder = changed(folders, tmp_path, file, change)
    with pytest.raises(ValueError, match=said) as error:
        load_segmenter("rf-detr-seg-nano", weights=folder, device="cpu")
    assert str(folder) in str(error.value)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 600


def test_without_the_extra_the_line_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(ours, "find_spec", lambda name: None)
    with pytest.raises(WeightsError, match=r"needs the package transformers: pip install -U 'removal\[tra"):
        load_segmenter("mask2former", weights=".")
    monkeypatch.undo()
    monkeypatch.setattr("transformers.RfDetrForInstanceSegmentation", None)
    with pytest.raises(WeightsError, match=r"rf-detr-seg-nano needs a newer transformers than 5\."):
        load_segmenter("rf-detr-seg-nano", weights=".")


def test_loading_says_nothing(folders):
    code = (
        "import sys; from segment import load_segmenter; "
        "load_segmenter('rf-detr-seg-nano', device='cpu', weights=sys.argv[1])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, folders / "rf-detr"], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("", "")
