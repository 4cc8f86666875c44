import copy

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torchvision.models.detection import MaskRCNN
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.models.detection.roi_heads import paste_masks_in_image
from torchvision.ops import FrozenBatchNorm2d

from segment import WeightsError, load_segmenter
from segment.classes import coco_categories
from segment.maskrcnn import (
    MaskRcnnSegmenter,
    build_maskrcnn,
    load_maskrcnn,
    paste_masks,
    read_state,
)
from segment.published import MASKRCNN_V1, MASKRCNN_V2
from segment.reduced_precision import fold_norms
from segment.second_look import SecondLook

PERSON, DOG, BOTTLE = 1, 18, 44


def tensor_of(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(image).permute(2, 0, 1).float() / 255


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    rng = np.random.default_rng(1)
    return np.repeat(np.repeat(rng.integers(0, 256, (12, 16, 3), np.uint8), 10, 0), 10, 1)


@pytest.fixture(scope="module")
def model(image) -> MaskRCNN:
    """A small random network whose class scores are spread so that three classes fill the 100 detections."""
    torch.manual_seed(0)
    backbone = resnet_fpn_backbone(backbone_name="resnet18", weights=None)
    model = MaskRCNN(
        backbone,
        min_size=96,
        max_size=160,
        rpn_post_nms_top_n_test=200,
        box_head=TwoMLPHead(256 * 7 * 7, 64),
        box_predictor=FastRCNNPredictor(64, 91),
        mask_head=MaskRCNNHeads(256, (16,), 1),
        mask_predictor=MaskRCNNPredictor(16, 16, 91),
    ).eval()
    layer, seen = model.roi_heads.box_predictor.cls_score, []
    hook = layer.register_forward_hook(lambda module, inputs, output: seen.append(output))
    with torch.inference_mode(False), torch.no_grad():
        model([tensor_of(image)])
        hook.remove()
        spread, mean = seen[0].std(0), seen[0].mean(0)
        layer.weight.div_(spread[:, None])
        layer.bias.copy_(-mean / spread)
        layer.bias[[PERSON, DOG, BOTTLE]] += 3.0
    return model


@pytest.fixture(scope="module")
def full(model, image) -> dict[str, np.ndarray]:
    """What torchvision's own forward gives."""
    with torch.inference_mode():
        return {name: value.numpy() for name, value in model([tensor_of(image)])[0].items()}


def segmenter(model: MaskRCNN, **settings) -> MaskRcnnSegmenter:
    settings = {"device": "cpu", "precision": "float32"} | settings
    return MaskRcnnSegmenter(copy.deepcopy(model), name="maskrcnn", source="a test", **settings)


def assert_is_part_of_full(found, full, kept) -> None:
    assert found.labels == tuple(coco_categories()[label] for label in full["labels"][kept])
    np.testing.assert_allclose(found.scores, full["scores"][kept], atol=1e-5)
    np.testing.assert_allclose(found.boxes, full["boxes"][kept], atol=1e-2)
    for index, mask in enumerate(full["masks"][kept, 0]):
        clear = np.abs(mask - 0.5) > 1e-4  # the memory layout of the convolutions moves the last digits
        np.testing.assert_array_equal(found.mask(index)[clear], (mask >= 0.5)[clear])
        assert clear.mean() > 0.999


def test_the_full_model_is_a_hard_case(full):
    assert len(full["labels"]) == 100
    assert min((full["labels"] == category).sum() for category in (PERSON, DOG, BOTTLE)) > 5
    areas = (full["masks"] >= 0.5).sum((1, 2, 3))
    assert (areas > 0).sum() > 50


@pytest.mark.parametrize("classes", [None, ("person",), ("dog", "bottle"), ("toothbrush",)])
def test_wanted_classes_are_those_of_the_full_model(model, image, full, classes):
    found = segmenter(model)([image], classes=classes)[0]
    wanted = [coco_categories().index(name) for name in classes or coco_categories() if name != "N/A"]
    assert_is_part_of_full(found, full, np.flatnonzero(np.isin(full["labels"], wanted)))
    assert (found.height, found.width) == image.shape[:2]


def test_scores_are_cut_before_the_mask_head(model, image, full):
    ours = segmenter(model)
    reached = []
    ours._model.roi_heads.mask_head.register_forward_hook(
        lambda module, inputs, output: reached.append(len(output))
    )
    limit = float(np.median(full["scores"]))
    kept = np.flatnonzero((full["scores"] >= limit) & (full["labels"] == DOG))
    found = ours([image], classes=("dog",), min_score=limit)[0]
    assert reached == [len(kept)]
    assert 0 < len(kept) < 50
    assert_is_part_of_full(found, full, kept)
    assert len(ours([image], min_score=1.0)[0]) == 0
    assert reached == [len(kept)]  # nothing wanted: not called at all


def test_images_do_not_influence_each_other(model, image):
    ours = segmenter(model)
    other = np.ascontiguousarray(image[:70, ::-1])
    together, alone = ours([image, other]), [ours([image])[0], ours([other])[0]]
    for one, same in zip(together, alone, strict=True):
        assert len(one) > 0
        assert one.rles == same.rles
        np.testing.assert_array_equal(one.scores, same.scores)
    assert [(one.height, one.width) for one in together] == [(120, 160), (70, 160)]
    assert ours([]) == []


def test_the_argument_is_left_alone(model, image):
    before = image.copy()
    segmenter(model)([image])
    np.testing.assert_array_equal(image, before)


def test_paste_is_that_of_torchvision(rng):
    masks = torch.from_numpy(rng.random((30, 1, 28, 28), np.float32))
    corners = np.sort(rng.uniform(0, 1, (30, 2, 2)), axis=1) * (90, 60)
    boxes = torch.from_numpy(corners.reshape(30, 4).astype(np.float32))
    boxes[0] = torch.tensor([0.0, 0.0, 90.0, 60.0])
    boxes[1] = torch.tensor([89.5, 59.5, 89.9, 59.9])
    expected = paste_masks_in_image(masks, boxes, (60, 90))[:, 0] >= 0.5
    from pycocotools import mask as coco_mask

    for rle, reference in zip(paste_masks(masks, boxes, 60, 90), expected.numpy(), strict=True):
        np.testing.assert_array_equal(coco_mask.decode(rle).astype(bool), reference)


def test_mask_threshold_is_one_parameter(model):
    masks = torch.full((1, 1, 28, 28), 0.4)
    boxes = torch.tensor([[10.0, 10.0, 20.0, 20.0]])
    from pycocotools import mask as coco_mask

    assert coco_mask.area(paste_masks(masks, boxes, 40, 40)[0]) == 0
    assert coco_mask.area(paste_masks(masks, boxes, 40, 40, threshold=0.3)[0]) > 100


def test_folded_norms_change_nothing(model, image):
    body = copy.deepcopy(model.backbone)
    for module in body.modules():
        if isinstance(module, FrozenBatchNorm2d):
            module.running_mean.uniform_(-0.5, 0.5)
            module.running_var.uniform_(0.5, 1.5)
            module.bias.uniform_(-0.5, 0.5)
    x = tensor_of(image)[None]
    with torch.inference_mode():
        expected = body(x)
        fold_norms(body)
        assert not any(isinstance(module, FrozenBatchNorm2d) for module in body.modules())
        for name, value in body(x).items():
            torch.testing.assert_close(value, expected[name], rtol=1e-3, atol=1e-3)


def test_bfloat16_stays_close(model, image, full, monkeypatch):
    monkeypatch.setattr("segment.maskrcnn.has_bfloat16", lambda device: True)
    ours = segmenter(model, precision="auto")
    assert "bfloat16" in ours.description
    found = ours([image])[0]
    assert len(found) > 80
    assert abs(found.scores[:10] - full["scores"][:10]).max() < 0.05
    with torch.inference_mode():  # a random network's masks lie at the threshold: its features tell more
        x = tensor_of(image)[None]
        for name, expected in model.backbone(x).items():
            reduced = ours._model.backbone(x)[name]
            assert reduced.dtype == torch.float32
            assert (reduced - expected).norm() / expected.norm() < 0.02


@pytest.mark.gpu
def test_on_a_gpu_several_images_at_once(model, image, full):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA GPU")
    ours = segmenter(model, device="cuda")
    found = ours([image, image, np.ascontiguousarray(image[:70])], classes=("dog",))
    expected = segmenter(model)([image], classes=("dog",))[0]
    assert found[0].labels == found[1].labels
    assert abs(len(found[0]) - len(expected)) <= 3
    assert "cuda" in ours.description


def test_call_errors(model, image):
    ours = segmenter(model)
    with pytest.raises(ValueError, match=r"did you mean 'person'\?"):
        ours([image], classes=("persn",))
    with pytest.raises(TypeError, match="uint8"):
        ours([image / 255.0])


def test_norms_are_those_of_the_published_weights():
    v1 = build_maskrcnn("maskrcnn-v1")
    frozen = [module for module in v1.modules() if isinstance(module, FrozenBatchNorm2d)]
    assert len(frozen) == 53
    assert {module.eps for module in frozen} == {0.0}
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in v1.modules())
    v2 = build_maskrcnn("maskrcnn")
    assert {module.eps for module in v2.modules() if isinstance(module, torch.nn.BatchNorm2d)} == {1e-5}
    published = {"maskrcnn": 46_359_409, "maskrcnn-v1": 44_401_393}  # of torchvision's metadata
    assert sum(parameter.numel() for parameter in v2.parameters()) == published["maskrcnn"]
    norms = sum(m.weight.numel() + m.bias.numel() for m in frozen)  # buffers when frozen
    assert sum(p.numel() for p in v1.parameters()) in (
        published["maskrcnn-v1"],
        published["maskrcnn-v1"] - norms,
    )


def test_records_are_the_published_ones():
    assert MASKRCNN_V2.file_name == "maskrcnn_resnet50_fpn_v2_coco-73cbd019.pth"
    assert MASKRCNN_V2.sha256_prefix == "73cbd019"
    assert MASKRCNN_V2.scores == (("box AP", 47.4), ("mask AP", 41.8))
    assert MASKRCNN_V1.url.endswith("/maskrcnn_resnet50_fpn_coco-bf2d0c1e.pth")
    assert MASKRCNN_V1.sha256_prefix == "bf2d0c1e"


def test_weights_are_read_and_fitted_strictly(tmp_path):
    state = build_maskrcnn("maskrcnn-v1").state_dict()
    save_file({name: value.contiguous() for name, value in state.items()}, tmp_path / "v1.safetensors")
    loaded = load_maskrcnn(
        "maskrcnn-v1", device="cpu", weights=tmp_path / "v1.safetensors", precision="float32"
    )
    for name, value in loaded._model.state_dict().items():
        torch.testing.assert_close(value, state[name], rtol=0, atol=0)
    assert "V1, v1.safetensors (sha256 " in loaded.description
    assert "float32 on cpu" in loaded.description
    assert not loaded._model.training
    with pytest.raises(ValueError, match=r"v1\.safetensors does not fit Mask R-CNN ResNet-50-FPN V2"):
        load_segmenter("maskrcnn", device="cpu", weights=tmp_path / "v1.safetensors")


def test_kinds_of_weights_files(tmp_path):
    weight = torch.ones(2)
    torch.save({"a": weight}, tmp_path / "plain.pth")
    torch.save({"model": {"a": weight}, "epoch": 3}, tmp_path / "training.pth")
    for name in ("plain.pth", "training.pth"):
        torch.testing.assert_close(read_state(tmp_path / name), {"a": weight})
    with pytest.raises(FileNotFoundError, match=r"weights file not found: .*none\.pth"):
        read_state(tmp_path / "none.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    torch.save(torch.nn.Linear(1, 1), tmp_path / "module.pth")
    (tmp_path / "text.pth").write_text("text")
    (tmp_path / "empty.pth").write_bytes(b"")
    (tmp_path / "text.safetensors").write_text("text")
    for name in ("list.pth", "module.pth", "text.pth", "empty.pth", "text.safetensors"):
        with pytest.raises(ValueError, match=name):
            read_state(tmp_path / name)


def test_published_weights_that_cannot_be_had(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("REMOVAL_OFFLINE", "1")
    with pytest.raises(WeightsError, match="73cbd019") as error:
        load_segmenter("maskrcnn")
    assert MASKRCNN_V2.url in str(error.value)
    assert str(tmp_path / "hub" / "checkpoints") in str(error.value)


@pytest.mark.weights
@pytest.mark.slow
def test_published_weights_find_a_person(shared):
    if not MASKRCNN_V2.is_cached():
        pytest.skip(f"{MASKRCNN_V2.file_name} is not in the cache")
    from PIL import Image

    with Image.open(shared / "data" / "pairs" / "closeup_0001" / "photo.png") as file:
        photo = np.asarray(file.convert("RGB"))
    found = load_segmenter("maskrcnn", device="auto", weights=None)([photo])[0]
    assert found.labels[0] == "person"
    assert found.scores[0] > 0.9


def test_it_can_look_twice(model, image, monkeypatch):
    shown = []

    class Watched(MaskRcnnSegmenter):
        def __call__(self, images, **settings):
            shown.extend(image.shape for image in images)
            return super().__call__(images, **settings)

    plain = Watched(copy.deepcopy(model), name="maskrcnn", source="a test", device="cpu", precision="float32")
    windows = [(0, 0, 120, 160), (40, 60, 120, 160)]  # all of the photo is no second look
    monkeypatch.setattr("segment.second_look.windows_around", lambda *given: windows)
    [found] = SecondLook(plain, 100)([image], classes=["person"], min_score=0.3)
    assert set(found.labels) == {"person"}
    assert found.scores.min() >= 0.3
    assert list(found.scores) == sorted(found.scores, reverse=True)
    assert shown == [(120, 160, 3), (80, 100, 3)]
